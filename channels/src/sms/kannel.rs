//! The Kannel provider: SMS through an SMS gateway (`sendsms` of its smsbox).
//!
//! Accepted means that Kannel has queued it; a delivery report tells the rest within 72 hours. A lost
//! answer is a doubt that the report settles. User and password are added when sending and stand neither in the
//! envelope nor in the transcript.

mod callbacks;
mod statuses;

use crate::envelope;
use crate::http;
use crate::pace::{Limits, Pace};
use async_trait::async_trait;
use messo_core::addresses::{Address, Channel};
use messo_core::attempts::{Failure, Outcome};
use messo_core::failures::FailureClass::{BadContent, BadRecipient, Misconfigured};
use messo_core::jobs::Priority;
use messo_core::legs::Proof;
use messo_core::ports::{
    Callback, CallbackError, CallbackKind, DoubtPolicy, Envelope, Exchange, Notify, Outbound,
    Provider, ProviderSpec, Rendition, Reported, Stage, Turn,
};
use messo_core::sms_text::{Encoding, SmsSender, segments, transliterate};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::time::Duration;
use url::{Url, form_urlencoded};

/// Silence after this long counts as failure.
const RECEIPT_WITHIN: Duration = Duration::from_secs(72 * 3600);
/// All reports: delivered, failed, buffered, accepted, rejected.
const DLR_MASK: &str = "31";
/// What Kannel fills in when it calls back: value, the carrier's words, its id, the time, the carrier.
const DLR_QUERY: &str = "?s=%d&r=%A&f=%F&t=%T&i=%i";
/// Largest request in bytes; six parts of UCS-2 come to 2.5 KB.
const MAX_BYTES: u64 = 16 * 1024;

/// A Kannel gateway.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KannelSettings {
    /// Name in attempts, evidence and metrics. Default `kannel`.
    pub name: String,
    /// Address of `sendsms`. Default `http://127.0.0.1:13013/cgi-bin/sendsms`.
    pub url: String,
    /// User of a `sendsms-user` group. Default `messo`.
    pub user: String,
    /// Its password. Default empty.
    pub password: SecretString,
    /// Sender when the body has none of its own. Default none.
    pub sender: Option<String>,
    /// Route (`smsc`) to use. Default none: Kannel chooses.
    pub smsc: Option<String>,
    /// Most parts of one message; Kannel's `max-messages` must allow as many. Default 6.
    pub max_parts: usize,
    /// Rewrite accents and typographic marks that would make a message longer. Default false.
    pub transliterate: bool,
    /// Ask for delivery reports. Without them a message counts as handed over and no more. Default true.
    pub reports: bool,
    /// Hours that the carrier goes on trying. Default 48.
    pub validity_h: u32,
    /// Most requests at a time. Default 10.
    pub concurrency: usize,
    /// Most messages a minute, 0 for no limit. Default 0.
    pub per_minute: u32,
    /// Seconds that a message waits for its turn before it is put off as throttled. Default 60.
    pub patience_s: u64,
    /// Seconds that a request may take. Default 30.
    pub timeout_s: u64,
}

impl Default for KannelSettings {
    fn default() -> Self {
        Self {
            name: "kannel".to_owned(),
            url: "http://127.0.0.1:13013/cgi-bin/sendsms".to_owned(),
            user: "messo".to_owned(),
            password: String::new().into(),
            sender: None,
            smsc: None,
            max_parts: 6,
            transliterate: false,
            reports: true,
            validity_h: 48,
            concurrency: 10,
            per_minute: 0,
            patience_s: 60,
            timeout_s: 30,
        }
    }
}

/// Settings that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum KannelError {
    /// The address cannot be used.
    #[error("the Kannel setting url is not an http address without user and password")]
    Url,
    /// A sender that no carrier takes.
    #[error("the Kannel setting sender is not a possible SMS sender")]
    Sender,
    /// A number that leaves nothing to do.
    #[error("the Kannel setting {0} must be at least 1")]
    Zero(&'static str),
    /// No HTTP client.
    #[error("no HTTP client can be made")]
    Client(#[source] reqwest::Error),
}

/// A configured gateway.
pub struct Kannel {
    spec: ProviderSpec,
    settings: KannelSettings,
    url: Url,
    client: reqwest::Client,
    pace: Pace,
}

impl Kannel {
    /// Checks the settings; opens no connection.
    pub fn new(settings: KannelSettings) -> Result<Self, KannelError> {
        let url = Url::parse(&settings.url).map_err(|_| KannelError::Url)?;
        let plain = matches!(url.scheme(), "http" | "https") && url.username().is_empty();
        if !plain || url.password().is_some() || url.query().is_some() {
            return Err(KannelError::Url);
        }
        if settings.sender.iter().any(|sender| SmsSender::parse(sender).is_err()) {
            return Err(KannelError::Sender);
        }
        let zeros = [
            ("max_parts", settings.max_parts),
            ("concurrency", settings.concurrency),
            ("timeout_s", usize::from(settings.timeout_s > 0)),
        ];
        if let Some((name, _)) = zeros.into_iter().find(|(_, value)| *value == 0) {
            return Err(KannelError::Zero(name));
        }
        let timeout = Duration::from_secs(settings.timeout_s);
        Ok(Self {
            spec: ProviderSpec {
                name: settings.name.clone(),
                channel: Channel::Sms,
                sandbox: false,
                concurrency: settings.concurrency,
                max_bytes: MAX_BYTES,
                doubt: DoubtPolicy::Hold,
                queries_after: None,
            },
            url,
            client: http::client(timeout).map_err(KannelError::Client)?,
            pace: Pace::new(Limits { per_minute: settings.per_minute, ..Limits::default() }),
            settings,
        })
    }

    /// The sender (AGCOM delibera 12/23/CIR): the body's own, or the installation's.
    fn sender(&self, outbound: &Outbound) -> Result<String, Failure> {
        let own = Some(outbound.sender.sms_sender.as_str()).filter(|own| !own.trim().is_empty());
        let text = own.or(self.settings.sender.as_deref()).unwrap_or_default();
        let sender = SmsSender::parse(text).map_err(|_| {
            Failure::new(Misconfigured, "messo:sms_sender", "no SMS sender that a carrier takes")
        })?;
        Ok(sender.as_str().to_owned())
    }

    /// The text as it will be read, with its alphabet.
    fn text(&self, text: &str) -> Result<(String, Encoding), Failure> {
        let mut text = text.replace("\r\n", "\n");
        if text.trim().is_empty() {
            return Err(Failure::new(BadContent, "messo:empty", "the text is empty"));
        }
        if text.chars().any(|c| c.is_control() && c != '\n') {
            let detail = "the text holds a control character";
            return Err(Failure::new(BadContent, "messo:control_character", detail));
        }
        if self.settings.transliterate {
            text = transliterate(&text).text;
        }
        let size = segments(&text);
        if size.parts > self.settings.max_parts {
            let allowed = self.settings.max_parts;
            let detail = format!("the text needs {} messages, {allowed} are allowed", size.parts);
            return Err(Failure::new(BadContent, "messo:too_many_parts", &detail));
        }
        Ok((text, size.encoding))
    }

    fn request(&self, to: &str, from: &str, text: &str, encoding: Encoding) -> Request {
        let mut request = Request::default();
        request.pair("from", from.as_bytes());
        request.pair("to", to.as_bytes());
        match encoding {
            Encoding::Gsm7 => {
                request.pair("coding", b"0");
                request.pair("charset", b"UTF-8");
                request.pair("text", text.as_bytes());
            }
            Encoding::Ucs2 => {
                let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
                request.pair("coding", b"2");
                request.pair("charset", b"UTF-16BE");
                request.pair("text", &units);
            }
        }
        request.pair("validity", (self.settings.validity_h * 60).to_string().as_bytes());
        if let Some(smsc) = &self.settings.smsc {
            request.pair("smsc", smsc.as_bytes());
        }
        request
    }

    fn url(&self, query: &str) -> Url {
        let mut credentials = Request::default();
        credentials.pair("username", self.settings.user.as_bytes());
        credentials.pair("password", self.settings.password.expose_secret().as_bytes());
        let mut url = self.url.clone();
        let join = if query.is_empty() { "" } else { "&" };
        url.set_query(Some(&format!("{query}{join}{}", credentials.0)));
        url
    }
}

/// A query string being written.
#[derive(Default)]
struct Request(String);

impl Request {
    fn pair(&mut self, key: &str, value: &[u8]) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(key);
        self.0.push('=');
        self.0.extend(form_urlencoded::byte_serialize(value));
    }

    /// Where Kannel reports; a percent sign of the address itself is doubled.
    fn reports(&mut self, notify: &Notify) {
        let url = format!("{}{DLR_QUERY}", notify.url.replace('%', "%%"));
        self.pair("dlr-mask", DLR_MASK.as_bytes());
        self.pair("dlr-url", url.as_bytes());
    }
}

#[async_trait]
impl Provider for Kannel {
    fn spec(&self) -> &ProviderSpec {
        &self.spec
    }

    fn prepare(&self, outbound: &Outbound) -> Result<Envelope, Failure> {
        envelope::address_serves(outbound, Channel::Sms)?;
        let (Rendition::Text(text), Address::Mobile(to)) = (&outbound.rendition, &outbound.to)
        else {
            return Err(envelope::wrong_rendition(Channel::Sms));
        };
        if !to.accepts_sms() {
            let detail = "the number takes no SMS";
            return Err(Failure::new(BadRecipient, "messo:no_mobile", detail));
        }
        let from = self.sender(outbound)?;
        let (text, encoding) = self.text(text)?;
        let mut request = self.request(to.e164(), &from, &text, encoding);
        match (&outbound.notify, self.settings.reports) {
            (_, false) => {}
            (Some(notify), true) => request.reports(notify),
            (None, true) => {
                let detail =
                    "delivery reports are asked for, but Messo has no address to be called at";
                return Err(Failure::new(Misconfigured, "messo:no_address", detail));
            }
        }
        let envelope = envelope::keyed(outbound, &from, request.0.into_bytes())?;
        envelope::within(envelope, self.spec.max_bytes)
    }

    async fn turn(&self, _to: &Address, priority: Priority) -> Result<Turn, Duration> {
        self.pace.turn("", priority, Duration::from_secs(self.settings.patience_s)).await
    }

    async fn send(&self, envelope: &Envelope) -> Exchange {
        let Ok(query) = std::str::from_utf8(&envelope.bytes) else {
            return envelope::unanswered(Stage::Connect, "messo:address the request is malformed");
        };
        let bytes = envelope.bytes.len();
        let shown = format!("GET {} ({bytes} bytes, user and password (secret))", self.url);
        http::get(&self.client, self.url(query), shown).await
    }

    fn interpret(&self, exchange: &Exchange) -> Outcome {
        match statuses::failure(exchange) {
            Some(failure) => Outcome::Failed(failure),
            None if self.settings.reports => {
                Outcome::Accepted { provider_reference: None, receipt_within: RECEIPT_WITHIN }
            }
            None => Outcome::Delivered { provider_reference: None, proof: Proof::HandedOver },
        }
    }

    fn callback(&self, callback: &Callback) -> Result<Vec<Reported>, CallbackError> {
        match callback.kind {
            CallbackKind::Report(attempt) => callbacks::report(attempt, callback),
            CallbackKind::Message => callbacks::message(callback),
        }
    }

    /// Asks with user and password but without a recipient: Kannel refuses the request, and by
    /// how it does tells whether it knows us.
    async fn check(&self) -> Result<(), String> {
        let exchange = http::get(&self.client, self.url(""), format!("GET {}", self.url)).await;
        match exchange.code {
            Some(400 | 202) => Ok(()),
            Some(403) => Err("Kannel does not know the user or the password".to_owned()),
            Some(code) => Err(format!("Kannel answers {code} to its own address")),
            None => Err(format!("Kannel does not answer at {}", self.url)),
        }
    }
}
