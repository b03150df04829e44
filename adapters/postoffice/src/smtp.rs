//! The submission server: SMTP with TLS, passwords and pipelining, in front of certified and ordinary mail (RFC 5321, 6409).
//!
//! Guarantee: lines, messages, recipients and errors are bounded; a client that talks nonsense is told so and then left. Limit: no relaying,
//! no extensions beyond PIPELINING, SIZE, 8BITMIME, STARTTLS, AUTH and ENHANCEDSTATUSCODES.

use crate::boxes::SubmissionFault;
use crate::certified::Refusal;
use crate::config::{Account, AccountKind};
use crate::mime;
use crate::office::Office;
use crate::structure::addresses;
use crate::wire::Wire;
use std::io;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// Longest command line, bytes. AUTH with an initial response may be longer than the 512 of RFC 5321.
const MAX_LINE: usize = 12_288;
/// Longest line of a message, bytes.
const MAX_TEXT_LINE: usize = 1_000_000;
/// Faults of a client before it is left.
const MAX_FAULTS: u32 = 20;
/// Commands in one connection.
const MAX_COMMANDS: u32 = 1_000_000;

/// One client.
pub(crate) struct Session {
    office: Arc<Office>,
    tls: Option<TlsAcceptor>,
    account: Option<Account>,
    greeted: bool,
    sender: Option<String>,
    recipients: Vec<String>,
    faults: u32,
}

/// What comes after a command.
enum Next {
    Reply(String),
    StartTls,
    Data,
    Auth(Auth),
    Quit,
}

/// Which part of a sign-in is awaited.
enum Auth {
    Plain(Option<String>),
    Login(Option<String>),
}

impl Session {
    /// A client on a port; `tls` is given where STARTTLS is possible.
    pub fn new(office: Arc<Office>, tls: Option<TlsAcceptor>) -> Self {
        Self {
            office,
            tls,
            account: None,
            greeted: false,
            sender: None,
            recipients: Vec::new(),
            faults: 0,
        }
    }

    /// Serves the client until it leaves or is left.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn serve(mut self, mut wire: Wire) -> io::Result<()> {
        reply(&mut wire, "220 smtp.sandbox.example ESMTP Messo sandbox").await?;
        for _ in 0..MAX_COMMANDS {
            let Some((line, _)) = wire.line(MAX_LINE).await? else { break };
            let line = String::from_utf8_lossy(&line).into_owned();
            let before = self.faults;
            match self.command(&line) {
                Next::Reply(text) => {
                    self.faults += u32::from(text.starts_with("50"));
                    reply(&mut wire, &text).await?;
                }
                Next::Data => {
                    let text = self.data(&mut wire).await?;
                    reply(&mut wire, &text).await?;
                }
                Next::Auth(auth) => {
                    let text = self.authenticate(&mut wire, auth).await?;
                    self.faults += u32::from(text.starts_with('5'));
                    reply(&mut wire, &text).await?;
                }
                Next::StartTls => {
                    reply(&mut wire, "220 2.0.0 ready").await?;
                    let Some(acceptor) = self.tls.take() else { break };
                    wire = wire.secured(&acceptor).await?;
                    self = Self::new(self.office, None);
                }
                Next::Quit => {
                    reply(&mut wire, "221 2.0.0 bye").await?;
                    break;
                }
            }
            if self.faults > before && self.faults >= MAX_FAULTS {
                reply(&mut wire, "421 4.7.0 too many faults").await?;
                break;
            }
        }
        wire.close().await;
        Ok(())
    }

    fn command(&mut self, line: &str) -> Next {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let text = match verb.to_ascii_uppercase().as_str() {
            "EHLO" | "HELO" if rest.trim().is_empty() => "501 5.5.4 name yourself".to_owned(),
            "EHLO" => self.ehlo(),
            "HELO" => {
                self.reset();
                self.greeted = true;
                "250 smtp.sandbox.example".into()
            }
            "STARTTLS" if self.tls.is_some() => return Next::StartTls,
            "AUTH" => return self.auth(rest),
            "MAIL" => self.mail(rest),
            "RCPT" => self.rcpt(rest),
            "DATA" if self.recipients.is_empty() => "503 5.5.1 no recipients".into(),
            "DATA" => return Next::Data,
            "RSET" => {
                self.reset();
                "250 2.0.0 ok".into()
            }
            "NOOP" => "250 2.0.0 ok".into(),
            "VRFY" => "252 2.1.5 cannot say".into(),
            "QUIT" => return Next::Quit,
            _ => "502 5.5.2 no such command".into(),
        };
        Next::Reply(text)
    }

    fn ehlo(&mut self) -> String {
        self.reset();
        self.greeted = true;
        let size = self.office.config.limits.max_message_bytes;
        let tls = if self.tls.is_some() { "250-STARTTLS\r\n" } else { "" };
        format!(
            "250-smtp.sandbox.example\r\n250-PIPELINING\r\n250-SIZE {size}\r\n250-8BITMIME\r\n{tls}\
250-AUTH PLAIN LOGIN\r\n250 ENHANCEDSTATUSCODES"
        )
    }

    fn reset(&mut self) {
        self.sender = None;
        self.recipients.clear();
    }

    fn auth(&self, rest: &str) -> Next {
        let (mechanism, initial) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
        let initial = (!initial.is_empty()).then(|| initial.to_owned());
        if !self.greeted || self.account.is_some() {
            return Next::Reply("503 5.5.1 not now".into());
        }
        match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => Next::Auth(Auth::Plain(initial)),
            "LOGIN" => Next::Auth(Auth::Login(initial)),
            _ => Next::Reply("504 5.5.4 no such mechanism".into()),
        }
    }

    async fn authenticate(&mut self, wire: &mut Wire, auth: Auth) -> io::Result<String> {
        let (user, password) = match auth {
            Auth::Plain(initial) => {
                let text = answer(wire, initial, "334 ").await?;
                // authorisation identity, user, password (RFC 4616)
                let mut pieces = text.split('\0').skip(1).map(str::to_owned);
                (pieces.next().unwrap_or_default(), pieces.next().unwrap_or_default())
            }
            Auth::Login(initial) => {
                let user = answer(wire, initial, "334 VXNlcm5hbWU6").await?;
                (user, answer(wire, None, "334 UGFzc3dvcmQ6").await?)
            }
        };
        self.account = self.office.login(&user, &password);
        Ok(match self.account {
            Some(_) => "235 2.7.0 welcome".into(),
            None => "535 5.7.8 wrong user or password".into(),
        })
    }

    fn mail(&mut self, rest: &str) -> String {
        if !self.greeted || self.sender.is_some() {
            return "503 5.5.1 not now".into();
        }
        let Some((sender, parameters)) = path(rest, "FROM:") else {
            return "501 5.5.4 MAIL FROM:<address>".into();
        };
        let size = parameters.split(' ').find_map(|word| {
            let (name, value) = word.split_once('=')?;
            name.eq_ignore_ascii_case("SIZE").then(|| value.parse::<usize>().ok())?
        });
        if size.is_some_and(|size| size > self.office.config.limits.max_message_bytes) {
            return "552 5.3.4 message too big".into();
        }
        if self.account.is_none() && self.office.config.trusts_loopback {
            let known = self.office.account_of(&sender);
            self.account = known.filter(|one| one.kind == AccountKind::Ordinary).cloned();
        }
        let Some(account) = &self.account else {
            return "530 5.7.0 sign in first".into();
        };
        let own = match account.kind {
            AccountKind::Certified => sender.eq_ignore_ascii_case(&account.address),
            AccountKind::Ordinary => {
                sender.is_empty()
                    || self
                        .office
                        .account_of(&sender)
                        .is_some_and(|one| one.address == account.address)
            }
        };
        if !own {
            return "553 5.7.1 not your address".into();
        }
        self.sender = Some(sender);
        "250 2.1.0 ok".into()
    }

    fn rcpt(&mut self, rest: &str) -> String {
        if self.sender.is_none() {
            return "503 5.5.1 MAIL first".into();
        }
        let Some((recipient, _)) = path(rest, "TO:") else {
            return "501 5.5.4 RCPT TO:<address>".into();
        };
        if addresses(&recipient).len() != 1 {
            return "501 5.1.3 not an address".into();
        }
        let limit = self.office.config.limits.max_recipients;
        if self.recipients.iter().any(|known| known.eq_ignore_ascii_case(&recipient)) {
            return "250 2.1.5 ok, once".into();
        }
        if self.recipients.len() >= limit {
            return "452 4.5.3 too many recipients".into();
        }
        self.recipients.push(recipient);
        "250 2.1.5 ok".into()
    }

    async fn data(&mut self, wire: &mut Wire) -> io::Result<String> {
        reply(wire, "354 end with a dot").await?;
        let limit = self.office.config.limits.max_message_bytes;
        let message = match message(wire, limit).await? {
            Ok(message) => message,
            Err(refusal) => {
                self.reset();
                return Ok(format!("{} {}", refusal.code, refusal.text));
            }
        };
        let sender = self.sender.take().unwrap_or_default();
        let recipients = std::mem::take(&mut self.recipients);
        let Some(account) = &self.account else {
            return Ok("530 5.7.0 sign in first".into());
        };
        let fault =
            self.office.with_box(&account.address, |one| Ok(one.submission_faults.pop_front()));
        let fault = fault.ok().flatten();
        if let Some(SubmissionFault::Refuse(code)) = fault {
            return Ok(format!("{code} {}.7.0 refused on command", code / 100));
        }
        let taken = match account.kind {
            AccountKind::Certified => {
                self.office.submit_certified(account, &sender, &recipients, &message)
            }
            AccountKind::Ordinary => self.office.submit_ordinary(&sender, &recipients, &message),
        };
        if fault == Some(SubmissionFault::Cut) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(match taken {
            Ok(id) => format!("250 2.0.0 taken as {id}"),
            Err(refusal) => format!("{} {}", refusal.code, refusal.text),
        })
    }
}

/// Reads a message up to its dot, and on to the dot when it is too big, but not without end.
async fn message(wire: &mut Wire, limit: usize) -> io::Result<Result<Vec<u8>, Refusal>> {
    let mut message = Vec::new();
    let (mut read, mut bare) = (0_usize, false);
    loop {
        let Some((line, whole)) = wire.line(MAX_TEXT_LINE).await? else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        if whole && line == b"." {
            break;
        }
        bare |= !whole;
        read = read.saturating_add(line.len() + 2);
        if read > limit.saturating_mul(2) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if read <= limit {
            message.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
            message.extend_from_slice(b"\r\n");
        }
    }
    Ok(if read > limit {
        Err(Refusal { code: 552, text: "5.3.4 message too big" })
    } else if bare {
        // A lone LF may be read as a line end by one server and not by the next.
        Err(Refusal { code: 554, text: "5.6.0 lines must end in CRLF" })
    } else {
        Ok(message)
    })
}

/// One answer of a sign-in, decoded.
async fn answer(wire: &mut Wire, initial: Option<String>, prompt: &str) -> io::Result<String> {
    let coded = match initial {
        Some(coded) => coded.into_bytes(),
        None => {
            reply(wire, prompt).await?;
            wire.line(MAX_LINE).await?.ok_or(io::ErrorKind::UnexpectedEof)?.0
        }
    };
    Ok(String::from_utf8_lossy(&mime::read_base64(&coded)).into_owned())
}

async fn reply(wire: &mut Wire, text: &str) -> io::Result<()> {
    wire.write(format!("{text}\r\n").as_bytes()).await
}

/// `FROM:<a@b> SIZE=1` as address and parameters.
fn path(rest: &str, begin: &str) -> Option<(String, String)> {
    let rest = rest.trim_start();
    let named = rest.get(..begin.len())?.eq_ignore_ascii_case(begin);
    let rest = rest.get(begin.len()..).filter(|_| named)?.trim_start();
    let (address, parameters) = rest.strip_prefix('<')?.split_once('>')?;
    // A lone CR is no line end here, but may become one further on.
    if address.chars().any(char::is_control) {
        return None;
    }
    Some((address.to_owned(), parameters.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_in_any_case_and_with_parameters() {
        let read = path("from: <a@b.it> SIZE=3 BODY=8BITMIME", "FROM:");
        assert_eq!(read, Some(("a@b.it".into(), "SIZE=3 BODY=8BITMIME".into())));
        assert_eq!(path("FROM:<>", "FROM:"), Some((String::new(), String::new())));
        assert_eq!(path("FRÒM:<a@b>", "FROM:"), None);
        assert_eq!(path("FROM:a@b", "FROM:"), None);
        assert_eq!(path("FROM:<a\rX-Ricevuta: x@b>", "FROM:"), None);
    }
}
