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
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
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
        certify(&folder)?;
        let file = folder.join("dovecot.conf");
        write(&file, &configuration(&folder, &mail, imap_port, lmtp_port))?;
        let mut command = Command::new("/usr/sbin/dovecot");
        command.current_dir(&folder).arg("-F").arg("-c").arg(&file);
        let mut process = Process::start("dovecot", &folder, &mut command)?;
        process.until(async || answers(imap_port) && answers(lmtp_port)).await?;
        Ok(Self { _process: process, mail, imap_port, lmtp_port })
    }

    /// The certificate for STARTTLS, which vouches for itself, PEM.
    pub fn certificate(&self) -> PathBuf {
        self.mail.with_file_name("certificate.pem")
    }

    /// Loopback port of IMAP, in the clear or after STARTTLS.
    pub fn imap_port(&self) -> u16 {
        self.imap_port
    }

    /// Loopback port of LMTP (RFC 2033).
    pub fn lmtp_port(&self) -> u16 {
        self.lmtp_port
    }

    /// Delivers messages over LMTP, one after the other; each is in the mailbox when this returns.
    pub async fn deliver(&self, address: &str, mails: &[Vec<u8>]) -> Started<()> {
        let lost = |error: std::io::Error| format!("LMTP: {error}");
        let stream = TcpStream::connect(("127.0.0.1", self.lmtp_port)).await.map_err(lost)?;
        stream.set_nodelay(true).map_err(lost)?;
        let mut stream = BufReader::new(stream);
        answer(&mut stream, b"").await?;
        answer(&mut stream, b"LHLO stories.test\r\n").await?;
        for mail in mails {
            answer(&mut stream, b"MAIL FROM:<>\r\n").await?;
            answer(&mut stream, format!("RCPT TO:<{address}>\r\n").as_bytes()).await?;
            answer(&mut stream, b"DATA\r\n").await?;
            let mut data = Vec::with_capacity(mail.len() + 100);
            for line in mail.split_inclusive(|byte| *byte == b'\n') {
                if line.first() == Some(&b'.') {
                    data.push(b'.');
                }
                data.extend_from_slice(line);
            }
            data.extend_from_slice(b".\r\n");
            answer(&mut stream, &data).await?;
        }
        Ok(())
    }

    /// Files a message in a folder of an address that has got mail before, as a rule of the provider's would.
    pub fn file(&self, address: &str, folder: &str, name: &str, mail: &[u8]) -> Started<()> {
        let failed = |error: std::io::Error| format!("Dovecot: {error}");
        let folder =
            self.mail.join(address.to_lowercase()).join("Maildir").join(format!(".{folder}"));
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(folder.join(part)).map_err(failed)?;
            give(&folder.join(part), "mail")?;
        }
        give(&folder, "mail")?;
        let file = folder.join("tmp").join(name);
        fs::write(&file, mail).map_err(failed)?;
        give(&file, "mail")?;
        fs::rename(&file, folder.join("new").join(name)).map_err(failed)
    }

    /// Makes the inbox of an address number its messages anew, under another UIDVALIDITY, as after a move to another server.
    pub fn number_anew(&self, address: &str) -> Started<()> {
        let maildir = self.mail.join(address.to_lowercase()).join("Maildir");
        let failed = |error: std::io::Error| format!("Dovecot: {error}");
        for entry in fs::read_dir(&maildir).map_err(failed)?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("dovecot.") || name.starts_with("dovecot-uidlist") {
                fs::remove_file(entry.path()).map_err(failed)?;
            }
        }
        Ok(())
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

/// Makes a certificate for the loopback.
fn certify(folder: &Path) -> Started<()> {
    let made = Command::new("openssl")
        .current_dir(folder)
        .args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split(' '))
        .args(["-subj", "/CN=Dovecot of the stories", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "key.pem", "-out", "certificate.pem"])
        .output()
        .map_err(|error| format!("openssl: {error}"))?;
    let tail = String::from_utf8_lossy(&made.stderr).into_owned();
    if made.status.success() { Ok(()) } else { Err(format!("openssl: {tail}")) }
}

/// Says something and reads the answer, which must be a success.
async fn answer(stream: &mut BufReader<TcpStream>, text: &[u8]) -> Started<()> {
    let lost = |error: std::io::Error| format!("LMTP: {error}");
    stream.get_mut().write_all(text).await.map_err(lost)?;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.map_err(lost)?;
        match line.as_bytes() {
            [b'2' | b'3', _, _, b' ', ..] => return Ok(()),
            [b'2', _, _, b'-', ..] => {}
            _ => return Err(format!("LMTP: {line}")),
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
ssl = yes
ssl_cert = <{folder}/certificate.pem
ssl_key = <{folder}/key.pem
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
