//! A delivery status notification, and the prose of servers.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| messo_mail::fuzzing::bounce(bytes));
