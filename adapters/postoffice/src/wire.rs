//! One connection of a client: lines and blocks with limits and deadlines, before and after TLS.
//!
//! Guarantee: no line or block grows past its limit, and no read or write waits past its deadline. Limit: what follows a
//! STARTTLS in the same packet is refused, since nobody vouches for it.

use std::io;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// What a connection stands on.
pub trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// A connection.
pub struct Wire {
    io: BufReader<Box<dyn Io>>,
    patience: Duration,
    /// Bytes that may still be written before the connection is cut, when a fault says so.
    pub cut_after: Option<usize>,
}

impl Wire {
    /// Takes a connection; `patience` bounds each read and write.
    pub fn new(io: Box<dyn Io>, patience: Duration) -> Self {
        Self { io: BufReader::new(io), patience, cut_after: None }
    }

    /// The next line without its line end, and whether it ended in CRLF; nothing at the end of input.
    ///
    /// # Errors
    /// When the line passes `limit`, the deadline passes or the connection breaks.
    pub async fn line(&mut self, limit: usize) -> io::Result<Option<(Vec<u8>, bool)>> {
        let mut line = Vec::new();
        let allowed = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(2);
        let patience = self.patience;
        let mut limited = (&mut self.io).take(allowed);
        within(patience, limited.read_until(b'\n', &mut line)).await?;
        if line.pop_if(|byte| *byte == b'\n').is_none() {
            if line.is_empty() {
                return Ok(None);
            }
            let full = line.len() > limit;
            let kind = if full { io::ErrorKind::InvalidData } else { io::ErrorKind::UnexpectedEof };
            return Err(kind.into());
        }
        let whole = line.pop_if(|byte| *byte == b'\r').is_some();
        Ok(Some((line, whole)))
    }

    /// Exactly so many bytes. The caller has checked the number against its own limit.
    ///
    /// # Errors
    /// When the deadline passes or the connection breaks.
    pub async fn block(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut block = Vec::new();
        while block.len() < length {
            let missing = (length - block.len()).min(64 * 1024);
            let begin = block.len();
            block.resize(begin + missing, 0);
            let patience = self.patience;
            within(patience, self.io.read_exact(&mut block[begin..])).await?;
        }
        Ok(block)
    }

    /// Writes and flushes.
    ///
    /// # Errors
    /// When the deadline passes, the connection breaks or a fault cuts it.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let cut = self.cut_after.map(|left| left.min(bytes.len()));
        let sent = &bytes[..cut.unwrap_or(bytes.len())];
        let patience = self.patience;
        let io = self.io.get_mut();
        within(patience, async {
            io.write_all(sent).await?;
            io.flush().await
        })
        .await?;
        if let Some(left) = self.cut_after {
            if left <= bytes.len() {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            self.cut_after = Some(left - bytes.len());
        }
        Ok(())
    }

    /// Waits until something can be read, without taking it. Whether the client is still there.
    ///
    /// # Errors
    /// When the deadline passes or the connection breaks.
    pub async fn ready(&mut self) -> io::Result<bool> {
        let patience = self.patience;
        Ok(!within(patience, self.io.fill_buf()).await?.is_empty())
    }

    /// Goes on under TLS.
    ///
    /// # Errors
    /// When the client has sent more already, or the handshake fails.
    pub async fn secured(self, acceptor: &TlsAcceptor) -> io::Result<Self> {
        if !self.io.buffer().is_empty() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let tls = within(self.patience, acceptor.accept(self.io.into_inner())).await?;
        Ok(Self::new(Box::new(tls), self.patience))
    }

    /// Ends the connection in good order.
    pub async fn close(mut self) {
        let patience = self.patience;
        // The other side may be gone already: nothing is owed to it.
        let _ = within(patience, self.io.get_mut().shutdown()).await;
    }
}

async fn within<T>(patience: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(patience, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
