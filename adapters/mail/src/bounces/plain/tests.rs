//! Bounces in the prose of each program, written anew.

use super::*;
use messo_core::messages::Person;

fn bounces(text: &str) -> Vec<Bounce> {
    let headers = Headers {
        from: Some(Person { name: String::new(), address: "MAILER-DAEMON@mx.example".into() }),
        to: vec!["segreteria@organismo.example".into()],
        ..Headers::default()
    };
    read(&Head::default(), &headers, text, Vec::new).unwrap_or_default()
}

#[test]
fn each_programs_prose_names_recipient_and_code() {
    for (program, text, code) in [
        (
            "qmail",
            "Hi. This is the qmail-send program at mx.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<mario@parte.example>:\n192.0.2.5 does not like recipient.\nRemote host said: 550 5.1.1 unknown\n",
            "5.1.1",
        ),
        (
            "qmail without code",
            "Hi. This is the qmail-send program at mx.example.\n\n<mario@parte.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n--- Below this line is a copy of the message.\n",
            "5.1.1",
        ),
        (
            "Exim",
            "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  mario@parte.example\n    host mx.parte.example [192.0.2.1]\n    SMTP error from remote mail server after RCPT TO:<mario@parte.example>:\n    550 5.2.1 mailbox disabled\n",
            "5.2.1",
        ),
        (
            "Postfix",
            "This is the mail system at host mx.example.\n\nI'm sorry to have to inform you that your message could not\nbe delivered to one or more recipients.\n\n<mario@parte.example>: host mx.parte.example[192.0.2.1] said: 552 5.2.2 Mailbox full (in reply to RCPT TO command)\n",
            "5.2.2",
        ),
        (
            "Exchange",
            "Delivery has failed to these recipients or groups:\n\nmario@parte.example<mailto:mario@parte.example>\nThe email address you entered couldn't be found.\n\nDiagnostic information for administrators:\nGenerating server: mx.example\nmario@parte.example\nRemote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound'\n",
            "5.1.10",
        ),
        (
            "Exchange, Italian",
            "Recapito non riuscito per i destinatari o gruppi seguenti:\nmario@parte.example\nL'indirizzo non è stato trovato. 550 5.1.1\n",
            "5.1.1",
        ),
        (
            "Aruba",
            "Gentile utente,\nil messaggio non è stato consegnato al destinatario mario@parte.example\nMotivo: casella piena\n",
            "5.2.2",
        ),
        (
            "Libero",
            "Non e\u{2019} stato possibile consegnare il messaggio a:\n<mario@parte.example>\nutente sconosciuto\n",
            "5.1.1",
        ),
        (
            "German",
            "Ihre Nachricht konnte nicht zugestellt werden: mario@parte.example, Empfänger unbekannt\n",
            "5.1.1",
        ),
    ] {
        let found = bounces(text);
        assert_eq!(found.len(), 1, "{program}: {found:?}");
        assert_eq!(found[0].recipient.as_deref(), Some("mario@parte.example"), "{program}");
        assert_eq!(found[0].status.as_deref(), Some(code), "{program}");
        assert_eq!(found[0].action, BounceAction::Failed, "{program}");
    }
}

#[test]
fn several_recipients_have_each_their_own_code() {
    let found = bounces(
        "This is the mail system at host mx.example.\n\n<a@parte.example>: 550 5.1.1 unknown\n\n<b@parte.example>: 552 5.2.2 full\n",
    );
    let pairs: Vec<_> = found
        .iter()
        .map(|one| (one.recipient.as_deref().unwrap(), one.status.as_deref().unwrap()))
        .collect();
    assert_eq!(pairs, [("a@parte.example", "5.1.1"), ("b@parte.example", "5.2.2")]);
}

#[test]
fn a_warning_is_a_delay_and_the_returned_header_names_the_message() {
    let found = bounces(
        "This message was created automatically by mail delivery software.\nA message that you sent has not yet been delivered to\n  mario@parte.example\n\n------ This is a copy of the message, including all the headers. ------\nMessage-ID: <m1.x@organismo.example>\nTo: carlo@altro.example\n",
    );
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].action, found[0].references.as_slice()),
        (BounceAction::Delayed, &["m1.x@organismo.example".to_owned()][..])
    );
}

#[test]
fn what_no_program_writes_is_no_bounce() {
    assert_eq!(bounces("Sono assente fino al 3. Scrivete a mario@parte.example. 550 5.1.1"), []);
    let unclear = bounces("Undeliverable");
    assert_eq!(
        (unclear.len(), unclear[0].recipient.clone(), unclear[0].status.clone()),
        (1, None, None)
    );
}
