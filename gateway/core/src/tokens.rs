//! Sealed tokens: the text of a QR code, the path of a provider's callback, a party's personal code.
//!
//! Everything here is an HMAC-SHA256 (RFC 2104) over a few numbers, truncated, in base 32: it is
//! checked without database or network, by whoever holds the keys. A seal of 80 bits proves that
//! this installation made the token; it does not hide what the token says, and does not prove who
//! shows it. Each use has its own label under the seal, so that a token of one use is worthless in
//! another. Old keys keep verifying; the key with the highest number makes new seals.

use crate::ids::{AttemptId, DispatchId};
use data_encoding::{Encoding, Specification};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt;
use std::sync::LazyLock;
use subtle::ConstantTimeEq;

/// Octets of a seal: 80 bits.
const SEAL_LEN: usize = 10;
/// Octets of the seal in a reply address, whose local part has room for 64 characters in all.
const REPLY_SEAL_LEN: usize = 8;
/// Longest text that is looked at, in bytes: a scanner may bring a whole address, not a book.
pub const MAX_TEXT: usize = 2048;
/// Highest key number: the two upper bits of the first octet tell the format, 0 today.
pub const MAX_KEY_ID: u8 = 63;
/// Octets of a secret.
pub const SECRET_LEN: usize = 32;

/// Crockford's base 32: digits and capitals without I, L, O, U, all of them in the alphanumeric mode
/// of QR codes (ISO/IEC 18004), where a character costs 5.5 bits instead of 8. Reading takes
/// small letters, and O, I, L for the digits that they resemble; dashes and blanks are skipped.
static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    specification.translate.from.push_str("abcdefghjkmnpqrstvwxyzOoIiLl");
    specification.translate.to.push_str("ABCDEFGHJKMNPQRSTVWXYZ001111");
    specification.ignore.push_str("- \t\r\n\u{b}\u{c}");
    specification.encoding().unwrap_or(data_encoding::BASE32_NOPAD)
});

/// What the QR code of a page says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    /// Number of the body in this installation.
    pub body: u32,
    /// Running number of the case within the body.
    pub case: u32,
    /// Running number of the party within the body.
    pub party: u32,
    /// Number of the dispatch within the body.
    pub document: u32,
    /// This page, from 1.
    pub page: u16,
    /// Pages of the document; not less than `page`.
    pub pages: u16,
}

/// Why a text is not one of our tokens. The sentences are for staff and for public pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not the form of a token.
    #[error("il codice non ha la forma di un codice di questo organismo")]
    Malformed,
    /// Sealed with a key that is not here.
    #[error("il codice porta il sigillo di una chiave sconosciuta (numero {0})")]
    UnknownKey(u8),
    /// The seal does not hold: misread, altered or made elsewhere.
    #[error("il sigillo del codice non è valido: il codice è stato letto male o non è autentico")]
    BadSeal,
}

/// Why a list of keys cannot be used. For operators.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeys {
    /// No key at all.
    #[error("there is no token key")]
    Empty,
    /// Ids go from 0 to 63.
    #[error("token key id {0} is above 63")]
    IdTooHigh(u8),
    /// The same id twice.
    #[error("token key id {0} is there twice")]
    Repeated(u8),
    /// The bytes are no list of keys.
    #[error("token keys are records of 33 bytes: the id and 32 secret bytes")]
    Malformed,
}

/// The keys of an installation. Cannot be printed.
#[derive(Clone)]
pub struct TokenKeys {
    /// Sorted by id; the last one signs.
    keys: Vec<(u8, [u8; SECRET_LEN])>,
}

/// What a seal is for: part of what is sealed.
#[derive(Clone, Copy)]
enum Use {
    Page,
    Callback,
    PersonalCode,
    Reply,
}

impl Use {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Page => b"messo page token 1\0",
            Self::Callback => b"messo callback path 1\0",
            Self::PersonalCode => b"messo personal code 1\0",
            Self::Reply => b"messo reply address 1\0",
        }
    }
}

impl TokenKeys {
    /// Keys with their small ids (0 to 63). The one with the highest id is the newest and signs.
    pub fn new(
        keys: impl IntoIterator<Item = (u8, [u8; SECRET_LEN])>,
    ) -> Result<Self, InvalidKeys> {
        let mut keys: Vec<_> = keys.into_iter().take(usize::from(u8::MAX)).collect();
        keys.sort_by_key(|(id, _)| *id);
        if let Some((id, _)) = keys.iter().find(|(id, _)| *id > MAX_KEY_ID) {
            return Err(InvalidKeys::IdTooHigh(*id));
        }
        if let Some(pair) = keys.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(InvalidKeys::Repeated(pair[0].0));
        }
        if keys.is_empty() { Err(InvalidKeys::Empty) } else { Ok(Self { keys }) }
    }

    /// Reads what [`Self::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidKeys> {
        let records = bytes.chunks_exact(1 + SECRET_LEN);
        if !records.remainder().is_empty() {
            return Err(InvalidKeys::Malformed);
        }
        let keys: Result<Vec<_>, _> = records
            .map(|record| record[1..].try_into().map(|secret| (record[0], secret)))
            .collect();
        Self::new(keys.map_err(|_| InvalidKeys::Malformed)?)
    }

    /// The keys for a secret file: records of an id and 32 secret bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.keys.iter().flat_map(|(id, secret)| std::iter::once(*id).chain(*secret)).collect()
    }

    /// The text of a page's token: 28 to 60 characters, mostly 36, all of them fit for QR's alphanumeric mode.
    pub fn seal(&self, token: &Token) -> String {
        let (id, secret) = self.newest();
        let mut bytes = vec![*id];
        for number in [token.body, token.case, token.party, token.document] {
            put_varint(&mut bytes, number);
        }
        put_varint(&mut bytes, token.page.into());
        put_varint(&mut bytes, token.pages.into());
        let seal = mac(secret, Use::Page, &bytes).finalize().into_bytes();
        bytes.extend_from_slice(&seal[..SEAL_LEN]);
        BASE32.encode(&bytes)
    }

    /// Reads a token: bare, in an address (the last part of the path counts), in small letters,
    /// or with blanks that a scanner has put in. The seal is compared in constant time.
    pub fn open(&self, text: &str) -> Result<Token, TokenError> {
        let bytes = decode(last_segment(text)).ok_or(TokenError::Malformed)?;
        if bytes.len() <= SEAL_LEN || bytes[0] > MAX_KEY_ID {
            return Err(TokenError::Malformed);
        }
        let (content, seal) = bytes.split_at(bytes.len() - SEAL_LEN);
        let token = read_content(&content[1..]).ok_or(TokenError::Malformed)?;
        let secret = self.secret(content[0]).ok_or(TokenError::UnknownKey(content[0]))?;
        mac(secret, Use::Page, content)
            .verify_truncated_left(seal)
            .map_err(|_| TokenError::BadSeal)?;
        Ok(token)
    }

    /// The part of a callback's path that shows that we gave out the address for this attempt.
    /// 18 characters, letters and digits.
    pub fn callback_mac(&self, attempt: AttemptId) -> String {
        let (id, secret) = self.newest();
        let seal = mac(secret, Use::Callback, attempt.0.as_bytes()).finalize().into_bytes();
        let mut bytes = vec![*id];
        bytes.extend_from_slice(&seal[..SEAL_LEN]);
        BASE32.encode(&bytes)
    }

    /// Whether a callback's path is one that we gave out for this attempt, with any of the keys.
    pub fn check_callback_mac(&self, attempt: AttemptId, text: &str) -> bool {
        let Some(bytes) = decode(text).filter(|bytes| bytes.len() == 1 + SEAL_LEN) else {
            return false;
        };
        self.secret(bytes[0]).is_some_and(|secret| {
            mac(secret, Use::Callback, attempt.0.as_bytes())
                .verify_truncated_left(&bytes[1..])
                .is_ok()
        })
    }

    /// What stands after the `+` of the address to which an answer about this attempt goes: 40 small
    /// letters and digits. It tells what an answer is about, never who wrote it.
    pub fn reply_tag(&self, attempt: AttemptId) -> String {
        let (id, secret) = self.newest();
        let seal = mac(secret, Use::Reply, attempt.0.as_bytes()).finalize().into_bytes();
        let mut bytes = vec![*id];
        bytes.extend_from_slice(attempt.0.as_bytes());
        bytes.extend_from_slice(&seal[..REPLY_SEAL_LEN]);
        BASE32.encode(&bytes).to_lowercase()
    }

    /// The attempt of a reply tag that we gave out, with any of the keys.
    pub fn open_reply_tag(&self, text: &str) -> Option<AttemptId> {
        let bytes = decode(text).filter(|bytes| bytes.len() == 1 + 16 + REPLY_SEAL_LEN)?;
        let (attempt, seal) = bytes[1..].split_at(16);
        let secret = self.secret(bytes[0])?;
        mac(secret, Use::Reply, attempt).verify_truncated_left(seal).ok()?;
        uuid::Uuid::from_slice(attempt).ok().map(AttemptId)
    }

    /// The code that a party types beside the case number: 8 characters without I, L, O, U, 40 bits.
    /// Short enough to be guessed with patience: whoever checks it must limit the tries.
    pub fn personal_code(&self, dispatch: DispatchId) -> String {
        code_of(&self.newest().1, dispatch)
    }

    /// Whether this is the personal code of a dispatch, under any of the keys, as people type it:
    /// small letters, blanks, dashes, O for 0, I or L for 1.
    pub fn check_personal_code(&self, dispatch: DispatchId, typed: &str) -> bool {
        let Some(bytes) = decode(typed).filter(|bytes| bytes.len() == 5) else { return false };
        let typed = BASE32.encode(&bytes);
        // Every key is tried, so that the time does not tell which one fits.
        self.keys.iter().fold(false, |fits, (_, secret)| {
            fits | bool::from(code_of(secret, dispatch).as_bytes().ct_eq(typed.as_bytes()))
        })
    }

    fn newest(&self) -> &(u8, [u8; SECRET_LEN]) {
        // Not empty by construction.
        &self.keys[self.keys.len() - 1]
    }

    fn secret(&self, id: u8) -> Option<&[u8; SECRET_LEN]> {
        self.keys.iter().find(|(known, _)| *known == id).map(|(_, secret)| secret)
    }
}

impl fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<u8> = self.keys.iter().map(|(id, _)| *id).collect();
        write!(f, "TokenKeys {{ ids: {ids:?} }}")
    }
}

/// The text of the QR code: the address under which `/q/…` answers, and the token.
///
/// Scheme and host are the same in capitals, so the whole text fits the alphanumeric mode. A path
/// with small letters may not be changed; the text is then longer to print. The server takes `/Q/`
/// and `/q/` alike.
pub fn qr_text(base_url: &str, token: &str) -> String {
    let base = base_url.trim_end_matches('/');
    let path = base
        .split_once("://")
        .map_or("", |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    if path.contains(|c: char| c.is_lowercase()) {
        format!("{base}/Q/{token}")
    } else {
        format!("{}/Q/{token}", base.to_ascii_uppercase())
    }
}

fn code_of(secret: &[u8], dispatch: DispatchId) -> String {
    let seal = mac(secret, Use::PersonalCode, dispatch.0.as_bytes()).finalize().into_bytes();
    BASE32.encode(&seal[..5])
}

fn mac(secret: &[u8], purpose: Use, content: &[u8]) -> Hmac<Sha256> {
    let mut mac = match Hmac::<Sha256>::new_from_slice(secret) {
        Ok(mac) => mac,
        Err(_) => unreachable!("HMAC takes keys of any length"),
    };
    mac.update(purpose.label());
    mac.update(content);
    mac
}

fn decode(text: &str) -> Option<Vec<u8>> {
    if text.len() > MAX_TEXT {
        return None;
    }
    BASE32.decode(text.as_bytes()).ok()
}

/// The last part of a path, without query, fragment and a closing slash.
fn last_segment(text: &str) -> &str {
    let text = text.split(['?', '#']).next().unwrap_or_default().trim().trim_end_matches('/');
    text.rsplit('/').next().unwrap_or_default()
}

/// Unsigned LEB128: seven bits an octet, the lowest first.
fn put_varint(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Reads a number that was written in the fewest octets; any other form is refused, so that a
/// token has one text only.
fn take_varint(bytes: &mut &[u8]) -> Option<u32> {
    let mut number: u64 = 0;
    for shift in 0..5 {
        let (&octet, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(octet & 0x7f) << (7 * shift);
        if octet & 0x80 == 0 {
            return if octet == 0 && shift > 0 { None } else { u32::try_from(number).ok() };
        }
    }
    None
}

fn read_content(mut bytes: &[u8]) -> Option<Token> {
    let bytes = &mut bytes;
    let token = Token {
        body: take_varint(bytes)?,
        case: take_varint(bytes)?,
        party: take_varint(bytes)?,
        document: take_varint(bytes)?,
        page: u16::try_from(take_varint(bytes)?).ok()?,
        pages: u16::try_from(take_varint(bytes)?).ok()?,
    };
    (bytes.is_empty() && token.page >= 1 && token.page <= token.pages).then_some(token)
}

#[cfg(test)]
mod tests;
