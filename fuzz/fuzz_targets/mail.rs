//! A whole message: class, certified mail, text, files.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| messo_mail::fuzzing::mail(bytes));
