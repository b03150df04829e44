//! The vocabulary, the rules and the states of Messo; no input, no output, no clock, no randomness.
//!
//! Everything here is a value or a pure function of values. What talks to the outside
//! (database, broker, SMTP, the wall clock) is behind the traits of [`ports`] and lives in
//! other crates. The words are those of the field, one word per thing: a **notice** is what we
//! say, a **dispatch** one notice to one recipient by one plan, a **leg** one channel of that
//! plan, an **attempt** one try on a leg, a **receipt** what came back, **evidence** what can be
//! shown.

pub mod addresses;
pub mod attempts;
pub mod bodies;
pub mod calendar;
pub mod case_sheet;
pub mod cases;
pub mod correlation;
pub mod dispatches;
pub mod evidence;
pub mod failures;
pub mod ids;
pub mod jobs;
pub mod legs;
pub mod messages;
pub mod notices;
pub mod parties;
pub mod pec;
pub mod plans;
pub mod ports;
pub mod receipts;
pub mod register;
pub mod signatures;
pub mod sms_text;
pub mod time;
pub mod tokens;
