//! The mailbox server: IMAP4rev1 with IDLE, MOVE, UIDPLUS and faults on command (RFC 3501, 2177, 6851, 4315).
//!
//! Guarantee: commands, literals and errors are bounded; a session never shows a sequence number that its client does not know. Limit:
//! no BODYSTRUCTURE, no parts by number, no RENAME.

pub mod commands;
pub mod fetch;
pub mod folders;
pub mod search;
pub mod words;

use crate::boxes::{BoxError, Fault};
use crate::config::Account;
use crate::office::Office;
use crate::wire::Wire;
use commands::Done;
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use words::Word;

/// Longest command without its literals, bytes.
const MAX_COMMAND: usize = 256 * 1024;
/// Longest literal before sign-in, bytes.
const MAX_EARLY_LITERAL: usize = 4_096;
/// Most literals of one command.
const MAX_LITERALS: usize = 64;
/// Faults of a client before it is left.
const MAX_FAULTS: u32 = 20;
/// Commands in one connection.
const MAX_COMMANDS: u32 = 10_000_000;
/// What the server can do.
const CAPABILITIES: &str =
    "IMAP4rev1 LITERAL+ SASL-IR AUTH=PLAIN IDLE MOVE UIDPLUS UNSELECT NAMESPACE ID";

/// One client.
pub(crate) struct Session {
    office: Arc<Office>,
    account: Option<Account>,
    selected: Option<Selected>,
}

/// The folder that a client looks at, as far as it knows it.
struct Selected {
    folder: String,
    validity: u32,
    read_only: bool,
    /// Version of the folder that the numbers are of.
    version: u64,
    /// UIDs by sequence number.
    known: Vec<u32>,
}

/// A command with its tag.
pub(crate) struct Command {
    tag: String,
    verb: String,
    words: Vec<Word>,
}

impl Session {
    /// A client before sign-in.
    pub fn new(office: Arc<Office>) -> Self {
        Self { office, account: None, selected: None }
    }

    /// Serves the client until it leaves or is left.
    ///
    /// # Errors
    /// When the connection breaks, by itself or by a fault on command.
    pub async fn serve(mut self, mut wire: Wire) -> io::Result<()> {
        let hello = format!("* OK [CAPABILITY {CAPABILITIES}] Messo sandbox\r\n");
        wire.write(hello.as_bytes()).await?;
        let mut faults = 0;
        for _ in 0..MAX_COMMANDS {
            let Some(bytes) = self.read(&mut wire).await? else { break };
            let Some(command) = parse(&bytes) else {
                faults += 1;
                wire.write(b"* BAD cannot read that\r\n").await?;
                if faults >= MAX_FAULTS {
                    break;
                }
                continue;
            };
            if !self.show_fault(&mut wire).await {
                return Ok(());
            }
            let leaves = command.verb == "LOGOUT";
            let done = self.run(&command, &mut wire).await?;
            faults += u32::from(matches!(done, Done::Bad(_)));
            let mut out = Vec::new();
            let stays = command.is_blind() || self.refresh(&mut out);
            if !stays {
                wire.write(b"* BYE the mailbox was renumbered\r\n").await?;
                break;
            }
            out.extend_from_slice(done.line(&command.tag).as_bytes());
            wire.write(&out).await?;
            if leaves || faults >= MAX_FAULTS {
                break;
            }
        }
        wire.close().await;
        Ok(())
    }

    /// One whole command with its literals.
    async fn read(&self, wire: &mut Wire) -> io::Result<Option<Vec<u8>>> {
        let largest = match self.account {
            Some(_) => self.office.config.limits.max_message_bytes,
            None => MAX_EARLY_LITERAL,
        };
        let mut command = Vec::new();
        let (mut text, mut literals) = (0, 0);
        loop {
            let Some((line, _)) = wire.line(MAX_COMMAND).await? else { return Ok(None) };
            text += line.len();
            command.extend_from_slice(&line);
            let Some((length, waits)) = words::announced(&line) else { return Ok(Some(command)) };
            literals += 1;
            if length > largest.saturating_sub(command.len() - text)
                || literals > MAX_LITERALS
                || text > MAX_COMMAND
            {
                wire.write(b"* BYE too long\r\n").await?;
                return Err(io::ErrorKind::InvalidData.into());
            }
            if waits {
                wire.write(b"+ go on\r\n").await?;
            }
            command.extend_from_slice(b"\r\n");
            command.extend(wire.block(length).await?);
        }
    }

    /// Shows a fault if one is armed. Whether the connection goes on.
    async fn show_fault(&self, wire: &mut Wire) -> bool {
        let Some(account) = &self.account else { return true };
        let fault =
            self.office.with_box(&account.address, |mailbox| Ok(mailbox.faults.pop_front()));
        match fault {
            Ok(Some(Fault::Drop)) => false,
            Ok(Some(Fault::DropAfter(bytes))) => {
                wire.cut_after = Some(bytes);
                true
            }
            Ok(Some(Fault::Stall(span))) => self.office.wait(span).await,
            _ => true,
        }
    }

    /// Tells the client what has changed in its folder. False when its numbers are no longer good.
    fn refresh(&mut self, out: &mut Vec<u8>) -> bool {
        let (Some(account), Some(selected)) = (&self.account, &mut self.selected) else {
            return true;
        };
        let state = self.office.with_box(&account.address, |mailbox| {
            let folder = mailbox.folder(&selected.folder)?;
            let news = (folder.version != selected.version)
                .then(|| folder.messages.iter().map(|message| message.uid).collect::<Vec<u32>>());
            Ok((folder.validity, folder.version, news))
        });
        let Ok((validity, version, news)) = state else { return false };
        if validity != selected.validity {
            return false;
        }
        let Some(uids) = news else { return true };
        selected.version = version;
        let present: BTreeSet<u32> = uids.iter().copied().collect();
        let gone =
            selected.known.iter().enumerate().rev().filter(|(_, uid)| !present.contains(uid));
        for (at, _) in gone {
            out.extend_from_slice(format!("* {} EXPUNGE\r\n", at + 1).as_bytes());
        }
        let kept = selected.known.iter().filter(|uid| present.contains(uid)).count();
        if kept != uids.len() {
            out.extend_from_slice(format!("* {} EXISTS\r\n", uids.len()).as_bytes());
        }
        selected.known = uids;
        true
    }

    /// Waits for news until the client says DONE (RFC 2177).
    async fn idle(&mut self, wire: &mut Wire) -> io::Result<Done> {
        let mut changes = self.office.changes.subscribe();
        wire.write(b"+ idling\r\n").await?;
        loop {
            let mut out = Vec::new();
            if !self.refresh(&mut out) {
                wire.write(b"* BYE the mailbox was renumbered\r\n").await?;
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            if !out.is_empty() {
                wire.write(&out).await?;
            }
            let fault = self.account.as_ref().is_some_and(|account| {
                let waiting = |mailbox: &mut crate::boxes::MailBox| Ok(!mailbox.faults.is_empty());
                self.office.with_box(&account.address, waiting).unwrap_or(false)
            });
            if fault && !self.show_fault(wire).await {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            tokio::select! {
                ready = wire.ready() => {
                    if !ready? {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    break;
                }
                changed = changes.changed() => changed.map_err(|_| io::ErrorKind::Interrupted)?,
            }
        }
        let line = wire.line(MAX_COMMAND).await?.map(|(line, _)| line).unwrap_or_default();
        Ok(if line.eq_ignore_ascii_case(b"DONE") {
            Done::ok("idled")
        } else {
            Done::bad("DONE expected")
        })
    }

    /// Works on the selected folder.
    fn on_selected<T>(
        &self,
        work: impl FnOnce(&mut crate::boxes::Folder, &Selected) -> T,
    ) -> Result<T, Done> {
        let (Some(account), Some(selected)) = (&self.account, &self.selected) else {
            return Err(Done::bad("no folder is selected"));
        };
        let work = |mailbox: &mut crate::boxes::MailBox| {
            let folder = mailbox.folder_mut(&selected.folder)?;
            if folder.validity != selected.validity {
                return Err(BoxError::NoFolder);
            }
            Ok(work(folder, selected))
        };
        self.office.with_box(&account.address, work).map_err(|error| Done::no(&error.to_string()))
    }
}

impl Command {
    /// After these the client must not be told of removed messages (RFC 3501, 7.4.1).
    fn is_blind(&self) -> bool {
        matches!(self.verb.as_str(), "FETCH" | "STORE" | "SEARCH" | "LOGOUT")
    }
}

fn parse(bytes: &[u8]) -> Option<Command> {
    let mut words = words::words(bytes)?.into_iter();
    let (Word::Atom(tag), Word::Atom(verb)) = (words.next()?, words.next()?) else { return None };
    let sound = tag.len() <= 64 && tag.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'+');
    let command = Command { tag, verb: verb.to_ascii_uppercase(), words: words.collect() };
    sound.then_some(command)
}
