//! Contract placeholder.
