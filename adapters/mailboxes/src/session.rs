//! The verbs of IMAP (RFC 9051, and 3501 before it) that reading mail needs.
//!
//! Guarantee: a message is never marked as read by reading it (`BODY.PEEK`); every command has a deadline that
//! grows only with what it may bring. Limit: one command at a time.

use crate::fault::{Fault, code};
use crate::names::{decode, encode, quoted};
use crate::response::{Fetched, Kind, Response, coded, exists, fetched, listed, searched, word};
use crate::settings::{After, MOST_FOLDERS, MailboxSettings, Tls};
use crate::uids::UidSet;
use crate::wire::Wire;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::civil::Date;
use secrecy::ExposeSecret;
use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// Room for literals beyond what was asked for: names of folders, sizes that are a little off.
const SMALL: usize = 256 << 10;
/// A slower line counts as standing still, bytes per second.
const SLOWEST: u64 = 32 << 10;
/// A large message is fetched in pieces of so many bytes.
pub(crate) const PIECE: u64 = 4 << 20;
/// The head of a message is fetched up to so many bytes.
pub(crate) const MOST_HEAD: u64 = 256 << 10;

/// A connection that is signed in.
pub(crate) struct Session {
    wire: Wire,
    tags: u64,
    deadline: Duration,
    capabilities: BTreeSet<String>,
    /// Messages in the selected folder, as the server last said.
    exists: u32,
    /// There have been more since somebody looked.
    news: bool,
}

/// What a command brings, bytes.
#[derive(Clone, Copy, Default)]
struct Load {
    /// The deadline grows with this.
    expected: u64,
    /// More than this (and [`SMALL`]) is refused.
    most: u64,
}

/// A message that was fetched in pieces.
pub(crate) enum Pieces {
    /// All of it.
    Whole(Vec<u8>),
    /// It has gone meanwhile.
    Gone,
    /// It is longer than the limit.
    TooLong,
}

/// A folder that was opened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Selected {
    pub uid_validity: Option<u32>,
    pub uid_next: Option<u32>,
    pub exists: u32,
}

impl Session {
    /// Connects and signs in.
    pub(crate) async fn open(settings: &MailboxSettings) -> Result<Self, Fault> {
        let wire = Wire::connect(settings).await?;
        let deadline = Duration::from_secs(settings.deadline_s);
        let mut session =
            Self { wire, tags: 0, deadline, capabilities: BTreeSet::new(), exists: 0, news: false };
        let greeting = session.wire.read(&mut SMALL.clone(), Instant::now() + deadline).await?;
        let greeting = word(greeting.untagged().ok_or(Fault::Garbled)?).0.to_ascii_uppercase();
        match greeting.as_slice() {
            b"OK" => {}
            b"PREAUTH" if settings.tls != Tls::Starttls => {
                session.ask_capabilities().await?;
                return Ok(session);
            }
            // PREAUTH before STARTTLS is how somebody between us and the server keeps the line in the clear.
            b"PREAUTH" => return Err(Fault::Tls),
            b"BYE" => return Err(Fault::Bye),
            _ => return Err(Fault::Garbled),
        }
        if settings.tls == Tls::Starttls {
            session.command("STARTTLS", "STARTTLS", Load::default(), |_| ()).await?;
            session.wire = session.wire.start_tls(settings).await?;
        }
        session.ask_capabilities().await?;
        session.sign_in(settings).await?;
        session.ask_capabilities().await?;
        Ok(session)
    }

    async fn ask_capabilities(&mut self) -> Result<(), Fault> {
        let mut words = BTreeSet::new();
        let gather = |response: Response| {
            let Some((name, rest)) = response.untagged().map(word) else { return };
            if name.eq_ignore_ascii_case(b"CAPABILITY") {
                let text = String::from_utf8_lossy(rest).to_ascii_uppercase();
                words.extend(text.split_ascii_whitespace().take(200).map(str::to_owned));
            }
        };
        self.command("CAPABILITY", "CAPABILITY", Load::default(), gather).await?;
        self.capabilities = words;
        Ok(())
    }

    pub(crate) fn offers(&self, capability: &str) -> bool {
        self.capabilities.contains(capability)
    }

    async fn sign_in(&mut self, settings: &MailboxSettings) -> Result<(), Fault> {
        let (user, password) = (&settings.user, settings.password.expose_secret());
        if self.offers("AUTH=PLAIN") && self.offers("SASL-IR") {
            // RFC 4616 carries any character; LOGIN is sure of ASCII alone.
            let response = BASE64_STANDARD.encode(format!("\0{user}\0{password}"));
            let command = format!("AUTHENTICATE PLAIN {response}");
            return self
                .command("the user name or the password", &command, Load::default(), |_| ())
                .await;
        }
        if self.offers("LOGINDISABLED") {
            return Err(Fault::NotOffered("signing in over this connection"));
        }
        if password.contains(char::is_control) {
            return Err(Fault::NotOffered("a way of signing in that takes this password"));
        }
        let command = format!("LOGIN {} {}", quoted(user), quoted(password));
        self.command("the user name or the password", &command, Load::default(), |_| ()).await
    }

    /// The folders that a pattern names, in the server's order.
    pub(crate) async fn list(&mut self, pattern: &str) -> Result<Vec<String>, Fault> {
        let mut names = Vec::new();
        let command = format!("LIST \"\" {}", quoted(&encode(pattern)));
        let gather = |response| {
            if names.len() < MOST_FOLDERS {
                names.extend(listed(response).map(|name| decode(&name)));
            }
        };
        self.command("LIST", &command, Load::default(), gather).await?;
        Ok(names)
    }

    /// Opens a folder, for reading only unless `after` changes something in it.
    pub(crate) async fn select(&mut self, folder: &str, after: &After) -> Result<Selected, Fault> {
        let verb = if *after == After::Keep { "EXAMINE" } else { "SELECT" };
        let command = format!("{verb} {}", quoted(&encode(folder)));
        let mut selected = Selected::default();
        let gather = |response: Response| {
            let Some(text) = response.untagged() else { return };
            selected.uid_validity = coded(text, "UIDVALIDITY").or(selected.uid_validity);
            selected.uid_next = coded(text, "UIDNEXT").or(selected.uid_next);
            selected.exists = exists(text).unwrap_or(selected.exists);
        };
        self.exists = 0;
        self.command("the folder", &command, Load::default(), gather).await?;
        self.news = false;
        Ok(selected)
    }

    /// The UIDs above this one, ascending. (`9:*` always names the last message, RFC 9051 6.4.4, hence the filter.)
    pub(crate) async fn above(&mut self, uid: u32) -> Result<Vec<u32>, Fault> {
        let uids = self.search(&format!("UID {}:*", uid.saturating_add(1))).await?;
        Ok(uids.into_iter().filter(|found| *found > uid).collect())
    }

    /// The UIDs of what arrived on this day or later, ascending.
    pub(crate) async fn since(&mut self, day: Date) -> Result<Vec<u32>, Fault> {
        self.search(&format!("SINCE {}", day.strftime("%-d-%b-%Y"))).await
    }

    async fn search(&mut self, criterion: &str) -> Result<Vec<u32>, Fault> {
        let mut uids = Vec::new();
        let gather = |response: Response| {
            uids.extend(response.untagged().and_then(searched).into_iter().flatten());
        };
        self.command("SEARCH", &format!("UID SEARCH {criterion}"), Load::default(), gather).await?;
        uids.sort_unstable();
        uids.dedup();
        Ok(uids)
    }

    /// Sizes and dates of those of these messages that are still there.
    pub(crate) async fn sizes(&mut self, uids: &UidSet) -> Result<Vec<Fetched>, Fault> {
        self.fetch(uids, "UID RFC822.SIZE INTERNALDATE", Load::default()).await
    }

    /// Whole messages that announced so many bytes together. A server's sizes may be a little off.
    pub(crate) async fn bodies(
        &mut self,
        uids: &UidSet,
        announced: u64,
    ) -> Result<Vec<Fetched>, Fault> {
        let load = Load { expected: announced, most: announced + announced / 4 };
        self.fetch(uids, "UID BODY.PEEK[]", load).await
    }

    /// One message in pieces, given up when it is longer than `most`.
    pub(crate) async fn in_pieces(
        &mut self,
        uid: u32,
        announced: u64,
        most: u64,
    ) -> Result<Pieces, Fault> {
        let room = usize::try_from(announced.min(most)).unwrap_or(0);
        let mut whole = Vec::with_capacity(room);
        loop {
            let from = whole.len() as u64;
            let item = format!("UID BODY.PEEK[]<{from}.{PIECE}>");
            let load = Load { expected: announced.saturating_sub(from).min(PIECE), most: PIECE };
            let Some(piece) = self.part(uid, &item, load).await? else { return Ok(Pieces::Gone) };
            whole.extend_from_slice(&piece);
            if whole.len() as u64 > most {
                return Ok(Pieces::TooLong);
            }
            if (piece.len() as u64) < PIECE {
                return Ok(Pieces::Whole(whole));
            }
        }
    }

    /// Whether the server hands over the beginning of this message.
    pub(crate) async fn hands_over(&mut self, uid: u32) -> Result<bool, Fault> {
        Ok(self.part(uid, "UID BODY.PEEK[]<0.1024>", Load::default()).await?.is_some())
    }

    /// The head of a message, cut off when it is very long; none when the message has gone.
    pub(crate) async fn head(&mut self, uid: u32) -> Result<Option<Vec<u8>>, Fault> {
        let load = Load { expected: 0, most: MOST_HEAD };
        self.part(uid, &format!("UID BODY.PEEK[HEADER]<0.{MOST_HEAD}>"), load).await
    }

    async fn part(&mut self, uid: u32, item: &str, load: Load) -> Result<Option<Vec<u8>>, Fault> {
        let uids = UidSet::from_iter([uid]);
        let found = self.fetch(&uids, item, load).await?;
        Ok(found.into_iter().find(|found| found.uid == uid).and_then(|found| found.body))
    }

    async fn fetch(
        &mut self,
        uids: &UidSet,
        items: &str,
        load: Load,
    ) -> Result<Vec<Fetched>, Fault> {
        let command = format!("UID FETCH {} ({items})", uids.wire());
        let mut found = Vec::new();
        let gather = |response| found.extend(fetched(response).filter(|m| uids.contains(m.uid)));
        self.command("FETCH", &command, load, gather).await?;
        Ok(found)
    }

    /// Marks as read or moves, as asked.
    pub(crate) async fn finish(&mut self, uids: &UidSet, after: &After) -> Result<(), Fault> {
        let set = uids.wire();
        match after {
            After::Keep => Ok(()),
            _ if set.is_empty() => Ok(()),
            After::Seen => {
                let store = format!("UID STORE {set} +FLAGS.SILENT (\\Seen)");
                self.command("marking as read", &store, Load::default(), |_| ()).await
            }
            After::Move(folder) => {
                let target = quoted(&encode(folder));
                if self.offers("MOVE") {
                    let moved = format!("UID MOVE {set} {target}");
                    return self.command("moving", &moved, Load::default(), |_| ()).await;
                }
                // Without UIDPLUS (RFC 4315) expunging would also take what others have deleted.
                if !self.offers("UIDPLUS") {
                    return Err(Fault::NotOffered("moving messages"));
                }
                self.command(
                    "copying",
                    &format!("UID COPY {set} {target}"),
                    Load::default(),
                    |_| (),
                )
                .await?;
                let store = format!("UID STORE {set} +FLAGS.SILENT (\\Deleted)");
                self.command("deleting", &store, Load::default(), |_| ()).await?;
                self.command("deleting", &format!("UID EXPUNGE {set}"), Load::default(), |_| ())
                    .await
            }
        }
    }

    /// Whether the selected folder has grown since it was opened.
    pub(crate) fn news(&self) -> bool {
        self.news
    }

    /// Waits for new mail in the selected folder (RFC 2177), no longer than `most` nor when `stop` is there.
    pub(crate) async fn idle(
        &mut self,
        most: Duration,
        stop: impl Future<Output = ()>,
    ) -> Result<(), Fault> {
        let tag = self.send("IDLE").await?;
        let end = Instant::now() + most;
        let mut stop = pin!(stop);
        while !self.news && Instant::now() < end {
            let left = end.saturating_duration_since(Instant::now());
            tokio::select! {
                ready = self.wire.readable() => ready?,
                () = sleep(left) => break,
                () = &mut stop => break,
            }
            let response = self.wire.read(&mut SMALL.clone(), self.limit(Load::default())).await?;
            if let Kind::Tagged { tag: found, .. } = response.kind() {
                let refused = found == tag.as_bytes();
                return Err(if refused { Fault::NotOffered("IDLE") } else { Fault::Garbled });
            }
            self.note(&response)?;
        }
        let until = self.limit(Load::default());
        self.wire.write(b"DONE\r\n", until).await?;
        self.ending("IDLE", &tag, Load::default(), until, |_| ()).await
    }

    /// Says good-bye; whether the server hears it does not matter.
    pub(crate) async fn close(mut self) {
        let goodbye = async {
            let tag = self.send("LOGOUT").await?;
            self.ending("LOGOUT", &tag, Load::default(), self.limit(Load::default()), |_| ()).await
        };
        let _ = timeout(Duration::from_secs(2), goodbye).await;
    }

    fn limit(&self, load: Load) -> Instant {
        Instant::now() + self.deadline + Duration::from_secs(load.expected / SLOWEST)
    }

    async fn send(&mut self, command: &str) -> Result<String, Fault> {
        self.tags += 1;
        let tag = format!("m{}", self.tags);
        let line = format!("{tag} {command}\r\n");
        let until = self.limit(Load::default());
        self.wire.write(line.as_bytes(), until).await?;
        Ok(tag)
    }

    async fn command(
        &mut self,
        what: &'static str,
        command: &str,
        load: Load,
        each: impl FnMut(Response),
    ) -> Result<(), Fault> {
        let tag = self.send(command).await?;
        self.ending(what, &tag, load, self.limit(load), each).await
    }

    /// Reads up to the end of a command.
    async fn ending(
        &mut self,
        what: &'static str,
        tag: &str,
        load: Load,
        until: Instant,
        mut each: impl FnMut(Response),
    ) -> Result<(), Fault> {
        let mut budget = usize::try_from(load.most).unwrap_or(usize::MAX).saturating_add(SMALL);
        loop {
            let response = self.wire.read(&mut budget, until).await?;
            match response.kind() {
                Kind::Untagged(_) => {
                    self.note(&response)?;
                    each(response);
                }
                Kind::Continue => {}
                Kind::Tagged { tag: found, rest } if found == tag.as_bytes() => {
                    let (status, text) = word(rest);
                    return match status.to_ascii_uppercase().as_slice() {
                        b"OK" => Ok(()),
                        b"NO" | b"BAD" => Err(Fault::Refused { what, code: code(text) }),
                        _ => Err(Fault::Garbled),
                    };
                }
                Kind::Tagged { .. } => return Err(Fault::Garbled),
            }
        }
    }

    /// Notes what the server says unasked.
    fn note(&mut self, response: &Response) -> Result<(), Fault> {
        let Some(text) = response.untagged() else { return Ok(()) };
        if let Some(count) = exists(text) {
            self.news |= count > self.exists;
            self.exists = count;
        } else if word(word(text).1).0.eq_ignore_ascii_case(b"EXPUNGE") {
            self.exists = self.exists.saturating_sub(1);
        }
        match word(text).0.eq_ignore_ascii_case(b"BYE") {
            true => Err(Fault::Bye),
            false => Ok(()),
        }
    }
}
