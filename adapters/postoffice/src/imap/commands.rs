//! What each IMAP command does, and how its end is said.
//!
//! Guarantee: a command in the wrong state is refused with BAD or NO and changes nothing. Limit: see the module above.

use super::{CAPABILITIES, Command, Session, fetch, folders, search, words};
use crate::boxes::{MAX_FLAGS, Stored};
use crate::mime;
use crate::wire::Wire;
use std::collections::BTreeSet;
use std::io;
use words::Word;

/// Bytes gathered before they are written.
const CHUNK: usize = 256 * 1024;

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// As wished.
    Ok(String),
    /// Not possible.
    No(String),
    /// Not understood.
    Bad(String),
}

impl Done {
    pub(super) fn ok(text: &str) -> Self {
        Self::Ok(text.into())
    }

    pub(super) fn no(text: &str) -> Self {
        Self::No(text.into())
    }

    pub(super) fn bad(text: &str) -> Self {
        Self::Bad(text.into())
    }

    /// The tagged line.
    pub fn line(&self, tag: &str) -> String {
        match self {
            Self::Ok(text) => format!("{tag} OK {text}\r\n"),
            Self::No(text) => format!("{tag} NO {text}\r\n"),
            Self::Bad(text) => format!("{tag} BAD {text}\r\n"),
        }
    }
}

impl Session {
    pub(super) async fn run(&mut self, command: &Command, wire: &mut Wire) -> io::Result<Done> {
        let words = &command.words;
        Ok(match command.verb.as_str() {
            "CAPABILITY" => {
                wire.write(format!("* CAPABILITY {CAPABILITIES}\r\n").as_bytes()).await?;
                Done::ok("done")
            }
            "NOOP" | "CHECK" => Done::ok("done"),
            "ID" => {
                wire.write(b"* ID (\"name\" \"Messo sandbox\")\r\n").await?;
                Done::ok("done")
            }
            "LOGOUT" => {
                wire.write(b"* BYE bye\r\n").await?;
                Done::ok("done")
            }
            "LOGIN" => {
                match (words.first().and_then(Word::text), words.get(1).and_then(Word::text)) {
                    (Some(user), Some(password)) => self.login(&user, &password),
                    _ => Done::bad("LOGIN user password"),
                }
            }
            "AUTHENTICATE" => self.authenticate(words, wire).await?,
            _ if self.account.is_none() => Done::bad("sign in first"),
            "IDLE" => self.idle(wire).await?,
            "UID" => {
                let verb = words.first().and_then(Word::upper).unwrap_or_default();
                self.on_messages(&verb, words.get(1..).unwrap_or_default(), true, wire).await?
            }
            "FETCH" | "STORE" | "SEARCH" | "COPY" | "MOVE" | "EXPUNGE" => {
                self.on_messages(&command.verb, words, false, wire).await?
            }
            verb => {
                let mut out = Vec::new();
                let done = self.on_folders(verb, words, &mut out);
                wire.write(&out).await?;
                done
            }
        })
    }

    fn login(&mut self, user: &str, password: &str) -> Done {
        if self.account.is_some() {
            return Done::bad("signed in already");
        }
        self.account = self.office.login(user, password);
        match self.account {
            Some(_) => Done::Ok(format!("[CAPABILITY {CAPABILITIES}] welcome")),
            None => Done::no("[AUTHENTICATIONFAILED] wrong user or password"),
        }
    }

    async fn authenticate(&mut self, words: &[Word], wire: &mut Wire) -> io::Result<Done> {
        if words.first().and_then(Word::upper).as_deref() != Some("PLAIN") {
            return Ok(Done::no("PLAIN only"));
        }
        let coded = match words.get(1).and_then(Word::bytes) {
            Some(coded) => coded,
            None => {
                wire.write(b"+ \r\n").await?;
                wire.line(super::MAX_EARLY_LITERAL).await?.ok_or(io::ErrorKind::UnexpectedEof)?.0
            }
        };
        let text = String::from_utf8_lossy(&mime::read_base64(&coded)).into_owned();
        let mut pieces = text.split('\0').skip(1);
        let (user, password) =
            (pieces.next().unwrap_or_default(), pieces.next().unwrap_or_default());
        Ok(self.login(user, password))
    }

    /// Commands on messages, by sequence number or by UID.
    async fn on_messages(
        &mut self,
        verb: &str,
        words: &[Word],
        by_uid: bool,
        wire: &mut Wire,
    ) -> io::Result<Done> {
        let mut out = Vec::new();
        let done = match verb {
            "FETCH" => return self.fetch(words, by_uid, wire).await,
            "STORE" => self.store(words, by_uid, &mut out),
            "SEARCH" => self.search(words, by_uid, &mut out),
            "COPY" => self.copy(words, by_uid, false, &mut out),
            "MOVE" => self.copy(words, by_uid, true, &mut out),
            "EXPUNGE" => self.expunge(words, by_uid),
            _ => Err(Done::bad("no such command")),
        };
        wire.write(&out).await?;
        Ok(done.unwrap_or_else(|done| done))
    }

    /// The messages of a set, with their sequence numbers.
    pub(super) fn chosen(
        &self,
        set: Option<&Word>,
        by_uid: bool,
    ) -> Result<Vec<(usize, Stored)>, Done> {
        let text = set.and_then(Word::text).unwrap_or_default();
        self.on_selected(|folder, selected| {
            let highest = match by_uid {
                true => selected.known.last().copied().unwrap_or(0),
                false => u32::try_from(selected.known.len()).unwrap_or(u32::MAX),
            };
            let set = words::set(&text, highest)?;
            let mut chosen = Vec::new();
            for (at, uid) in selected.known.iter().enumerate() {
                let number = if by_uid { *uid } else { u32::try_from(at + 1).unwrap_or(u32::MAX) };
                if !words::holds(&set, number) {
                    continue;
                }
                if let Ok(found) = folder.messages.binary_search_by_key(uid, |one| one.uid) {
                    chosen.push((at + 1, folder.messages[found].clone()));
                }
            }
            Some(chosen)
        })?
        .ok_or_else(|| Done::bad("that is no set of messages"))
    }

    async fn fetch(&mut self, words: &[Word], by_uid: bool, wire: &mut Wire) -> io::Result<Done> {
        let chosen = match self.chosen(words.first(), by_uid) {
            Ok(chosen) => chosen,
            Err(done) => return Ok(done),
        };
        let items = words.get(1).map(Word::list).unwrap_or_default();
        let Some(items) = fetch::items(&items, by_uid) else {
            return Ok(Done::bad("cannot fetch that"));
        };
        let reads = items.iter().any(fetch::Item::marks_seen);
        let reads = reads && self.selected.as_ref().is_some_and(|selected| !selected.read_only);
        let mut out = Vec::new();
        for (number, mut message) in chosen {
            if reads && message.flags.insert("\\Seen".into()) {
                let seen = BTreeSet::from(["\\Seen".to_owned()]);
                // The message may be gone by now; then there is nothing to mark.
                let _ = self.mark(message.uid, '+', &seen);
            }
            fetch::answer(&mut out, number, &message, &items);
            if out.len() >= CHUNK {
                wire.write(&out).await?;
                out.clear();
            }
        }
        wire.write(&out).await?;
        Ok(Done::ok("fetched"))
    }

    /// Sets, adds or removes flags and gives those that the message then has.
    fn mark(
        &self,
        uid: u32,
        sign: char,
        flags: &BTreeSet<String>,
    ) -> Result<BTreeSet<String>, Done> {
        self.on_selected(|folder, _| {
            let at = folder.messages.binary_search_by_key(&uid, |one| one.uid).ok()?;
            let message = &mut folder.messages[at];
            match sign {
                '+' => message.flags.extend(flags.iter().cloned()),
                '-' => message.flags.retain(|flag| !flags.contains(flag)),
                _ => message.flags.clone_from(flags),
            }
            while message.flags.len() > MAX_FLAGS {
                message.flags.pop_last();
            }
            Some(message.flags.clone())
        })?
        .ok_or_else(|| Done::no("the message is gone"))
    }

    fn store(&mut self, words: &[Word], by_uid: bool, out: &mut Vec<u8>) -> Result<Done, Done> {
        if self.selected.as_ref().is_some_and(|selected| selected.read_only) {
            return Err(Done::no("[READ-ONLY] not here"));
        }
        let what = words.get(1).and_then(Word::upper).unwrap_or_default();
        let (what, silent) = match what.strip_suffix(".SILENT") {
            Some(what) => (what, true),
            None => (what.as_str(), false),
        };
        let sign = match what {
            "FLAGS" => '=',
            "+FLAGS" => '+',
            "-FLAGS" => '-',
            _ => return Err(Done::bad("FLAGS, +FLAGS or -FLAGS")),
        };
        let flags: Vec<Word> =
            words.get(2..).unwrap_or_default().iter().flat_map(Word::list).collect();
        let flags = folders::flags(&flags).ok_or_else(|| Done::bad("those are no flags"))?;
        for (number, message) in self.chosen(words.first(), by_uid)? {
            let Ok(now) = self.mark(message.uid, sign, &flags) else { continue };
            if !silent {
                let items = [fetch::Item::Flags, fetch::Item::Uid];
                let items = &items[..if by_uid { 2 } else { 1 }];
                fetch::answer(out, number, &Stored { flags: now, ..message }, items);
            }
        }
        self.office.changed();
        Ok(Done::ok("stored"))
    }

    fn search(&mut self, words: &[Word], by_uid: bool, out: &mut Vec<u8>) -> Result<Done, Done> {
        let words = match words.first().and_then(Word::upper).as_deref() {
            Some("CHARSET") => words.get(2..).unwrap_or_default(),
            _ => words,
        };
        let all = self.chosen(Some(&Word::Atom("1:*".into())), false)?;
        let last = all.last();
        let highest = last.map_or((0, 0), |(number, message)| {
            (u32::try_from(*number).unwrap_or(u32::MAX), message.uid)
        });
        let key = search::read(words, highest).ok_or_else(|| Done::bad("cannot search that"))?;
        out.extend_from_slice(b"* SEARCH");
        for (number, message) in all.iter().filter(|(number, one)| key.holds(*number, one)) {
            let shown = if by_uid { u64::from(message.uid) } else { *number as u64 };
            out.extend_from_slice(format!(" {shown}").as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        Ok(Done::ok("searched"))
    }

    fn expunge(&mut self, words: &[Word], by_uid: bool) -> Result<Done, Done> {
        let Some(selected) = self.selected.as_ref().filter(|selected| !selected.read_only) else {
            return Err(Done::no("[READ-ONLY] not here"));
        };
        let folder = selected.folder.clone();
        let all = Word::Atom("1:*".into());
        let set = if by_uid { words.first() } else { Some(&all) };
        let chosen = self.chosen(set, by_uid).unwrap_or_default();
        let deleted = |message: &Stored| message.flags.contains("\\Deleted");
        let uids = chosen.iter().map(|(_, one)| one).filter(|one| deleted(one)).map(|one| one.uid);
        self.remove(&folder, &uids.collect())?;
        Ok(Done::ok("expunged"))
    }

    pub(super) fn remove(&self, folder: &str, uids: &BTreeSet<u32>) -> Result<(), Done> {
        let Some(account) = &self.account else { return Err(Done::bad("sign in first")) };
        let removed =
            self.office.with_box(&account.address, |mailbox| mailbox.remove(folder, uids));
        self.office.changed();
        removed.map_err(|error| Done::no(&error.to_string()))
    }
}
