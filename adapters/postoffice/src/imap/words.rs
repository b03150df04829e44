//! Reads IMAP commands: atoms, quoted strings, literals and lists (RFC 3501, 9).
//!
//! Guarantee: nesting and size are bounded by the caller's limits; no input makes it panic. Limit: it reads what clients send, and
//! is no judge of syntax beyond need.

/// Deepest nesting of lists.
const DEPTH: usize = 16;

/// One argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// Bare, with its brackets if it has any.
    Atom(String),
    /// Quoted, or a literal.
    Text(Vec<u8>),
    /// In parentheses.
    List(Vec<Word>),
}

impl Word {
    /// As text, whichever way it was written; a list is none.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Atom(text) => Some(text.clone()),
            Self::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            Self::List(_) => None,
        }
    }

    /// Bytes of a string; an atom counts as one.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Atom(text) => Some(text.clone().into_bytes()),
            Self::Text(bytes) => Some(bytes.clone()),
            Self::List(_) => None,
        }
    }

    /// As an upper-case word.
    pub fn upper(&self) -> Option<String> {
        self.text().map(|text| text.to_ascii_uppercase())
    }

    /// The words of a list; a single word counts as a list of one.
    pub fn list(&self) -> Vec<Self> {
        match self {
            Self::List(words) => words.clone(),
            other => vec![other.clone()],
        }
    }
}

/// Size of the literal that a line announces at its end, and whether the client waits for leave to send it.
pub fn announced(line: &[u8]) -> Option<(usize, bool)> {
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|byte| *byte == b'{')?;
    let digits = std::str::from_utf8(&inner[open + 1..]).ok()?;
    match digits.strip_suffix('+') {
        Some(digits) => Some((digits.parse().ok()?, false)),
        None => Some((digits.parse().ok()?, true)),
    }
}

/// Cuts a command into words; literals stand in `command` as `{n}` CRLF and their bytes.
pub fn words(command: &[u8]) -> Option<Vec<Word>> {
    let mut reader = Reader { bytes: command, at: 0 };
    let words = reader.list(0)?;
    (reader.at >= command.len()).then_some(words)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Words up to a closing parenthesis, which is left, or the end.
    fn list(&mut self, depth: usize) -> Option<Vec<Word>> {
        let mut words = Vec::new();
        while let Some(byte) = self.peek() {
            match byte {
                b' ' => self.at += 1,
                b')' if depth == 0 => return None,
                b')' => return Some(words),
                b'(' if depth >= DEPTH => return None,
                b'(' => {
                    self.at += 1;
                    words.push(Word::List(self.list(depth + 1)?));
                    (self.peek()? == b')').then_some(())?;
                    self.at += 1;
                }
                b'"' => words.push(self.quoted()?),
                b'{' => words.push(self.literal()?),
                _ => words.push(self.atom()),
            }
        }
        (depth == 0).then_some(words)
    }

    fn quoted(&mut self) -> Option<Word> {
        self.at += 1;
        let mut text = Vec::new();
        loop {
            let byte = self.peek()?;
            self.at += 1;
            match byte {
                b'"' => return Some(Word::Text(text)),
                b'\\' => {
                    text.push(self.peek()?);
                    self.at += 1;
                }
                _ => text.push(byte),
            }
        }
    }

    fn literal(&mut self) -> Option<Word> {
        let rest = &self.bytes[self.at..];
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let (length, _) = announced(&rest[..end])?;
        let begin = end + 2;
        let text = rest.get(begin..begin.checked_add(length)?)?.to_vec();
        self.at += begin + length;
        Some(Word::Text(text))
    }

    /// Blanks and parentheses inside of brackets belong to the atom: `BODY[HEADER.FIELDS (TO)]<0.9>`.
    fn atom(&mut self) -> Word {
        let begin = self.at;
        let mut brackets = 0_u32;
        while let Some(byte) = self.peek() {
            match byte {
                b'[' => brackets += 1,
                b']' => brackets = brackets.saturating_sub(1),
                b' ' | b'(' | b')' if brackets == 0 => break,
                _ => {}
            }
            self.at += 1;
        }
        Word::Atom(String::from_utf8_lossy(&self.bytes[begin..self.at]).into_owned())
    }
}

/// A set of numbers such as `1,3:5,9:*` (RFC 3501, 9), as ranges in order that do not touch; `highest` stands
/// for the star.
pub fn set(text: &str, highest: u32) -> Option<Vec<(u32, u32)>> {
    let number = |text: &str| match text {
        "*" => Some(highest),
        text => text.parse::<u32>().ok().filter(|number| *number > 0),
    };
    let range = |piece: &str| {
        let (from, to) = piece.split_once(':').unwrap_or((piece, piece));
        let (from, to) = (number(from)?, number(to)?);
        Some((from.min(to), from.max(to)))
    };
    let mut ranges: Vec<(u32, u32)> = text.split(',').map(range).collect::<Option<_>>()?;
    ranges.sort_unstable();
    let mut merged: Vec<(u32, u32)> = Vec::new();
    for (from, to) in ranges {
        match merged.last_mut() {
            Some(last) if from <= last.1.saturating_add(1) => last.1 = last.1.max(to),
            _ => merged.push((from, to)),
        }
    }
    Some(merged)
}

/// Whether a set holds a number.
pub fn holds(set: &[(u32, u32)], number: u32) -> bool {
    let after = set.partition_point(|(from, _)| *from <= number);
    after > 0 && number <= set[after - 1].1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_cut_into_words() {
        let read = words(b"a1 FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (TO CC)]<0.9>)").unwrap();
        assert_eq!(read.len(), 4);
        let items = [
            Word::Atom("FLAGS".into()),
            Word::Atom("BODY.PEEK[HEADER.FIELDS (TO CC)]<0.9>".into()),
        ];
        assert_eq!(read[3], Word::List(items.to_vec()));
        let read = words(b"a LOGIN \"us\\\"er\" {4}\r\npa s").unwrap();
        assert_eq!(read[2..], [Word::Text(b"us\"er".to_vec()), Word::Text(b"pa s".to_vec())]);
    }

    #[test]
    fn nonsense_is_refused() {
        let deep = [b"a ".to_vec(), vec![b'('; 100]].concat();
        for bad in
            [&b"a ("[..], b"a )", b"a \"x", b"a {9}\r\nx", b"a {99999999999999999999}\r\n", &deep]
        {
            assert_eq!(words(bad), None, "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn sets_run_both_ways_and_know_the_star() {
        let read = set("5:3,*", 9).unwrap();
        assert!(holds(&read, 4) && holds(&read, 9) && !holds(&read, 6));
        assert_eq!(set("7:9,1:3,2:5,6", 9), Some(vec![(1, 9)]));
        assert!(!holds(&read, 0) && !holds(&read, 2) && !holds(&read, 10));
        assert_eq!(set("0", 9), None);
        assert_eq!(set("", 9), None);
    }
}
