//! What people and their programs write: answers, invitations answered, holiday replies.

use crate::build::{OURS, base64, read};
use messo_core::messages::{MailClass, Meaning};

const ICS: &str = "BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\nBEGIN:VEVENT\r\nUID:u1@organismo.example\r\nSEQUENCE:1\r\nDTSTAMP:20261124T090000Z\r\nATTENDEE;PARTSTAT=DECLINED:mailto:mario@parte.example\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

#[test]
fn a_calendar_answer_is_found_in_each_place_and_counts_once() {
    let from = "From: mario@parte.example\r\nTo: s@organismo.example\r\nSubject: Rifiutato: x\r\nMIME-Version: 1.0\r\n";
    let only =
        format!("{from}Content-Type: text/calendar; method=REPLY; charset=UTF-8\r\n\r\n{ICS}");
    let twice = format!(
        "{from}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n\r\nRifiutato\r\n--c\r\nContent-Type: text/calendar; method=\"REPLY\"\r\n\r\n{ICS}\r\n--c--\r\n--b\r\nContent-Type: application/ics; name=invite.ics\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--b\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--b--\r\n",
        base64(ICS.as_bytes()),
        base64(b"\x78\x9f\x3e\x22rest")
    );
    let file =
        format!("{from}Content-Type: application/octet-stream; name=\"invite.ics\"\r\n\r\n{ICS}");
    for raw in [only, twice, file] {
        let reading = read(&raw);
        assert_eq!(reading.class, MailClass::CalendarReply, "{raw}");
        let Meaning::Calendar(reply) = reading.meaning else { panic!() };
        assert_eq!(
            (reply.method.as_str(), reply.uid.as_str(), reply.status.as_str(), reply.sequence),
            ("REPLY", "u1@organismo.example", "declined", 1)
        );
        assert!(!reading.automatic);
        assert_eq!(reading.oddities, Vec::<String>::new());
    }
    let invitation = format!(
        "{from}Content-Type: text/calendar; method=REQUEST\r\n\r\n{}",
        ICS.replace("REPLY", "REQUEST")
    );
    assert_eq!(read(invitation).class, MailClass::Correspondence);
}

#[test]
fn a_proposal_of_another_time_is_an_answer_with_that_time() {
    let ics = ICS
        .replace("METHOD:REPLY", "METHOD:COUNTER")
        .replace("SEQUENCE:1", "SEQUENCE:1\r\nDTSTART;TZID=Europe/Rome:20261201T153000")
        .replace("DECLINED", "TENTATIVE");
    let reading = read(format!(
        "From: m@p.example\r\nContent-Type: text/calendar; method=COUNTER\r\n\r\n{ics}"
    ));
    let Meaning::Calendar(reply) = reading.meaning else { panic!() };
    assert_eq!((reply.method.as_str(), reply.status.as_str()), ("COUNTER", "tentative"));
    assert_eq!(reply.proposed.unwrap().to_jiff().to_string(), "2026-12-01T14:30:00Z");
}

#[test]
fn a_holiday_reply_is_no_answer() {
    for header in [
        "Auto-Submitted: auto-replied\r\n",
        "X-Autoreply: yes\r\n",
        "Precedence: auto_reply\r\n",
        "Return-Path: <>\r\nSubject: Fuori sede\r\n",
    ] {
        let reading = read(format!(
            "{header}From: m@p.example\r\nIn-Reply-To: <{OURS}>\r\n\r\nConfermo di essere assente.\r\n"
        ));
        assert_eq!((reading.class, reading.automatic), (MailClass::AutoReply, true), "{header}");
    }
    // Only a subject: no class, but never an answer either.
    let reading = read(
        "From: m@p.example\r\nSubject: Risposta automatica: convocazione\r\n\r\nSono in ferie.\r\n",
    );
    assert_eq!(
        (reading.class, reading.automatic, reading.oddities.len()),
        (MailClass::Correspondence, true, 1)
    );
    let reading = read("From: m@p.example\r\nSubject: Assenza all'incontro\r\n\r\nNon vengo.\r\n");
    assert!(!reading.automatic);
}

#[test]
fn headers_are_read_with_people_threads_and_where_the_copy_went() {
    let raw = format!(
        "Return-Path: <Mario@P.example>\r\nDelivered-To: risposte+tok@organismo.example\r\nX-Original-To: <Risposte+Tok@organismo.example>\r\nFrom: =?iso-8859-1?q?Nicol=F2?= \"X\" <Mario@P.example>\r\nReply-To: altro@p.example\r\nTo: Gruppo: a@b.example, \"B, C\" <c@d.example>;\r\nCc: s@organismo.example\r\nSubject: Re: =?utf-8?b?cGVyY2jDqQ==?=\r\nDate: Tue, 24 Nov 2026 10:00:00 +0100\r\nMessage-ID: <1@p.example>\r\nIn-Reply-To: <{OURS}>\r\nReferences: <0@x>\r\n <{OURS}>\r\n\r\nx\r\n"
    );
    let headers = read(raw).headers;
    assert_eq!(headers.from.as_ref().map(|from| from.address.as_str()), Some("Mario@P.example"));
    assert!(headers.from.unwrap().name.contains("Nicolò"));
    assert_eq!(headers.reply_to.unwrap().address, "altro@p.example");
    assert_eq!(
        headers.to,
        ["a@b.example", "c@d.example", "s@organismo.example", "risposte+tok@organismo.example"]
    );
    assert_eq!(
        (headers.subject.as_str(), headers.return_path.as_deref()),
        ("Re: perché", Some("Mario@P.example"))
    );
    assert_eq!(
        (headers.in_reply_to, headers.references),
        (vec![OURS.to_owned()], vec!["0@x".to_owned(), OURS.to_owned()])
    );
    assert_eq!(headers.date.unwrap().to_jiff().to_string(), "2026-11-24T09:00:00Z");
    assert_eq!(
        read("Return-Path: <>\r\nFrom: a@b.example\r\n\r\n").headers.return_path.as_deref(),
        Some("")
    );
}

#[test]
fn an_html_answer_of_outlook_or_gmail_gives_only_its_new_words() {
    for html in [
        "<html><body><p class=MsoNormal>Confermo.<o:p></o:p></p><div style='border-top:solid'><p><b>Da:</b> Segreteria &lt;s@o.example&gt;<br><b>Inviato:</b> martedì<br><b>A:</b> Mario</p></div><p>Testo</p></body></html>",
        "<div dir=\"ltr\">Confermo.</div><br><div class=\"gmail_quote\"><div dir=\"ltr\">Il giorno mar 24 nov 2026 alle ore 10:00 Segreteria &lt;<a href=\"mailto:s@o.example\">s@o.example</a>&gt; ha scritto:<br></div><blockquote>Testo</blockquote></div>",
    ] {
        let raw = format!(
            "From: m@p.example\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}\r\n"
        );
        assert_eq!(read(raw).new_text, "Confermo.");
    }
}
