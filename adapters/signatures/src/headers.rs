//! The few header fields that a signature depends on, read from bytes.
//!
//! Guarantee: what two programs could read differently (a field twice, two senders, a parameter twice) is refused, not chosen.
//! Limit: RFC 2231 continuations of parameters are not read; nobody writes a boundary so.

/// Longest header section that is read; what follows is not looked at.
const MAX_HEADER_BYTES: usize = 1_000_000;

/// The header section of a message or part, and where its body begins.
pub(crate) struct Headers<'a> {
    section: &'a [u8],
    /// What follows the empty line; empty when there is none.
    pub body: &'a [u8],
}

/// A field that is there once, not at all, or ambiguous.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// Its value, unfolded.
    Once(String),
    /// It is not there.
    Absent,
    /// It is there more than once.
    Repeated,
}

impl<'a> Headers<'a> {
    /// Finds the first empty line; line ends may be CRLF or LF.
    pub fn read(bytes: &'a [u8]) -> Self {
        let mut at = 0;
        let limit = bytes.len().min(MAX_HEADER_BYTES);
        while at < limit {
            let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |line| at + line + 1);
            if matches!(&bytes[at..end], b"\r\n" | b"\n") {
                return Self { section: &bytes[..at], body: &bytes[end..] };
            }
            at = end;
        }
        Self { section: &bytes[..at.min(bytes.len())], body: &[] }
    }

    /// The field of this name, its case aside.
    pub fn field(&self, name: &str) -> Field {
        let mut values: Vec<String> = Vec::new();
        let mut ours = false;
        for line in self.section.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let folded = line.first().is_some_and(|first| matches!(first, b' ' | b'\t'));
            if !folded {
                let colon = line.iter().position(|byte| *byte == b':').unwrap_or(0);
                ours = line[..colon].trim_ascii_end().eq_ignore_ascii_case(name.as_bytes());
                if ours {
                    values.push(String::from_utf8_lossy(&line[colon + 1..]).into_owned());
                }
            } else if let (true, Some(value)) = (ours, values.last_mut()) {
                value.push_str(&String::from_utf8_lossy(line));
            }
        }
        match (values.pop(), values.is_empty()) {
            (Some(value), true) => Field::Once(value.trim().to_owned()),
            (Some(_), false) => Field::Repeated,
            (None, _) => Field::Absent,
        }
    }

    /// Media type and parameters; `None` when absent, twice, or not readable.
    pub fn content_type(&self) -> Option<ContentType> {
        match self.field("Content-Type") {
            Field::Once(value) => ContentType::read(&value),
            Field::Absent | Field::Repeated => None,
        }
    }

    /// The one address of `From`.
    pub fn sender(&self) -> Option<String> {
        match self.field("From") {
            Field::Once(value) => address(&value),
            Field::Absent | Field::Repeated => None,
        }
    }
}

/// A media type (RFC 2045 section 5.1).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ContentType {
    /// `type/subtype` in lower case.
    pub media: String,
    parameters: Vec<(String, String)>,
}

impl ContentType {
    fn read(value: &str) -> Option<Self> {
        let (media, mut rest) = value.split_once(';').unwrap_or((value, ""));
        let media = media.split('(').next()?.trim().to_ascii_lowercase();
        let mut parameters: Vec<(String, String)> = Vec::new();
        while let Some((name, after)) = rest.split_once('=') {
            let name = name.trim_matches([' ', '\t', ';']).to_ascii_lowercase();
            let (value, after) = value_of(after.trim_start())?;
            if parameters.iter().any(|(known, _)| *known == name) {
                return None;
            }
            parameters.push((name, value));
            rest = after;
        }
        Some(Self { media, parameters })
    }

    /// A parameter's value.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether it is one of the two names of a kind, e.g. `pkcs7-mime` and `x-pkcs7-mime`.
    pub fn is(&self, kind: &str) -> bool {
        is_kind(&self.media, kind)
    }
}

/// Whether a media type is `application/kind` or the older `application/x-kind`.
pub(crate) fn is_kind(media: &str, kind: &str) -> bool {
    let media = media.trim().to_ascii_lowercase();
    media.strip_prefix("application/").is_some_and(|name| {
        name == kind || name.strip_prefix("x-").is_some_and(|name| name == kind)
    })
}

/// The value at the beginning of a parameter, and what follows it.
fn value_of(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        let value = text[..end].split('(').next()?.trim();
        return Some((value.to_owned(), &text[end..]));
    };
    let (mut value, mut escaped) = (String::new(), false);
    for (at, letter) in quoted.char_indices() {
        match letter {
            _ if escaped => {
                value.push(letter);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return Some((value, &quoted[at + 1..])),
            _ => value.push(letter),
        }
    }
    None
}

/// The address of a field that must hold exactly one.
fn address(value: &str) -> Option<String> {
    let bare = without_strings_and_comments(value)?;
    if bare.contains(',') || bare.matches('<').count() > 1 {
        return None;
    }
    let spec = match bare.split_once('<') {
        Some((_, rest)) => {
            let (inside, after) = rest.split_once('>')?;
            after.trim().is_empty().then_some(inside)?
        }
        None => &bare,
    };
    let spec = spec.trim();
    let (local, domain) = spec.rsplit_once('@')?;
    let plain = spec.chars().all(|letter| !letter.is_whitespace() && !letter.is_control());
    (plain && !local.is_empty() && !domain.is_empty()).then(|| spec.to_owned())
}

/// Display names may hold anything between quotation marks, commas and angle brackets too.
fn without_strings_and_comments(value: &str) -> Option<String> {
    let (mut bare, mut quoted, mut comments, mut escaped) = (String::new(), false, 0_usize, false);
    for letter in value.chars() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted || comments > 0 => escaped = true,
            '"' if comments == 0 => quoted = !quoted,
            '(' if !quoted => comments += 1,
            ')' if !quoted => comments = comments.checked_sub(1)?,
            _ if quoted || comments > 0 => {}
            _ => bare.push(letter),
        }
    }
    (!quoted && comments == 0).then_some(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sender_is_one_address_or_none() {
        let known = [
            ("posta-certificata@pec.example", Some("posta-certificata@pec.example")),
            ("\"Per conto di: a@b.example\" <p@pec.example>", Some("p@pec.example")),
            ("\"a, <b@c>\" <p@pec.example> (by <x@y>)", Some("p@pec.example")),
            ("Per conto di: a@b.example <p@pec.example>", Some("p@pec.example")),
            ("a@b.example, <p@pec.example>", None),
            ("<a@b.example> <p@pec.example>", None),
            ("<a@b.example> p@pec.example", None),
            ("\"open <p@pec.example>", None),
            ("p", None),
            ("p@pec\r.example", None),
            ("", None),
        ];
        for (value, expected) in known {
            assert_eq!(address(value).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn fields_unfold_and_a_repeated_one_is_told() {
        let headers = Headers::read(b"A: 1\r\n 2\r\nfrom : x@y.it\nFROM: z@y.it\r\n\r\nbody");
        assert_eq!(headers.field("a"), Field::Once("1 2".into()));
        assert_eq!(headers.field("From"), Field::Repeated);
        assert_eq!(headers.field("B"), Field::Absent);
        assert_eq!(headers.body, b"body");
    }

    #[test]
    fn a_content_type_gives_its_parameters_once() {
        let read = |value| ContentType::read(value);
        let one = read("Multipart/Signed; protocol=\"application/x-pkcs7-signature\";\tmicalg=sha1; boundary=\"a\\\"=;b\"").unwrap();
        assert_eq!(one.media, "multipart/signed");
        assert_eq!(one.parameter("boundary"), Some("a\"=;b"));
        assert_eq!(one.parameter("micalg"), Some("sha1"));
        assert!(is_kind(one.parameter("protocol").unwrap(), "pkcs7-signature"));
        assert_eq!(read("multipart/signed; boundary=a; boundary=b"), None);
        assert_eq!(read("multipart/signed; boundary=\"a"), None);
    }
}
