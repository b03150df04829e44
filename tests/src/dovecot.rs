//! A private Dovecot: LMTP in, IMAP and a Maildir out. Every address has a mailbox.
//!
//! Guarantee: what was delivered to an address is read back byte for byte, as Dovecot stored it.
//! Limit: `name+detail@` goes to the mailbox of `name@`, as in the world; the password is always
//! [`PASSWORD`].

use crate::Started;
use crate::process::{Process, answers, ask_root, free_port, give, new_folder, write};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The password of every mailbox.
pub const PASSWORD: &str = "segreta";
/// How long [`Dovecot::mail_for`] waits.
const DELIVERY_LIMIT: Duration = Duration::from_secs(30);

/// A running Dovecot.
pub struct Dovecot {
    _process: Process,
    mail: PathBuf,
    imap_port: u16,
    lmtp_port: u16,
}

impl Dovecot {
    /// Starts one.
    pub async fn start() -> Started<Self> {
        ask_root("Dovecot")?;
        let folder = new_folder("dovecot")?;
        let mail = folder.join("mail");
        fs::create_dir(&mail).map_err(|error| format!("Dovecot: {error}"))?;
        give(&mail, "mail")?;
        let (imap_port, lmtp_port) = (free_port(), free_port());
        let file = folder.join("dovecot.conf");
        write(&file, &configuration(&folder, &mail, imap_port, lmtp_port))?;
        let mut command = Command::new("/usr/sbin/dovecot");
        command.current_dir(&folder).arg("-F").arg("-c").arg(&file);
        let mut process = Process::start("dovecot", &folder, &mut command)?;
        process.until(async || answers(imap_port) && answers(lmtp_port)).await?;
        Ok(Self { _process: process, mail, imap_port, lmtp_port })
    }

    /// Loopback port of IMAP, without TLS.
    pub fn imap_port(&self) -> u16 {
        self.imap_port
    }

    /// Loopback port of LMTP (RFC 2033).
    pub fn lmtp_port(&self) -> u16 {
        self.lmtp_port
    }

    /// All messages of an address, oldest first, as raw bytes; empty when it never got one.
    pub async fn mailbox(&self, address: &str) -> Vec<Vec<u8>> {
        let maildir = self.mail.join(address.to_lowercase()).join("Maildir");
        let mut files: Vec<_> = ["new", "cur"]
            .into_iter()
            .flat_map(|part| fs::read_dir(maildir.join(part)).into_iter().flatten().flatten())
            .map(|entry| entry.path())
            .collect();
        files.sort_by_key(|path| path.file_name().map(ToOwned::to_owned));
        files.iter().filter_map(|path| fs::read(path).ok()).collect()
    }

    /// Waits until an address has at least `count` messages. Panics when they don't come.
    pub async fn mail_for(&self, address: &str, count: usize) -> Vec<Vec<u8>> {
        let deadline = Instant::now() + DELIVERY_LIMIT;
        loop {
            let mails = self.mailbox(address).await;
            if mails.len() >= count {
                return mails;
            }
            assert!(Instant::now() < deadline, "{} of {count} mails arrived in time", mails.len());
            sleep(Duration::from_millis(50)).await;
        }
    }
}

fn configuration(folder: &Path, mail: &Path, imap_port: u16, lmtp_port: u16) -> String {
    let (folder, mail) = (folder.display(), mail.display());
    format!(
        r#"
base_dir = {folder}/run
state_dir = {folder}/state
log_path = /dev/stderr
protocols = imap lmtp
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_username_chars =
auth_username_format = %Lu
mail_location = maildir:~/Maildir
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
first_valid_gid = 1
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={mail}/%Lu allow_all_users=yes
}}
service imap-login {{
  inet_listener imap {{
    address = 127.0.0.1
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp_port}
  }}
}}
protocol lmtp {{
  postmaster_address = postmaster@example.test
}}
"#
    )
}
