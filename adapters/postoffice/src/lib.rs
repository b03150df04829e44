//! The sandbox post office: a certified-mail provider on the loopback that issues every kind of receipt, on command.
//!
//! Guarantee: what it writes follows RFC 6109 (with the Italian names of practice: `daticert.xml`, `posta-certificata@`,
//! *Per conto di*), is signed under a test root of its own, and carries `X-Messo-Sandbox: 1`; nothing leaves the machine.
//! It is written from the norm and shares no code with what reads mail in this product: the two meet through
//! bytes alone. Limit: everything is in memory and ends with the process; the hours of the RFC pass in milliseconds while
//! the stated instants stay those of life.
//!
//! # Magic addresses
//!
//! The local part of a recipient, up to its first `.` or `+`, decides (`dodici-ore.rossi@pec.example` works too).
//! Everything else is delivered. A script ([`PostOffice::behave`]) goes before the words.
//!
//! | certified mail to | what comes back |
//! |---|---|
//! | `consegnata` | acceptance, delivery |
//! | `tardi` | acceptance, delivery stated 13 hours later |
//! | `disordine` | delivery before acceptance |
//! | `doppia` | two acceptances (two messages), the same delivery twice |
//! | `senza-accettazione`, `senza-consegna` | delivery alone; acceptance alone although delivered |
//! | `muta` | nothing at all |
//! | `non-accettata`, `virus-mittente` | non-acceptance: formal, virus |
//! | `mancata` | delivery error `altro`, 5.1.1 |
//! | `inesistente`, `dominio-inesistente` | delivery error `no-dest`, `no-dominio` |
//! | `casella-piena` | delivery error `altro`, 5.2.2 |
//! | `virus` | delivery error for a virus |
//! | `dodici-ore`, `ventiquattro-ore` | 12-hour warning; 12-hour and 24-hour warnings |
//! | `solo-ventiquattro` | 24-hour warning alone |
//! | `dodici-poi-consegna`, `ventiquattro-poi-consegna` | the warnings, then delivery |
//! | `esterna` | acceptance that calls the address `esterno`, nothing more |
//! | `breve`, `sintetica` | delivery in that form, whatever was asked for |
//! | `riscritta` | delivery whose reference has another domain |
//! | `sporca`, `latina`, `scarna` | delivery whose record has stray text; is in ISO-8859-1; lacks optional elements |
//! | `maiuscole`, `aperta`, `imbustata` | delivery with odd header case; without inner closing boundary; with the message in base64 |
//! | `ber` | delivery signed in BER |
//! | `falsa`, `non-firmata`, `troncata` | delivery changed after signing; not signed; announced as signed and cut off |
//! | `altro-firmatario`, `sconosciuta` | delivery signed for another address; under a root that nobody trusts |
//! | `gestore`, `gestore-virus` | also the notices between providers: taken in charge, virus detected |
//! | `aderisce`, `rifiuta`, `assente`, `inoltra` | after delivery a certified answer: yes, no, holiday note, the message forwarded |
//!
//! | ordinary mail to | what comes back |
//! |---|---|
//! | `inesistente` or `mancata`, `dominio-inesistente`, `casella-piena`, `bloccata`, `scaduta` | bounce 5.1.1, 5.1.2, 5.2.2, 5.7.1, 4.4.7 |
//! | `ritardo`, `grezza` | delay report 4.4.1; a failure told in words alone |
//! | `assente` | automatic reply |
//! | `aderisce`, `rifiuta`, `domanda` | a person's answer with quotation |
//! | `invito-accettato`, `invito-rifiutato`, `invito-forse` | calendar reply to the invitation in the message |
//! | `reclamo`, `letta` | complaint (ARF); notice of reading (MDN) |
//!
//! Ordinary mail to a certified account arrives in an anomaly envelope.

pub mod authority;
pub mod behaviour;
pub mod boxes;
pub mod brief;
mod certified;
pub mod cms;
pub mod config;
pub mod daticert;
mod imap;
mod instants;
pub mod kinds;
pub mod letters;
mod mime;
mod office;
mod ordinary;
pub mod originals;
pub mod provider;
mod service;
mod smtp;
mod structure;
mod texts;
mod wire;

pub use authority::{Authority, AuthorityError};
pub use behaviour::{Acceptance, Answer, Behaviour, Pace, Reason, Step};
pub use boxes::{BoxError, Fault, SubmissionFault};
pub use config::{Account, AccountKind, Config, Limits, Oversize, Ports, ProviderName};
pub use kinds::{Form, Kind};
pub use letters::{Attachment, Bounce, Invitation, Letter};
pub use ordinary::DeliveryError;
pub use originals::Original;
pub use provider::{Flaws, MARK, Provider, Signature, Statement, Style};
pub use service::{Addresses, PostOffice, StartError};
