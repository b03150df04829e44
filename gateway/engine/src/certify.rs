//! Certify: one file that proves what was sent, and what came back.
