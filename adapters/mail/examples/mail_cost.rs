//! What reading mail costs: CPU seconds per 1,000 messages, ours against bare mail-parser on the same bytes.
//!
//! The mix: 30 % receipts of certified mail (44 KB), 30 % bounces, 30 % answers, 10 % with a PDF of 1 MB. Time is that of
//! this process, not of the wall. Limit: one thread, everything in memory.
//!
//! `cargo run --release -p messo-mail --example mail_cost`

use base64::Engine;
use mail_parser::MessageParser;
use messo_core::ports::MailReader;
use messo_mail::Reader;
use sha2::{Digest, Sha256};
use std::hint::black_box;

const ROUNDS: usize = 5;
/// Least CPU time of a round, in seconds.
const ROUND_S: f64 = 0.3;

fn base64(bytes: &[u8]) -> String {
    let whole = base64::engine::general_purpose::STANDARD.encode(bytes);
    let lines = whole.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line));
    lines.collect::<Vec<_>>().join("\r\n")
}

/// Bytes that do not repeat, the same in each run.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

const RECORD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><postacert tipo=\"avvenuta-consegna\" errore=\"nessuno\"><intestazione><mittente>s@pec.organismo.example</mittente><destinatari tipo=\"certificato\">a@pec.example</destinatari><risposte>s@pec.organismo.example</risposte><oggetto>Convocazione</oggetto></intestazione><dati><gestore-emittente>Gestore</gestore-emittente><data zona=\"+0100\"><giorno>24/11/2026</giorno><ora>10:00:00</ora></data><identificativo>opec1@g.example</identificativo><msgid>&lt;m1.0192f3a4b5c67d8e9f00112233445566@o.example&gt;</msgid><ricevuta tipo=\"completa\"/><consegna>a@pec.example</consegna></dati></postacert>";

fn pdf(length: usize) -> Vec<u8> {
    [b"%PDF-1.7\n".to_vec(), noise(length)].concat()
}

fn receipt(number: usize) -> String {
    let carried = with_file(number, 28_000).replace("outer", "carried");
    format!(
        "From: posta-certificata@g.example\r\nTo: s@pec.organismo.example\r\nSubject: CONSEGNA: Convocazione {number}\r\nMessage-ID: <{number}@g.example>\r\nX-Ricevuta: avvenuta-consegna\r\nX-TipoRicevuta: completa\r\nX-Riferimento-Message-ID: <m1.0192f3a4b5c67d8e9f00112233445566@o.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/signed; protocol=\"application/x-pkcs7-signature\"; micalg=sha-256; boundary=\"sig\"\r\n\r\n--sig\r\nContent-Type: multipart/mixed; boundary=mix\r\n\r\n--mix\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n-- Ricevuta di avvenuta consegna\r\nIl messaggio =E8 stato consegnato.\r\n--mix\r\nContent-Type: application/xml; name=daticert.xml\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--mix\r\nContent-Type: message/rfc822; name=postacert.eml\r\n\r\n{carried}\r\n--mix--\r\n\r\n--sig\r\nContent-Type: application/x-pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--sig--\r\n",
        base64(RECORD.as_bytes()),
        base64(&noise(3_000))
    )
}

fn bounce(number: usize) -> String {
    format!(
        "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example\r\nTo: rimbalzi+0192f3a4b5c67d8e9f00112233445566@o.example\r\nSubject: Undelivered\r\nMessage-ID: <b{number}@mx.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=rep\r\n\r\n--rep\r\n\r\nThis is the mail system at host mx.example.\r\n{}\r\n--rep\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; mario{number}@parte.example\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 unknown\r\n\r\n--rep\r\nContent-Type: message/rfc822\r\n\r\n{}\r\n--rep--\r\n",
        "I'm sorry to have to inform you.\r\n".repeat(8),
        answer(number)
    )
}

fn answer(number: usize) -> String {
    let quoted =
        "> La convochiamo all'incontro di mediazione presso la nostra sede.\r\n".repeat(30);
    let html =
        "<p>La convochiamo all'incontro di mediazione presso la nostra sede.</p>\r\n".repeat(30);
    format!(
        "From: =?utf-8?q?Nicol=C3=B2_Rossi?= <mario{number}@parte.example>\r\nTo: risposte@o.example\r\nSubject: Re: Convocazione {number}\r\nDate: Tue, 24 Nov 2026 10:00:00 +0100\r\nMessage-ID: <a{number}@parte.example>\r\nIn-Reply-To: <m1.0192f3a4b5c67d8e9f00112233445566@o.example>\r\nReferences: <m1.0192f3a4b5c67d8e9f00112233445566@o.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=alt\r\n\r\n--alt\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nConfermo la presenza.\r\n\r\nIl giorno 24/11/2026 Segreteria <s@o.example> ha scritto:\r\n{quoted}\r\n--alt\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Confermo la presenza.</p><blockquote>{html}</blockquote>\r\n--alt--\r\n"
    )
}

fn with_file(number: usize, length: usize) -> String {
    format!(
        "From: mario{number}@parte.example\r\nTo: risposte@o.example\r\nSubject: Documenti {number}\r\nMessage-ID: <f{number}@parte.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=outer\r\n\r\n--outer\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nIn allegato l'atto.\r\n--outer\r\nContent-Type: application/pdf; name=\"atto.pdf\"\r\nContent-Disposition: attachment; filename=\"atto.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--outer--\r\n",
        base64(&pdf(length))
    )
}

/// CPU seconds of this process so far (user and system), from the kernel.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds: u64 = stat.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0);
    nanoseconds as f64 / 1e9
}

/// CPU seconds per 1,000 messages of the best round.
fn cost(mails: &[Vec<u8>], read: impl Fn(&[u8])) -> f64 {
    // The kernel counts in ticks: a round must be much longer than one.
    let round = || {
        let (before, mut count) = (cpu(), 0);
        while cpu() - before < ROUND_S {
            mails.iter().for_each(|mail| read(mail));
            count += mails.len();
        }
        (cpu() - before) * 1_000.0 / count as f64
    };
    (0..ROUNDS).map(|_| round()).fold(f64::MAX, f64::min)
}

/// Name, how many of a hundred, and what makes one.
type Sample = (&'static str, usize, fn(usize) -> String);

/// The most memory that this process ever had, in MB.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|text| text.trim().split(' ').next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// One message of 100 MB in four files; first, while the memory is still small.
fn large() {
    let part = base64(&pdf(18 << 20));
    let files: String = (0..4).map(|_| format!("--big\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n{part}\r\n")).collect();
    drop(part);
    let mail = format!(
        "From: a@b.example\r\nContent-Type: multipart/mixed; boundary=big\r\n\r\n{files}--big--\r\n"
    )
    .into_bytes();
    drop(files);
    // What making it cost is forgotten; the message itself stays counted.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let (memory, before) = (peak_mb(), cpu());
    let files = Reader::default().read(&mail).map(|reading| reading.attachments.len()).unwrap_or(0);
    let (size, seconds) = (mail.len() >> 20, cpu() - before);
    println!(
        "a message of {size} MB, {files} files: {seconds:.2} s, memory {memory} MB before, {} MB at most",
        peak_mb()
    );
}

fn main() {
    large();
    let kinds: [Sample; 4] = [
        ("receipts", 30, receipt),
        ("bounces", 30, bounce),
        ("answers", 30, answer),
        ("1 MB PDF", 10, |number| with_file(number, 1 << 20)),
    ];
    let reader = Reader::default();
    let ours = |mail: &[u8]| drop(black_box(reader.read(mail)));
    let bare = |mail: &[u8]| drop(black_box(MessageParser::default().parse(mail)));
    let hash = |mail: &[u8]| {
        let files = reader.read(mail).map(|reading| reading.attachments).unwrap_or_default();
        let before = files.iter().map(|file| file.bytes.len()).sum::<usize>();
        black_box(before);
        for file in &files {
            black_box(Sha256::digest(&file.bytes));
        }
    };
    println!("{:<10} {:>9} {:>9} {:>9} {:>6}", "CPU s/1000", "bare", "ours", "hashing", "ratio");
    let line = |name: &str, mails: &[Vec<u8>]| {
        let (bare, ours) = (cost(mails, bare), cost(mails, ours));
        let hashing = (cost(mails, hash) - ours).max(0.0);
        println!(
            "{name:<10} {bare:>9.4} {ours:>9.4} {hashing:>9.4} {:>6.2} (without hashing {:.2})",
            ours / bare,
            (ours - hashing) / bare
        );
    };
    let mut all = Vec::new();
    for (name, count, make) in kinds {
        let mails: Vec<Vec<u8>> = (0..count).map(|number| make(number).into_bytes()).collect();
        line(name, &mails);
        all.extend(mails);
    }
    line("the mix", &all);
}
