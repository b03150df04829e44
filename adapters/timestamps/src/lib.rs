//! Time stamps over HTTP (RFC 3161 section 3.4): the transport to an authority, and the check of what it
//! gave, now or years later.
//!
//! Guarantee: a stamp is handed out only when it answers the very request, for the very hash, and its
//! authority is trusted. Limits: one request is tried [`TRIES`] times within [`WITHIN`] each; an answer
//! has at most [`MAX_RESPONSE_BYTES`]; no redirects, no proxy; revocation is not asked for.

#[cfg(feature = "testing")]
pub mod testing;

use async_trait::async_trait;
use messo_core::ids::BlobHash;
use messo_core::ports::{Clock, StampCheck, StampError, StampReport, TimeAuthority};
use messo_core::signatures::TimeStamp;
use messo_signatures::timestamps::{
    MAX_RESPONSE_BYTES, REQUEST_TYPE, RESPONSE_TYPE, StampFault, read_response, request,
    verify_token,
};
use messo_signatures::{Anchors, TrustFolder};
use reqwest::{Client, header, redirect};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How often an authority is asked for one stamp.
pub const TRIES: u32 = 3;
/// How long one request may take.
pub const WITHIN: Duration = Duration::from_secs(10);
/// Pause before asking again.
const PAUSE: Duration = Duration::from_millis(500);
/// How often the folder of trust anchors is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A new number for each request.
pub type Nonces = Box<dyn Fn() -> u64 + Send + Sync>;

/// An authority behind an address.
pub struct HttpAuthority {
    url: Url,
    client: Client,
    trust: TrustFolder,
    clock: Arc<dyn Clock>,
    nonces: Nonces,
}

impl HttpAuthority {
    /// `url` is `http` or `https`; `trust` the folder with the certificates that answer for the authority.
    pub fn new(
        url: &str,
        trust: impl Into<PathBuf>,
        clock: Arc<dyn Clock>,
        nonces: Nonces,
    ) -> Result<Self, StampError> {
        let wrong = |_| StampError("its address is not one of the web".into());
        let url = Url::parse(url).map_err(wrong)?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(StampError("its address is not one of the web".into()));
        }
        let client = client().map_err(|_| StampError("no TLS could be set up".into()))?;
        Ok(Self { url, client, trust: TrustFolder::open(trust, LOOK_EVERY), clock, nonces })
    }

    /// Sends a request once.
    async fn ask(&self, query: &[u8]) -> Result<Vec<u8>, Refusal> {
        let sent = self
            .client
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, REQUEST_TYPE)
            .header(header::ACCEPT, RESPONSE_TYPE)
            .body(query.to_vec())
            .send()
            .await;
        // An error of the client names the address, which may carry a password.
        let mut response = sent.map_err(|error| Refusal::Passing(told(&error)))?;
        let status = response.status();
        if status.is_server_error() || status.as_u16() == 429 {
            return Err(Refusal::Passing(format!("it answered {status}")));
        }
        if !status.is_success() {
            return Err(Refusal::Final(format!("it answered {status}")));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) =
            response.chunk().await.map_err(|error| Refusal::Passing(told(&error)))?
        {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MAX_RESPONSE_BYTES {
                return Err(Refusal::Final("its answer is too long".into()));
            }
        }
        Ok(bytes)
    }
}

/// Why a request had no answer.
enum Refusal {
    /// Worth another try.
    Passing(String),
    /// Another try would end alike.
    Final(String),
}

#[async_trait]
impl TimeAuthority for HttpAuthority {
    async fn stamp(&self, sha256: BlobHash) -> Result<TimeStamp, StampError> {
        let mut last = String::new();
        for round in 0..TRIES {
            if round > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            // A new nonce each time: an answer to an earlier try is no answer to this one.
            let nonce = (self.nonces)();
            match self.ask(&request(&sha256.0, nonce)).await {
                Ok(answer) => {
                    let anchors = self.trust.anchors(self.clock.now());
                    return read_response(&answer, &sha256.0, nonce, &anchors)
                        .map_err(|fault| StampError(fault.to_string()));
                }
                Err(Refusal::Final(why)) => return Err(StampError(why)),
                Err(Refusal::Passing(why)) => last = why,
            }
        }
        Err(StampError(last))
    }
}

/// Checks stamps against a folder of trust anchors, or against none.
pub struct Stamps(Anchors);

impl Stamps {
    /// Those whom the certificates in this folder answer for are trusted.
    pub fn trusting(folder: &std::path::Path) -> Self {
        Self(Anchors::read(folder))
    }

    /// Nobody is trusted: a stamp that holds is not verifiable.
    pub fn trusting_nobody() -> Self {
        Self(Anchors::empty())
    }
}

impl StampCheck for Stamps {
    fn check(&self, token: &[u8], sha256: BlobHash) -> StampReport {
        match verify_token(token, &sha256.0, None, &self.0) {
            Ok(stamp) => StampReport::Valid(stamp),
            Err(StampFault::Untrusted(stamp, fault)) => StampReport::NotVerifiable(*stamp, fault),
            Err(StampFault::OtherHash) => StampReport::OtherHash,
            Err(fault) => StampReport::Invalid(fault.to_string()),
        }
    }
}

fn told(error: &reqwest::Error) -> String {
    let words = match error {
        error if error.is_connect() => "no connection",
        error if error.is_timeout() => "no answer in time",
        _ => "the connection ended before the answer",
    };
    words.into()
}

fn client() -> Result<Client, Box<dyn std::error::Error>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let builder = Client::builder()
        .connect_timeout(WITHIN)
        .timeout(WITHIN)
        .redirect(redirect::Policy::none())
        .no_proxy();
    Ok(builder.tls_backend_preconfigured(tls).build()?)
}
