//! E-mail addresses as an Italian mail server will take them: ASCII on the wire, Unicode for people.
//!
//! An [`EmailAddress`] is a well-formed mailbox of RFC 5321 with a domain name that has a TLD; the
//! domain is kept in lower case and in ASCII form (IDNA, UTS 46). Whether anybody reads it is for
//! the receipts to tell. Not accepted, on purpose: local parts beyond ASCII (they need SMTPUTF8, that
//! PEC and many servers lack), IP literals, comments, display names.

use super::InvalidAddress;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest local part in octets (RFC 5321 4.5.3.1.1).
pub const MAX_LOCAL: usize = 64;
/// Longest address in octets (RFC 5321 4.5.3.1.3, without the angle brackets).
pub const MAX_ADDRESS: usize = 254;

/// A mailbox, `local@domain`, all ASCII.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Reads an address as people write it: blanks, `<>` and `mailto:` around it are taken off.
    /// The error is one Italian sentence that says what to mend.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        if text.chars().any(|c| c.is_control() && c != '\t') {
            return Err("l'indirizzo contiene un a capo o un carattere di controllo".into());
        }
        let text = unwrapped(text);
        if text.is_empty() {
            return Err("l'indirizzo è vuoto".into());
        }
        let (local, domain) = split(text)?;
        check_local(local)?;
        let domain = ascii_domain(domain)?;
        let address = format!("{local}@{domain}");
        if address.len() > MAX_ADDRESS {
            return Err("l'indirizzo supera 254 caratteri".into());
        }
        Ok(Self(address))
    }

    /// The address as it goes on the wire: ASCII, the domain in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`, with its quotes where it has them. Case is kept: only the
    /// receiving server may say that it doesn't matter.
    pub fn local(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// What stands after the `@`: lower case, ASCII (`xn--…` for an international name).
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// The address for people: an international domain in its own letters.
    pub fn display(&self) -> String {
        match idna::domain_to_unicode(self.domain()) {
            (domain, Ok(())) => format!("{}@{domain}", self.local()),
            (_, Err(_)) => self.0.clone(),
        }
    }
}

/// Takes off what mail programs and spreadsheets put around an address.
fn unwrapped(text: &str) -> &str {
    let mut text = text.trim();
    if let Some(inner) = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
        text = inner.trim();
    }
    match text.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => {
            let rest = &text[7..];
            rest.split_once('?').map_or(rest, |(address, _)| address).trim()
        }
        _ => text,
    }
}

/// Splits at the one `@` that is not inside quotes.
fn split(text: &str) -> Result<(&str, &str), InvalidAddress> {
    let (local, domain) = if text.starts_with('"') {
        let end = end_of_quotes(text).ok_or("le virgolette prima della @ non si chiudono")?;
        match text[end..].strip_prefix('@') {
            Some(domain) => (&text[..end], domain),
            None => return Err("dopo le virgolette deve venire la @".into()),
        }
    } else {
        text.split_once('@').ok_or("manca la @")?
    };
    if domain.contains('@') {
        return Err("ci sono due @: un indirizzo solo per casella".into());
    }
    Ok((local, domain))
}

/// Byte position after the closing quote of a quoted string at the start of the text.
fn end_of_quotes(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (position, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(position + 1),
            _ => {}
        }
    }
    None
}

fn check_local(local: &str) -> Result<(), InvalidAddress> {
    if local.is_empty() {
        return Err("manca il nome prima della @".into());
    }
    if !local.is_ascii() {
        return Err("prima della @ ci sono lettere accentate o simboli non ammessi".into());
    }
    if local.len() > MAX_LOCAL {
        return Err("la parte prima della @ supera 64 caratteri".into());
    }
    if local.starts_with('"') {
        return Ok(());
    }
    if local.contains(char::is_whitespace) {
        return Err("c'è uno spazio nell'indirizzo".into());
    }
    if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
        return Err("prima della @ c'è un punto all'inizio, alla fine o ripetuto".into());
    }
    match local.chars().find(|c| !c.is_ascii_alphanumeric() && !"!#$%&'*+-/=?^_`{|}~.".contains(*c))
    {
        Some(c) => Err(InvalidAddress(format!("il carattere «{c}» non è ammesso prima della @"))),
        None => Ok(()),
    }
}

fn ascii_domain(domain: &str) -> Result<String, InvalidAddress> {
    if domain.is_empty() {
        return Err("manca il dominio dopo la @".into());
    }
    if domain.contains(char::is_whitespace) {
        return Err("c'è uno spazio nell'indirizzo".into());
    }
    if domain.starts_with('[') {
        return Err("dopo la @ serve un nome di dominio, non un indirizzo IP".into());
    }
    if domain.starts_with('.') || domain.ends_with('.') || domain.contains("..") {
        return Err("il dominio ha un punto all'inizio, alla fine o ripetuto".into());
    }
    // A label has at most 63 octets, a name 253: a longer text needs no further work.
    if domain.len() > 4 * MAX_ADDRESS {
        return Err("l'indirizzo supera 254 caratteri".into());
    }
    let ascii = idna::domain_to_ascii_strict(domain)
        .map_err(|_| InvalidAddress::from("il dominio dopo la @ non è scritto correttamente"))?;
    let Some((_, tld)) = ascii.rsplit_once('.') else {
        return Err("al dominio manca la parte finale, per esempio .it".into());
    };
    if tld.bytes().all(|b| b.is_ascii_digit()) {
        return Err("dopo la @ serve un nome di dominio, non un indirizzo IP".into());
    }
    if tld.len() < 2 {
        return Err("la parte finale del dominio è troppo corta".into());
    }
    Ok(ascii)
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<EmailAddress> for String {
    fn from(value: EmailAddress) -> Self {
        value.0
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = InvalidAddress;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_is_read_as_people_write_it() {
        for (written, kept) in [
            ("mario.rossi@Example.IT", "mario.rossi@example.it"),
            ("  <Mario@example.it> ", "Mario@example.it"),
            ("mailto:mario@example.it?subject=ciao", "mario@example.it"),
            ("MAILTO:mario@example.it", "mario@example.it"),
            ("o'brien+tag@example.co.uk", "o'brien+tag@example.co.uk"),
            ("info@città.it", "info@xn--citt-3na.it"),
            ("info@BÜCHER.example", "info@xn--bcher-kva.example"),
            ("\"mario rossi\"@example.it", "\"mario rossi\"@example.it"),
            (r#""a@b\"c"@example.it"#, r#""a@b\"c"@example.it"#),
        ] {
            assert_eq!(EmailAddress::parse(written).unwrap().as_str(), kept, "{written}");
        }
    }

    #[test]
    fn a_wrong_address_gets_the_sentence_that_says_what_to_mend() {
        let long_local = format!("{}@example.it", "a".repeat(65));
        let long = format!("a@{}.it", ["b".repeat(60).as_str(); 5].join("."));
        for (written, word) in [
            ("", "vuoto"),
            ("mario", "manca la @"),
            ("@example.it", "manca il nome"),
            ("mario@", "manca il dominio"),
            ("mario@example", "per esempio .it"),
            ("mario@example.it.", "un punto"),
            ("mario.@example.it", "un punto"),
            ("ma..rio@example.it", "un punto"),
            ("mario@example..it", "un punto"),
            ("mario rossi@example.it", "spazio"),
            ("mario@exam ple.it", "spazio"),
            ("mario@@example.it", "due @"),
            ("a@b.it;c@d.it", "due @"),
            ("mario@example.it\r\nBcc: x@y.it", "a capo"),
            ("mario@example.it\n", "a capo"),
            ("mario\u{0}@example.it", "controllo"),
            ("nicolò@example.it", "accentate"),
            ("mario@[192.0.2.1]", "indirizzo IP"),
            ("mario@192.0.2.1", "indirizzo IP"),
            ("mario@exa_mple.it", "non è scritto"),
            ("mario@-example.it", "non è scritto"),
            ("ma(rio@example.it", "«(»"),
            ("\"mario@example.it", "virgolette"),
            ("\"mario\"x@example.it", "virgolette"),
            (long_local.as_str(), "supera 64"),
            (long.as_str(), "non è scritto"),
        ] {
            let error = EmailAddress::parse(written).unwrap_err().to_string();
            assert!(error.contains(word), "{written:?}: {error}");
        }
    }

    #[test]
    fn an_address_of_254_characters_passes_and_one_of_255_does_not() {
        let domain = format!("{}.{}.{}.it", "b".repeat(63), "c".repeat(63), "d".repeat(59));
        let fits = format!("{}@{domain}", "a".repeat(254 - 1 - domain.len()));
        assert!(EmailAddress::parse(&fits).is_ok());
        let error = EmailAddress::parse(&format!("a{fits}")).unwrap_err();
        assert_eq!(error.to_string(), "l'indirizzo supera 254 caratteri");
    }

    #[test]
    fn people_see_an_international_domain_in_its_own_letters() {
        let address = EmailAddress::parse("info@CITTÀ.it").unwrap();
        assert_eq!(address.display(), "info@città.it");
        assert_eq!((address.local(), address.domain()), ("info", "xn--citt-3na.it"));
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_reads_back_as_itself(text in "\\PC{0,80}|[a-z@.<>\"\\\\ :-]{0,60}") {
            if let Ok(address) = EmailAddress::parse(&text) {
                prop_assert_eq!(EmailAddress::parse(address.as_str()), Ok(address.clone()));
                prop_assert!(address.as_str().len() <= 254 && address.as_str().is_ascii());
            }
        }
    }
}
