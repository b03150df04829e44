//! Reads SMTP replies (RFC 5321 4.2) from bytes, within limits.
//!
//! Several lines of one reply must carry the same code. Anything else is an error, never a guess.

/// Longest line taken, in bytes; RFC 5321 allows 512.
const MAX_LINE: usize = 4096;
/// Most lines of one reply.
const MAX_LINES: usize = 100;

/// A whole reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// The code.
    pub code: u16,
    /// The texts, a line each, joined by a line feed.
    pub text: String,
}

impl Reply {
    /// Whether the first digit is this.
    pub fn is(&self, digit: u16) -> bool {
        self.code / 100 == digit
    }
}

/// Bytes received and not yet read.
#[derive(Default)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
}

/// What came is no reply.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Garbage(pub &'static str);

impl Inbox {
    /// Takes what was received.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next reply, if it is whole.
    pub fn next(&mut self) -> Result<Option<Reply>, Garbage> {
        let (mut at, mut text, mut first) = (0, String::new(), None);
        for _ in 0..MAX_LINES {
            let rest = &self.bytes[at..];
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
                return if rest.len() > MAX_LINE {
                    Err(Garbage("an endless line"))
                } else {
                    Ok(None)
                };
            };
            let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
            at += end + 1;
            let (code, last, words) = parse(line)?;
            if *first.get_or_insert(code) != code {
                return Err(Garbage("two codes in one reply"));
            }
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&words);
            if last {
                self.bytes.drain(..at);
                return Ok(Some(Reply { code, text }));
            }
        }
        Err(Garbage("a reply without end"))
    }
}

fn parse(line: &[u8]) -> Result<(u16, bool, String), Garbage> {
    let digits = line.get(..3).filter(|digits| digits.iter().all(u8::is_ascii_digit));
    let Some(digits) = digits.filter(|_| line.len() <= MAX_LINE) else {
        return Err(Garbage("a line that is no SMTP reply"));
    };
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    let last = match line.get(3) {
        None | Some(b' ') => true,
        Some(b'-') => false,
        Some(_) => return Err(Garbage("a line that is no SMTP reply")),
    };
    let words = String::from_utf8_lossy(line.get(4..).unwrap_or_default());
    Ok((code, last, words.replace(|c: char| c.is_control(), " ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<Option<Reply>, Garbage> {
        let mut inbox = Inbox::default();
        inbox.push(text);
        inbox.next()
    }

    #[test]
    fn a_reply_of_several_lines_is_one() {
        let reply = read(b"250-mail.example.it\r\n250-SIZE 1000\r\n250 OK\r\n").unwrap().unwrap();
        assert_eq!((reply.code, reply.text.as_str()), (250, "mail.example.it\nSIZE 1000\nOK"));
    }

    #[test]
    fn half_a_reply_waits_for_the_rest() {
        assert_eq!(read(b"250-first\r\n250 las"), Ok(None));
        assert_eq!(read(b""), Ok(None));
    }

    #[test]
    fn replies_that_come_together_are_read_one_by_one() {
        let mut inbox = Inbox::default();
        inbox.push(b"250 a\r\n354 b\r\n");
        assert_eq!(inbox.next().unwrap().unwrap().code, 250);
        assert_eq!(inbox.next().unwrap().unwrap().code, 354);
        assert!(inbox.is_empty());
    }

    #[test]
    fn what_is_no_reply_is_garbage() {
        for bytes in [
            &b"HTTP/1.1 400 Bad\r\n"[..],
            b"25\r\n",
            b"250_x\r\n",
            b"\xff\xfe\x00\r\n",
            b"250-a\r\n251 b\r\n",
        ] {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
        assert!(read(&b"2".repeat(MAX_LINE + 1)).is_err());
        assert!(read(&b"250-x\r\n".repeat(MAX_LINES + 1)).is_err());
    }
}
