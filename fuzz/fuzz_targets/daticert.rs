//! A record of certified mail.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| messo_mail::fuzzing::record(bytes));
