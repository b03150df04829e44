//! Stories that need no server.

mod api;
mod attacks;
mod crash;
mod entrance;
mod layout;
mod limits;
mod main_job;
mod office;
mod pec;
mod privacy;
mod proof;
mod queue;
pub(crate) mod register;
mod setup;
mod web;
