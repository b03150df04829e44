//! What reading and verifying cost by themselves, beside bare mail-parser on the same receipts.

use super::Messages;
use super::house::{Trust, WallClock, trust_folder};
use mail_parser::MessageParser;
use messo_core::ports::{Clock, MailReader, SignatureCheck};
use messo_core::signatures::Verdict;
use messo_mail::Reader;
use std::hint::black_box;
use std::path::Path;

/// Least CPU seconds of a measurement.
const LEAST_S: f64 = 1.0;

/// Prints CPU milliseconds a message for each part; every signature must be valid.
pub fn parts(folder: &Path, file: &Path, count: usize) -> anyhow::Result<()> {
    let mut messages = Messages::open(file, 0)?;
    let mut mails = Vec::new();
    while mails.len() < count
        && let Some(raw) = messages.next()?
    {
        mails.push(raw);
    }
    let (reader, trust, at) =
        (Reader::default(), Trust::open(&trust_folder(folder)), WallClock.now());
    let valid = mails.iter().all(|mail| trust.check(mail, at).verdict == Verdict::Valid);
    anyhow::ensure!(valid, "a signature is not valid");
    let bare = cost(&mails, |mail| drop(black_box(MessageParser::default().parse(mail))))?;
    let read = cost(&mails, |mail| drop(black_box(reader.read(mail))))?;
    let verify = cost(&mails, |mail| drop(black_box(trust.check(mail, at))))?;
    let bytes = mails.iter().map(Vec::len).sum::<usize>() / mails.len().max(1);
    println!(
        "{}",
        serde_json::json!({
            "receipts": mails.len(), "bytes_each": bytes, "mail_parser_ms": bare, "read_ms": read,
            "read_to_mail_parser": read / bare, "verify_ms": verify,
        })
    );
    Ok(())
}

/// CPU milliseconds a message.
fn cost(mails: &[Vec<u8>], work: impl Fn(&[u8])) -> anyhow::Result<f64> {
    let (before, mut count) = (super::super::cpu()?, 0);
    loop {
        mails.iter().for_each(|mail| work(mail));
        count += mails.len().max(1);
        let spent = (super::super::cpu()? - before).as_secs_f64();
        if spent >= LEAST_S {
            return Ok(spent * 1000.0 / count as f64);
        }
    }
}
