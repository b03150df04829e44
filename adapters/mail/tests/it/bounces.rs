//! Bounces, complaints and notifications, as reports and otherwise.

use crate::build::{OURS, read, report};
use messo_core::messages::{Bounce, BounceAction, MailClass, Meaning, Reading};

const FROM: &str = "Return-Path: <>\r\nFrom: Mail Delivery System <MAILER-DAEMON@mx.example>\r\nTo: rimbalzi@organismo.example\r\nSubject: x\r\n";
const STATUS: &str = "Reporting-MTA: dns; mx.example\r\nOriginal-Envelope-Id: env-7\r\n\r\nOriginal-Recipient: rfc822;Mario+2Bx@parte.example\r\nFinal-Recipient: rfc822; mbox77@host.example\r\nAction: Failed (final)\r\nStatus: 5.1.1 (bad mailbox)\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\nFinal-Recipient: rfc822; lucia@parte.example\r\nAction: delayed\r\nStatus: 4.4.7\r\nWill-Retry-Until: Tue, 24 Nov 2026 00:00:00 +0100\r\n";

fn returned() -> String {
    format!("Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{OURS}>\r\nSubject: y\r\n")
}

fn bounces(reading: &Reading) -> &[Bounce] {
    match &reading.meaning {
        Meaning::Bounces(bounces) => bounces,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_notification_has_one_bounce_per_recipient() {
    let reading = read(report("delivery-status", FROM, "Sorry.", STATUS, &returned()));
    assert_eq!((reading.class, reading.automatic), (MailClass::Dsn, true));
    let found = bounces(&reading);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].recipient.as_deref(), Some("Mario+x@parte.example"));
    assert_eq!(
        (found[0].action, found[0].status.as_deref()),
        (BounceAction::Failed, Some("5.1.1"))
    );
    assert_eq!(found[0].diagnostic.as_deref(), Some("smtp; 550 5.1.1 no such user"));
    assert_eq!(found[1].recipient.as_deref(), Some("lucia@parte.example"));
    assert_eq!(
        (found[1].action, found[1].status.as_deref()),
        (BounceAction::Delayed, Some("4.4.7"))
    );
    assert_eq!(found[0].references, [OURS, "env-7"]);
}

#[test]
fn references_come_in_the_order_of_trust() {
    let address = "rimbalzi+0192f3a4b5c67d8e9f00112233445599@organismo.example";
    let header = format!(
        "{FROM}Delivered-To: {address}\r\nIn-Reply-To: <answered@x>\r\nReferences: <old@x> <new@x>\r\n"
    );
    for returned in [
        returned(),
        format!(
            "Content-Type: message/rfc822\r\n\r\nSubject: y\r\nMessage-ID:\r\n <{OURS}>\r\n\r\nbody"
        ),
        format!(
            "Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
            crate::build::base64(format!("Message-ID: <{OURS}>\r\n").as_bytes())
        ),
    ] {
        let reading = read(report("delivery-status", &header, "Sorry.", STATUS, &returned));
        assert_eq!(
            bounces(&reading)[0].references,
            [
                "m1.0192f3a4b5c67d8e9f00112233445599@organismo.example",
                "answered@x",
                "new@x",
                "old@x",
                OURS,
                "env-7"
            ]
        );
    }
}

#[test]
fn a_failure_with_a_temporary_code_is_a_failure() {
    let status = "Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822;a@b.example\r\nAction: failed\r\nStatus: 4.4.1\r\n";
    let reading = read(report("delivery-status", FROM, "", status, &returned()));
    assert_eq!(
        (bounces(&reading)[0].action, bounces(&reading)[0].status.as_deref()),
        (BounceAction::Failed, Some("4.4.1"))
    );
}

#[test]
fn words_of_the_norm_are_known_and_others_are_left_out() {
    for (word, action) in [
        ("failed", Some(BounceAction::Failed)),
        ("DELIVERED", Some(BounceAction::Delivered)),
        ("relayed", Some(BounceAction::Relayed)),
        ("expanded", Some(BounceAction::Expanded)),
        ("vanished", None),
    ] {
        let status = format!(
            "Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822;a@b.example\r\nAction: {word}\r\n"
        );
        let reading = read(report("delivery-status", FROM, "", &status, &returned()));
        assert_eq!(bounces(&reading).first().map(|one| one.action), action, "{word}");
        assert_eq!(reading.class, MailClass::Dsn);
    }
}

#[test]
fn a_vague_code_gives_way_to_what_the_remote_server_said() {
    let status = "Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822;a@b.example\r\nAction: failed\r\nStatus: 5.0.0\r\nDiagnostic-Code: smtp; 552 5.2.2 full\r\n";
    let reading = read(report("delivery-status", FROM, "", status, &returned()));
    assert_eq!(bounces(&reading)[0].status.as_deref(), Some("5.2.2"));
}

#[test]
fn gmail_puts_its_report_in_an_odd_place() {
    let raw = format!(
        "Return-Path: <>\r\nFrom: Mail Delivery Subsystem <mailer-daemon@googlemail.example>\r\nTo: segreteria@organismo.example\r\nAuto-Submitted: auto-replied\r\nX-Failed-Recipients: mario@parte.example\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\n\r\nAddress not found\r\n--b\r\nContent-Type: multipart/report; boundary=c\r\n\r\n--c\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; g\r\n\r\nFinal-Recipient: rfc822; mario@parte.example\r\nAction: failed\r\nStatus: 5.1.1\r\n--c--\r\n--b--\r\n--a\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <{OURS}>\r\n\r\nx\r\n--a--\r\n"
    );
    let reading = read(&raw);
    assert_eq!(reading.class, MailClass::Dsn);
    let one = &bounces(&reading)[0];
    assert_eq!(
        (one.recipient.as_deref(), one.status.as_deref(), one.references[0].as_str()),
        (Some("mario@parte.example"), Some("5.1.1"), OURS)
    );
    // Without the report, the header field is enough.
    let bare = "From: mailer-daemon@googlemail.example\r\nX-Failed-Recipients: mario@parte.example\r\n\r\n550 5.1.1 The email account does not exist.\r\n";
    let reading = read(bare);
    assert_eq!(
        (bounces(&reading)[0].recipient.as_deref(), bounces(&reading)[0].status.as_deref()),
        (Some("mario@parte.example"), Some("5.1.1"))
    );
}

#[test]
fn prose_of_a_server_is_a_bounce_and_prose_of_a_person_is_not() {
    let text = "Il messaggio non e' stato consegnato a mario@parte.example: casella piena\r\n";
    let machine = read(format!("{FROM}\r\n{text}"));
    assert_eq!(machine.class, MailClass::Dsn);
    assert_eq!(bounces(&machine)[0].status.as_deref(), Some("5.2.2"));
    let person = read(format!(
        "Return-Path: <a@b.example>\r\nFrom: a@b.example\r\nSubject: Delivery Status Notification (Failure)\r\n\r\n{text}"
    ));
    assert_eq!(person.class, MailClass::Correspondence);
}

#[test]
fn a_notification_that_says_nothing_has_no_bounces() {
    let reading = read(report("delivery-status", FROM, "", "", &returned()));
    assert_eq!((reading.class, bounces(&reading).len()), (MailClass::Dsn, 0));
}

#[test]
fn a_report_that_somebody_forwards_is_correspondence() {
    let inside = report("delivery-status", FROM, "Sorry.", STATUS, &returned());
    let raw = format!(
        "From: a@b.example\r\nReturn-Path: <a@b.example>\r\nContent-Type: multipart/mixed; boundary=f\r\n\r\n--f\r\n\r\nGuardi qui.\r\n--f\r\nContent-Type: message/rfc822\r\n\r\n{inside}\r\n--f--\r\n"
    );
    assert_eq!(read(raw).class, MailClass::Correspondence);
}

#[test]
fn a_complaint_names_message_and_kind() {
    let part = "Feedback-Type: abuse\r\nUser-Agent: x\r\nVersion: 1\r\nOriginal-Rcpt-To: <mario@parte.example>\r\n";
    let reading = read(report("feedback-report", FROM, "Complaint.", part, &returned()));
    assert_eq!(reading.class, MailClass::Arf);
    let Meaning::Complaint(complaint) = reading.meaning else { panic!() };
    assert_eq!(
        (complaint.kind.as_str(), complaint.recipient.as_deref(), complaint.reference.as_deref()),
        ("abuse", Some("mario@parte.example"), Some(OURS))
    );
}

#[test]
fn a_notification_of_reading_names_message_and_word() {
    let part = format!(
        "Final-Recipient: rfc822;mario@parte.example\r\nOriginal-Message-ID: <{OURS}>\r\nDisposition: manual-action/MDN-sent-manually; displayed/error\r\n"
    );
    let header = "From: mario@parte.example\r\nSubject: Letto: x\r\n";
    let reading = read(report(
        "disposition-notification",
        header,
        "Letto.",
        &part,
        "Content-Type: text/plain\r\n\r\n",
    ));
    assert_eq!((reading.class, reading.automatic), (MailClass::Mdn, true));
    assert_eq!(
        reading.meaning,
        Meaning::Disposition { reference: Some(OURS.into()), word: "displayed".into() }
    );
}
