//! Ordinary mail: bounces, holiday notes, answers, calendar replies, complaints, and the letters injected by hand.

use crate::support::{DESK, Message, NOW, Smtp, config, messages, office};
use messo_postoffice::{Bounce, Letter, PostOffice};

const INVITE: &str = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:incontro-123@organismo.example\r\n\
SEQUENCE:2\r\nORGANIZER;CN=Organismo:mailto:segreteria+r7@organismo.sandbox.example\r\n\
DTSTART;TZID=Europe/Rome:20261210T100000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

fn letter(to: &str) -> String {
    format!(
        "From: Segreteria <{DESK}>\r\nReply-To: segreteria+r9@organismo.sandbox.example\r\nTo: {to}\r\nSubject: Invito\r\n\
Message-ID: <n1@organismo.example>\r\nContent-Type: multipart/alternative; boundary=yy\r\n\r\n--yy\r\n\r\nTesto\r\n\
--yy\r\nContent-Type: text/calendar; method=REQUEST\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--yy--\r\n",
        data_encoding::BASE64.encode(INVITE.as_bytes())
    )
}

/// What comes back to the desk after a letter to `word@mail.example`, sent with a bounce address of its own.
async fn back(word: &str, count: usize) -> Vec<Message> {
    let office = office().await;
    let mut smtp = Smtp::login(&office, DESK).await;
    let sender = DESK.replace('@', "+b77@");
    let to = format!("{word}@mail.example");
    assert!(smtp.send(&sender, &[&to], &letter(&to)).await.starts_with("250"));
    messages(&office, DESK, count).await
}

#[tokio::test(flavor = "multi_thread")]
async fn bounces_are_reports_of_delivery_status() {
    for (word, action, status) in [
        ("inesistente", "failed", "5.1.1"),
        ("dominio-inesistente", "failed", "5.1.2"),
        ("casella-piena", "failed", "5.2.2"),
        ("bloccata", "failed", "5.7.1"),
        ("scaduta", "failed", "4.4.7"),
        ("ritardo", "delayed", "4.4.1"),
    ] {
        let bounce = back(word, 1).await.remove(0);
        assert_eq!(bounce.header("Return-Path"), "<>");
        assert_eq!(
            bounce.header("To"),
            DESK.replace('@', "+b77@"),
            "to the sender of the envelope"
        );
        let kind = bounce.header("Content-Type");
        assert!(kind.starts_with("multipart/report; report-type=delivery-status;"), "{kind}");
        let types =
            ["multipart/report", "text/plain", "message/delivery-status", "text/rfc822-headers"];
        assert_eq!(bounce.types(), types);
        let report = String::from_utf8(bounce.parts()[1].body()).unwrap();
        let (whole, one) = report.split_once("\r\n\r\n").unwrap();
        assert!(whole.starts_with("Reporting-MTA: dns; "));
        let expected = format!(
            "Final-Recipient: rfc822; {word}@mail.example\r\nAction: {action}\r\nStatus: {status}\r\nDiagnostic-Code: smtp; "
        );
        assert!(one.starts_with(&expected), "{one}");
        assert!(bounce.parts()[2].text().contains("Message-ID: <n1@organismo.example>\r\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn some_failures_are_told_in_words_alone() {
    let bounce = back("grezza", 1).await.remove(0);
    assert_eq!(bounce.header("Return-Path"), "<>");
    assert_eq!(bounce.types(), ["text/plain"]);
    assert!(bounce.text().contains("<grezza@mail.example>:\r\n550 5.1.1 "), "{}", bounce.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holiday_note_goes_to_the_envelope_and_says_that_it_is_automatic() {
    let note = back("assente", 1).await.remove(0);
    assert_eq!(note.header("Auto-Submitted"), "auto-replied");
    assert_eq!(note.header("To"), DESK.replace('@', "+b77@"));
    assert_eq!(note.header("In-Reply-To"), "<n1@organismo.example>");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_answers_to_the_reply_address_and_quotes() {
    let answer = back("aderisce", 1).await.remove(0);
    assert_eq!(answer.header("To"), "segreteria+r9@organismo.sandbox.example");
    assert_eq!(answer.header("References"), "<n1@organismo.example>");
    assert_eq!(answer.header("Auto-Submitted"), "");
    assert!(answer.text().contains("aderisco") && answer.text().contains("\r\n> "));
    back("chiunque", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_reply_repeats_the_invitation_and_has_one_attendee() {
    for (word, answer) in [
        ("invito-accettato", "ACCEPTED"),
        ("invito-rifiutato", "DECLINED"),
        ("invito-forse", "TENTATIVE"),
    ] {
        let reply = back(word, 1).await.remove(0);
        let part = reply.parts().remove(1);
        let kind = "text/calendar; method=REPLY; charset=UTF-8; component=VEVENT";
        assert_eq!(part.header("Content-Type"), kind);
        let calendar = String::from_utf8(part.decoded()).unwrap();
        assert_eq!(
            calendar,
            format!(
                "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Messo sandbox//IT\r\nMETHOD:REPLY\r\nBEGIN:VEVENT\r\n\
UID:incontro-123@organismo.example\r\nSEQUENCE:2\r\nDTSTAMP:20261123T230007Z\r\n\
ORGANIZER:mailto:segreteria+r7@organismo.sandbox.example\r\nATTENDEE;PARTSTAT={answer}:mailto:{word}@mail.example\r\n\
DTSTART;TZID=Europe/Rome:20261210T100000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
            )
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn complaints_and_notices_of_reading_are_reports_of_their_kind() {
    let complaint = back("reclamo", 1).await.remove(0);
    assert!(complaint.header("Content-Type").contains("report-type=feedback-report"));
    let types = ["multipart/report", "text/plain", "message/feedback-report", "message/rfc822"];
    assert_eq!(complaint.types(), types);
    assert!(complaint.parts()[1].text().contains("Feedback-Type: abuse\r\n"));
    let read = back("letta", 1).await.remove(0);
    assert!(read.header("Content-Type").contains("report-type=disposition-notification"));
    let notice = read.parts()[1].text();
    assert!(notice.contains("Original-Message-ID: <n1@organismo.example>\r\n"), "{notice}");
    assert!(notice.contains("; displayed\r\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_domain_may_land_in_one_ordinary_box() {
    let mut settings = config();
    settings.accounts[2].domains = vec!["rimbalzi.sandbox.example".into()];
    let office = PostOffice::start(settings).await.unwrap();
    let bounce = Bounce {
        recipient: "x@mail.example".into(),
        action: "failed",
        status: "5.1.1",
        diagnostic: "550 5.1.1 no".into(),
    };
    let report =
        bounce.write("b@rimbalzi.sandbox.example", b"Subject: x\r\n\r\n", "id@x.example", NOW);
    office.deliver_ordinary("b+tok@rimbalzi.sandbox.example", &report).unwrap();
    assert_eq!(messages(&office, DESK, 1).await[0].0, report);
    let nobody = Letter::new("a@x.example", "n@x.example", "x", "y");
    assert!(office.deliver_letter("n@x.example", &nobody).is_err());
}
