//! Opens an SMTP connection: connect, greeting, EHLO, STARTTLS, AUTH.
//!
//! A password never goes over a connection that the settings want encrypted and that is not.

use super::{Features, Halt, Session, Wire, connection_error};
use crate::email::line::Line;
use crate::email::log::Log;
use crate::email::reply::{Inbox, Reply};
use crate::email::settings::TlsMode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use messo_core::ports::Stage;
use rustls::ClientConfig;
use secrecy::ExposeSecret;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

pub(super) async fn open(line: &Line, log: &mut Log) -> Result<Session, Halt> {
    let limit = Duration::from_secs(line.deadlines.connect_s);
    let connecting = TcpStream::connect((line.host.as_str(), line.port));
    let unreachable = |detail: String, log: &mut Log| {
        log.halt(Halt::error(Stage::Connect, format!("messo:unreachable {detail}")))
    };
    let stream = match timeout(limit, connecting).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(unreachable(error.kind().to_string(), log)),
        Err(_) => return Err(unreachable("no connection in time".to_owned(), log)),
    };
    log.note(format!("-- connected to {}:{}", line.host, line.port));
    // Without this the kernel holds small writes back for 40 ms (Nagle against delayed ACK).
    let _ = stream.set_nodelay(true);
    let hello = line.hello.clone().unwrap_or_else(|| own_literal(&stream));
    let mut session = Session {
        wire: Box::new(stream),
        inbox: Inbox::default(),
        features: Features::default(),
        deadlines: line.deadlines,
        served: 0,
        broken: false,
    };
    if line.tls == TlsMode::Implicit {
        session = encrypt(session, line, log).await?;
    }
    let greeting = ask(&mut session, None, line.deadlines.greeting_s, log).await?;
    accept(greeting, 2)?;
    introduce(&mut session, &hello, log).await?;
    if matches!(line.tls, TlsMode::Opportunistic | TlsMode::Required) {
        session = start_tls(session, line, &hello, log).await?;
    }
    if line.user.is_some() {
        sign_in(&mut session, line, log).await?;
    }
    Ok(session)
}

/// Our address as an EHLO argument (RFC 5321 4.1.3).
fn own_literal(stream: &TcpStream) -> String {
    match stream.local_addr() {
        Ok(address) if address.is_ipv6() => format!("[IPv6:{}]", address.ip()),
        Ok(address) => format!("[{}]", address.ip()),
        Err(_) => "[127.0.0.1]".to_owned(),
    }
}

/// Writes a command, if any, and reads the reply. What stands in `command` is logged: no secrets.
async fn ask(
    session: &mut Session,
    command: Option<&str>,
    limit_s: u64,
    log: &mut Log,
) -> Result<Reply, Halt> {
    if let Some(command) = command {
        log.ours(command);
    }
    exchange(session, command.map(|command| format!("{command}\r\n")), limit_s, log).await
}

async fn exchange(
    session: &mut Session,
    bytes: Option<String>,
    limit_s: u64,
    log: &mut Log,
) -> Result<Reply, Halt> {
    let answered = match bytes {
        Some(bytes) => session.write(bytes.as_bytes()).await,
        None => Ok(()),
    };
    let answered = match answered {
        Ok(()) => session.reply(limit_s).await,
        Err(error) => Err(error),
    };
    match answered {
        Ok(reply) => {
            log.theirs(&reply);
            Ok(reply)
        }
        Err(error) => Err(log.halt(Halt::error(Stage::Open, error))),
    }
}

fn accept(reply: Reply, digit: u16) -> Result<Reply, Halt> {
    if reply.is(digit) { Ok(reply) } else { Err(Halt::refused(Stage::Open, reply)) }
}

async fn introduce(session: &mut Session, hello: &str, log: &mut Log) -> Result<(), Halt> {
    let limit = session.deadlines.command_s;
    let reply = ask(session, Some(&format!("EHLO {hello}")), limit, log).await?;
    if reply.is(5) {
        // A server of before 1995 (RFC 1869).
        let reply = ask(session, Some(&format!("HELO {hello}")), limit, log).await?;
        session.features = Features::default();
        return accept(reply, 2).map(drop);
    }
    session.features = features(&accept(reply, 2)?.text);
    Ok(())
}

fn features(text: &str) -> Features {
    let mut features = Features::default();
    for line in text.lines().skip(1) {
        let line = line.to_ascii_uppercase();
        let mut words = line.split([' ', '=']);
        match words.next().unwrap_or_default() {
            "PIPELINING" => features.pipelining = true,
            "SIZE" => features.size = true,
            "STARTTLS" => features.starttls = true,
            "DSN" => features.dsn = true,
            "AUTH" => {
                for mechanism in words {
                    features.auth_plain |= mechanism == "PLAIN";
                    features.auth_login |= mechanism == "LOGIN";
                }
            }
            _ => {}
        }
    }
    features
}

async fn start_tls(
    mut session: Session,
    line: &Line,
    hello: &str,
    log: &mut Log,
) -> Result<Session, Halt> {
    if !session.features.starttls {
        if line.tls == TlsMode::Opportunistic {
            return Ok(session);
        }
        let error = "messo:no_starttls the server offers no encryption, which the settings ask for";
        return Err(log.halt(Halt::error(Stage::Open, error)));
    }
    let reply = ask(&mut session, Some("STARTTLS"), line.deadlines.command_s, log).await?;
    accept(reply, 2)?;
    if !session.inbox.is_empty() {
        // Sent in clear before the handshake: somebody may have put it there (CVE-2011-0411).
        let error = "messo:tls the server spoke between STARTTLS and the handshake";
        return Err(log.halt(Halt::error(Stage::Open, error)));
    }
    session = encrypt(session, line, log).await?;
    introduce(&mut session, hello, log).await?;
    Ok(session)
}

async fn encrypt(session: Session, line: &Line, log: &mut Log) -> Result<Session, Halt> {
    let limit = Duration::from_secs(line.deadlines.connect_s);
    let Some((config, server)) = line.tls_to() else {
        let error = "messo:tls the host's name cannot stand in a certificate";
        return Err(log.halt(Halt::error(Stage::Open, error)));
    };
    let handshake =
        TlsConnector::from(Arc::<ClientConfig>::clone(config)).connect(server, session.wire);
    let stream = match timeout(limit, handshake).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(log.halt(Halt::error(Stage::Open, tls_error(&error)))),
        Err(_) => {
            let error = "messo:timeout no TLS handshake in time";
            return Err(log.halt(Halt::error(Stage::Open, error)));
        }
    };
    let version = match stream.get_ref().1.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
        _ => "TLS 1.2",
    };
    let checked = if line.tls == TlsMode::Opportunistic { "not checked" } else { "checked" };
    log.note(format!("-- {version}, certificate {checked}"));
    let wire: Box<dyn Wire> = Box::new(stream);
    Ok(Session { wire, ..session })
}

fn tls_error(error: &io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(inner) => format!("messo:tls {inner}"),
        None => connection_error(error),
    }
}

async fn sign_in(session: &mut Session, line: &Line, log: &mut Log) -> Result<(), Halt> {
    let limit = line.deadlines.command_s;
    let user = line.user.as_deref().unwrap_or_default();
    let password = line.password.as_ref().map_or("", |password| password.expose_secret());
    if session.features.auth_plain {
        log.ours("AUTH PLAIN (secret)");
        let token = STANDARD.encode(format!("\0{user}\0{password}"));
        let reply = exchange(session, Some(format!("AUTH PLAIN {token}\r\n")), limit, log).await?;
        return accept(reply, 2).map(drop);
    }
    if session.features.auth_login {
        let reply = ask(session, Some("AUTH LOGIN"), limit, log).await?;
        accept(reply, 3)?;
        for (secret, digit) in [(user, 3), (password, 2)] {
            log.ours("(secret)");
            let bytes = format!("{}\r\n", STANDARD.encode(secret));
            accept(exchange(session, Some(bytes), limit, log).await?, digit)?;
        }
        return Ok(());
    }
    let error = "messo:no_auth the server offers no way to sign in that we know";
    Err(log.halt(Halt::error(Stage::Open, error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_read_in_any_case_and_unknown_ones_ignored() {
        let text =
            "mail.example.it\npipelining\nSIZE 10240000\nAUTH=login CRAM-MD5\nX-WHAT\nSTARTTLS";
        let expected = Features {
            pipelining: true,
            size: true,
            starttls: true,
            auth_login: true,
            ..Features::default()
        };
        assert_eq!(features(text), expected);
        // The first line is the server's name, whatever it is called.
        assert_eq!(features("PIPELINING"), Features::default());
    }
}
