//! A calendar.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| messo_mail::fuzzing::ics(bytes));
