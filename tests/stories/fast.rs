//! Stories that need no server.

mod layout;
