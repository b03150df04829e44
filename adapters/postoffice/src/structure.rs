//! Takes a submitted message apart as far as a certified provider must: header fields, addresses, parts.
//!
//! Guarantee: no input makes it panic or recurse without end; the raw bytes of every field are kept.
//! Limit: written for messages that people submit; what it cannot read it leaves as it stands.

use encoding_rs::Encoding;

/// Most header fields that are looked at.
const MAX_FIELDS: usize = 1_000;
/// Most addresses taken from one field.
const MAX_ADDRESSES: usize = 1_000;

/// One header field with its bytes.
#[derive(Clone, Debug)]
pub struct Field {
    /// Name as written.
    pub name: String,
    /// The whole field: name, colon, value, folding and final line end.
    pub raw: Vec<u8>,
}

impl Field {
    /// The value on one line, without the white space around it.
    pub fn value(&self) -> String {
        let after = self.raw.iter().position(|byte| *byte == b':').map_or(0, |at| at + 1);
        let text = String::from_utf8_lossy(&self.raw[after..]);
        text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect::<String>().trim().to_owned()
    }
}

/// The header of a message or part.
#[derive(Clone, Debug, Default)]
pub struct Headers(pub Vec<Field>);

impl Headers {
    /// The first field of that name, unfolded.
    pub fn get(&self, name: &str) -> Option<String> {
        self.all(name).next().map(Field::value)
    }

    /// All fields of that name, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Field> {
        self.0.iter().filter(move |field| field.name.eq_ignore_ascii_case(name))
    }

    /// Addresses of all fields of that name.
    pub fn addresses(&self, name: &str) -> Vec<String> {
        self.all(name).flat_map(|field| addresses(&field.value())).collect()
    }

    /// Media type in lower case, with its parameters; `text/plain` when there is none.
    pub fn content_type(&self) -> Valued {
        Valued::read(&self.get("Content-Type").unwrap_or_else(|| "text/plain".into()))
    }

    /// Name of the part from its disposition or its type.
    pub fn file_name(&self) -> Option<String> {
        let disposition = Valued::read(&self.get("Content-Disposition").unwrap_or_default());
        let name = disposition.parameter("filename");
        name.or_else(|| self.content_type().parameter("name")).map(|name| decode_words(&name))
    }

    /// Transfer encoding in lower case; `7bit` when none is stated.
    pub fn transfer_encoding(&self) -> String {
        let stated = self.get("Content-Transfer-Encoding").unwrap_or_else(|| "7bit".into());
        stated.to_ascii_lowercase()
    }
}

/// Splits a message into its header and its body. Line ends may be CRLF or LF.
pub fn split(message: &[u8]) -> (Headers, &[u8]) {
    let mut fields: Vec<Field> = Vec::new();
    let mut rest = message;
    while let Some((line, after)) = first_line(rest) {
        rest = after;
        if line == b"\r\n" || line == b"\n" {
            return (Headers(fields), rest);
        }
        if matches!(line[0], b' ' | b'\t') {
            if let Some(last) = fields.last_mut() {
                last.raw.extend_from_slice(line);
            }
        } else if let Some(colon) = line.iter().position(|byte| *byte == b':')
            && fields.len() < MAX_FIELDS
        {
            let name = String::from_utf8_lossy(&line[..colon]).trim().to_owned();
            fields.push(Field { name, raw: line.to_vec() });
        }
        // A header that the message's end cuts off still gives whole fields.
        if let Some(last) = fields.last_mut().filter(|last| !last.raw.ends_with(b"\n")) {
            last.raw.extend_from_slice(b"\r\n");
        }
    }
    (Headers(fields), rest)
}

/// The first line with its end, and what follows; nothing at the end.
pub fn first_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    if bytes.is_empty() {
        return None;
    }
    let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
    Some(bytes.split_at(end))
}

/// A header value with parameters (RFC 2045, 5.1; extended ones by RFC 2231).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Valued {
    /// The value, in lower case.
    pub value: String,
    /// Names in lower case, values as meant.
    pub parameters: Vec<(String, String)>,
}

impl Valued {
    /// Reads `value; name=x; other="y"`.
    pub fn read(text: &str) -> Self {
        let mut pieces = unquoted_split(text, ';').into_iter();
        let value = pieces.next().unwrap_or_default().trim().to_ascii_lowercase();
        let parameters = pieces
            .filter_map(|piece| {
                let (name, value) = piece.split_once('=')?;
                Some((name.trim().to_ascii_lowercase(), unquote(value.trim())))
            })
            .collect();
        Self { value, parameters }
    }

    /// A parameter, also when it is written in pieces or in percent signs.
    pub fn parameter(&self, name: &str) -> Option<String> {
        if let Some((_, value)) = self.parameters.iter().find(|(key, _)| key == name) {
            return Some(value.clone());
        }
        let mut joined = String::new();
        let mut found = false;
        let begin = format!("{name}*");
        for (key, value) in &self.parameters {
            let Some(tail) = key.strip_prefix(&begin) else { continue };
            found = true;
            if tail.is_empty() || tail.ends_with('*') {
                let bare = value.splitn(3, '\'').nth(2).unwrap_or(value);
                joined.push_str(&percent_decoded(bare));
            } else {
                joined.push_str(value);
            }
        }
        found.then_some(joined)
    }
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match hex.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) if bytes[at] == b'%' => {
                out.push(byte);
                at += 3;
            }
            _ => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn unquote(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"') else {
        return text.split_whitespace().next().unwrap_or_default().to_owned();
    };
    let mut out = String::new();
    let mut escaped = false;
    for c in inner.chars() {
        match c {
            _ if escaped => {
                out.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => break,
            _ => out.push(c),
        }
    }
    out
}

/// Splits at `separator` outside of quotation marks, comments and angle brackets.
fn unquoted_split(text: &str, separator: char) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let (mut quoted, mut escaped, mut angle, mut comment) = (false, false, false, 0_u32);
    for c in text.chars() {
        let splits = c == separator && !quoted && !angle && comment == 0;
        if splits && pieces.len() < MAX_ADDRESSES {
            pieces.push(String::new());
            continue;
        }
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' if comment == 0 => quoted = !quoted,
            '<' if !quoted => angle = true,
            '>' if !quoted => angle = false,
            '(' if !quoted => comment += 1,
            ')' if !quoted => comment = comment.saturating_sub(1),
            _ => {}
        }
        if let Some(last) = pieces.last_mut() {
            last.push(c);
        }
    }
    pieces
}

/// The bare addresses of an address list (RFC 5322, 3.4); names and groups are dropped.
pub fn addresses(value: &str) -> Vec<String> {
    unquoted_split(value, ',').iter().filter_map(|piece| bare_address(piece)).collect()
}

fn bare_address(piece: &str) -> Option<String> {
    let piece = piece.trim().trim_end_matches(';');
    let inside = match (piece.rfind('<'), piece.rfind('>')) {
        (Some(open), Some(close)) if open < close => &piece[open + 1..close],
        _ => piece.rsplit(':').next().unwrap_or(piece),
    };
    let inside = inside.split('(').next().unwrap_or_default().trim();
    let (local, domain) = inside.rsplit_once('@')?;
    let sound = !local.is_empty() && !domain.is_empty() && !domain.contains(char::is_whitespace);
    sound.then(|| inside.to_owned())
}

/// Decodes encoded words (RFC 2047); what is not one stays as it is.
pub fn decode_words(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    let mut after_word = false;
    while let Some(begin) = rest.find("=?") {
        let Some((decoded, length)) = encoded_word(&rest[begin..]) else {
            out.push_str(&rest[..begin + 2]);
            rest = &rest[begin + 2..];
            after_word = false;
            continue;
        };
        let between = &rest[..begin];
        // White space between two encoded words is not part of the text.
        if !(after_word && between.trim().is_empty()) {
            out.push_str(between);
        }
        out.push_str(&decoded);
        rest = &rest[begin + length..];
        after_word = true;
    }
    out.push_str(rest);
    out
}

fn encoded_word(text: &str) -> Option<(String, usize)> {
    let mut pieces = text.get(2..)?.splitn(4, '?');
    let (charset, coding, data) = (pieces.next()?, pieces.next()?, pieces.next()?);
    if !pieces.next()?.starts_with('=') || data.contains(' ') {
        return None;
    }
    let length = 2 + charset.len() + 1 + coding.len() + 1 + data.len() + 2;
    let bytes = match coding {
        "B" | "b" => crate::mime::read_base64(data.as_bytes()),
        "Q" | "q" => crate::mime::read_quoted_printable(data.replace('_', " ").as_bytes()),
        _ => return None,
    };
    let charset = charset.split('*').next().unwrap_or_default();
    let encoding = Encoding::for_label(charset.as_bytes())?;
    Some((encoding.decode(&bytes).0.into_owned(), length))
}

/// The parts of a multipart body as ranges, by its boundary (RFC 2046, 5.1.1).
#[derive(Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// Text before the first boundary line.
    pub preamble: &'a [u8],
    /// Each part without the line end that belongs to the boundary after it.
    pub parts: Vec<&'a [u8]>,
    /// What stands after the closing boundary; nothing when the closing boundary is missing.
    pub epilogue: Option<&'a [u8]>,
}

/// Cuts a multipart body; `None` when it has no boundary line or more than `limit` parts.
pub fn parts<'a>(body: &'a [u8], boundary: &str, limit: usize) -> Option<Parts<'a>> {
    let mut found = Parts { preamble: body, parts: Vec::new(), epilogue: None };
    let (mut begin, mut at) = (None, 0);
    while let Some((line, after)) = first_line(&body[at..]) {
        let next = body.len() - after.len();
        if let Some(closing) = boundary_line(line, boundary) {
            match begin {
                None => found.preamble = &body[..at],
                Some(begin) => found.parts.push(without_line_end(&body[begin..at.max(begin)])),
            }
            if found.parts.len() > limit {
                return None;
            }
            if closing {
                found.epilogue = Some(after);
                return begin.is_some().then_some(found);
            }
            begin = Some(next);
        }
        at = next;
    }
    found.parts.push(&body[begin?..]);
    Some(found)
}

fn boundary_line(line: &[u8], boundary: &str) -> Option<bool> {
    let tail = line.strip_prefix(b"--")?.strip_prefix(boundary.as_bytes())?;
    let (closing, tail) = match tail.strip_prefix(b"--") {
        Some(tail) => (true, tail),
        None => (false, tail),
    };
    tail.iter().all(u8::is_ascii_whitespace).then_some(closing)
}

fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_behind_names_with_commas_and_in_groups() {
        let list = "\"Rossi, Mario\" <mario@pec.example>, anna@pec.example (casa), studio: a@b.it;";
        assert_eq!(addresses(list), ["mario@pec.example", "anna@pec.example", "a@b.it"]);
        assert!(addresses("undisclosed-recipients:;").is_empty());
    }

    #[test]
    fn a_folded_field_is_read_on_one_line() {
        let (headers, body) = split(b"Subject: Convocazione\r\n =?utf-8?Q?=C3=A8?=\r\n\r\nciao");
        let subject = headers.get("subject").unwrap();
        assert_eq!(decode_words(&subject), "Convocazione è");
        assert_eq!(body, b"ciao");
    }

    #[test]
    fn parts_lose_only_the_line_end_of_the_boundary() {
        let found =
            parts(b"pre\r\n--b\r\n\r\na\r\n\r\n--b\r\n\r\nc\r\n--b--\r\nend", "b", 9).unwrap();
        assert_eq!(found.parts, [&b"\r\na\r\n"[..], b"\r\nc"]);
        assert_eq!(found.epilogue, Some(&b"end"[..]));
        assert_eq!(parts(b"no boundary", "b", 9), None);
    }

    #[test]
    fn names_written_in_pieces_are_joined() {
        let read = Valued::read("attachment; filename*0*=UTF-8''atto%20; filename*1*=%C3%A8.pdf");
        assert_eq!(read.parameter("filename").as_deref(), Some("atto è.pdf"));
    }
}
