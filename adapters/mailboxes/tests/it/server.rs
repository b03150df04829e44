//! A small IMAP server that misbehaves on command. It knows what the client under test may say, and panics in its
//! connection (which ends it) on anything else.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::time::sleep;

/// What happens when a message's body is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Half of the literal, then silence.
    Stall,
    /// Half of the literal, then the end.
    Drop,
    /// The end before anything is said, also when only the head is asked for.
    DropAll,
    /// `NO`.
    No,
    /// `OK` without the message.
    Nothing,
    /// A literal of 4 GB is announced.
    Huge,
    /// Bytes that are no IMAP.
    Garbage,
    /// `* BYE`.
    Bye,
    /// The literal comes in ten pieces over so many milliseconds.
    Slow(u64),
    /// It goes away just before it is sent.
    Vanish,
}

/// What happens to a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeting {
    Silence,
    Bye,
    Garbage,
}

#[derive(Clone, Default)]
pub struct Folder {
    pub validity: u32,
    pub next: u32,
    pub messages: BTreeMap<u32, Arc<[u8]>>,
    pub seen: Vec<u32>,
}

#[derive(Default)]
pub struct State {
    pub folders: BTreeMap<String, Folder>,
    /// By UID of any folder: the fault and how often it happens.
    pub faults: HashMap<u32, (Fault, u32)>,
    pub greetings: Vec<Greeting>,
    pub refuses_login: bool,
    pub capabilities: String,
    /// Silent about what arrives while idling.
    pub deaf: bool,
    /// Everything that was said to it.
    pub commands: Vec<String>,
    pub connections: usize,
    /// Messages whose bodies were sent to their end.
    pub sent: usize,
}

pub struct Server {
    port: u16,
    state: Arc<Mutex<State>>,
    news: broadcast::Sender<()>,
}

/// A message that differs from others by its number, of about this length.
pub fn message(number: usize, length: usize) -> Vec<u8> {
    let mut text = format!(
        "Message-ID: <{number}@example.it>\r\nFrom: a@example.it\r\nSubject: prova {number}\r\n\r\n"
    );
    while text.len() < length {
        text.push_str("Riga di testo che riempie il messaggio.\r\n");
    }
    text.into_bytes()
}

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let capabilities = "IMAP4rev1 IDLE AUTH=PLAIN SASL-IR MOVE UIDPLUS".to_owned();
        let state = Arc::new(Mutex::new(State { capabilities, ..State::default() }));
        let news = broadcast::Sender::new(16);
        let server = Self { port, state: Arc::clone(&state), news: news.clone() };
        server.make("INBOX", 1);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let connection = Connection {
                    stream: BufReader::new(stream),
                    state: Arc::clone(&state),
                    news: news.subscribe(),
                    folder: String::new(),
                };
                tokio::spawn(connection.run());
            }
        });
        server
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Makes a folder, or makes it anew.
    pub fn make(&self, folder: &str, validity: u32) {
        let made = Folder { validity, next: 1, ..Folder::default() };
        self.state().folders.insert(folder.to_owned(), made);
    }

    /// A message arrives.
    pub fn put(&self, folder: &str, raw: Vec<u8>) -> u32 {
        let uid = self.put_silently(folder, raw);
        let _ = self.news.send(());
        uid
    }

    pub fn put_silently(&self, folder: &str, raw: Vec<u8>) -> u32 {
        let mut state = self.state();
        let folder = state.folders.get_mut(folder).unwrap();
        let uid = folder.next;
        folder.messages.insert(uid, raw.into());
        folder.next += 1;
        uid
    }

    pub fn fill(&self, folder: &str, numbers: std::ops::Range<usize>, length: usize) {
        for number in numbers {
            self.put_silently(folder, message(number, length));
        }
    }

    pub fn fault(&self, uid: u32, fault: Fault, times: u32) {
        self.state().faults.insert(uid, (fault, times));
    }

    pub fn said(&self, beginning: &str) -> usize {
        self.state().commands.iter().filter(|command| command.starts_with(beginning)).count()
    }
}

struct Connection {
    stream: BufReader<TcpStream>,
    state: Arc<Mutex<State>>,
    news: broadcast::Receiver<()>,
    folder: String,
}

/// Why a connection ends.
struct End;

type Answer = Result<(), End>;

impl From<std::io::Error> for End {
    fn from(_: std::io::Error) -> Self {
        Self
    }
}

impl Connection {
    async fn run(mut self) {
        let greeting = {
            let mut state = self.state.lock().unwrap();
            state.connections += 1;
            state.greetings.pop()
        };
        let ended = match greeting {
            Some(Greeting::Silence) => return sleep(Duration::from_secs(20)).await,
            Some(Greeting::Bye) => self.say("* BYE too many of sede@pec.example.it").await,
            Some(Greeting::Garbage) => self.say("220 mail.example.it ESMTP").await,
            None => self.serve().await,
        };
        drop(ended);
    }

    async fn say(&mut self, line: &str) -> Answer {
        self.stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).await?;
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn line(&mut self) -> Result<String, End> {
        let mut line = String::new();
        match self.stream.read_line(&mut line).await? {
            0 => Err(End),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    async fn serve(&mut self) -> Answer {
        self.say("* OK ready").await?;
        loop {
            let line = self.line().await?;
            let (tag, command) = line.split_once(' ').unwrap();
            self.state().commands.push(command.to_owned());
            let words: Vec<&str> = command.split(' ').collect();
            let done = match words[..] {
                ["CAPABILITY"] => {
                    let capabilities = self.state().capabilities.clone();
                    self.say(&format!("* CAPABILITY {capabilities}")).await?;
                    "OK done"
                }
                ["AUTHENTICATE", "PLAIN", secret] => {
                    assert_eq!(secret, "AHNlZGVAcGVjLmV4YW1wbGUuaXQAc2VncmV0YQ==");
                    self.login()
                }
                ["LOGIN", "\"sede@pec.example.it\"", "\"segreta\""] => self.login(),
                ["LIST", "\"\"", pattern] => self.list(pattern).await?,
                ["EXAMINE" | "SELECT", ..] => self.select(command).await?,
                ["UID", "SEARCH", ..] => self.search(&words[2..]).await?,
                ["UID", "FETCH", set, ..] => {
                    let items = command.split_once('(').unwrap().1;
                    self.fetch(set, items.strip_suffix(')').unwrap()).await?
                }
                ["UID", "STORE", set, "+FLAGS.SILENT", "(\\Seen)"] => {
                    let uids = self.uids(set);
                    self.open(|folder| folder.seen.extend(uids));
                    "OK done"
                }
                ["UID", "MOVE", set, target] => self.r#move(set, target),
                ["IDLE"] => self.idle().await?,
                ["LOGOUT"] => return self.say(&format!("* BYE bye\r\n{tag} OK done")).await,
                _ => panic!("{command}"),
            };
            self.say(&format!("{tag} {done}")).await?;
        }
    }

    fn login(&self) -> &'static str {
        match self.state().refuses_login {
            true => "NO [AUTHENTICATIONFAILED] sede@pec.example.it is unknown",
            false => "OK in",
        }
    }

    async fn list(&mut self, pattern: &str) -> Result<&'static str, End> {
        let beginning = pattern.trim_matches('"').trim_end_matches('*').to_owned();
        let names: Vec<String> = self.state().folders.keys().cloned().collect();
        self.say("* LIST (\\Noselect) \".\" \"Ricevute-vecchie\"").await?;
        for name in names.iter().filter(|name| name.starts_with(&beginning)) {
            self.say(&format!("* LIST (\\HasNoChildren) \".\" \"{name}\"")).await?;
        }
        Ok("OK done")
    }

    async fn select(&mut self, command: &str) -> Result<&'static str, End> {
        let name = command.split_once(' ').unwrap().1.trim_matches('"').to_owned();
        let found = self
            .state()
            .folders
            .get(&name)
            .map(|folder| (folder.messages.len(), folder.validity, folder.next));
        let Some((count, validity, next)) = found else {
            return Ok("NO [NONEXISTENT] no such folder");
        };
        self.folder = name;
        self.say(&format!(
            "* {count} EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY {validity}] ok\r\n\
             * OK [UIDNEXT {next}] ok\r\n* FLAGS (\\Seen)\r\n* X-UNKNOWN (a \"b"
        ))
        .await?;
        Ok("OK done")
    }

    fn known(&self, folder: &str) -> (usize, bool) {
        let state = self.state();
        (state.folders[folder].messages.len(), state.deaf)
    }

    fn open<T>(&self, with: impl FnOnce(&mut Folder) -> T) -> T {
        with(self.state().folders.get_mut(&self.folder).unwrap())
    }

    async fn search(&mut self, words: &[&str]) -> Result<&'static str, End> {
        let uids: Vec<u32> = match *words {
            ["UID", set] => {
                let from: u32 = set.strip_suffix(":*").unwrap().parse().unwrap();
                self.open(|folder| {
                    // As RFC 9051 says, `*` is the last message even when it is below.
                    let last = folder.messages.keys().next_back().copied();
                    let found = folder.messages.keys().copied().filter(|uid| *uid >= from);
                    found.chain(last).collect()
                })
            }
            ["SINCE", _] => self.open(|folder| folder.messages.keys().copied().collect()),
            _ => panic!("{words:?}"),
        };
        let mut answer = "* SEARCH".to_owned();
        uids.iter().for_each(|uid| write!(answer, " {uid}").unwrap());
        self.say(&answer).await?;
        Ok("OK done")
    }

    fn uids(&self, set: &str) -> Vec<u32> {
        let mut found = Vec::new();
        for range in set.split(',') {
            let (from, to) = range.split_once(':').unwrap_or((range, range));
            let (from, to): (u32, u32) = (from.parse().unwrap(), to.parse().unwrap());
            self.open(|folder| found.extend(folder.messages.range(from..=to).map(|(uid, _)| *uid)));
        }
        found
    }

    async fn fetch(&mut self, set: &str, items: &str) -> Result<&'static str, End> {
        let items: Vec<&str> = items.split(' ').collect();
        for (number, uid) in self.uids(set).into_iter().enumerate() {
            let raw = self.open(|folder| folder.messages.get(&uid).cloned());
            let Some(raw) = raw else { continue };
            let number = number + 1;
            match items[..] {
                ["UID", "RFC822.SIZE", "INTERNALDATE"] => {
                    let size = raw.len();
                    let date = "\"22-Nov-2026 08:00:00 +0100\"";
                    let answer = format!(
                        "* {number} FETCH (INTERNALDATE {date} UID {uid} RFC822.SIZE {size})"
                    );
                    self.say(&answer).await?;
                }
                ["UID", item] => {
                    let bytes = part(&raw, item);
                    match self.fault_of(uid, item) {
                        Some(Fault::No) => return Ok("NO [SERVERBUG] cannot"),
                        Some(Fault::Nothing) => continue,
                        Some(Fault::Vanish) => {
                            self.open(|folder| folder.messages.remove(&uid));
                            self.say("* 1 EXPUNGE").await?;
                            continue;
                        }
                        fault => self.body(number, uid, item, &bytes, fault).await?,
                    }
                }
                _ => panic!("{items:?}"),
            }
        }
        Ok("OK done")
    }

    fn fault_of(&self, uid: u32, item: &str) -> Option<Fault> {
        let mut state = self.state();
        let (fault, times) = state.faults.get_mut(&uid)?;
        let spared = item.contains("HEADER") && *fault != Fault::DropAll;
        if *times == 0 || spared {
            return None;
        }
        *times -= 1;
        Some(*fault)
    }

    async fn body(
        &mut self,
        number: usize,
        uid: u32,
        item: &str,
        bytes: &[u8],
        fault: Option<Fault>,
    ) -> Answer {
        let (half, item) = (bytes.len() / 2, item.replace(".PEEK", ""));
        let length = if fault == Some(Fault::Huge) { 4_000_000_000 } else { bytes.len() };
        match fault {
            Some(Fault::DropAll) => return Err(End),
            Some(Fault::Garbage) => {
                self.say("\0\u{1}garbage {").await?;
            }
            Some(Fault::Bye) => {
                self.say("* BYE maintenance").await?;
                return Err(End);
            }
            _ => {}
        }
        let item = item.split_once('.').map_or(item.clone(), |(origin, _)| {
            if origin.contains('<') { format!("{origin}>") } else { item.clone() }
        });
        let head = format!("* {number} FETCH (UID {uid} {item} {{{length}}}\r\n");
        self.stream.get_mut().write_all(head.as_bytes()).await?;
        match fault {
            Some(Fault::Stall | Fault::Drop) => {
                self.stream.get_mut().write_all(&bytes[..half]).await?;
                if fault == Some(Fault::Stall) {
                    sleep(Duration::from_secs(20)).await;
                }
                return Err(End);
            }
            Some(Fault::Slow(ms)) => {
                for piece in bytes.chunks(bytes.len().div_ceil(10)) {
                    sleep(Duration::from_millis(ms / 10)).await;
                    self.stream.get_mut().write_all(piece).await?;
                }
            }
            _ => self.stream.get_mut().write_all(bytes).await?,
        }
        self.state().sent += 1;
        // What others do meanwhile.
        self.say(" FLAGS (\\Recent))\r\n* 3 FETCH (FLAGS (\\Seen))").await
    }

    fn r#move(&mut self, set: &str, target: &str) -> &'static str {
        let target = target.trim_matches('"').to_owned();
        if !self.state().folders.contains_key(&target) {
            return "NO [TRYCREATE] no such folder";
        }
        for uid in self.uids(set) {
            let raw = self.open(|folder| folder.messages.remove(&uid).unwrap());
            let mut state = self.state();
            let folder = state.folders.get_mut(&target).unwrap();
            folder.messages.insert(folder.next, raw);
            folder.next += 1;
        }
        "OK done"
    }

    async fn idle(&mut self) -> Result<&'static str, End> {
        self.say("+ idling").await?;
        let folder = self.folder.clone();
        loop {
            tokio::select! {
                line = self.stream.fill_buf() => {
                    if line?.is_empty() {
                        return Err(End);
                    }
                    assert_eq!(self.line().await?, "DONE");
                    return Ok("OK done");
                }
                _ = self.news.recv() => {
                    let (count, deaf) = self.known(&folder);
                    self.say("* OK Still here").await?;
                    if !deaf {
                        self.say(&format!("* {count} EXISTS")).await?;
                    }
                }
            }
        }
    }
}

/// `BODY.PEEK[]`, `BODY.PEEK[]<0.9>`, `BODY.PEEK[HEADER]<0.9>`.
fn part(raw: &[u8], item: &str) -> Vec<u8> {
    let (section, range) = item.strip_prefix("BODY.PEEK[").unwrap().split_once(']').unwrap();
    let whole = match section {
        "" => raw,
        "HEADER" => {
            let end = raw.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
            &raw[..end + 4]
        }
        _ => panic!("{item}"),
    };
    let Some(range) = range.strip_prefix('<') else { return whole.to_vec() };
    let (from, length) = range.strip_suffix('>').unwrap().split_once('.').unwrap();
    let (from, length): (usize, usize) = (from.parse().unwrap(), length.parse().unwrap());
    whole.iter().skip(from).take(length).copied().collect()
}
