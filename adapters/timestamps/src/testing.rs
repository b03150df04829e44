//! A real time stamping authority on loopback, for tests; behind the feature `testing`, never part of the program.
//!
//! It is `openssl ts -reply` behind the smallest HTTP server that can serve it. Guarantee: it listens on a free
//! port of 127.0.0.1 and ends with the value. Limit: one request at a time; it panics when `openssl` fails.

use messo_signatures::testing::{Profile, TestCa, pem};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::thread::JoinHandle;
use tempfile::TempDir;

const SETTINGS: &str = "[tsa]\ndefault_tsa = one\n[one]\nserial = serial\nsigner_digest = sha256\n\
    default_policy = 1.3.6.1.4.1.99999.1\ndigests = sha256\nclock_precision_digits = 3\n\
    ess_cert_id_alg = sha256\n";

/// An authority that answers.
pub struct TestAuthority {
    /// Where.
    pub url: String,
    address: SocketAddr,
    shared: Arc<Shared>,
    server: Option<JoinHandle<()>>,
}

struct Shared {
    folder: TempDir,
    ends: AtomicBool,
    /// How often it fails before it serves again.
    fails: AtomicU16,
}

impl TestAuthority {
    /// Starts one whose certificate this authority issues.
    pub fn start(ca: &TestCa) -> Self {
        let signer = ca.issue(&Profile { email: None, stamps_time: true, ..Profile::provider("") });
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, bytes: &[u8]| {
            fs::write(folder.path().join(name), bytes).expect("a writable folder");
        };
        write("tsa.pem", &pem(&signer.identity.certificate));
        write("chain.pem", &pem(&ca.issuing.certificate));
        write("tsa.key", &signer.identity.key.private_key_to_pem_pkcs8().expect("a key"));
        write("serial", b"01\n");
        write("tsa.cnf", SETTINGS.as_bytes());
        let door = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = door.local_addr().expect("an address");
        let shared =
            Arc::new(Shared { folder, ends: AtomicBool::new(false), fails: AtomicU16::new(0) });
        let served = Arc::clone(&shared);
        let server = std::thread::spawn(move || {
            for caller in door.incoming().flatten() {
                if served.ends.load(Ordering::SeqCst) {
                    return;
                }
                // A caller who goes away spoils only its own request.
                let _ = served.serve(caller);
            }
        });
        Self { url: format!("http://{address}/tsa"), address, shared, server: Some(server) }
    }

    /// Answers the next requests with 503.
    pub fn fail(&self, times: u16) {
        self.shared.fails.store(times, Ordering::SeqCst);
    }
}

impl Drop for TestAuthority {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
    }
}

impl Shared {
    fn serve(&self, caller: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(caller.try_clone()?);
        let (mut length, mut line) = (0, String::new());
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut query = vec![0; length];
        reader.read_exact(&mut query)?;
        let failing = self.fails.load(Ordering::SeqCst);
        let (status, answer) = if failing > 0 {
            self.fails.store(failing - 1, Ordering::SeqCst);
            ("503 Service Unavailable", Vec::new())
        } else {
            ("200 OK", stamp(self.folder.path(), &query))
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/timestamp-reply\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n",
            answer.len()
        );
        let mut caller = caller;
        caller.write_all(head.as_bytes())?;
        caller.write_all(&answer)
    }
}

fn stamp(folder: &Path, query: &[u8]) -> Vec<u8> {
    fs::write(folder.join("query"), query).expect("a writable folder");
    let reply = "ts -reply -config tsa.cnf -queryfile query -inkey tsa.key -signer tsa.pem -chain chain.pem -out answer";
    let output = Command::new("openssl").args(reply.split(' ')).current_dir(folder).output();
    let output = output.expect("the openssl command");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read(folder.join("answer")).expect("an answer")
}
