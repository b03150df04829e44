//! Telling a petition from other post, to propose a draft case: a person decides.

/// Longest part of a text that is looked at, in bytes.
const LOOKED_AT: usize = 4_000;

/// Words by which people call a petition, in Italian, German and English, lower case.
const WORDS: [&str; 14] = [
    "istanza di mediazione",
    "domanda di mediazione",
    "istanza mediazione",
    "istanza per la mediazione",
    "richiesta di mediazione",
    "istanza_mediazione",
    "istanza-mediazione",
    "domanda_mediazione",
    "attivazione della procedura di mediazione",
    "sovraindebitamento",
    "composizione della crisi",
    "antrag auf mediation",
    "mediationsantrag",
    "request for mediation",
];

/// Whether a message with files may be a petition, by what its subject, its files' names or its text call
/// it. A guess that costs a look: nothing follows from it but a draft.
pub fn seems<'a>(subject: &str, text: &str, files: impl Iterator<Item = &'a str>) -> bool {
    let mut end = text.len().min(LOOKED_AT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut files = files.peekable();
    if files.peek().is_none() {
        return false;
    }
    let named = |text: &str| {
        let text = text.to_lowercase();
        WORDS.iter().any(|word| text.contains(word))
    };
    let istanza = |name: &str| named(name) || name.to_lowercase().starts_with("istanza");
    named(subject) || istanza(subject) || files.any(istanza) || named(&text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_petition_is_known_by_its_name_wherever_it_stands() {
        let none = "";
        assert!(seems("Istanza di mediazione - Rossi/Bianchi", none, ["a.pdf"].into_iter()));
        assert!(seems("Deposito", none, ["Istanza_mediazione_firmata.pdf.p7m"].into_iter()));
        assert!(seems("Deposito", "si deposita DOMANDA DI MEDIAZIONE", ["a.pdf"].into_iter()));
        assert!(seems("Mediationsantrag", none, ["antrag.pdf"].into_iter()));
    }

    #[test]
    fn post_without_files_or_without_the_word_is_not_taken_for_one() {
        assert!(!seems("Istanza di mediazione", "", std::iter::empty()));
        assert!(!seems("Fattura n. 12", "in allegato la fattura", ["fattura.pdf"].into_iter()));
        assert!(!seems("", &"è".repeat(LOOKED_AT), ["a.pdf"].into_iter()));
    }
}
