//! The stories: what Messo promises, told against the real thing.
//!
//! `fast` needs no server and runs in seconds; `full` talks to real servers that the harness
//! ([`messo_tests`]) starts on loopback. `ops/test` runs both; a name chooses one:
//! `cargo test -p messo-tests full::servers`.

mod fast;
mod full;
