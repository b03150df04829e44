//! Whole pages of HTML, such as the statement of service, filled from data.
//!
//! Every value is escaped, a field that the data lacks is an error that names it, and a page has a
//! limit of [`FUEL`] steps. A page loads nothing: its styles are inside, it has no scripts.

use messo_core::ports::RenderError;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

/// Steps of the template machine for one page: some thousands of rows.
const FUEL: u64 = 2_000_000;

/// The pages, by name.
const SOURCES: [(&str, &str); 1] = [("statement", include_str!("../pages/statement.html"))];

/// Fills the page of this name. Compiled anew for each page: pages are asked for rarely.
pub fn page(name: &str, data: &serde_json::Value) -> Result<String, RenderError> {
    let wrong = |error: minijinja::Error| RenderError::Template {
        template: name.to_owned(),
        detail: format!("{error:#}"),
    };
    let (_, source) = SOURCES
        .iter()
        .find(|(known, _)| *known == name)
        .ok_or_else(|| RenderError::UnknownTemplate(name.to_owned()))?;
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_fuel(Some(FUEL));
    env.set_auto_escape_callback(|_| AutoEscape::Html);
    let data = minijinja::Value::from(minijinja::value::Serde(data));
    env.template_from_str(source).map_err(wrong)?.render(data).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::page;
    use messo_core::ports::RenderError;
    use serde_json::{Value, json};

    fn statement(sandbox: bool) -> Value {
        json!({
            "title": "Relata di comunicazione",
            "body_name": "Organismo <Concordia> & C.",
            "body_address": ["Via Roma 1", "10121 Torino TO"],
            "case": "Pratica n. 12/2026 — Condominio",
            "number": 7,
            "dispatch": "00000000-0000-0000-0000-000000000002",
            "recipient": "Anna D'Amico",
            "state": "Consegnata",
            "outcome_sentence": "Comunicazione consegnata.",
            "sandbox": sandbox,
            "sandbox_sentence": if sandbox { json!("Nulla è uscito.") } else { Value::Null },
            "addresses": [{ "channel": "E-mail", "address": "anna@example.it", "outcome": "presa in carico" }],
            "preamble": "L'Organismo attesta quanto segue.",
            "certified": [{
                "title": "PEC a anna@pec.example",
                "rows": [{ "label": "Mittente", "value": "organismo@pec.example" }],
                "receipts": [{
                    "title": "Ricevuta di avvenuta consegna",
                    "when": "24 novembre 2026, ore 00:00:07 (zona +0100), giorno legale 24 novembre 2026",
                    "provider": "Gestore <Esempio>", "recipient": "anna@pec.example", "detail": null,
                    "file": "ricevute/2-pec-avvenuta-consegna.eml", "sha256": "ef56",
                    "signature": ["La firma del gestore è valida."],
                }],
                "missing": ["Non è agli atti la ricevuta di accettazione."],
            }],
            "not_proved": ["la lettura;"],
            "register": [{
                "number": "12/2026", "direction": "uscita", "when": "22 novembre 2026",
                "correspondent": "Anna D'Amico", "subject": "Convocazione", "sha256": "ab12",
                "notes": ["Annotazione del 23 novembre."],
            }],
            "stamp_sentence": "Il fascicolo non porta una marca temporale.",
            "events": [
                { "at": "22 novembre 2026, ore 10:15:03 (UTC+01:00)", "text": "«<b>Sì</b>»", "sha256": "ab12" },
                { "at": "22 novembre 2026, ore 10:15:04 (UTC+01:00)", "text": "Esito.", "sha256": null },
            ],
            "worth": [{ "channel": "E-mail", "text": "non prova la consegna." }],
            "files": [{ "name": "inviati/1-email.eml", "what": "E-mail", "sha256": "ab12", "size": 20 }],
            "chain": { "from": 1, "to": 9, "head": "cd34" },
            "seal_fingerprint": "6668 7aad",
            "verify": ["messo evidence verify FASCICOLO.zip"],
            "note": "Non sostituisce la relata di notificazione.",
            "generated_at": "22 novembre 2026, ore 10:16:00 (UTC+01:00)",
        })
    }

    #[test]
    fn the_statement_says_who_what_when_and_how_to_check() {
        let html = page("statement", &statement(false)).unwrap();
        for words in [
            "Organismo &lt;Concordia&gt; &amp; C.",
            "anna@example.it",
            "ore 10:15:03 (UTC+01:00)",
            "SHA-256 ab12",
            "6668 7aad",
            "messo evidence verify",
            "giorno legale 24 novembre 2026",
            "Gestore &lt;Esempio&gt;",
            "La firma del gestore è valida.",
            "Non è agli atti la ricevuta di accettazione.",
            "Annotazione del 23 novembre.",
            "non porta una marca temporale",
        ] {
            assert!(html.contains(words), "{words}");
        }
        assert!(!html.contains("SIMULAZIONE"));
        assert!(!html.contains(">none") && !html.contains(" none<"));
    }

    #[test]
    fn what_somebody_wrote_never_becomes_markup() {
        let html = page("statement", &statement(false)).unwrap();
        assert!(!html.contains("<b>Sì"));
        assert!(html.contains("&lt;b&gt;Sì"));
    }

    #[test]
    fn a_sandbox_is_marked_large() {
        let html = page("statement", &statement(true)).unwrap();
        assert!(html.contains("<strong>SIMULAZIONE</strong> Nulla è uscito."));
    }

    #[test]
    fn a_missing_field_is_an_error_and_no_blank() {
        let mut data = statement(false);
        data.as_object_mut().unwrap().remove("outcome_sentence");
        assert!(matches!(page("statement", &data), Err(RenderError::Template { .. })));
        assert!(matches!(page("niente", &data), Err(RenderError::UnknownTemplate(_))));
    }
}
