//! Turns text and bytes into what may stand in an Internet message: quoted-printable and base64
//! (RFC 2045), encoded words (RFC 2047), parameters (RFC 2231).
//!
//! Everything written is 7-bit, in CRLF lines of at most 76 characters, and no line of a body begins with
//! a full stop. Control characters are the caller's to refuse ([`has_control`]).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Longest line that is written, without CRLF (RFC 2045 6.7).
pub(crate) const LINE: usize = 76;
/// Bytes that make one full base64 line.
const BASE64_BYTES: usize = 57;
/// Bytes of UTF-8 in one encoded word: 45 become 60 of base64, 72 with the frame (75 are allowed).
const WORD_BYTES: usize = 45;
/// Words longer than this are not folded but encoded.
const LONGEST_PLAIN_WORD: usize = 60;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Whether the text holds a control character: CR and LF would end the header it stands in.
pub(crate) fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

/// Appends the text as quoted-printable. Line ends of either kind become CRLF.
pub(crate) fn quoted_printable(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + text.len() / 8);
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.extend_from_slice(b"\r\n");
        }
        quoted_printable_line(line.strip_suffix('\r').unwrap_or(line).as_bytes(), out);
    }
}

fn quoted_printable_line(line: &[u8], out: &mut Vec<u8>) {
    // One column is kept for the `=` of a soft line break.
    const WIDTH: usize = LINE - 1;
    let mut column = 0;
    let mut rest = line;
    while let Some((&byte, tail)) = rest.split_first() {
        let plain = plain_run(rest, column, WIDTH - column);
        if plain > 0 {
            out.extend_from_slice(&rest[..plain]);
            column += plain;
            rest = &rest[plain..];
        } else if column + 3 <= WIDTH {
            out.extend_from_slice(&[
                b'=',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]);
            column += 3;
            rest = tail;
        } else {
            out.extend_from_slice(b"=\r\n");
            column = 0;
        }
    }
}

/// How many bytes from here on stand for themselves, at most `most`. None for a full stop that would
/// begin a line.
fn plain_run(bytes: &[u8], column: usize, most: usize) -> usize {
    if column == 0 && bytes.first() == Some(&b'.') {
        return 0;
    }
    let run = bytes
        .iter()
        .take(most)
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'!'..=b'<' | b'>'..=b'~'))
        .count();
    // White space at the end of a line is lost on the way: it is encoded.
    if run > 0 && run == bytes.len() && matches!(bytes.last(), Some(b' ' | b'\t')) {
        run - 1
    } else {
        run
    }
}

/// Appends the bytes as base64 in lines of 76 characters, without a last CRLF.
pub(crate) fn base64_lines(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() / 3 * 4 + bytes.len() / BASE64_BYTES * 2 + 8);
    let mut line = [0; LINE];
    for (index, chunk) in bytes.chunks(BASE64_BYTES).enumerate() {
        if index > 0 {
            out.extend_from_slice(b"\r\n");
        }
        let written = STANDARD.encode_slice(chunk, &mut line).unwrap_or(0);
        out.extend_from_slice(&line[..written]);
    }
}

/// Appends a header with free text, e.g. the subject.
pub(crate) fn text_header(name: &str, text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    if folds_plainly(text) {
        folded_words(text, name.len() + 1, out);
    } else {
        encoded_words(text, name.len() + 1, out);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends a header with one mailbox and its display name.
pub(crate) fn mailbox_header(name: &str, display: &str, address: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    let display = display.trim();
    if display.is_empty() {
        out.extend_from_slice(format!(" <{address}>\r\n").as_bytes());
        return;
    }
    let atoms = display.bytes().all(|byte| byte == b' ' || is_atext(byte));
    if atoms && folds_plainly(display) {
        folded_words(display, name.len() + 1, out);
    } else if display.is_ascii() && display.len() <= LONGEST_PLAIN_WORD && !display.contains("=?") {
        out.extend_from_slice(b" \"");
        for byte in display.bytes() {
            if matches!(byte, b'"' | b'\\') {
                out.push(b'\\');
            }
            out.push(byte);
        }
        out.push(b'"');
    } else {
        encoded_words(display, name.len() + 1, out);
    }
    let column = out.iter().rev().take_while(|byte| **byte != b'\n').count();
    let fold = if column + address.len() + 3 > LINE { "\r\n" } else { "" };
    out.extend_from_slice(format!("{fold} <{address}>\r\n").as_bytes());
}

/// A parameter with a file name: plain where it can be, else in the form of RFC 2231, with an ASCII
/// form beside it for old readers. Begins with `;` and a new line.
pub(crate) fn file_name_parameter(parameter: &str, value: &str, out: &mut Vec<u8>) {
    let plain = |c: char| c.is_ascii() && !matches!(c, '"' | '\\' | '%');
    let ascii: String = value.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    if ascii != value {
        // First: some readers take the first of the two.
        out.extend_from_slice(format!(";\r\n {parameter}*=UTF-8''").as_bytes());
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
                out.push(byte);
            } else {
                out.extend_from_slice(&[
                    b'%',
                    HEX[usize::from(byte >> 4)],
                    HEX[usize::from(byte & 15)],
                ]);
            }
        }
    }
    out.extend_from_slice(format!(";\r\n {parameter}=\"{ascii}\"").as_bytes());
}

/// Characters of an atom (RFC 5322 3.2.3).
pub(crate) fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

fn folds_plainly(text: &str) -> bool {
    text.is_ascii()
        && !text.contains("=?")
        && text.split(' ').all(|word| (1..=LONGEST_PLAIN_WORD).contains(&word.len()))
}

fn folded_words(text: &str, mut column: usize, out: &mut Vec<u8>) {
    for word in text.split(' ') {
        if column + 1 + word.len() > LINE {
            out.extend_from_slice(b"\r\n");
            column = 0;
        }
        out.push(b' ');
        out.extend_from_slice(word.as_bytes());
        column += 1 + word.len();
    }
}

/// Each encoded word stands on its own line; a character is never split between two (RFC 2047 5).
fn encoded_words(text: &str, column: usize, out: &mut Vec<u8>) {
    let mut rest = text;
    // Beside the header's name there is room for less: 13 are the frame and the space.
    let mut room = LINE.saturating_sub(column + 13) / 4 * 3;
    while !rest.is_empty() {
        let (word, tail) = rest.split_at(rest.floor_char_boundary(room.min(WORD_BYTES)));
        let fold = if rest.len() == text.len() { "" } else { "\r\n" };
        out.extend_from_slice(format!("{fold} =?utf-8?B?{}?=", STANDARD.encode(word)).as_bytes());
        rest = tail;
        room = WORD_BYTES;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(text: &str) -> String {
        let mut out = Vec::new();
        quoted_printable(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn undo(encoded: &str) -> Vec<u8> {
        let joined = encoded.replace("=\r\n", "");
        let mut bytes = joined.bytes();
        let mut out = Vec::new();
        while let Some(byte) = bytes.next() {
            if byte == b'=' {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                let digits = std::str::from_utf8(&digits).unwrap();
                out.push(u8::from_str_radix(digits, 16).unwrap());
            } else {
                out.push(byte);
            }
        }
        out
    }

    #[test]
    fn text_survives_quoted_printable_whatever_its_lines_are() {
        for text in [
            String::new(),
            "perché no?\n\ncosì è = 100%\n".to_owned(),
            "è".repeat(400),
            format!("{} \n.\n..fine\t", "x".repeat(75)),
            format!("{}. dopo", "x".repeat(75)),
            "a\rb".to_owned(),
        ] {
            let encoded = quoted(&text);
            assert_eq!(undo(&encoded), text.replace('\n', "\r\n").into_bytes(), "{encoded}");
            for line in encoded.split("\r\n") {
                assert!(line.len() <= LINE && line.is_ascii(), "{line}");
                assert!(!line.starts_with('.') && !line.ends_with([' ', '\t']), "{line:?}");
            }
        }
    }

    #[test]
    fn base64_is_written_in_lines_of_76() {
        let mut out = Vec::new();
        base64_lines(&[7; 200], &mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.split("\r\n").all(|line| line.len() <= LINE));
        assert_eq!(STANDARD.decode(text.replace("\r\n", "")).unwrap(), [7; 200]);
    }

    #[test]
    fn a_long_accented_subject_is_folded_between_characters() {
        let mut out = Vec::new();
        text_header("Subject", &"Località Città ".repeat(20), &mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().all(|line| line.len() <= LINE && line.is_ascii()));
        let mut decoded = Vec::new();
        for word in text.trim_start_matches("Subject:").split_whitespace() {
            let inner = word.strip_prefix("=?utf-8?B?").unwrap().strip_suffix("?=").unwrap();
            let bytes = STANDARD.decode(inner).unwrap();
            assert!(std::str::from_utf8(&bytes).is_ok());
            decoded.extend(bytes);
        }
        assert_eq!(String::from_utf8(decoded).unwrap(), "Località Città ".repeat(20));
    }

    #[test]
    fn a_name_with_specials_is_quoted_and_its_quotes_escaped() {
        let mut out = Vec::new();
        mailbox_header("To", "Rossi, Mario \"Mimmo\"", "m@example.it", &mut out);
        assert_eq!(out, b"To: \"Rossi, Mario \\\"Mimmo\\\"\" <m@example.it>\r\n");
    }

    #[test]
    fn a_file_name_with_accents_has_an_ascii_form_beside_it() {
        let mut out = Vec::new();
        file_name_parameter("filename", "perché.pdf", &mut out);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, ";\r\n filename*=UTF-8''perch%C3%A9.pdf;\r\n filename=\"perch_.pdf\"");
    }
}
