//! The sandbox post office.
