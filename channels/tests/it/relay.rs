//! An SMTP server that plays its part by a script, on a free loopback port.

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// In place of a reply: the server closes the connection.
pub const CLOSE: &str = "!close";
/// In place of a reply: the server says nothing, ever.
pub const HANG: &str = "!hang";

/// What the server does.
#[derive(Clone)]
pub struct Script {
    pub greeting: &'static str,
    pub features: Vec<&'static str>,
    /// Replies to commands that begin so; the first that fits is used up to its count.
    pub replies: Vec<(&'static str, usize, &'static str)>,
    pub implicit_tls: bool,
    /// Pause before each reply.
    pub pause: Duration,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            greeting: "220 relay.example ESMTP",
            features: vec!["PIPELINING", "SIZE 20000000", "8BITMIME", "ENHANCEDSTATUSCODES", "DSN"],
            replies: Vec::new(),
            implicit_tls: false,
            pause: Duration::ZERO,
        }
    }
}

/// What the server saw.
#[derive(Default)]
pub struct Seen {
    pub commands: Mutex<Vec<String>>,
    pub messages: Mutex<Vec<String>>,
    pub connections: AtomicUsize,
    pub open: AtomicUsize,
    pub most_open: AtomicUsize,
    used: Mutex<Vec<usize>>,
}

/// A running server.
pub struct Relay {
    pub address: SocketAddr,
    pub seen: Arc<Seen>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Relay {
    /// Starts one.
    pub async fn play(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        *seen.used.lock().unwrap() = vec![0; script.replies.len()];
        let shared = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let (script, seen) = (script.clone(), Arc::clone(&shared));
                tokio::spawn(async move {
                    seen.connections.fetch_add(1, Ordering::SeqCst);
                    let open = seen.open.fetch_add(1, Ordering::SeqCst) + 1;
                    seen.most_open.fetch_max(open, Ordering::SeqCst);
                    let _ = if script.implicit_tls {
                        let stream = acceptor().accept(stream).await;
                        match stream {
                            Ok(stream) => talk(Box::new(stream), &script, &seen).await,
                            Err(_) => Ok(()),
                        }
                    } else {
                        talk(Box::new(stream), &script, &seen).await
                    };
                    seen.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, seen, task }
    }

    /// The bodies that were taken.
    pub fn messages(&self) -> Vec<String> {
        self.seen.messages.lock().unwrap().clone()
    }

    /// The commands that came.
    pub fn commands(&self) -> Vec<String> {
        self.seen.commands.lock().unwrap().clone()
    }
}

trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

fn acceptor() -> TlsAcceptor {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/");
    let chain = CertificateDer::pem_file_iter(format!("{folder}server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(format!("{folder}server.key")).unwrap();
    let config =
        ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain.map(Result::unwrap).collect(), key)
            .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

fn scripted(script: &Script, seen: &Seen, command: &str) -> Option<&'static str> {
    let mut used = seen.used.lock().unwrap();
    for (index, (begin, count, reply)) in script.replies.iter().enumerate() {
        if command.starts_with(begin) && used[index] < *count {
            used[index] += 1;
            return Some(reply);
        }
    }
    None
}

async fn talk(wire: Box<dyn Wire>, script: &Script, seen: &Seen) -> std::io::Result<()> {
    let mut io = BufStream::new(wire);
    if script.greeting == HANG {
        std::future::pending::<()>().await;
    }
    if script.greeting == CLOSE {
        return Ok(());
    }
    io.write_all(format!("{}\r\n", script.greeting).as_bytes()).await?;
    io.flush().await?;
    let (mut in_data, mut body, mut login) = (false, String::new(), 0);
    let mut features = script.features.clone();
    loop {
        let mut line = String::new();
        if io.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        if in_data && line != ".\r\n" {
            if body.is_empty() && scripted(script, seen, "content") == Some(CLOSE) {
                return Ok(());
            }
            body.push_str(line.strip_prefix('.').unwrap_or(&line));
            continue;
        }
        let command = line.trim_end().to_owned();
        seen.commands.lock().unwrap().push(command.clone());
        tokio::time::sleep(script.pause).await;
        let ehlo = format!(
            "250-relay.example hello\r\n{}250 HELP",
            features.iter().map(|f| format!("250-{f}\r\n")).collect::<String>()
        );
        let own = match command.split([' ', ':']).next().unwrap_or_default() {
            "." if in_data => "250 2.0.0 Ok: queued as 4XYZ",
            "EHLO" => &ehlo,
            "HELO" | "MAIL" | "RCPT" | "RSET" => "250 2.1.0 Ok",
            "DATA" => "354 go on",
            "QUIT" => "221 2.0.0 Bye",
            "STARTTLS" => "220 2.0.0 go on",
            "AUTH" if command == "AUTH LOGIN" => "334 VXNlcm5hbWU6",
            "AUTH" => "235 2.7.0 Ok",
            _ if login == 1 => "334 UGFzc3dvcmQ6",
            _ if login == 2 => "235 2.7.0 Ok",
            _ => "500 5.5.2 what?",
        };
        let reply = scripted(script, seen, &command).unwrap_or(own).to_owned();
        if command == "AUTH LOGIN" || login > 0 {
            login += 1;
        }
        if reply == CLOSE {
            return Ok(());
        }
        if reply == HANG {
            std::future::pending::<()>().await;
        }
        if in_data {
            let content = std::mem::take(&mut body);
            if reply.starts_with('2') {
                seen.messages.lock().unwrap().push(content);
            }
        }
        in_data = command == "DATA" && reply.starts_with('3');
        io.write_all(format!("{reply}\r\n").as_bytes()).await?;
        io.flush().await?;
        if command == "QUIT" {
            return Ok(());
        }
        if command == "STARTTLS" && reply.starts_with('2') {
            let stream = acceptor().accept(io.into_inner()).await?;
            io = BufStream::new(Box::new(stream));
            features.retain(|feature| *feature != "STARTTLS");
        }
    }
}
