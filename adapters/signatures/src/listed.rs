//! The operator's list of providers, which stands in for the directory that only providers may read (RFC 6109 section 4.5).
//!
//! One provider a line: a SHA-1 or SHA-256 fingerprint of its certificate or of an issuer's (hexadecimal, colons allowed),
//! then, if wanted, the domains that it manages (`providerCertificateHash`, `managedDomains`). `#` begins a comment.
//! Guarantee: one line that cannot be read voids the list, with its number, rather than half of it being trusted. Limit: it
//! is as good as the hand that keeps it; the real directory is signed.

use messo_core::signatures::SignatureFault;
use std::collections::HashMap;

/// Most lines of a list.
const MAX_LINES: usize = 10_000;

/// Providers by fingerprint.
#[derive(Default)]
pub(crate) struct Listed {
    providers: HashMap<String, Provider>,
}

/// The domains of one provider; none stands for all.
#[derive(Default)]
pub(crate) struct Provider {
    domains: Vec<String>,
}

impl Listed {
    /// Reads a list.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut providers: HashMap<String, Provider> = HashMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_whitespace();
            let Some(first) = words.next() else { continue };
            let hex = first.replace(':', "").to_ascii_lowercase();
            let whole = hex.bytes().all(|digit| digit.is_ascii_hexdigit());
            if !whole || ![40, 64].contains(&hex.len()) {
                return Err(format!("line {number} does not begin with a SHA-1 or SHA-256"));
            }
            if number > MAX_LINES {
                return Err(format!("there are more than {MAX_LINES} lines"));
            }
            let domains = words.map(|word| word.trim_matches(',').to_ascii_lowercase());
            providers.entry(hex).or_default().domains.extend(domains);
        }
        Ok(Self { providers })
    }

    /// Whether no provider is listed.
    pub fn is_empty(&self) -> bool {
        self.providers.is_empty()
    }

    /// The first of these fingerprints that is listed.
    pub fn find<'a>(
        &self,
        mut fingerprints: impl Iterator<Item = &'a String>,
    ) -> Option<&Provider> {
        fingerprints.find_map(|fingerprint| self.providers.get(fingerprint))
    }
}

impl Provider {
    /// Whether it may speak for this domain; with no domain to ask about it may.
    pub fn manages(&self, domain: Option<&str>) -> Result<(), SignatureFault> {
        match domain {
            Some(domain) if !self.domains.is_empty() => {
                let managed = self.domains.iter().any(|one| one.eq_ignore_ascii_case(domain));
                if managed { Ok(()) } else { Err(SignatureFault::DomainNotManaged) }
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_fingerprints_comments_and_domains() {
        let sha1 = "AA:".repeat(19) + "AA";
        let listed =
            Listed::read(&format!("# directory\n\n{sha1}  pec.example, legal.example # one\n"))
                .unwrap();
        let provider = listed.find([&"aa".repeat(20)].into_iter()).unwrap();
        assert_eq!(provider.manages(Some("PEC.example")), Ok(()));
        assert_eq!(provider.manages(None), Ok(()));
        assert_eq!(provider.manages(Some("evil.example")), Err(SignatureFault::DomainNotManaged));
    }

    #[test]
    fn a_line_that_is_no_fingerprint_is_named() {
        let why = Listed::read("# ok\nnot a fingerprint\n").err().unwrap();
        assert_eq!(why, "line 2 does not begin with a SHA-1 or SHA-256");
    }
}
