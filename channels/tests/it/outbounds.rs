//! What the tests send.

use messo_core::addresses::{Address, EmailAddress};
use messo_core::bodies::Sender;
use messo_core::ids::AttemptId;
use messo_core::ports::{Mail, Outbound, Part, Rendition};
use messo_core::time::Timestamp;
use uuid::Uuid;

/// A sender with an accent in its name.
pub fn sender() -> Sender {
    Sender {
        pec: None,
        reply_tags: false,
        name: "Organismo di Mediazione Città Serena".to_owned(),
        email: EmailAddress::parse("segreteria@organismo.example").unwrap(),
        reply_to: Some(EmailAddress::parse("risposte@organismo.example").unwrap()),
        sms_sender: "Mediazione".to_owned(),
    }
}

/// A mail with a picture.
pub fn mail() -> Mail {
    Mail {
        subject: "Convocazione: l'incontro è fissato per lunedì".to_owned(),
        text: "Gentile Mario,\n\nl'incontro è lunedì.\n.\nUna riga che comincia col punto.\n"
            .to_owned(),
        html: "<p>Gentile Mario,</p><p>l'incontro è <b>lunedì</b>.</p><img src=\"cid:qr@messo\">"
            .to_owned(),
        inline: vec![Part {
            name: "qr@messo".to_owned(),
            media_type: "image/png".to_owned(),
            bytes: vec![0x89; 700].into(),
        }],
        attachments: Vec::new(),
    }
}

/// An outbound to this mailbox, with an attempt id made from `number`.
pub fn to(address: &str, number: u128) -> Outbound {
    Outbound {
        attempt: AttemptId(Uuid::from_u128(number)),
        sender: sender(),
        to: Address::Email(EmailAddress::parse(address).unwrap()),
        to_name: "Mario Rossi".to_owned(),
        rendition: Rendition::Mail(mail()),
        at: Timestamp::from_seconds(1_795_000_000),
        notify: None,
    }
}
