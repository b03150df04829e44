//! The doorbells: [`LocalDoorbell`] inside one process, [`RabbitDoorbell`] between machines.
//!
//! Guarantee: both pass the same [`contract`]. Limit: a doorbell keeps no work; rings may be lost,
//! doubled or late, and what is due is found in the database (`messo_core::ports::doorbell`).

pub mod contract;
pub mod local;
pub mod rabbitmq;

pub use local::LocalDoorbell;
pub use rabbitmq::RabbitDoorbell;
