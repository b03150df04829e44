//! The HTTP client that providers share: own TLS, no proxy, no redirects, deadlines, bounded answers.
//!
//! Addresses with credentials in them never reach an error text or a transcript. How far a request went is
//! told on the safe side: anything but a failed connection may have been taken.

use crate::envelope;
use messo_core::ports::{Exchange, Stage, Transcript};
use reqwest::{Client, redirect};
use std::time::Duration;
use url::Url;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Most bytes of an answer that are read.
const MAX_ANSWER: usize = 64 * 1024;

/// A client whose requests end within this time.
pub(crate) fn client(timeout: Duration) -> Result<Client, reqwest::Error> {
    let mut roots = rustls::RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let builder = Client::builder()
        .connect_timeout(CONNECT.min(timeout))
        .timeout(timeout)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .tcp_nodelay(true);
    let tls =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    match tls {
        Ok(tls) => builder
            .tls_backend_preconfigured(tls.with_root_certificates(roots).with_no_client_auth())
            .build(),
        Err(_) => builder.build(),
    }
}

/// Asks and notes the answer. `shown` is the request as it may be seen by people, without secrets.
pub(crate) async fn get(client: &Client, url: Url, shown: String) -> Exchange {
    let mut lines = vec![format!("C: {shown}")];
    let response = match client.get(url).send().await {
        Ok(response) => response,
        Err(error) => return broken(&error, lines),
    };
    let code = response.status().as_u16();
    match bounded(response).await {
        Ok(answer) => {
            lines.push(format!("S: {code} {answer}"));
            let transcript = Transcript { lines };
            Exchange { stage: Stage::Answered, code: Some(code), answer, error: None, transcript }
        }
        Err(error) => broken(&error, lines),
    }
}

fn broken(error: &reqwest::Error, mut lines: Vec<String>) -> Exchange {
    let (stage, said) = match error {
        error if error.is_builder() => {
            (Stage::Connect, "messo:address the provider's address is malformed")
        }
        error if error.is_connect() => (Stage::Connect, "messo:unreachable no connection"),
        error if error.is_timeout() => (Stage::Sent, "messo:timeout no answer in time"),
        _ => (Stage::Sent, "messo:closed the connection ended before the answer"),
    };
    lines.push(format!("-- {said}"));
    let transcript = Transcript { lines };
    Exchange { transcript, ..envelope::unanswered(stage, said) }
}

async fn bounded(mut response: reqwest::Response) -> Result<String, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() >= MAX_ANSWER {
            bytes.truncate(MAX_ANSWER);
            break;
        }
    }
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}
