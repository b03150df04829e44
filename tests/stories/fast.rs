//! Stories that need no server.

mod crash;
mod layout;
mod main_job;
mod privacy;
mod web;
