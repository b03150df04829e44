//! Messages as they come in, built here from scratch, and what is read in them.

#[path = "it/bounces.rs"]
mod bounces;
#[path = "it/build.rs"]
mod build;
#[path = "it/certified.rs"]
mod certified;
#[path = "it/hostile.rs"]
mod hostile;
#[path = "it/mutations.rs"]
mod mutations;
#[path = "it/people.rs"]
mod people;
#[path = "it/traps.rs"]
mod traps;
