//! What goes wrong with a mailbox, in sentences for the operator.
//!
//! Guarantee: no address, no name and no word of a server or a message is in them, but for response codes
//! (RFC 5530), which are from a closed list.

use messo_core::ports::StoreError;

/// What went wrong. All but [`Fault::Refused`] of a folder end the connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the server cannot be reached")]
    Unreachable,
    #[error("the server did not answer in time ({0})")]
    TimedOut(&'static str),
    #[error("the connection broke")]
    Broken,
    #[error("the server ended the connection")]
    Bye,
    #[error("the server's certificate or TLS was not accepted")]
    Tls,
    #[error("the file of authorities (ca_file) cannot be used")]
    Authorities,
    #[error("the server does not offer {0}")]
    NotOffered(&'static str),
    #[error("the server refused {what}{code}")]
    Refused { what: &'static str, code: &'static str },
    #[error("the server said something that is not IMAP")]
    Garbled,
    #[error("the server sent more than was asked for")]
    TooMuch,
    #[error("the server keeps a message back")]
    Withheld,
    #[error("what was fetched could not be stored: {0}")]
    Sink(StoreError),
    #[error("what was fetched could not be stored in time")]
    SinkTimedOut,
    #[error("an error of this program; its log has the place")]
    Panicked,
}

impl Fault {
    /// A word for metrics.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::TimedOut(_) => "timed_out",
            Self::Broken => "broken",
            Self::Bye => "bye",
            Self::Tls | Self::Authorities => "tls",
            Self::NotOffered(_) => "not_offered",
            Self::Refused { .. } => "refused",
            Self::Garbled => "garbled",
            Self::TooMuch => "too_much",
            Self::Withheld => "withheld",
            Self::Sink(_) | Self::SinkTimedOut => "sink",
            Self::Panicked => "panicked",
        }
    }
}

/// The code of a refusal, when it is one of RFC 5530 (or RFC 9051): anything else could be anybody's words.
pub(crate) fn code(text: &[u8]) -> &'static str {
    const CODES: &[(&str, &str)] = &[
        ("AUTHENTICATIONFAILED", " (AUTHENTICATIONFAILED)"),
        ("AUTHORIZATIONFAILED", " (AUTHORIZATIONFAILED)"),
        ("EXPIRED", " (EXPIRED)"),
        ("PRIVACYREQUIRED", " (PRIVACYREQUIRED)"),
        ("CONTACTADMIN", " (CONTACTADMIN)"),
        ("NOPERM", " (NOPERM)"),
        ("INUSE", " (INUSE)"),
        ("LIMIT", " (LIMIT)"),
        ("OVERQUOTA", " (OVERQUOTA)"),
        ("NONEXISTENT", " (NONEXISTENT)"),
        ("TRYCREATE", " (TRYCREATE)"),
        ("UNAVAILABLE", " (UNAVAILABLE)"),
        ("SERVERBUG", " (SERVERBUG)"),
        ("CORRUPTION", " (CORRUPTION)"),
        ("CANNOT", " (CANNOT)"),
        ("ALERT", " (ALERT)"),
    ];
    let Some(inner) = text.strip_prefix(b"[") else { return "" };
    let known = CODES.iter().find(|(code, _)| {
        inner.len() >= code.len() && inner[..code.len()].eq_ignore_ascii_case(code.as_bytes())
    });
    known.map_or("", |(_, shown)| shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_server_never_show() {
        assert_eq!(code(b"[AuthenticationFailed] sede@pec.example.it"), " (AUTHENTICATIONFAILED)");
        assert_eq!(code(b"[sede@pec.example.it] no"), "");
        assert_eq!(code(b"no such user sede@pec.example.it"), "");
    }
}
