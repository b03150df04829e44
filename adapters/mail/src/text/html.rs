//! HTML to text, well enough to read what somebody wrote.
//!
//! Guarantee: one pass, no recursion, nothing is fetched or run; the text of quotes (`blockquote`) is marked with `> `. Limit:
//! no tables, no styles; broken HTML gives some text.

use mail_parser::decoders::html::add_html_token;

/// Elements whose content is never text.
const SILENT: &[&str] = &["style", "script", "head", "title", "template", "noscript", "svg"];
/// Elements that begin and end a line.
const BLOCKS: &[&str] = &[
    "p", "div", "tr", "table", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6", "pre",
    "section", "article", "header", "footer", "address", "form", "dl", "dt", "dd", "hr", "center",
    "body",
];
/// Longest name of an entity.
const MAX_ENTITY: usize = 32;
/// Deepest quote that is marked.
const MAX_QUOTE: usize = 20;

/// The text of a document or of a piece of one.
pub fn to_text(html: &str) -> String {
    let mut writer = Writer::default();
    let mut rest = html;
    let mut silent: Option<&str> = None;
    while let Some(at) = rest.find('<') {
        if silent.is_none() {
            writer.words(&rest[..at]);
        }
        let after = &rest[at + 1..];
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        let begins_tag =
            after.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'));
        if !begins_tag {
            if silent.is_none() {
                writer.words("<");
            }
            rest = after;
            continue;
        }
        let Some(end) = after.find('>') else { return writer.finish() };
        let (closing, name) = tag(&after[..end]);
        let empty = after[..end].ends_with('/');
        rest = &after[end + 1..];
        match silent {
            Some(element) if closing && element == name => silent = None,
            Some(_) => {}
            None => match SILENT.iter().find(|element| **element == name) {
                Some(element) if !closing && !empty => silent = Some(element),
                _ => writer.tag(&name, closing),
            },
        }
    }
    if silent.is_none() {
        writer.words(rest);
    }
    writer.finish()
}

/// Whether a tag closes, and its name in lower case.
fn tag(inside: &str) -> (bool, String) {
    let (closing, rest) = match inside.strip_prefix('/') {
        Some(rest) => (true, rest),
        None => (false, inside),
    };
    let name = rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    (closing, name.to_ascii_lowercase())
}

#[derive(Default)]
struct Writer {
    out: String,
    line: String,
    blank: bool,
    quotes: usize,
}

impl Writer {
    fn tag(&mut self, name: &str, closing: bool) {
        match name {
            "br" => self.end_line(true),
            "blockquote" => {
                self.end_line(false);
                self.quotes = if closing {
                    self.quotes.saturating_sub(1)
                } else {
                    (self.quotes + 1).min(MAX_QUOTE)
                };
            }
            "td" | "th" => self.blank = true,
            "p" if closing => {
                self.end_line(false);
                self.end_paragraph();
            }
            name if BLOCKS.contains(&name) => self.end_line(false),
            _ => {}
        }
    }

    fn words(&mut self, text: &str) {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if c.is_whitespace() {
                self.blank = true;
                rest = &rest[c.len_utf8()..];
                continue;
            }
            if self.blank && !self.line.is_empty() {
                self.line.push(' ');
            }
            self.blank = false;
            rest = match entity(rest) {
                Some(token) => {
                    self.entity(token);
                    &rest[token.len()..]
                }
                None => {
                    self.line.push(c);
                    &rest[c.len_utf8()..]
                }
            };
        }
    }

    fn entity(&mut self, token: &str) {
        let mut decoded = String::new();
        add_html_token(&mut decoded, token.as_bytes(), false);
        let kept =
            decoded.chars().filter(|c| !c.is_control() && !matches!(c, '\u{200b}' | '\u{feff}'));
        self.line.extend(kept.map(|c| if c == '\u{a0}' { ' ' } else { c }));
    }

    fn end_line(&mut self, even_if_empty: bool) {
        let line = self.line.trim_end();
        if !line.is_empty() || even_if_empty {
            for _ in 0..self.quotes {
                self.out.push_str("> ");
            }
            self.out.push_str(line);
            self.out.push('\n');
        }
        self.line.clear();
        self.blank = false;
    }

    fn end_paragraph(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") && self.quotes == 0 {
            self.out.push('\n');
        }
    }

    fn finish(mut self) -> String {
        self.end_line(false);
        self.out
    }
}

/// The entity at the start of a text, `&egrave;`.
fn entity(text: &str) -> Option<&str> {
    let end = text.bytes().take(MAX_ENTITY).position(|byte| byte == b';')?;
    let inside = text.get(1..end)?;
    let fits = inside.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'#');
    (text.starts_with('&') && fits && !inside.is_empty()).then(|| &text[..=end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_of_a_mail_program_reads_as_text() {
        let html = "<html><head><title>x</title><style>p{a:b}</style></head><body><p>Buongiorno,<br>confermo la\npresenza&nbsp;&egrave; <b>certo</b>.</p><div>1 &lt; 2 &amp;nbsp; &#233;</div><blockquote>Vostra<p>lettera</p></blockquote><!-- <p>no --><script>a<b</script></body></html>";
        assert_eq!(
            to_text(html),
            "Buongiorno,\nconfermo la presenza è certo.\n\n1 < 2 &nbsp; é\n> Vostra\n> lettera\n"
        );
    }

    #[test]
    fn broken_html_gives_some_text() {
        for (html, text) in [
            ("a < b", "a < b\n"),
            ("a <b", "a"),
            ("<style>x", ""),
            ("x</p></div></blockquote>y", "x\n\ny\n"),
            ("&;&unknown;&#x110000;", "&;&unknown;\u{fffd}\n"),
            ("è<", "è<\n"),
        ] {
            assert_eq!(to_text(html).trim_end(), text.trim_end(), "{html}");
        }
    }
}
