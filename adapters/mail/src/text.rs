//! The text of a message: what its author wrote, without HTML.
//!
//! Of alternatives (RFC 2046 5.1.4) the plain text counts, unless it is empty; files and attached messages are no text.
//! Guarantee: no more than the limit is decoded, and nothing is fetched. Limit: what only shows with styles is not told
//! from what does not.

use crate::mime::{Message, Part};

mod html;
pub mod quotes;

/// The text, and the places of the parts that it was taken from or that say the same in another form.
pub fn read(message: &Message<'_>, most: usize) -> (String, Vec<usize>) {
    let mut used = Vec::new();
    let mut text = String::new();
    collect(message, 0, most, &mut text, &mut used);
    let end = text.trim_end().len();
    text.truncate(end);
    (text, used)
}

/// Whether a part is text to be shown, not a file.
fn is_shown(part: &Part<'_>) -> bool {
    matches!(part.kind(), "text/plain" | "text/html" | "text/enriched" | "text")
        && !part.is_attached()
        && part.file_name().is_none()
}

/// Recursion is as deep as parts are (`mime::MAX_DEPTH`).
fn collect(
    message: &Message<'_>,
    place: usize,
    most: usize,
    text: &mut String,
    used: &mut Vec<usize>,
) {
    let part = &message.parts[place];
    if part.parts.is_empty() {
        // The message itself is text even under a file name; so is a multipart that cannot be cut.
        let whole =
            place == 0 && (part.kind().starts_with("text/plain") || part.kind() == "text/html");
        if is_shown(part) || whole || part.is_multipart() {
            used.push(place);
            append(text, &shown(part, most), most);
        }
        return;
    }
    if part.kind() != "multipart/alternative" {
        for inner in &part.parts {
            collect(message, *inner, most, text, used);
        }
        return;
    }
    // The plain text first: where it says anything, the others need not be decoded.
    let mut order = part.parts.clone();
    order.sort_by_key(|inner| !matches!(message.parts[*inner].kind(), "text/plain"));
    let mut best = String::new();
    for inner in order {
        if best.trim().is_empty() {
            best.clear();
            collect(message, inner, most, &mut best, used);
        } else {
            mark(message, inner, used);
        }
    }
    append(text, &best, most);
}

/// Notes the places of text that says again what was said already.
fn mark(message: &Message<'_>, place: usize, used: &mut Vec<usize>) {
    let part = &message.parts[place];
    if part.parts.is_empty() && is_shown(part) {
        used.push(place);
    }
    for inner in &part.parts {
        mark(message, *inner, used);
    }
}

fn shown(part: &Part<'_>, most: usize) -> String {
    let text = part.text(most);
    if part.kind() == "text/html" { html::to_text(&text) } else { tidy(&text) }
}

/// Lines end in one line feed, and nothing invisible stays.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' if rest.peek() == Some(&'\n') => {}
            '\r' => out.push('\n'),
            '\u{a0}' => out.push(' '),
            c if c.is_control() && !matches!(c, '\n' | '\t') => {}
            '\u{feff}' | '\u{200b}' => {}
            c => out.push(c),
        }
    }
    out
}

fn append(text: &mut String, more: &str, most: usize) {
    let more = more.trim_end();
    if more.trim().is_empty() || text.len() >= most {
        return;
    }
    if !text.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(more);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(raw: &str) -> String {
        read(&Message::read(raw.as_bytes()), 1 << 20).0
    }

    #[test]
    fn plain_text_goes_before_html_unless_it_is_empty() {
        let raw = |plain: &str| {
            format!(
                "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>html</p>\n--b\n\n{plain}\n--b--\n"
            )
        };
        assert_eq!(text(&raw("plain")), "plain");
        assert_eq!(text(&raw(" \n")), "html");
    }

    #[test]
    fn files_and_attached_messages_are_no_text() {
        let raw = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\nContent-Type: text/plain; name=a.txt\n\nfile\n--b\nContent-Type: message/rfc822\n\nSubject: x\n\ninner\n--b\n\ntwo\n--b--\n";
        assert_eq!(text(raw), "one\n\ntwo");
    }

    #[test]
    fn line_ends_do_not_matter() {
        assert_eq!(text("A: b\r\n\r\none\r\ntwo\rthree\r\n"), "one\ntwo\nthree");
    }
}
