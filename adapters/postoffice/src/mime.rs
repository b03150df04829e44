//! Writes MIME: header fields, transfer encodings, parts and multiparts, always with CRLF.
//!
//! Guarantee: lines of encoded bodies are at most 76 columns (RFC 2045, 6.7 and 6.8). Limit: header fields
//! are folded at blanks only; a longer word stays whole.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

const COLUMNS: usize = 76;

/// A header field on as many lines as it needs. The value must be ASCII or already encoded.
pub fn field(name: &str, value: &str) -> String {
    let mut out = format!("{name}:");
    let mut column = out.len();
    for word in value.split([' ', '\r', '\n', '\t']).filter(|word| !word.is_empty()) {
        if column + 1 + word.len() > COLUMNS && column > name.len() + 1 {
            out.push_str("\r\n ");
            column = 1;
        } else {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += word.len();
    }
    out.push_str("\r\n");
    out
}

/// Unstructured text for a header: as it is when ASCII, else as encoded words in UTF-8 (RFC 2047).
pub fn header_text(text: &str) -> String {
    let printable = |c: char| c == ' ' || c.is_ascii_graphic();
    if text.chars().all(printable) {
        return text.to_owned();
    }
    let mut words: Vec<String> = vec![String::new()];
    for c in text.chars().filter(|c| !c.is_control()) {
        // 45 bytes become 60 characters; with the frame an encoded word stays below 75.
        if words.last().is_some_and(|word| word.len() + c.len_utf8() > 45) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(c);
        }
    }
    let words: Vec<String> =
        words.iter().map(|word| format!("=?UTF-8?B?{}?=", STANDARD.encode(word))).collect();
    words.join(" ")
}

/// Base64 in lines of 76 characters, each with CRLF.
pub fn base64_lines(bytes: &[u8]) -> Vec<u8> {
    let text = STANDARD.encode(bytes);
    let mut out = Vec::with_capacity(text.len() + text.len() / COLUMNS * 2 + 2);
    for line in text.as_bytes().chunks(COLUMNS) {
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// Reads base64 leniently: other characters are skipped, a broken tail is dropped.
pub fn read_base64(text: &[u8]) -> Vec<u8> {
    let is_code = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let mut clean: Vec<u8> = text.iter().copied().filter(is_code).collect();
    if clean.len() % 4 == 1 {
        clean.pop();
    }
    // The last character of an incomplete group may carry bits that belong to nothing.
    STANDARD_NO_PAD.decode(&clean).unwrap_or_else(|_| {
        let whole = clean.len() / 4 * 4;
        STANDARD_NO_PAD.decode(&clean[..whole]).unwrap_or_default()
    })
}

/// Quoted-printable of a text whose lines end in CRLF (RFC 2045, 6.7).
pub fn quoted_printable(bytes: &[u8]) -> Vec<u8> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 8);
    let mut column = 0;
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"\r\n") {
            out.extend_from_slice(b"\r\n");
            column = 0;
            at += 2;
            continue;
        }
        let byte = bytes[at];
        let last = at + 1 == bytes.len() || bytes[at + 1..].starts_with(b"\r\n");
        let blank = matches!(byte, b' ' | b'\t');
        let plain = byte != b'=' && byte.is_ascii_graphic() || blank && !last;
        let width = if plain { 1 } else { 3 };
        if column + width > COLUMNS - 1 {
            out.extend_from_slice(b"=\r\n");
            column = 0;
        }
        if plain {
            out.push(byte);
        } else {
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
            out.extend_from_slice(&[b'=', high, low]);
        }
        column += width;
        at += 1;
    }
    out
}

/// Reads quoted-printable leniently.
pub fn read_quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let hex = rest.get(1..3).and_then(|pair| std::str::from_utf8(pair).ok());
        if rest.starts_with(b"=\r\n") {
            at += 3;
        } else if rest.starts_with(b"=\n") {
            at += 2;
        } else if let Some(byte) = hex.and_then(|pair| u8::from_str_radix(pair, 16).ok())
            && rest[0] == b'='
        {
            out.push(byte);
            at += 3;
        } else {
            out.push(rest[0]);
            at += 1;
        }
    }
    out
}

/// Text in ISO-8859-1; what that set lacks becomes the nearest ASCII or a question mark.
pub fn latin1(text: &str) -> Vec<u8> {
    let byte = |c: char| match c {
        '\u{2018}' | '\u{2019}' => b'\'',
        '\u{201c}' | '\u{201d}' => b'"',
        '\u{2013}' | '\u{2014}' => b'-',
        _ => u8::try_from(u32::from(c)).unwrap_or(b'?'),
    };
    text.chars().map(byte).collect()
}

/// A part: fields, blank line, body. The body ends without the line end of the boundary.
pub fn part(fields: &[(&str, String)], body: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(body.len() + 256);
    for (name, value) in fields {
        out.extend_from_slice(field(name, value).as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    out
}

/// A text part in ISO-8859-1, quoted-printable, as certified providers write them (RFC 6109, 4.3).
pub fn text_part(subtype: &str, text: &str) -> Vec<u8> {
    let body = quoted_printable(&latin1(text));
    let fields = [
        ("Content-Type", format!("text/{subtype}; charset=\"iso-8859-1\"")),
        ("Content-Transfer-Encoding", "quoted-printable".into()),
    ];
    part(&fields, &body)
}

/// The body of a multipart. Without `closed` the last boundary line is missing (RFC 2046, 5.1.1).
pub fn multipart(boundary: &str, parts: &[Vec<u8>], closed: bool) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len() + boundary.len() + 6).sum();
    let mut out = Vec::with_capacity(length + 64);
    for (at, part) in parts.iter().enumerate() {
        let begin = if at == 0 { "--" } else { "\r\n--" };
        out.extend_from_slice(format!("{begin}{boundary}\r\n").as_bytes());
        out.extend_from_slice(part);
    }
    if closed {
        out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_printable_keeps_lines_short_and_blanks_at_line_ends_visible() {
        let text = format!("{} \r\nè=", "a".repeat(100));
        let written = quoted_printable(&latin1(&text));
        assert!(written.split(|byte| *byte == b'\n').all(|line| line.len() <= 77));
        let shown = String::from_utf8(written.clone()).unwrap();
        assert!(shown.ends_with("=20\r\n=E8=3D"), "{shown}");
        assert_eq!(read_quoted_printable(&written), latin1(&text));
    }

    #[test]
    fn base64_is_read_with_rubbish_and_without_its_end() {
        assert_eq!(read_base64(b"Y2lhbw==\r\n"), b"ciao");
        assert_eq!(read_base64(b"Y2 lh\r\nbw"), b"ciao");
        assert_eq!(read_base64(b"Y2lhb"), b"cia");
    }

    #[test]
    fn long_accented_subjects_become_several_encoded_words() {
        let text = "Convocazione: è già fissato il primo incontro della procedura però più tardi";
        let written = header_text(text);
        assert!(written.is_ascii() && written.split(' ').all(|word| word.len() <= 75));
        assert_eq!(crate::structure::decode_words(&written), text);
    }
}
