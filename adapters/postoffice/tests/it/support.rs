//! A post office with a fixed clock, a bare SMTP client, and a reader of messages that shares nothing with the crate.

use messo_core::ports::{Clock, Ids};
use messo_core::time::Timestamp;
use messo_postoffice::{Account, Authority, Config, Pace, PostOffice};
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

pub const BODY: &str = "organismo@pec.sandbox.example";
pub const LAWYER: &str = "avvocato@pec.sandbox.example";
pub const DESK: &str = "segreteria@organismo.sandbox.example";
pub const PASSWORD: &str = "parola d'ordine";

/// 2026-11-23T23:00:07Z: already the 24th in Rome.
pub const NOW: Timestamp = Timestamp::from_seconds(1_795_474_807);

pub struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        NOW
    }
}

#[derive(Default)]
pub struct Counted(AtomicU64);

impl Ids for Counted {
    fn uuid(&self) -> uuid::Uuid {
        uuid::Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)))
    }
}

/// Keys are made once for all tests.
pub fn authority() -> Arc<Authority> {
    static AUTHORITY: OnceLock<Arc<Authority>> = OnceLock::new();
    AUTHORITY.get_or_init(|| Arc::new(Authority::new(NOW).unwrap())).clone()
}

pub fn config() -> Config {
    let mut config = Config::new(Arc::new(Fixed), Arc::new(Counted::default()))
        .account(Account::certified(BODY, PASSWORD))
        .account(Account::certified(LAWYER, PASSWORD))
        .account(Account::ordinary(DESK, PASSWORD));
    config.authority = Some(authority());
    config.pace = Pace::of(Duration::from_millis(20));
    config.limits.patience = Duration::from_secs(20);
    config
}

pub async fn office() -> PostOffice {
    PostOffice::start(config()).await.unwrap()
}

/// A client that says lines and reads replies.
pub struct Smtp(pub BufReader<TcpStream>);

impl Smtp {
    pub async fn connect(office: &PostOffice) -> Self {
        let stream = TcpStream::connect(office.addresses().smtp).await.unwrap();
        let mut client = Self(BufReader::new(stream));
        assert!(client.reply().await.starts_with("220 "));
        client
    }

    pub async fn login(office: &PostOffice, user: &str) -> Self {
        let mut client = Self::connect(office).await;
        client.say("EHLO prova").await;
        let plain = data_encoding::BASE64.encode(format!("\0{user}\0{PASSWORD}").as_bytes());
        assert!(client.say(&format!("AUTH PLAIN {plain}")).await.starts_with("235 "));
        client
    }

    /// The last line of a reply; nothing when the server has gone.
    pub async fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            let read = self.0.read_line(&mut line);
            let read = tokio::time::timeout(Duration::from_secs(10), read).await;
            if read.expect("the server answers").unwrap_or(0) == 0 {
                return String::new();
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return line.trim_end().to_owned();
            }
        }
    }

    pub async fn write(&mut self, bytes: &[u8]) {
        // The server may have left already; the missing reply shows it.
        let _ = self.0.get_mut().write_all(bytes).await;
    }

    pub async fn say(&mut self, line: &str) -> String {
        self.write(format!("{line}\r\n").as_bytes()).await;
        self.reply().await
    }

    /// Submits and gives the final reply.
    pub async fn send(&mut self, from: &str, to: &[&str], message: &str) -> String {
        assert!(self.say(&format!("MAIL FROM:<{from}>")).await.starts_with("250"));
        for recipient in to {
            assert!(self.say(&format!("RCPT TO:<{recipient}>")).await.starts_with("250"));
        }
        assert!(self.say("DATA").await.starts_with("354"));
        self.write(message.replace("\r\n.", "\r\n..").as_bytes()).await;
        self.say(".").await
    }

    pub async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let read = self.0.read_to_end(&mut rest);
        let _ = tokio::time::timeout(Duration::from_secs(10), read).await;
        rest
    }
}

/// A notice with one attachment to these recipients.
pub fn notice(to: &str, more: &str) -> String {
    format!(
        "From: Organismo <{BODY}>\r\nTo: {to}\r\n{more}Subject: Convocazione =?utf-8?Q?perch=C3=A9?=\r\n\
Message-ID: <h1.01jd.9f3ac2d1@hub.organismo.example>\r\nMIME-Version: 1.0\r\n\
Content-Type: multipart/mixed; boundary=\"xx\"\r\n\r\n--xx\r\nContent-Type: text/plain\r\n\r\n-- testo\r\n\
--xx\r\nContent-Type: application/pdf; name=\"atto.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n\
JVBERi0xLjcK\r\n--xx--\r\n"
    )
}

/// Submits a notice and waits for so many messages in the sender's box.
pub async fn after_notice(office: &PostOffice, to: &str, count: usize) -> Vec<Message> {
    let mut smtp = Smtp::login(office, BODY).await;
    assert!(smtp.send(BODY, &[to], &notice(to, "")).await.starts_with("250"));
    messages(office, BODY, count).await
}

/// Waits for so many messages in the inbox; fails when there are more.
pub async fn messages(office: &PostOffice, account: &str, count: usize) -> Vec<Message> {
    for _ in 0..500 {
        if office.messages(account, "INBOX").unwrap().len() >= count {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // What should not come would come by now.
    tokio::time::sleep(Duration::from_millis(60)).await;
    let found = office.messages(account, "INBOX").unwrap();
    let found: Vec<_> = found.iter().map(|bytes| Message(bytes.to_vec())).collect();
    let subjects: Vec<_> = found.iter().map(|one| one.header("Subject")).collect();
    assert_eq!(found.len(), count, "{subjects:?}");
    found
}

/// A message or part, read by means of the tests' own.
#[derive(Clone)]
pub struct Message(pub Vec<u8>);

impl Message {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }

    fn head(&self) -> String {
        let text = self.text();
        let head = text.split("\r\n\r\n").next().unwrap_or_default();
        head.replace("\r\n ", " ").replace("\r\n\t", " ")
    }

    /// A header field, unfolded; empty when missing. Names are compared as they are written.
    pub fn header(&self, name: &str) -> String {
        let begin = format!("{name}: ");
        let head = self.head();
        let line = head.lines().find_map(|line| line.strip_prefix(&begin));
        line.unwrap_or_default().to_owned()
    }

    pub fn body(&self) -> Vec<u8> {
        let at = self.0.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        self.0[at + 4..].to_vec()
    }

    fn boundary(&self) -> Option<String> {
        let kind = self.header("Content-Type");
        let (_, rest) = kind.split_once("boundary=\"")?;
        Some(rest.split('"').next()?.to_owned())
    }

    /// The parts, each with its exact bytes; a missing closing boundary ends the last one.
    pub fn parts(&self) -> Vec<Self> {
        let Some(boundary) = self.boundary() else { return Vec::new() };
        let body = [b"\r\n".to_vec(), self.body()].concat();
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        let mut starts: Vec<usize> = Vec::new();
        for at in 0..body.len().saturating_sub(delimiter.len()) {
            if body[at..].starts_with(&delimiter) {
                starts.push(at);
            }
        }
        starts.push(body.len());
        let pieces = starts.windows(2).map(|pair| &body[pair[0] + delimiter.len()..pair[1]]);
        pieces
            .filter_map(|piece| piece.strip_prefix(b"\r\n"))
            .map(|piece| Self(piece.to_vec()))
            .collect()
    }

    /// Media types of the tree, depth first, enclosed messages not entered.
    pub fn types(&self) -> Vec<String> {
        let kind = self.header("Content-Type");
        let mut types = vec![kind.split(';').next().unwrap_or_default().to_owned()];
        types.extend(self.parts().iter().flat_map(Self::types));
        types
    }

    /// The part with that file name, at any depth.
    pub fn named(&self, name: &str) -> Option<Self> {
        let wanted = format!("name=\"{name}\"");
        if self.header("Content-Type").contains(&wanted) {
            return Some(self.clone());
        }
        self.parts().iter().find_map(|part| part.named(name))
    }

    pub fn decoded(&self) -> Vec<u8> {
        if self.header("Content-Transfer-Encoding") != "base64" {
            return self.body();
        }
        let lines: Vec<u8> =
            self.body().into_iter().filter(|byte| !b"\r\n".contains(byte)).collect();
        data_encoding::BASE64.decode(&lines).unwrap()
    }

    /// daticert.xml as text; ISO-8859-1 is read as such.
    pub fn record(&self) -> String {
        let bytes = self.named("daticert.xml").expect("a record").decoded();
        if bytes.starts_with(b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>") {
            return bytes.iter().map(|byte| char::from(*byte)).collect();
        }
        String::from_utf8(bytes).unwrap()
    }

    /// The text between `begin` and the next `end` in the record; empty when missing.
    pub fn fact(&self, begin: &str, end: &str) -> String {
        let record = self.record();
        let rest = record.split_once(begin).map(|(_, rest)| rest).unwrap_or_default();
        rest.split(end).next().unwrap_or_default().to_owned()
    }

    /// The enclosed postacert.eml.
    pub fn enclosed(&self) -> Self {
        Self(self.named("postacert.eml").expect("an enclosed message").decoded())
    }

    /// What `openssl cms -verify` says with the root of the tests; the signer's certificate as PEM when it holds.
    pub fn verify(&self) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(path("m.eml"), &self.0).unwrap();
        std::fs::write(path("ca.pem"), authority().root_pem()).unwrap();
        let arguments = ["cms", "-verify", "-in", &path("m.eml"), "-CAfile", &path("ca.pem")];
        let more = ["-signer", &path("signer.pem"), "-out", &path("content")];
        let said = openssl(&[&arguments[..], &more[..]].concat(), b"");
        if !said.0 {
            return Err(said.2);
        }
        // The judge saw the very bytes between the boundaries.
        let first = self.parts().into_iter().next().unwrap();
        assert_eq!(std::fs::read(path("content")).unwrap(), first.0);
        Ok(std::fs::read_to_string(path("signer.pem")).unwrap())
    }
}

/// Runs `openssl`: success, output, errors.
pub fn openssl(arguments: &[&str], input: &[u8]) -> (bool, String, String) {
    let mut command = Command::new("openssl");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("these tests need the openssl command");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}
