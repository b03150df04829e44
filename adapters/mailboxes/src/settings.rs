//! What an operator says about a mailbox that is read.
//!
//! Guarantee: [`MailboxSettings::check`] refuses what cannot work, naming the field. Limit: whether the server agrees
//! is seen only by [`crate::check`].

use messo_core::addresses::Channel;
use secrecy::SecretString;
use serde::Deserialize;
use std::path::PathBuf;

/// Most folders of one mailbox, named or found by a wildcard.
pub const MOST_FOLDERS: usize = 100;

/// A mailbox that is read over IMAP. Where mail is sent from is set elsewhere: a body that changes its provider goes
/// on reading the old mailbox for late receipts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailboxSettings {
    /// Its name, in logs, metrics and the cursor; not its address.
    pub name: String,
    /// `pec` for certified mail, `email` for ordinary mail.
    pub channel: Channel,
    /// A sandbox post office fills it.
    #[serde(default)]
    pub sandbox: bool,
    /// Host name of the IMAP server.
    pub host: String,
    /// Port: usually 993 with implicit TLS, 143 otherwise.
    #[serde(default = "port")]
    pub port: u16,
    /// How the connection is protected.
    #[serde(default)]
    pub tls: Tls,
    /// Authorities to trust instead of the usual ones, PEM.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// User name at the server.
    pub user: String,
    /// Password; providers with a second factor want one made for programs.
    pub password: SecretString,
    /// Folders, as the server names them; the last character may be `*`. Some providers of certified mail file
    /// receipts in a folder of their own, e.g. `Ricevute`.
    #[serde(default = "folders")]
    pub folders: Vec<String>,
    /// Each folder is looked at so often, whatever the server announces; seconds.
    #[serde(default = "poll_s")]
    pub poll_s: u64,
    /// Lets the server announce new mail in the first folder (RFC 2177).
    #[serde(default = "yes")]
    pub idle: bool,
    /// Of a larger message only the head is fetched, bytes.
    #[serde(default = "max_message_bytes")]
    pub max_message_bytes: u64,
    /// Messages fetched at once weigh at most so much together, bytes; a larger one goes alone and in pieces.
    #[serde(default = "batch_bytes")]
    pub batch_bytes: u64,
    /// Most messages fetched at once.
    #[serde(default = "batch_messages")]
    pub batch_messages: usize,
    /// A command that is not answered in this time ends the connection, seconds. What a command brings may take longer
    /// by one second for each 32 KiB.
    #[serde(default = "deadline_s")]
    pub deadline_s: u64,
    /// Time to connect, with TLS, seconds.
    #[serde(default = "connect_s")]
    pub connect_s: u64,
    /// What becomes of a message in the mailbox once it is taken.
    #[serde(default)]
    pub after: After,
    /// How often the mail of the last days is compared again, hours; 0 is never.
    #[serde(default = "sweep_h")]
    pub sweep_h: u64,
    /// How many days the comparison goes back.
    #[serde(default = "sweep_days")]
    pub sweep_days: u16,
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// Not at all: for servers on the same machine.
    None,
    /// Begins in the clear and must change over before signing in (RFC 9051 6.2.1).
    Starttls,
    /// From the first byte (RFC 8314).
    #[default]
    Implicit,
}

/// What becomes of a message in the mailbox once it is taken. A message of which only the head was taken stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum After {
    /// Nothing: the mailbox is opened for reading only.
    #[default]
    Keep,
    /// It is marked as read.
    Seen,
    /// It is moved to this folder.
    Move(String),
}

impl TryFrom<String> for After {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "keep" => Ok(Self::Keep),
            None if text == "seen" => Ok(Self::Seen),
            Some(("move", folder)) if !folder.is_empty() => Ok(Self::Move(folder.to_owned())),
            _ => Err("after is keep, seen or move:FOLDER".to_owned()),
        }
    }
}

/// A setting that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} of a mailbox {must}")]
pub struct InvalidSetting {
    /// Which.
    pub field: &'static str,
    /// What it must be.
    pub must: &'static str,
}

impl MailboxSettings {
    /// A mailbox with everything else as by default.
    pub fn new(name: &str, channel: Channel, host: &str, user: &str, password: &str) -> Self {
        Self {
            name: name.into(),
            channel,
            sandbox: false,
            host: host.into(),
            port: port(),
            tls: Tls::default(),
            ca_file: None,
            user: user.into(),
            password: SecretString::from(password),
            folders: folders(),
            poll_s: poll_s(),
            idle: yes(),
            max_message_bytes: max_message_bytes(),
            batch_bytes: batch_bytes(),
            batch_messages: batch_messages(),
            deadline_s: deadline_s(),
            connect_s: connect_s(),
            after: After::default(),
            sweep_h: sweep_h(),
            sweep_days: sweep_days(),
        }
    }

    /// Refuses what cannot work.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        let rules = [
            (
                "name",
                "is a short word, not an address",
                (1..=60).contains(&self.name.len())
                    && !self.name.contains(|c: char| c == '@' || c.is_control()),
            ),
            ("channel", "is email or pec", matches!(self.channel, Channel::Email | Channel::Pec)),
            ("host", "is missing", !self.host.is_empty()),
            ("user", "is missing or has control characters", sayable(&self.user)),
            (
                "folders",
                "are 1 to 100 names; only the last character may be *, and % is not one of them",
                (1..=MOST_FOLDERS).contains(&self.folders.len())
                    && self.folders.iter().all(|folder| {
                        let plain = folder.strip_suffix('*').unwrap_or(folder);
                        sayable(folder) && !plain.contains(['*', '%'])
                    }),
            ),
            ("poll_s", "is 1 to 86400", (1..=86_400).contains(&self.poll_s)),
            (
                "max_message_bytes",
                "is 1 kB to 400 MB",
                (1_000..=400_000_000).contains(&self.max_message_bytes),
            ),
            ("batch_bytes", "is 1 kB to 400 MB", (1_000..=400_000_000).contains(&self.batch_bytes)),
            ("batch_messages", "is 1 to 500", (1..=500).contains(&self.batch_messages)),
            ("deadline_s", "is 1 to 600", (1..=600).contains(&self.deadline_s)),
            ("connect_s", "is 1 to 600", (1..=600).contains(&self.connect_s)),
            (
                "after",
                "moves to a folder with control characters",
                !matches!(&self.after, After::Move(folder) if !sayable(folder)),
            ),
        ];
        match rules.into_iter().find(|(.., holds)| !holds) {
            Some((field, must, _)) => Err(InvalidSetting { field, must }),
            None => Ok(()),
        }
    }
}

/// Can be quoted in a command.
fn sayable(text: &str) -> bool {
    !text.is_empty() && text.len() <= 500 && !text.contains(char::is_control)
}

fn port() -> u16 {
    993
}
fn folders() -> Vec<String> {
    vec!["INBOX".into()]
}
fn poll_s() -> u64 {
    60
}
fn yes() -> bool {
    true
}
fn max_message_bytes() -> u64 {
    100_000_000
}
fn batch_bytes() -> u64 {
    16_000_000
}
fn batch_messages() -> usize {
    100
}
fn deadline_s() -> u64 {
    60
}
fn connect_s() -> u64 {
    20
}
fn sweep_h() -> u64 {
    24
}
fn sweep_days() -> u16 {
    7
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(more: &str) -> Result<MailboxSettings, serde_json::Error> {
        serde_json::from_str(&format!(
            r#"{{"name": "pec", "channel": "pec", "host": "imap.example.org", "user": "sede", "password": "x"{more}}}"#
        ))
    }

    #[test]
    fn what_is_not_said_is_safe() {
        let settings = read("").unwrap();
        settings.check().unwrap();
        assert_eq!(
            (settings.port, settings.tls, &settings.after),
            (993, Tls::Implicit, &After::Keep)
        );
        assert_eq!(settings.folders, ["INBOX"]);
        assert!(!format!("{settings:?}").contains('x'.to_string().repeat(2).as_str()));
    }

    #[test]
    fn a_misspelt_setting_is_refused() {
        assert!(read(r#", "pol_s": 5"#).unwrap_err().to_string().contains("pol_s"));
        assert!(read(r#", "after": "delete""#).is_err());
        let moved = read(r#", "after": "move:Fatto""#).unwrap();
        assert_eq!(moved.after, After::Move("Fatto".into()));
    }

    #[test]
    fn what_cannot_work_is_named() {
        for (more, field) in [
            (r#", "folders": []"#, "folders"),
            (r#", "folders": ["a*b"]"#, "folders"),
            (r#", "folders": ["a\r\nb"]"#, "folders"),
            (r#", "poll_s": 0"#, "poll_s"),
            (r#", "max_message_bytes": 4000000000"#, "max_message_bytes"),
        ] {
            assert_eq!(read(more).unwrap().check().unwrap_err().field, field, "{more}");
        }
        let mut named = read("").unwrap();
        named.name = "sede@pec.example.it".into();
        assert_eq!(named.check().unwrap_err().field, "name");
    }
}
