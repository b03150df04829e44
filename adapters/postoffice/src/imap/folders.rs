//! IMAP commands on folders, and those that put messages into them.
//!
//! Guarantee: a folder or message past the limits of the box is refused with NO. Limit: every folder counts as subscribed.

use super::commands::Done;
use super::words::Word;
use super::{Selected, Session};
use crate::boxes::{BoxError, MailBox, canonical};
use crate::instants;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Longest flag, bytes.
const MAX_FLAG: usize = 64;

impl Session {
    pub(super) fn on_folders(&mut self, verb: &str, words: &[Word], out: &mut Vec<u8>) -> Done {
        let name = words.first().and_then(Word::text);
        let done = match (verb, name) {
            ("LIST" | "LSUB", Some(reference)) => self.list(verb, &reference, words.get(1), out),
            ("NAMESPACE", _) => {
                out.extend_from_slice(b"* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
                Ok(Done::ok("done"))
            }
            ("SELECT" | "EXAMINE", Some(name)) => self.open(&name, verb == "EXAMINE", out),
            ("STATUS", Some(name)) => self.status(&name, words.get(1), out),
            ("CREATE", Some(name)) => {
                self.change(|mailbox| mailbox.create(name.trim_end_matches('/')))
            }
            ("DELETE", Some(name)) => self.change(|mailbox| mailbox.delete(&name)),
            ("SUBSCRIBE" | "UNSUBSCRIBE", Some(_)) => Ok(Done::ok("done")),
            ("APPEND", Some(name)) => self.append(&name, words),
            ("CLOSE", _) => self.close(),
            ("UNSELECT", _) => {
                self.selected = None;
                Ok(Done::ok("done"))
            }
            _ => Err(Done::bad("no such command")),
        };
        done.unwrap_or_else(|done| done)
    }

    fn change<T>(
        &self,
        work: impl FnOnce(&mut MailBox) -> Result<T, BoxError>,
    ) -> Result<Done, Done> {
        self.within(work).map(|_| Done::ok("done"))
    }

    fn within<T>(&self, work: impl FnOnce(&mut MailBox) -> Result<T, BoxError>) -> Result<T, Done> {
        let Some(account) = &self.account else { return Err(Done::bad("sign in first")) };
        let done = self.office.with_box(&account.address, work);
        self.office.changed();
        done.map_err(|error| Done::no(&error.to_string()))
    }

    fn list(
        &self,
        verb: &str,
        reference: &str,
        pattern: Option<&Word>,
        out: &mut Vec<u8>,
    ) -> Result<Done, Done> {
        let pattern = pattern.and_then(Word::text).ok_or_else(|| Done::bad("which ones?"))?;
        if pattern.is_empty() {
            out.extend_from_slice(format!("* {verb} (\\Noselect) \"/\" \"\"\r\n").as_bytes());
            return Ok(Done::ok("done"));
        }
        let pattern = canonical(&format!("{reference}{pattern}"));
        let names: Vec<String> =
            self.within(|mailbox| Ok(mailbox.folders.keys().cloned().collect()))?;
        for name in names.iter().filter(|name| matches(name, &pattern)) {
            out.extend_from_slice(format!("* {verb} () \"/\" {}\r\n", quoted(name)).as_bytes());
        }
        Ok(Done::ok("done"))
    }

    fn open(&mut self, name: &str, read_only: bool, out: &mut Vec<u8>) -> Result<Done, Done> {
        self.selected = None;
        let folder = self.within(|mailbox| mailbox.folder(name).cloned())?;
        let count = folder.messages.len();
        let unseen = folder.messages.iter().position(|one| !one.flags.contains("\\Seen"));
        let flags = "\\Answered \\Flagged \\Deleted \\Seen \\Draft";
        let mut text = format!("* FLAGS ({flags})\r\n* {count} EXISTS\r\n* 0 RECENT\r\n");
        if let Some(at) = unseen {
            text.push_str(&format!("* OK [UNSEEN {}] first unseen\r\n", at + 1));
        }
        text.push_str(&format!("* OK [UIDVALIDITY {}] numbering\r\n", folder.validity));
        text.push_str(&format!("* OK [UIDNEXT {}] next\r\n", folder.next_uid));
        let permanent = if read_only { String::new() } else { format!("{flags} \\*") };
        text.push_str(&format!("* OK [PERMANENTFLAGS ({permanent})] kept\r\n"));
        out.extend_from_slice(text.as_bytes());
        let known = folder.messages.iter().map(|message| message.uid).collect();
        self.selected = Some(Selected {
            folder: canonical(name),
            validity: folder.validity,
            version: folder.version,
            read_only,
            known,
        });
        Ok(Done::ok(if read_only { "[READ-ONLY] open" } else { "[READ-WRITE] open" }))
    }

    fn status(&self, name: &str, items: Option<&Word>, out: &mut Vec<u8>) -> Result<Done, Done> {
        let folder = self.within(|mailbox| mailbox.folder(name).cloned())?;
        let unseen = folder.messages.iter().filter(|one| !one.flags.contains("\\Seen")).count();
        let mut shown = Vec::new();
        for item in items.map(Word::list).unwrap_or_default() {
            let item = item.upper().unwrap_or_default();
            let value = match item.as_str() {
                "MESSAGES" => folder.messages.len(),
                "RECENT" => 0,
                "UIDNEXT" => folder.next_uid as usize,
                "UIDVALIDITY" => folder.validity as usize,
                "UNSEEN" => unseen,
                _ => return Err(Done::bad("no such item")),
            };
            shown.push(format!("{item} {value}"));
        }
        let line = format!("* STATUS {} ({})\r\n", quoted(name), shown.join(" "));
        out.extend_from_slice(line.as_bytes());
        Ok(Done::ok("done"))
    }

    fn append(&self, name: &str, words: &[Word]) -> Result<Done, Done> {
        let bytes = words.last().filter(|_| words.len() > 1);
        let Some(Word::Text(bytes)) = bytes else { return Err(Done::bad("a literal is missing")) };
        let (mut marks, mut arrived_at) = (BTreeSet::new(), self.office.now());
        for word in &words[1..words.len() - 1] {
            match word {
                Word::List(list) => {
                    marks = flags(list).ok_or_else(|| Done::bad("those are no flags"))?
                }
                other => {
                    let date = other.text().and_then(|text| instants::read_internal_date(&text));
                    arrived_at = date.ok_or_else(|| Done::bad("that is no date"))?;
                }
            }
        }
        let put = self.within(|mailbox| {
            let uid = mailbox.put(name, Arc::from(bytes.as_slice()), marks, arrived_at)?;
            Ok((mailbox.folder(name)?.validity, uid))
        });
        match put {
            Ok((validity, uid)) => Ok(Done::Ok(format!("[APPENDUID {validity} {uid}] kept"))),
            Err(_) => Err(Done::no("[TRYCREATE] not kept")),
        }
    }

    /// Copies, or moves, messages into another folder (RFC 4315, RFC 6851).
    pub(super) fn copy(
        &mut self,
        words: &[Word],
        by_uid: bool,
        moves: bool,
        out: &mut Vec<u8>,
    ) -> Result<Done, Done> {
        let Some(selected) = &self.selected else { return Err(Done::bad("no folder is selected")) };
        if moves && selected.read_only {
            return Err(Done::no("[READ-ONLY] not here"));
        }
        let from = selected.folder.clone();
        let chosen = self.chosen(words.first(), by_uid)?;
        let to = words.get(1).and_then(Word::text).ok_or_else(|| Done::bad("whereto?"))?;
        let mut pairs = Vec::new();
        let validity = self.within(|mailbox| {
            let validity = mailbox.folder(&to)?.validity;
            for (_, message) in &chosen {
                let put = mailbox.put(
                    &to,
                    message.bytes.clone(),
                    message.flags.clone(),
                    message.arrived_at,
                )?;
                pairs.push((message.uid, put));
            }
            Ok(validity)
        });
        let validity = validity.map_err(|_| Done::no("[TRYCREATE] not copied"))?;
        if pairs.is_empty() {
            return Ok(Done::ok("nothing to copy"));
        }
        let join = |uids: Vec<String>| uids.join(",");
        let code = format!(
            "[COPYUID {validity} {} {}]",
            join(pairs.iter().map(|(uid, _)| uid.to_string()).collect()),
            join(pairs.iter().map(|(_, uid)| uid.to_string()).collect())
        );
        if !moves {
            return Ok(Done::Ok(format!("{code} copied")));
        }
        out.extend_from_slice(format!("* OK {code} moved\r\n").as_bytes());
        self.remove(&from, &pairs.iter().map(|(uid, _)| *uid).collect())?;
        Ok(Done::ok("moved"))
    }

    /// Leaves the folder; what is marked as deleted goes without a word (RFC 3501, 6.4.2).
    fn close(&mut self) -> Result<Done, Done> {
        let Some(selected) = self.selected.take() else {
            return Err(Done::bad("no folder is selected"));
        };
        if !selected.read_only {
            let uids = self.within(|mailbox| {
                let messages = &mailbox.folder(&selected.folder)?.messages;
                let deleted = messages.iter().filter(|one| one.flags.contains("\\Deleted"));
                Ok(deleted.map(|one| one.uid).collect())
            })?;
            self.remove(&selected.folder, &uids)?;
        }
        Ok(Done::ok("closed"))
    }
}

/// Flags as written; system flags in their usual case.
pub(super) fn flags(words: &[Word]) -> Option<BTreeSet<String>> {
    const SYSTEM: [&str; 5] = ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"];
    let mut flags = BTreeSet::new();
    for word in words {
        let Word::Atom(text) = word else { return None };
        let known = SYSTEM.iter().find(|known| known.eq_ignore_ascii_case(text));
        if text.len() > MAX_FLAG || known.is_none() && !text.bytes().all(is_keyword) {
            return None;
        }
        flags.insert(known.map_or_else(|| text.clone(), |known| (*known).to_owned()));
    }
    Some(flags)
}

fn is_keyword(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"(){%*\"\\]".contains(&byte)
}

pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Whether a name fits a pattern: `*` stands for anything, `%` for anything without a slash.
fn matches(name: &str, pattern: &str) -> bool {
    // One row of the table of prefixes at a time: linear memory, no recursion.
    let name: Vec<char> = name.chars().collect();
    let mut row = vec![false; name.len() + 1];
    row[0] = true;
    for wanted in pattern.chars().take(1_000) {
        let mut next = vec![false; name.len() + 1];
        for at in 0..=name.len() {
            next[at] = match wanted {
                '*' => row[at] || at > 0 && next[at - 1],
                '%' => row[at] || at > 0 && next[at - 1] && name[at - 1] != '/',
                c => at > 0 && row[at - 1] && name[at - 1] == c,
            };
        }
        row = next;
    }
    row[name.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_know_both_wildcards() {
        assert!(matches("INBOX", "*") && matches("a/b", "*") && matches("INBOX", "IN%X"));
        assert!(!matches("a/b", "%") && matches("a/b", "%/%") && !matches("INBOX", "in"));
    }
}
