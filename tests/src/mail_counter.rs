//! A mail server that remembers whom it took a message for, and how often.
//!
//! Guarantee: a message counts from the moment at which its final dot was read, before the answer is
//! written, so that a client killed in between is seen. Limit: it keeps recipients and Message-IDs, not
//! the messages.

use crate::Started;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Message-IDs by recipient.
type Taken = Arc<Mutex<HashMap<String, Vec<String>>>>;

/// A running counter; it ends with the runtime that started it.
pub struct MailCounter {
    port: u16,
    taken: Taken,
}

impl MailCounter {
    /// Starts one that waits this long before it answers to the end of a message.
    pub async fn start(pause: Duration) -> Started<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
        let port = listener.local_addr().map_err(|error| error.to_string())?.port();
        let taken = Taken::default();
        let shared = Arc::clone(&taken);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(talk(stream, Arc::clone(&shared), pause));
            }
        });
        Ok(Self { port, taken })
    }

    /// `smtp://127.0.0.1:port`
    pub fn smtp_url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// Message-IDs by recipient.
    pub fn taken(&self) -> HashMap<String, Vec<String>> {
        self.taken.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

async fn talk(stream: TcpStream, taken: Taken, pause: Duration) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 counter ESMTP\r\n").await?;
    let (mut line, mut recipient) = (String::new(), String::new());
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let verb = line.trim_end().to_ascii_uppercase();
        let answer = if verb.starts_with("EHLO") {
            "250-counter\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
        } else if verb.starts_with("RCPT TO:") {
            recipient = line.trim_end()[8..].trim_matches(['<', '>', ' ']).to_owned();
            "250 ok\r\n"
        } else if verb == "DATA" {
            stream.write_all(b"354 go on\r\n").await?;
            let id = message_id(&mut stream).await?;
            {
                let mut taken = taken.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                taken.entry(recipient.clone()).or_default().push(id);
            }
            tokio::time::sleep(pause).await;
            "250 2.0.0 taken\r\n"
        } else if verb == "QUIT" {
            stream.write_all(b"221 bye\r\n").await?;
            return Ok(());
        } else {
            "250 ok\r\n"
        };
        stream.write_all(answer.as_bytes()).await?;
    }
}

/// Reads a message to its final dot; its Message-ID.
async fn message_id(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let (mut line, mut id) = (String::new(), String::new());
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == ".\r\n" {
            return Ok(id);
        }
        if let Some(value) = line.strip_prefix("Message-ID:") {
            id = value.trim().to_owned();
        }
    }
}
