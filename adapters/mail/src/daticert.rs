//! The provider's data, `daticert.xml` (RFC 6109 4.4).
//!
//! Guarantee: no document type, no entity of its own, no more than [`MAX_BYTES`] and [`MAX_NODES`]; what is missing, odd or
//! unknown is noted and never fails. Limit: names without namespace are looked for at their place below the root, nowhere else.

use crate::head::{bare_id, printable};
use crate::transfer;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use messo_core::pec::{PecInstant, PecRecipient, ReceiptType};
use messo_core::time::rome;
use roxmltree::{Document, Node, ParsingOptions};
use std::borrow::Cow;

/// Largest document that is looked at.
pub const MAX_BYTES: usize = 256 * 1024;
/// Most nodes of a document.
const MAX_NODES: u32 = 20_000;
/// Deepest element: the format needs four levels.
const MAX_LEVELS: usize = 64;
/// Longest text of one element, in characters.
const MAX_TEXT: usize = 4_000;

/// What the document says, as written.
#[derive(Debug, Default, PartialEq)]
pub struct Daticert {
    /// `tipo`, lower case.
    pub word: Option<String>,
    /// `errore`, lower case.
    pub error: Option<String>,
    /// `mittente`.
    pub sender: Option<String>,
    /// `destinatari`.
    pub recipients: Vec<PecRecipient>,
    /// `oggetto`.
    pub subject: Option<String>,
    /// `gestore-emittente`.
    pub provider: Option<String>,
    /// `data`.
    pub instant: Option<PecInstant>,
    /// `identificativo`, without angle brackets.
    pub pec_id: Option<String>,
    /// `msgid`, without angle brackets.
    pub reference: Option<String>,
    /// `ricevuta`.
    pub receipt_type: Option<ReceiptType>,
    /// `consegna`.
    pub delivered_to: Option<String>,
    /// `errore-esteso`.
    pub error_detail: Option<String>,
    /// What was missing or odd.
    pub oddities: Vec<String>,
}

/// Reads the document from its bytes.
pub fn read(bytes: &[u8]) -> Daticert {
    let mut data = Daticert::default();
    if bytes.len() > MAX_BYTES {
        data.odd("daticert.xml is larger than is read");
        return data;
    }
    let text = characters(bytes);
    if levels(&text) > MAX_LEVELS {
        data.odd("daticert.xml is nested deeper than is read");
        return data;
    }
    let parse = |text| {
        let options =
            ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..Default::default() };
        Document::parse_with_options(text, options)
    };
    if let Ok(document) = parse(&text) {
        data.fill(document.root_element());
        return data;
    }
    // Subjects get into it as they are: bare ampersands and control characters are the usual faults.
    let mended = mended(&text);
    match parse(&mended) {
        Ok(document) => {
            data.odd("daticert.xml is no well-formed XML; read after mending");
            data.fill(document.root_element());
        }
        Err(_) => data.odd("daticert.xml cannot be read as XML"),
    }
    data
}

impl Daticert {
    fn odd(&mut self, what: &str) {
        self.oddities.push(what.to_owned());
    }

    fn fill(&mut self, root: Node<'_, '_>) {
        if root.tag_name().name() != "postacert" {
            return self.odd("daticert.xml has another root than postacert");
        }
        self.word = self.wanted(attribute(root, "tipo"), "tipo");
        self.error = self.wanted(attribute(root, "errore"), "errore");
        let heading = child(root, "intestazione");
        self.sender = self.wanted(text_of(heading, "mittente"), "mittente");
        self.recipients = heading.map(recipients).unwrap_or_default();
        if self.recipients.is_empty() {
            self.odd("daticert.xml has no destinatari");
        }
        if text_of(heading, "risposte").is_none() {
            self.odd("daticert.xml has no risposte");
        }
        self.subject = text_of(heading, "oggetto");
        let data = child(root, "dati");
        self.provider = self.wanted(text_of(data, "gestore-emittente"), "gestore-emittente");
        self.pec_id = self
            .wanted(text_of(data, "identificativo"), "identificativo")
            .map(|text| bare_id(&text));
        self.reference =
            text_of(data, "msgid").map(|text| bare_id(&text)).filter(|id| !id.is_empty());
        self.delivered_to = text_of(data, "consegna");
        self.error_detail = text_of(data, "errore-esteso");
        self.receipt_type = self.receipt_type_of(data);
        self.instant = self.instant_of(data.and_then(|data| child(data, "data")));
    }

    fn wanted(&mut self, value: Option<String>, name: &str) -> Option<String> {
        if value.is_none() {
            self.oddities.push(format!("daticert.xml has no {name}"));
        }
        value
    }

    fn receipt_type_of(&mut self, data: Option<Node<'_, '_>>) -> Option<ReceiptType> {
        let word = attribute(child(data?, "ricevuta")?, "tipo")?;
        let known = receipt_type(&word);
        if known.is_none() {
            self.odd("daticert.xml has an unknown ricevuta");
        }
        known
    }

    fn instant_of(&mut self, data: Option<Node<'_, '_>>) -> Option<PecInstant> {
        let day = text_of(data, "giorno").and_then(|text| day(&text));
        let time = text_of(data, "ora").and_then(|text| time(&text));
        let (Some(day), Some(time)) = (day, time) else {
            self.odd("daticert.xml has no readable data");
            return None;
        };
        let written = data.and_then(|data| attribute(data, "zona"));
        let civil = DateTime::from_parts(day, time);
        let offset = written.as_deref().and_then(offset);
        let zone = match offset {
            Some(offset) => TimeZone::fixed(offset),
            None => {
                self.odd("daticert.xml has no readable zona; the time of Rome was taken");
                rome()
            }
        };
        let zoned = civil.to_zoned(zone).ok()?;
        let zone = match offset.and(written) {
            Some(written) => written.to_uppercase(),
            None => zoned.strftime("%z").to_string(),
        };
        Some(PecInstant { at: zoned.timestamp().into(), zone, legal_day: day })
    }
}

/// The word of `X-TipoRicevuta` and of `ricevuta`.
pub fn receipt_type(word: &str) -> Option<ReceiptType> {
    match word {
        "completa" => Some(ReceiptType::Completa),
        "breve" => Some(ReceiptType::Breve),
        "sintetica" => Some(ReceiptType::Sintetica),
        _ => None,
    }
}

fn recipients(heading: Node<'_, '_>) -> Vec<PecRecipient> {
    let named = heading.children().filter(|node| node.tag_name().name() == "destinatari");
    named
        .filter_map(|node| {
            let certified = attribute(node, "tipo").as_deref() != Some("esterno");
            Some(PecRecipient { address: content(node)?, certified })
        })
        .collect()
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|node| node.is_element() && node.tag_name().name() == name)
}

fn text_of(node: Option<Node<'_, '_>>, name: &str) -> Option<String> {
    content(child(node?, name)?)
}

fn content(node: Node<'_, '_>) -> Option<String> {
    let pieces = node.children().filter_map(|node| if node.is_text() { node.text() } else { None });
    let text = printable(&pieces.collect::<String>(), MAX_TEXT);
    Some(text).filter(|text| !text.is_empty())
}

fn attribute(node: Node<'_, '_>, name: &str) -> Option<String> {
    let value = printable(node.attribute(name)?, 200).to_lowercase();
    Some(value).filter(|text| !text.is_empty())
}

/// `dd/mm/yyyy`; some write it the other way round, with dashes.
fn day(text: &str) -> Option<Date> {
    let numbers: Vec<i16> =
        text.split(['/', '-', '.']).map_while(|part| part.trim().parse().ok()).collect();
    let &[first, month, last] = numbers.as_slice() else { return None };
    let (day, year) = if first > 31 { (last, first) } else { (first, last) };
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

fn time(text: &str) -> Option<Time> {
    let numbers: Vec<i8> =
        text.split([':', '.']).map_while(|part| part.trim().parse().ok()).collect();
    let &[hour, minute, second] = numbers.as_slice() else { return None };
    // A leap second is the last of its minute.
    Time::new(hour, minute, second.min(59), 0).ok()
}

fn offset(text: &str) -> Option<Offset> {
    if text == "z" {
        return Some(Offset::UTC);
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let digits = rest.replace(':', "");
    let (hours, minutes) = digits.split_at_checked(2).filter(|_| digits.len() == 4)?;
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    if hours > 14 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

/// The text of the document by the encoding of its prolog.
fn characters(bytes: &[u8]) -> Cow<'_, str> {
    let start = &bytes[..bytes.len().min(200)];
    let start = String::from_utf8_lossy(start);
    let prolog = start.split("?>").next().filter(|prolog| prolog.contains("<?xml"));
    let encoding = prolog.and_then(|prolog| {
        let rest = prolog.split("encoding").nth(1)?.trim_start_matches(['=', ' ']);
        rest.split(['"', '\'']).nth(1).map(str::to_owned)
    });
    let text = transfer::text(encoding.as_deref(), bytes);
    // White space before the prolog is a fault of some gateways, and no harm.
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

/// The deepest level of elements, counted before any parser sees them.
fn levels(text: &str) -> usize {
    let (mut deepest, mut level, mut rest) = (0_usize, 0_usize, text);
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let skip = if rest.starts_with("!--") {
            rest.find("-->")
        } else if rest.starts_with("![CDATA[") {
            rest.find("]]>")
        } else {
            let end = tag_end(rest);
            match rest.as_bytes().first() {
                Some(b'/') => level = level.saturating_sub(1),
                Some(b'?' | b'!') | None => {}
                Some(_) if end.is_some_and(|end| rest[..end].ends_with('/')) => {}
                Some(_) => level += 1,
            }
            deepest = deepest.max(level);
            end
        };
        rest = skip.map_or("", |end| &rest[end..]);
    }
    deepest
}

/// Where a tag ends, outside of quotes.
fn tag_end(text: &str) -> Option<usize> {
    let mut quote = None;
    text.bytes().position(|byte| {
        match (quote, byte) {
            (Some(open), byte) if open == byte => quote = None,
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'>') => return true,
            _ => {}
        }
        false
    })
}

fn mended(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    for (at, c) in text.char_indices() {
        match c {
            '&' if !is_reference(&text[at + 1..]) => out.push_str("&amp;"),
            '\t' | '\n' | '\r' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

fn is_reference(rest: &str) -> bool {
    let name = rest.bytes().take(12).position(|byte| byte == b';').map(|end| &rest[..end]);
    name.is_some_and(|name| {
        matches!(name, "lt" | "gt" | "amp" | "quot" | "apos")
            || name.strip_prefix('#').is_some_and(|digits| {
                let digits = digits.strip_prefix(['x', 'X']).unwrap_or(digits);
                !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
            })
    })
}

#[cfg(test)]
mod tests;
