//! Mutated, truncated and joined messages: nothing panics, and reading twice gives the same.
//!
//! The same doors as the fuzz targets; a bounded number of cases each.

use crate::build::{Certified, OURS, Record, letter, report};
use messo_mail::fuzzing;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

const CASES: u32 = 400;

fn seeds() -> Vec<Vec<u8>> {
    let mut transport =
        Certified::new("X-Trasporto: posta-certificata\r\n", &Record::new("posta-certificata"));
    transport.carried = Some(letter());
    let delivery = Certified::new(
        &format!("X-Ricevuta: avvenuta-consegna\r\nX-Riferimento-Message-ID: <{OURS}>\r\n"),
        &Record {
            consegna: Some("a@b.example"),
            ricevuta: Some("completa"),
            esteso: Some("5.1.1 - G"),
            ..Record::new("avvenuta-consegna")
        },
    );
    let status = "Reporting-MTA: dns; x\r\n\r\nOriginal-Recipient: rfc822;a+2Bb@c.example\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 x\r\n";
    let dsn = report(
        "delivery-status",
        "From: mailer-daemon@x.example\r\n",
        "This is the mail system at host x.\r\n<a@b.example>: 550 5.1.1\r\n",
        status,
        "Content-Type: message/rfc822\r\n\r\nMessage-ID: <a@b>\r\n\r\nx",
    );
    let html = "From: a@b.example\r\nContent-Type: text/html; charset=iso-8859-1\r\n\r\n<p>A &egrave; <blockquote>x</blockquote><!-- y --></p>";
    [transport.raw(), delivery.raw(), dsn, html.to_owned(), letter()].map(String::into_bytes).into()
}

/// Cuts, repeats, flips and joins.
fn mutated(mut seed: Vec<u8>, other: &[u8], edits: &[(u16, u8, u8)]) -> Vec<u8> {
    for (place, what, value) in edits {
        if seed.is_empty() {
            break;
        }
        let at = usize::from(*place) % seed.len();
        match what % 8 {
            0 => seed[at] = *value,
            1 => seed.truncate(at),
            2 => seed.insert(at, *value),
            3 => drop(seed.remove(at)),
            4 => {
                let piece: Vec<u8> = seed[at..].iter().copied().take(usize::from(*value)).collect();
                seed.splice(at..at, piece);
            }
            5 => {
                let from = usize::from(*place) % other.len().max(1);
                let piece = other[from..].iter().copied().take(usize::from(*value) * 4);
                seed.splice(at..at, piece);
            }
            6 => drop(seed.drain(at..(at + usize::from(*value)).min(seed.len()))),
            _ => seed.splice(at..at, *b"\r\n").for_each(drop),
        }
    }
    seed
}

fn run(seeds: &[Vec<u8>], door: fn(&[u8])) {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    // Always the same cases: a run that fails can be repeated.
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]));
    let edits = prop::collection::vec((any::<u16>(), any::<u8>(), any::<u8>()), 1..20);
    let strategy = (0..seeds.len(), 0..seeds.len(), edits);
    let outcome = runner.run(&strategy, |(one, other, edits)| {
        door(&mutated(seeds[one].clone(), &seeds[other], &edits));
        Ok(())
    });
    outcome.unwrap();
    for seed in seeds {
        for end in (0..seed.len()).step_by(seed.len() / 60 + 1) {
            door(&seed[..end]);
        }
    }
}

#[test]
fn mutated_messages_are_read_without_panic() {
    run(&seeds(), fuzzing::mail);
}

#[test]
fn mutated_records_are_read_without_panic() {
    let record = Record {
        consegna: Some("a@b.example"),
        esteso: Some("5.1.1 &amp; x"),
        ..Record::new("errore-consegna")
    };
    run(
        &[record.xml().into_bytes(), b"<postacert><!-- x --><![CDATA[y]]></postacert>".to_vec()],
        fuzzing::record,
    );
}

#[test]
fn mutated_bounces_are_read_without_panic() {
    let prose = "Hi. This is the qmail-send program at x.example.\n<a@b.example>:\n550 5.1.1 unknown (#5.1.1)\n\n--- Below this line is a copy of the message.\nMessage-ID: <x@y>\n";
    let mut seeds = seeds();
    seeds.push(prose.as_bytes().to_vec());
    run(&seeds, fuzzing::bounce);
}

#[test]
fn mutated_calendars_are_read_without_panic() {
    let ics = "BEGIN:VCALENDAR\r\nMETHOD:COUNTER\r\nBEGIN:VEVENT\r\nUID:a\r\n b\r\nDTSTART;TZID=\"W. Europe Standard Time\":20261201T100000\r\nDTSTAMP:20261201T100000Z\r\nATTENDEE;CN=\"x;y:z\";PARTSTAT=ACCEPTED:mailto:a@b.example\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    run(&[ics.as_bytes().to_vec()], fuzzing::ics);
}

#[test]
fn any_bytes_are_read_without_panic() {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[9; 32]));
    let outcome = runner.run(&prop::collection::vec(any::<u8>(), 0..2_000), |bytes| {
        for door in [fuzzing::mail, fuzzing::record, fuzzing::bounce, fuzzing::ics] {
            door(&bytes);
        }
        fuzzing::mail(
            &[
                b"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/html\n\n",
                &bytes[..],
            ]
            .concat(),
        );
        Ok(())
    });
    outcome.unwrap();
}
