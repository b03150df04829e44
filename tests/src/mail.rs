//! The shortest SMTP client (RFC 5321), to hand a raw message to a server as the world would.
//!
//! Guarantee: the bytes arrive as given, with dots stuffed. Limit: one recipient, no extensions; it
//! is no example of how Messo sends.

use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long the whole exchange may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Sends `raw` (lines end with CRLF). The server's refusal is the error.
pub async fn submit(port: u16, from: &str, to: &str, raw: &str) -> Result<(), String> {
    let exchange = async {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(|e| e.to_string())?;
        let mut stream = BufReader::new(stream);
        reply(&mut stream).await?;
        let dotted = raw.replace("\r\n.", "\r\n..");
        let end = if dotted.ends_with("\r\n") { ".\r\n" } else { "\r\n.\r\n" };
        for command in [
            "EHLO client.example.test\r\n".to_owned(),
            format!("MAIL FROM:<{from}>\r\n"),
            format!("RCPT TO:<{to}>\r\n"),
            "DATA\r\n".to_owned(),
            format!("{dotted}{end}"),
            "QUIT\r\n".to_owned(),
        ] {
            stream.write_all(command.as_bytes()).await.map_err(|e| e.to_string())?;
            reply(&mut stream).await?;
        }
        Ok(())
    };
    timeout(LIMIT, exchange).await.map_err(|_| "the SMTP server did not answer".to_owned())?
}

async fn reply(stream: &mut BufReader<TcpStream>) -> Result<(), String> {
    loop {
        let mut line = String::new();
        let read = stream.read_line(&mut line).await.map_err(|e| e.to_string())?;
        if read == 0 {
            return Err("the SMTP server closed the connection".into());
        }
        match line.as_bytes() {
            [_, _, _, b'-', ..] => {}
            [b'2' | b'3', ..] => return Ok(()),
            _ => return Err(line.trim_end().to_owned()),
        }
    }
}
