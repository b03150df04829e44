//! The contract of every provider, as a test suite.
