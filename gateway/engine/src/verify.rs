//! Verify: checks a proof bundle with nothing but the file.
