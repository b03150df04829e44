//! The doorbells: `local` inside one process, `rabbitmq` between machines.
