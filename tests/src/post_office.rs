//! The sandbox post office beside an installation that sends through it and reads its mailboxes.
//!
//! Guarantee: loopback only, free ports, everything in memory; it ends with the value.

use crate::installation::Installation;
use messo_core::ports::{Clock, Ids};
use messo_core::time::Timestamp;
use messo_postoffice::{Account, Config, Pace, PostOffice};
use std::sync::Arc;
use std::time::Duration;

/// The body's certified address.
pub const PEC: &str = "organismo@pec.sandbox.example";
/// The body's ordinary address.
pub const EMAIL: &str = "segreteria@alfa.sandbox.example";
/// A lawyer with a certified mailbox in the same post office.
pub const LAWYER: &str = "avvocato@pec.sandbox.example";
const PASSWORD: &str = "prova";

struct Wall;

impl Clock for Wall {
    #[expect(clippy::disallowed_methods, reason = "the stories run on real time")]
    fn now(&self) -> Timestamp {
        jiff::Timestamp::now().into()
    }
}

struct Random;

impl Ids for Random {
    #[expect(clippy::disallowed_methods, reason = "the stories need no seed")]
    fn uuid(&self) -> uuid::Uuid {
        uuid::Uuid::now_v7()
    }
}

/// A post office with accounts for a body and a lawyer; hours pass in parts of a second.
pub async fn open() -> PostOffice {
    let mut config = Config::new(Arc::new(Wall), Arc::new(Random))
        .account(Account::certified(PEC, PASSWORD).receipts_in("Ricevute"))
        .account(Account::certified(LAWYER, PASSWORD))
        .account(Account::ordinary(EMAIL, PASSWORD));
    config.pace = Pace::of(Duration::from_millis(60));
    PostOffice::start(config).await.expect("the post office opens")
}

/// An installation that sends certified and ordinary mail through the post office, reads both mailboxes,
/// and trusts its root; every other channel is simulated.
pub fn installation(office: &PostOffice) -> Installation {
    let installation = Installation::new(&["--sandbox"]);
    let data = installation.data();
    std::fs::create_dir_all(data.join("trust")).expect("the folder of trust can be made");
    let root = data.join("trust/root.pem");
    std::fs::write(&root, office.ca_pem()).expect("the root can be written");
    let at = office.addresses();
    let (smtps, imaps) = (at.smtps, at.imaps);
    let user = |address: &str| address.replace('@', "%40");
    let smtp = |address: &str| {
        format!(
            "provider = \"smtp\"\nurl = \"smtps://{}:{PASSWORD}@{smtps}\"\nsmtp = {{ ca_file = {root:?}, sandbox = true }}\n",
            user(address)
        )
    };
    let mailbox = |name: &str, channel: &str, address: &str, folders: &str| {
        format!(
            "\n[[mailboxes]]\nname = \"{name}\"\nchannel = \"{channel}\"\nsandbox = true\nhost = \"{}\"\nport = {}\ntls = \"implicit\"\nca_file = {root:?}\nuser = \"{address}\"\npassword = \"{PASSWORD}\"\nfolders = {folders}\npoll_s = 1\n",
            imaps.ip(),
            imaps.port()
        )
    };
    let file = data.join("messo.toml");
    let mut text = std::fs::read_to_string(&file).expect("the configuration is there");
    text = text.replacen("[pec]\n", &format!("[pec]\n{}", smtp(PEC)), 1);
    text = text.replacen("[email]\n", &format!("[email]\n{}", smtp(EMAIL)), 1);
    text.push_str(&mailbox("pec", "pec", PEC, "[\"INBOX\", \"Ricevute\"]"));
    text.push_str(&mailbox("ordinaria", "email", EMAIL, "[\"INBOX\"]"));
    std::fs::write(&file, text).expect("the configuration can be written");
    installation.ok(&["body", "set", "--email", EMAIL, "--pec", PEC, "--reply-tags", "true"]);
    installation
}

/// The first message in the inbox of an account, once there is one.
pub async fn first_letter(office: &PostOffice, account: &str) -> String {
    for _ in 0..150 {
        let letters = office.messages(account, "INBOX").expect("the account is there");
        if let Some(first) = letters.first() {
            return String::from_utf8_lossy(first).into_owned();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("nobody wrote to {account}");
}
