//! The connection: TCP, TLS, and responses read within limits.
//!
//! Guarantee: every read and write has a deadline; a line and the literals of a command have a limit that is checked
//! before memory is taken. Limit: a fault leaves the connection unusable; it is dropped.

use crate::fault::Fault;
use crate::response::{Response, announced};
use crate::settings::{MailboxSettings, Tls};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

/// Longest line: the UIDs of more than a million messages.
const MOST_LINE: usize = 16 << 20;
/// What is read at once.
const BUFFER: usize = 64 << 10;
/// Most literals of one response: more than any command of ours can bring.
const MOST_LITERALS: usize = 64;

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send + Sync {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Duplex for T {}

/// A connection.
pub(crate) struct Wire {
    stream: BufReader<Box<dyn Duplex>>,
}

impl Wire {
    /// Connects, with TLS when it is implicit.
    pub(crate) async fn connect(settings: &MailboxSettings) -> Result<Self, Fault> {
        let limit = Duration::from_secs(settings.connect_s);
        let open = async {
            let target = (settings.host.as_str(), settings.port);
            let tcp = TcpStream::connect(target).await.map_err(|_| Fault::Unreachable)?;
            // Commands are small and each waits for its answer.
            tcp.set_nodelay(true).map_err(|_| Fault::Unreachable)?;
            let plain = Self { stream: BufReader::with_capacity(BUFFER, Box::new(tcp)) };
            match settings.tls {
                Tls::Implicit => plain.secured(settings).await,
                Tls::None | Tls::Starttls => Ok(plain),
            }
        };
        timeout(limit, open).await.unwrap_or(Err(Fault::TimedOut("connecting")))
    }

    /// Changes over to TLS within the time to connect.
    pub(crate) async fn start_tls(self, settings: &MailboxSettings) -> Result<Self, Fault> {
        // Words that came before the handshake could be anybody's.
        if !self.stream.buffer().is_empty() {
            return Err(Fault::Tls);
        }
        let limit = Duration::from_secs(settings.connect_s);
        timeout(limit, self.secured(settings)).await.unwrap_or(Err(Fault::TimedOut("TLS")))
    }

    async fn secured(self, settings: &MailboxSettings) -> Result<Self, Fault> {
        let connector = TlsConnector::from(trust(settings.ca_file.as_deref())?);
        let name = ServerName::try_from(settings.host.clone()).map_err(|_| Fault::Tls)?;
        let secured = connector.connect(name, self.stream.into_inner()).await;
        let secured: Box<dyn Duplex> = Box::new(secured.map_err(|_| Fault::Tls)?);
        Ok(Self { stream: BufReader::with_capacity(BUFFER, secured) })
    }

    /// Writes all of it.
    pub(crate) async fn write(&mut self, text: &[u8], until: Instant) -> Result<(), Fault> {
        let write = async {
            self.stream.write_all(text).await?;
            self.stream.flush().await
        };
        let written = timeout_at(until, write).await.map_err(|_| Fault::TimedOut("writing"))?;
        written.map_err(|_| Fault::Broken)
    }

    /// Waits until there is something to read; may be given up without loss.
    pub(crate) async fn readable(&mut self) -> Result<(), Fault> {
        match self.stream.fill_buf().await {
            Ok([]) | Err(_) => Err(Fault::Broken),
            Ok(_) => Ok(()),
        }
    }

    /// One response. Its literals are taken off the `budget`.
    pub(crate) async fn read(
        &mut self,
        budget: &mut usize,
        until: Instant,
    ) -> Result<Response, Fault> {
        let read = self.read_at_leisure(budget);
        timeout_at(until, read).await.unwrap_or(Err(Fault::TimedOut("reading")))
    }

    async fn read_at_leisure(&mut self, budget: &mut usize) -> Result<Response, Fault> {
        let mut response = Response::default();
        loop {
            let begun = response.text.len();
            self.read_line(&mut response.text).await?;
            let line = &response.text[begun..];
            // A NUL is no character of IMAP; here it stands for a literal.
            if memchr::memchr(0, line).is_some() {
                return Err(Fault::Garbled);
            }
            let Some(length) = announced(line)? else { return Ok(response) };
            *budget = budget.checked_sub(length).ok_or(Fault::TooMuch)?;
            if response.literals.len() == MOST_LITERALS {
                return Err(Fault::TooMuch);
            }
            let mut literal = vec![0; length];
            self.stream.read_exact(&mut literal).await.map_err(|_| Fault::Broken)?;
            response.literals.push(literal);
            let announcement = memchr::memrchr(b'{', &response.text).unwrap_or(0);
            response.text.truncate(announcement);
            response.text.push(0);
        }
    }

    /// Appends a line without its end.
    async fn read_line(&mut self, text: &mut Vec<u8>) -> Result<(), Fault> {
        loop {
            let piece = self.stream.fill_buf().await.map_err(|_| Fault::Broken)?;
            if piece.is_empty() {
                return Err(Fault::Broken);
            }
            let end = memchr::memchr(b'\n', piece);
            let taken = end.map_or(piece.len(), |at| at + 1);
            if text.len() + taken > MOST_LINE {
                return Err(Fault::TooMuch);
            }
            text.extend_from_slice(&piece[..end.unwrap_or(taken)]);
            self.stream.consume(taken);
            if end.is_some() {
                if text.last() == Some(&b'\r') {
                    text.pop();
                }
                return Ok(());
            }
        }
    }
}

/// Trusts the file's authorities, or the usual ones without a file.
fn trust(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, Fault> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            let certificates =
                CertificateDer::pem_file_iter(path).map_err(|_| Fault::Authorities)?;
            for certificate in certificates {
                let certificate = certificate.map_err(|_| Fault::Authorities)?;
                roots.add(certificate).map_err(|_| Fault::Authorities)?;
            }
            if roots.is_empty() {
                return Err(Fault::Authorities);
            }
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| Fault::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
