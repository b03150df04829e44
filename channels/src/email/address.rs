//! Writes a mailbox in the ASCII form that SMTP without SMTPUTF8 takes.
//!
//! International domains become punycode (RFC 5891); a local part outside ASCII cannot be written and
//! is refused. What could break out of `<…>` is refused too, whatever let it in.

use super::encode::is_atext;
use messo_core::attempts::Failure;
use messo_core::failures::FailureClass;
use url::Host;

/// Longest address (RFC 5321 4.5.3.1.3, without the angle brackets).
const MAX_ADDRESS: usize = 254;

/// The address in ASCII, or `BadRecipient`.
pub(crate) fn ascii_address(address: &str) -> Result<String, Failure> {
    let bad = |detail: &str| Failure::new(FailureClass::BadRecipient, "messo:address", detail);
    let (local, domain) =
        address.rsplit_once('@').ok_or_else(|| bad("the address has no domain"))?;
    if !local.is_ascii() {
        return Err(bad("the part before the @ is not ASCII, which most mail servers refuse"));
    }
    if !is_local_part(local) {
        return Err(bad("the part before the @ is malformed"));
    }
    let domain = match Host::parse(domain) {
        Ok(Host::Domain(domain)) if is_domain(&domain) => domain,
        _ => return Err(bad("the domain is malformed")),
    };
    let address = format!("{local}@{domain}");
    if address.len() > MAX_ADDRESS {
        return Err(bad("the address is longer than 254 characters"));
    }
    Ok(address)
}

/// Dot-string or quoted string of RFC 5321 4.1.2.
fn is_local_part(local: &str) -> bool {
    if let Some(inner) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        let mut bytes = inner.bytes();
        while let Some(byte) = bytes.next() {
            let fine = match byte {
                b'\\' => bytes.next().is_some_and(|next| (b' '..=b'~').contains(&next)),
                b'"' => false,
                other => (b' '..=b'~').contains(&other),
            };
            if !fine {
                return false;
            }
        }
        return local.len() >= 2;
    }
    local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext))
}

fn is_domain(domain: &str) -> bool {
    domain.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_international_domain_is_written_in_punycode() {
        assert_eq!(ascii_address("info@città.it").unwrap(), "info@xn--citt-3na.it");
    }

    #[test]
    fn a_quoted_local_part_is_left_as_it_is() {
        for address in ["\"mario rossi\"@example.it", "\"a@b\"@example.it", "\"a\\\"b\"@example.it"]
        {
            assert_eq!(ascii_address(address).unwrap(), address);
        }
    }

    #[test]
    fn nothing_breaks_out_of_the_angle_brackets() {
        for address in [
            "a>@example.it",
            "a\r\nRCPT TO:<b@example.it>@example.it",
            "a b@example.it",
            "\"a\"b\"@example.it",
            "\"a\\\"@example.it",
            "a@exa mple.it",
            "a@example.it>",
            "mario..rossi@example.it",
            "@example.it",
            "a@",
            "a@[127.0.0.1]",
            "nessuno",
            "perché@example.it",
        ] {
            assert_eq!(
                ascii_address(address).map_err(|failure| failure.class),
                Err(FailureClass::BadRecipient),
                "{address:?}"
            );
        }
    }
}
