//! The words as people get them, in every language; and that the shapes of a notice agree.

use super::*;
use messo_core::notices::{LawyerFacts, Locale};
use messo_core::ports::{Block, Mail};
use messo_core::time::Timestamp;
use std::sync::Mutex;

fn example() -> NoticeFacts {
    serde_json::from_str(include_str!("../messages/example.json")).unwrap()
}

fn frame() -> Frame {
    Frame {
        reference: "2026/000123".into(),
        qr_text: "HTTPS://MESSO.EXAMPLE/Q/7F3K9Q2MZ0XA1BCD4EFG5HJK6LMN7PQR8STU9VWX".into(),
        at: Timestamp::from_seconds(1_795_320_000),
        sandbox: false,
    }
}

fn facts(template: &str, locale: Locale) -> NoticeFacts {
    let mut facts = example();
    facts.template = template.into();
    facts.locale = locale;
    facts.extra.insert("oggetto".into(), "Chiusura della segreteria".into());
    facts
        .extra
        .insert("testo".into(), "La segreteria resta chiusa.\n\nRiapre il 7 gennaio.".into());
    facts.extra.insert("protocollo".into(), "418/2026".into());
    facts.extra.insert("protocollato_il".into(), "22/11/2026, 04:28".into());
    facts.extra.insert("file".into(), "istanza.pdf, procura.pdf".into());
    facts
}

fn mail(templates: &Templates, facts: &NoticeFacts, frame: &Frame) -> Mail {
    match templates.render(facts, Channel::Email, frame).unwrap() {
        Rendition::Mail(mail) => mail,
        other => panic!("not a mail: {other:?}"),
    }
}

fn sms(templates: &Templates, facts: &NoticeFacts, frame: &Frame) -> String {
    match templates.render(facts, Channel::Sms, frame).unwrap() {
        Rendition::Text(text) => text,
        other => panic!("not a text: {other:?}"),
    }
}

/// Every kind in every language.
fn all() -> impl Iterator<Item = NoticeFacts> {
    KINDS.iter().flat_map(|kind| Locale::ALL.map(|locale| facts(kind.name, locale)))
}

#[test]
fn the_words_of_every_kind_and_language_are_as_agreed() {
    let templates = Templates::new(None).unwrap();
    for facts in all() {
        let mail = mail(&templates, &facts, &frame());
        let sms = sms(&templates, &facts, &frame());
        let words = format!("Subject: {}\nSMS: {sms}\n\n{}", mail.subject, mail.text);
        insta::assert_snapshot!(format!("{}_{}", facts.template, facts.locale), words);
    }
}

/// The words that a reader sees in the HTML: after the preheader, without marks.
fn seen(html: &str) -> String {
    let body = html.split_once("</div>").unwrap().1;
    let (mut out, mut tag) = (String::new(), false);
    for c in body.chars() {
        match c {
            '<' => tag = true,
            '>' => {
                tag = false;
                out.push(' ');
            }
            c if !tag => out.push(c),
            _ => {}
        }
    }
    for (entity, c) in
        [("&#39;", "'"), ("&quot;", "\""), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")]
    {
        out = out.replace(entity, c);
    }
    out
}

fn bare(text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

#[test]
fn plain_text_and_html_say_the_same_words_in_the_same_order() {
    let templates = Templates::new(None).unwrap();
    for mut facts in all() {
        facts.recipient.company = "Rossi & Figli <S.r.l.>".into();
        for sandbox in [false, true] {
            let frame = Frame { sandbox, ..frame() };
            let mail = mail(&templates, &facts, &frame);
            assert_eq!(bare(&seen(&mail.html)), bare(&mail.text), "{}", facts.template);
            assert_eq!(
                mail.text.contains("SIMULAZIONE – messaggio di prova, nessun valore legale"),
                sandbox
            );
            assert_eq!(mail.subject.contains("SIMULAZIONE"), sandbox);
            assert_eq!(sms(&templates, &facts, &frame).contains("SIMULAZIONE"), sandbox);
        }
    }
}

#[test]
fn a_mail_is_complete_without_the_network_and_of_moderate_size() {
    let templates = Templates::new(None).unwrap();
    for facts in all() {
        let mail = mail(&templates, &facts, &frame());
        assert!(mail.html.contains(&format!("<html lang=\"{}\"", facts.locale)));
        let loads = ["src=\"http", "@import", "url(", "<script", "<link"];
        assert!(loads.iter().all(|load| !mail.html.contains(load)));
        assert!(mail.html.contains("src=\"cid:code@messo\"") && mail.html.contains("alt=\""));
        assert_eq!(mail.inline[0].name, "code@messo");
        assert!(mail.html.len() < 20_000, "{} bytes", mail.html.len());
        let link = "https://messo.example/Q/7F3K9Q2MZ0XA1BCD4EFG5HJK6LMN7PQR8STU9VWX";
        assert!(mail.text.contains(link) && mail.html.contains(&format!("href=\"{link}\"")));
    }
}

#[test]
fn a_name_with_markup_or_line_ends_stays_a_name() {
    let templates = Templates::new(None).unwrap();
    let mut facts = facts("comunicazione", Locale::It);
    facts.recipient.given_name = "<b>Ada</b>\r\nBcc: eva@example.org".into();
    facts.extra.insert("oggetto".into(), "Uno\r\nDue".into());
    let frame = Frame { reference: "1\r\nX-Evil: 2".into(), ..frame() };
    let mail = mail(&templates, &facts, &frame);
    assert!(!mail.subject.contains(['\r', '\n']));
    assert!(!mail.html.contains("<b>Ada") && mail.html.contains("&lt;b&gt;Ada"));
    assert!(mail.text.contains("UNO DUE"));
}

#[test]
fn subjects_and_short_messages_do_not_reveal_the_dispute() {
    let templates = Templates::new(None).unwrap();
    for mut facts in all() {
        facts.case.matter = "successioni ereditarie".into();
        facts.lawyer = Some(LawyerFacts { name: "avv. Bruno Bianchi".into(), pec: String::new() });
        let open = format!(
            "{} {}",
            mail(&templates, &facts, &frame()).subject,
            sms(&templates, &facts, &frame())
        );
        let secrets = ["successioni", "Aurora", "Bianchi", "12/2026", "12.500", "onvoca", "Ladung"];
        assert!(secrets.iter().all(|secret| !open.contains(secret)), "{open}");
    }
}

#[test]
fn short_messages_are_gsm_7_in_two_parts_at_most() {
    const GSM7: &str = "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
    let templates = Templates::new(None).unwrap();
    for facts in all() {
        let text = sms(&templates, &facts, &Frame { sandbox: true, ..frame() });
        assert!(text.contains("messo.example/Q/"));
        assert!(text.chars().count() <= 306, "{text}");
        let odd: String =
            text.chars().filter(|c| !GSM7.contains(*c) && !"[]".contains(*c)).collect();
        assert!(odd.is_empty(), "{odd} in {text}");
    }
}

#[test]
fn every_missing_field_is_named_at_once_by_its_column() {
    let templates = Templates::new(None).unwrap();
    let mut bare = NoticeFacts { template: "convocazione".into(), ..NoticeFacts::default() };
    let fields = |facts: &NoticeFacts, channels: &[Channel]| -> Vec<String> {
        templates.missing(facts, channels).unwrap().into_iter().map(|gap| gap.field).collect()
    };
    assert_eq!(
        fields(&bare, &[Channel::Email, Channel::Registered]),
        [
            "family_name",
            "body_name",
            "case_number",
            "case_year",
            "filed_on",
            "matter",
            "meeting_at",
            "meeting_place",
            "street"
        ]
    );
    let error = templates.render(&bare, Channel::Sms, &frame()).unwrap_err();
    assert!(matches!(error, RenderError::Missing { field, .. } if field == "family_name"));
    bare.template = "comunicazione".into();
    assert_eq!(fields(&bare, &[]), ["family_name", "body_name", "oggetto", "testo"]);
    assert!(fields(&example(), &Channel::ALL).is_empty());
    let reasons = templates.missing(&bare, &[]).unwrap();
    assert!(reasons[2].reason.contains("(colonna oggetto)"));
}

#[test]
fn an_unknown_kind_and_a_code_that_would_not_survive_are_refused() {
    let templates = Templates::new(None).unwrap();
    let unknown = facts("sfratto", Locale::It);
    assert!(matches!(templates.missing(&unknown, &[]), Err(RenderError::UnknownTemplate(_))));
    let long = Frame { qr_text: "HTTPS://MESSO.EXAMPLE/".repeat(20), ..frame() };
    let error = templates.render(&example(), Channel::Email, &long).unwrap_err();
    assert!(matches!(error, RenderError::Code(_)), "{error}");
    let paper = templates.render(&example(), Channel::Post, &frame()).unwrap_err();
    assert!(matches!(paper, RenderError::NoRendition { .. }));
}

/// Keeps the order instead of setting it.
#[derive(Default)]
struct Kept(Mutex<Option<LetterOrder>>);

impl Typeset for Kept {
    fn document(&self, _: &str, _: &serde_json::Value) -> Result<Letter, RenderError> {
        Err(RenderError::Letter("only letters here".into()))
    }

    fn letter(&self, order: &LetterOrder) -> Result<Letter, RenderError> {
        *self.0.lock().unwrap() = Some(order.clone());
        Ok(Letter { pdf: Vec::new(), pages: 1 })
    }
}

#[test]
fn a_letter_points_to_its_code_and_says_the_words_of_the_mail() {
    let kept = Arc::new(Kept::default());
    let templates = Templates::new(Some(kept.clone())).unwrap();
    for facts in all() {
        templates.render(&facts, Channel::Registered, &frame()).unwrap();
        let order = kept.0.lock().unwrap().take().unwrap();
        let words = format!("{:?}", order.blocks);
        assert!(words.contains("QR") || facts.template == "promemoria", "{words}");
        assert!(!words.contains("qui sotto") && !words.contains("below"));
        assert!(order.blocks.iter().any(|block| matches!(block, Block::Answer { .. })));
        assert!(order.dateline.starts_with("Bolzano, 22"));
        assert_eq!(order.address[2], "38122 TRENTO TN");
    }
}
