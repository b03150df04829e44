//! Stories that need no server.

mod api;
mod crash;
mod entrance;
mod layout;
mod limits;
mod main_job;
mod office;
mod pec;
mod privacy;
mod proof;
pub(crate) mod register;
mod queue;
mod setup;
mod web;
