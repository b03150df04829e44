//! Stories against real servers. They need root for some of them: `ops/test full`.

mod mailboxes;
mod main_job;
mod register;
mod scale_out;
mod servers;
mod storage;
