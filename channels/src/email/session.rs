//! One SMTP connection (RFC 5321) and the conversation about one message after another.
//!
//! Commands are pipelined where the server allows it (RFC 2920): MAIL, RCPT and DATA in one write, the body with
//! its final dot in one write, and behind it already the commands of the next message. Every wait has a
//! deadline. How far a message went is told exactly: `Sent` only when its last byte was handed over.

mod opening;

use super::line::Line;
use super::log::Log;
use super::reply::{Inbox, Reply};
use super::settings::Deadlines;
use messo_core::ports::{Envelope, Stage};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// Longest wait for a server's last words after it has broken a connection off.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Longest wait for the answer to QUIT.
const GOODBYE: Duration = Duration::from_secs(1);

/// A stream of bytes, encrypted or not.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// What the server offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Features {
    pub pipelining: bool,
    pub size: bool,
    pub starttls: bool,
    pub dsn: bool,
    pub auth_plain: bool,
    pub auth_login: bool,
}

/// Where and why a conversation about a message ended before its end.
#[derive(Debug)]
pub(crate) struct Halt {
    pub stage: Stage,
    /// The server's refusal.
    pub reply: Option<Reply>,
    /// Or our own error: a word that `codes` knows, a space, details.
    pub error: Option<String>,
    /// The connection had been kept and was gone before the message was named: nothing of it has
    /// been heard, another connection may be tried.
    pub stale: bool,
}

impl Halt {
    fn refused(stage: Stage, reply: Reply) -> Self {
        Self { stage, reply: Some(reply), error: None, stale: false }
    }

    fn error(stage: Stage, error: impl Into<String>) -> Self {
        Self { stage, reply: None, error: Some(error.into()), stale: false }
    }
}

/// A message as it goes over the wire.
pub(crate) struct Message {
    from: String,
    to: String,
    reference: String,
    size: usize,
    /// The content, dots doubled, with the final dot; then perhaps commands about the next message.
    wire: Vec<u8>,
    content: usize,
}

impl Message {
    /// Doubles leading dots and adds the final one. Refuses content whose line ends are not all CRLF:
    /// servers disagree on where such a message ends.
    pub fn new(envelope: &Envelope) -> Result<Self, &'static str> {
        if [&envelope.from, &envelope.to].iter().any(|text| !is_path(text)) {
            return Err("messo:address an envelope address is malformed");
        }
        let mut wire = Vec::with_capacity(envelope.bytes.len() + 512);
        for line in envelope.bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = line.strip_suffix(b"\r\n").unwrap_or(line);
            if text.contains(&b'\r') || text.ends_with(b"\n") {
                return Err("messo:bare_newline the message has a line end that is not CRLF");
            }
            if line.first() == Some(&b'.') {
                wire.push(b'.');
            }
            wire.extend_from_slice(line);
        }
        wire.extend_from_slice(if wire.ends_with(b"\r\n") { b".\r\n" } else { b"\r\n.\r\n" });
        Ok(Self {
            from: envelope.from.clone(),
            to: envelope.to.clone(),
            reference: envelope.reference.clone(),
            size: envelope.bytes.len(),
            content: wire.len(),
            wire,
        })
    }

    /// MAIL, RCPT and DATA for a server with these features, with their line ends.
    pub fn commands(&self, features: &Features) -> [String; 3] {
        let size = if features.size { format!(" SIZE={}", self.size) } else { String::new() };
        let (returned, notify) = if features.dsn {
            // RFC 3461: bounces bring our reference back even when the server has lost the message.
            (format!(" RET=HDRS ENVID={}", xtext(&self.reference)), " NOTIFY=FAILURE,DELAY")
        } else {
            (String::new(), "")
        };
        [
            format!("MAIL FROM:<{}>{size}{returned}\r\n", self.from),
            format!("RCPT TO:<{}>{notify}\r\n", self.to),
            "DATA\r\n".to_owned(),
        ]
    }
}

fn is_path(text: &str) -> bool {
    text.is_ascii() && !text.chars().any(char::is_control)
}

/// RFC 3461 4.
fn xtext(text: &str) -> String {
    text.replace('+', "+2B").replace('=', "+3D")
}

/// A connection that takes messages.
pub(crate) struct Session {
    wire: Box<dyn Wire>,
    inbox: Inbox,
    features: Features,
    deadlines: Deadlines,
    /// Messages carried so far.
    pub served: u32,
    /// The conversation is out of step or over: no further message.
    pub broken: bool,
}

impl Session {
    /// Connects, encrypts, introduces us and signs in.
    pub async fn open(line: &Line, log: &mut Log) -> Result<Self, Halt> {
        opening::open(line, log).await
    }

    /// Carries one message; the server's answer to its end. With `named`, its commands were written behind the
    /// message before. `next` gives the commands to write behind this one.
    pub async fn carry(
        &mut self,
        message: &mut Message,
        named: bool,
        next: impl FnOnce(&Features) -> Option<String>,
        log: &mut Log,
    ) -> Result<Reply, Halt> {
        let kept = self.served > 0;
        self.served += 1;
        self.name(message, named, kept, log).await?;
        if self.features.pipelining
            && let Some(commands) = next(&self.features)
        {
            message.wire.extend_from_slice(commands.as_bytes());
        }
        log.note(format!("C: ({} bytes)", message.size));
        self.write_content(message, log).await?;
        match self.reply(self.deadlines.done_s).await {
            Ok(reply) => {
                log.theirs(&reply);
                self.broken |= reply.code == 421;
                Ok(reply)
            }
            Err(error) => {
                self.broken = true;
                Err(log.halt(Halt::error(Stage::Sent, error)))
            }
        }
    }

    /// MAIL, RCPT, DATA.
    async fn name(
        &mut self,
        message: &Message,
        named: bool,
        kept: bool,
        log: &mut Log,
    ) -> Result<(), Halt> {
        let commands = message.commands(&self.features);
        let pipelined = self.features.pipelining;
        if pipelined && !named {
            let written = self.write(commands.concat().as_bytes()).await;
            written.map_err(|error| self.lost(error, kept, log))?;
        }
        let mut refusal: Option<Reply> = None;
        for (index, command) in commands.iter().enumerate() {
            let data = index == 2;
            if !pipelined {
                if refusal.is_some() {
                    break;
                }
                let written = self.write(command.as_bytes()).await;
                written.map_err(|error| self.lost(error, kept && index == 0, log))?;
            }
            log.ours(command);
            let limit = if data { self.deadlines.data_s } else { self.deadlines.command_s };
            let reply = match self.reply(limit).await {
                Ok(reply) => reply,
                Err(error) => {
                    let stale = kept && index == 0 && self.inbox.is_empty();
                    return Err(self.lost(error, stale, log));
                }
            };
            log.theirs(&reply);
            // A kept connection whose server has had enough of it says so to the next command.
            if reply.code == 421 && kept && index == 0 {
                return Err(self.lost("messo:closed with a 421".to_owned(), true, log));
            }
            if data && reply.is(3) && refusal.is_some() {
                self.end_nothing(log).await;
            } else if !reply.is(if data { 3 } else { 2 }) {
                self.broken |= reply.code == 421 || !(reply.is(4) || reply.is(5));
                refusal.get_or_insert(reply);
            }
        }
        if let Some(reply) = refusal {
            self.reset(log).await;
            return Err(Halt::refused(Stage::Address, reply));
        }
        if !self.inbox.is_empty() {
            // What waits here would be taken for the answer to the message.
            let error = "messo:garbage the server spoke out of turn";
            return Err(self.lost(error.to_owned(), false, log));
        }
        Ok(())
    }

    fn lost(&mut self, error: String, stale: bool, log: &mut Log) -> Halt {
        self.broken = true;
        log.halt(Halt { stale, ..Halt::error(Stage::Address, error) })
    }

    /// Ends the content of a message that has no recipient (RFC 2920 3.1): the server goes on to
    /// the next command, and takes nothing.
    async fn end_nothing(&mut self, log: &mut Log) {
        log.note("C: . (no recipient, nothing sent)".to_owned());
        let ended = match self.write(b".\r\n").await {
            Ok(()) => self.reply(self.deadlines.done_s).await,
            Err(error) => Err(error),
        };
        match ended {
            Ok(reply) => log.theirs(&reply),
            Err(_) => self.broken = true,
        }
    }

    /// After a refusal, so that the next message begins afresh.
    async fn reset(&mut self, log: &mut Log) {
        if self.broken {
            return;
        }
        log.ours("RSET");
        let done = match self.write(b"RSET\r\n").await {
            Ok(()) => self.reply(self.deadlines.command_s).await,
            Err(error) => Err(error),
        };
        match done {
            Ok(reply) => {
                log.theirs(&reply);
                self.broken = !reply.is(2);
            }
            Err(_) => self.broken = true,
        }
    }

    async fn write_content(&mut self, message: &Message, log: &mut Log) -> Result<(), Halt> {
        let limit = Duration::from_secs(self.deadlines.block_s);
        let mut written = 0;
        let error = loop {
            if written == message.wire.len() {
                match timeout(limit, self.wire.flush()).await {
                    Ok(Ok(())) => return Ok(()),
                    Ok(Err(error)) => break connection_error(&error),
                    Err(_) => break "messo:timeout while the content was written".to_owned(),
                }
            }
            match timeout(limit, self.wire.write(&message.wire[written..])).await {
                Ok(Ok(0)) => break "messo:closed while the content was written".to_owned(),
                Ok(Ok(count)) => written += count,
                Ok(Err(error)) => break connection_error(&error),
                Err(_) => break "messo:timeout while the content was written".to_owned(),
            }
        };
        self.broken = true;
        let stage = if written >= message.content { Stage::Sent } else { Stage::Content };
        if stage == Stage::Content
            && let Ok(Ok(reply)) = timeout(LAST_WORDS, self.reply(u64::from(u32::MAX))).await
        {
            log.theirs(&reply);
            return Err(Halt::refused(stage, reply));
        }
        Err(log.halt(Halt::error(stage, error)))
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        let writing = async {
            self.wire.write_all(bytes).await?;
            self.wire.flush().await
        };
        match timeout(Duration::from_secs(self.deadlines.command_s), writing).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(connection_error(&error)),
            Err(_) => Err("messo:timeout while a command was written".to_owned()),
        }
    }

    async fn reply(&mut self, limit_s: u64) -> Result<Reply, String> {
        let reading = async {
            let mut chunk = [0; 4096];
            loop {
                match self.inbox.next() {
                    Ok(Some(reply)) => return Ok(reply),
                    Ok(None) => {}
                    Err(garbage) => return Err(format!("messo:garbage {}", garbage.0)),
                }
                match self.wire.read(&mut chunk).await {
                    Ok(0) => return Err("messo:closed by the server".to_owned()),
                    Ok(count) => self.inbox.push(&chunk[..count]),
                    Err(error) => return Err(connection_error(&error)),
                }
            }
        };
        match timeout(Duration::from_secs(limit_s), reading).await {
            Ok(result) => result,
            Err(_) => Err(format!("messo:timeout no answer within {limit_s} s")),
        }
    }

    /// Ends when the server does anything while nobody has asked it: it closes, or is out of step.
    pub async fn disturbed(&mut self) {
        let mut chunk = [0; 64];
        let _ = self.wire.read(&mut chunk).await;
    }

    /// Says goodbye.
    pub async fn quit(mut self) {
        if !self.broken && self.write(b"QUIT\r\n").await.is_ok() {
            let _ = timeout(GOODBYE, self.reply(u64::from(u32::MAX))).await;
        }
        let _ = timeout(GOODBYE, self.wire.shutdown()).await;
    }
}

fn connection_error(error: &io::Error) -> String {
    format!("messo:closed {}", error.kind())
}
