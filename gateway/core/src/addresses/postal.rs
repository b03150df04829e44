//! The postal block: the lines that stand in the window of an envelope.
//!
//! At most 5 lines of 44 characters in upper case, 6 when the country is named (the rule of the
//! Italian carrier and of the SEND platform). Form is checked, and what a machine can know about
//! postal code and province; that the house exists is not.

pub mod provinces;

use super::InvalidAddress;
use provinces::Province;
use serde::{Deserialize, Serialize};
use std::hash::{Hash, Hasher};
use unicode_normalization::UnicodeNormalization;

/// Characters in a line.
pub const LINE_WIDTH: usize = 44;
/// Lines of a block, the country's included.
pub const MAX_LINES: usize = 6;

/// A postal address in fields, as a form or a file gives it. Empty means not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PostalParts {
    /// Person or organisation: required.
    pub recipient: String,
    /// *Presso*: who takes the letter in for the recipient.
    pub care_of: String,
    /// Building, staircase, flat.
    pub building: String,
    /// Street, or post-office box: required.
    pub street: String,
    /// House number.
    pub house_number: String,
    /// CAP: five digits in Italy.
    pub postal_code: String,
    /// Town: required.
    pub city: String,
    /// Two-letter code or name of the province; not used abroad.
    pub province: String,
    /// Country; empty means Italy.
    pub country: String,
}

/// The lines as printed. Two blocks with the same lines are equal. It is stored as its lines; the
/// warnings are those of composition and are gone when a block is read back.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(into = "Vec<String>", try_from = "Vec<String>")]
pub struct PostalBlock {
    lines: Vec<String>,
    warnings: Vec<String>,
}

/// Where the letter goes, as far as the layout differs.
enum Country {
    Italy,
    /// San Marino and the Vatican: Italian postal codes, no country line, no Italian province.
    Enclave,
    /// In upper case.
    Abroad(String),
}

impl PostalParts {
    /// Whether the country is neither Italy nor one of the two states that use Italian postal codes.
    pub fn is_abroad(&self) -> bool {
        matches!(country(self), Ok(Country::Abroad(_)))
    }

    /// Whether it is San Marino or the Vatican, which have Italian postal codes and no province.
    pub fn is_in_an_enclave(&self) -> bool {
        matches!(country(self), Ok(Country::Enclave))
    }
}

impl PostalBlock {
    /// Sets the fields in lines. The error is one Italian sentence about the first field that is
    /// wrong; what can be printed but should be looked at is in [`Self::warnings`].
    ///
    /// A recipient of more than 44 characters runs on in line 2, which it shares with *presso*; what
    /// goes beyond 88 is cut, with a warning. Other lines are never cut: too long is an error.
    pub fn compose(parts: &PostalParts) -> Result<Self, InvalidAddress> {
        let mut warnings = Vec::new();
        let mut lines = recipient_lines(parts, &mut warnings)?;
        let building = field(&parts.building)?;
        if !building.is_empty() {
            lines.push(fitting(building, "l'indicazione di edificio, scala o interno")?);
        }
        lines.push(street_line(parts, &mut warnings)?);
        let country = country(parts)?;
        lines.push(town_line(parts, &country, &mut warnings)?);
        if let Country::Abroad(name) = country {
            lines.push(fitting(name, "il nome del paese")?);
        }
        Ok(Self { lines, warnings })
    }

    /// The lines as printed: 3 to 6, none empty.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Italian sentences about what should be looked at before printing; often none.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// One field: composed Unicode, upper case, single blanks, no control characters.
fn field(text: &str) -> Result<String, InvalidAddress> {
    if text.chars().any(|c| c.is_control() && c != '\t') {
        return Err("l'indirizzo contiene un a capo o un carattere di controllo".into());
    }
    let composed: String = text.nfc().collect();
    Ok(composed.to_uppercase().split_whitespace().collect::<Vec<_>>().join(" "))
}

fn fitting(line: String, what: &str) -> Result<String, InvalidAddress> {
    if line.chars().count() > LINE_WIDTH {
        return Err(InvalidAddress(format!("{what} supera {LINE_WIDTH} caratteri")));
    }
    Ok(line)
}

fn recipient_lines(
    parts: &PostalParts,
    warnings: &mut Vec<String>,
) -> Result<Vec<String>, InvalidAddress> {
    let recipient = field(&parts.recipient)?;
    if recipient.is_empty() {
        return Err("manca il destinatario".into());
    }
    let care_of = field(&parts.care_of)?;
    let first: String = recipient.chars().take(LINE_WIDTH).collect();
    let overflow: String = recipient.chars().skip(LINE_WIDTH).collect();
    let second = [overflow.trim(), &care_of].join(" ").trim().to_owned();
    if second.chars().count() > LINE_WIDTH {
        warnings.push(format!(
            "il destinatario supera due righe di {LINE_WIDTH} caratteri ed è stato tagliato"
        ));
    }
    let second: String = second.chars().take(LINE_WIDTH).collect();
    let lines = [first.trim_end().to_owned(), second.trim_end().to_owned()];
    Ok(lines.into_iter().filter(|line| !line.is_empty()).collect())
}

fn street_line(parts: &PostalParts, warnings: &mut Vec<String>) -> Result<String, InvalidAddress> {
    let street = field(&parts.street)?;
    if street.is_empty() {
        return Err("manca la via".into());
    }
    let number = field(&parts.house_number)?;
    if number.is_empty()
        && !street.contains(|c: char| c.is_ascii_digit())
        && !street.ends_with("SNC")
    {
        warnings.push("manca il numero civico".to_owned());
    }
    fitting(format!("{street} {number}").trim().to_owned(), "la via con il numero civico")
}

fn country(parts: &PostalParts) -> Result<Country, InvalidAddress> {
    let name = field(&parts.country)?;
    let code = parts.postal_code.trim();
    let enclave_code = code == "00120" || (code.len() == 5 && code.starts_with("4789"));
    Ok(match name.as_str() {
        "" | "I" | "IT" | "ITA" | "ITALIA" | "ITALIEN" | "ITALY" if enclave_code => {
            Country::Enclave
        }
        "" | "I" | "IT" | "ITA" | "ITALIA" | "ITALIEN" | "ITALY" => Country::Italy,
        "SM"
        | "RSM"
        | "SMR"
        | "SAN MARINO"
        | "REPUBBLICA DI SAN MARINO"
        | "VA"
        | "SCV"
        | "VAT"
        | "VATICANO"
        | "CITTÀ DEL VATICANO"
        | "CITTA' DEL VATICANO"
        | "STATO DELLA CITTÀ DEL VATICANO" => Country::Enclave,
        _ => Country::Abroad(name),
    })
}

fn town_line(
    parts: &PostalParts,
    country: &Country,
    warnings: &mut Vec<String>,
) -> Result<String, InvalidAddress> {
    let city = field(&parts.city)?;
    if city.is_empty() {
        return Err("manca il comune".into());
    }
    let code = field(&parts.postal_code)?;
    let province = field(&parts.province)?;
    let province = match country {
        Country::Abroad(_) => province,
        Country::Enclave => {
            check_postal_code(&code)?;
            // «RSM», «SCV» and the like add nothing to the name of the town.
            String::new()
        }
        Country::Italy => {
            check_postal_code(&code)?;
            if provinces::is_generic_postal_code(&code) {
                warnings.push(format!(
                    "il CAP {code} è generico: la città ha un CAP per ogni zona, va indicato quello della via"
                ));
            }
            italian_province(&province, warnings)?
        }
    };
    let line = format!("{code} {city} {province}");
    fitting(line.trim().to_owned(), "la riga di CAP, comune e provincia")
}

/// The form of an Italian postal code: five digits.
pub fn check_postal_code(code: &str) -> Result<(), InvalidAddress> {
    if code.len() == 5 && code.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(());
    }
    if code.is_empty() {
        return Err("manca il CAP".into());
    }
    if code.len() == 4 && code.bytes().all(|b| b.is_ascii_digit()) {
        return Err(
            "il CAP deve avere 5 cifre: forse il foglio di calcolo ha tolto lo zero iniziale"
                .into(),
        );
    }
    Err("il CAP deve avere 5 cifre".into())
}

fn italian_province(text: &str, warnings: &mut Vec<String>) -> Result<String, InvalidAddress> {
    if text.is_empty() {
        warnings.push("manca la sigla della provincia".to_owned());
        return Ok(String::new());
    }
    match provinces::province(text) {
        Some(Province::Current(code)) => Ok(code.to_owned()),
        Some(Province::Former(code)) => {
            warnings.push(format!(
                "la sigla di provincia {code} non è più, o non è ancora, tra quelle in uso"
            ));
            Ok(code.to_owned())
        }
        None => Err("la provincia non esiste: si scrive la sigla, per esempio MI".into()),
    }
}

impl PartialEq for PostalBlock {
    fn eq(&self, other: &Self) -> bool {
        self.lines == other.lines
    }
}

impl Eq for PostalBlock {}

impl Hash for PostalBlock {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.lines.hash(state);
    }
}

impl From<PostalBlock> for Vec<String> {
    fn from(block: PostalBlock) -> Self {
        block.lines
    }
}

impl TryFrom<Vec<String>> for PostalBlock {
    type Error = InvalidAddress;

    /// Takes lines that were composed before. They are checked for number and width only.
    fn try_from(lines: Vec<String>) -> Result<Self, Self::Error> {
        if lines.is_empty() || lines.len() > MAX_LINES {
            return Err("un indirizzo postale ha da 3 a 6 righe".into());
        }
        if lines.iter().any(|line| line.is_empty() || line.contains(char::is_control)) {
            return Err("l'indirizzo postale ha una riga vuota o un carattere di controllo".into());
        }
        let lines = lines
            .into_iter()
            .map(|line| fitting(line, "una riga dell'indirizzo postale"))
            .collect::<Result<_, _>>()?;
        Ok(Self { lines, warnings: Vec::new() })
    }
}

#[cfg(test)]
mod tests;
