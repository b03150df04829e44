//! The texts of every notice, and their shapes as mail, letter and short message.
//!
//! One kind of notice is one typed context ([`kinds`]) and one text per language
//! (`messages/<kind>/<language>.txt`), written once: plain text, HTML and letter are drawn from the same
//! blocks. Pure: the same facts, frame and version give the same words; pages are set by
//! whatever implements [`Typeset`].

pub mod folder;
pub mod kinds;
mod library;
mod message;
mod pages;
pub mod qr;
mod source;
mod words;

#[cfg(test)]
mod tests;

use kinds::{KINDS, Kind};
use library::Library;
use message::Voice;
use messo_core::addresses::Channel;
use messo_core::calendar::plain_date_in_words;
use messo_core::notices::NoticeFacts;
use messo_core::ports::{
    Frame, Letter, LetterCode, LetterOrder, MissingField, Part, RenderError, Renderer, Rendition,
    TemplateInfo, Typeset,
};
use minijinja::Value;
use std::sync::Arc;

/// Side of the QR code on paper in millimetres, quiet zone included.
pub const CODE_MM: f64 = 30.0;

/// An abstract mark for a body that has no logo of its own; the demo uses it.
pub const DEMO_LOGO: &str = include_str!("../letters/logo.svg");

/// The renderer of the texts in this crate.
pub struct Templates {
    library: Library,
    infos: Vec<TemplateInfo>,
    letters: Option<Arc<dyn Typeset>>,
    logo: Option<String>,
}

impl Templates {
    /// Compiles every text. Without `letters` there is no rendition for post and fax. Fails only
    /// when an embedded text is wrong, which a test of this crate excludes.
    pub fn new(letters: Option<Arc<dyn Typeset>>) -> Result<Self, RenderError> {
        let pages = letters.as_ref().map(|letters| letters.version()).unwrap_or_default();
        let infos = KINDS.iter().map(|kind| {
            let version = library::version(kind.name, &pages)?;
            Ok(TemplateInfo { name: kind.name, title: kind.title, legal: kind.legal, version })
        });
        let infos = infos.collect::<Result<_, RenderError>>()?;
        Ok(Self { library: Library::load()?, infos, letters, logo: None })
    }

    /// Prints this SVG in the head of letters.
    #[must_use]
    pub fn with_logo(mut self, svg: &str) -> Self {
        self.logo = Some(svg.to_owned());
        self
    }

    fn letter(&self, voice: &Voice<'_>) -> Result<Letter, RenderError> {
        let letters = self.letters.as_ref().ok_or_else(|| RenderError::NoRendition {
            template: voice.kind.to_owned(),
            channel: Channel::Post,
        })?;
        letters.letter(&self.order(voice)?)
    }

    /// The letter as a file: what certified mail serves is the deed, and its receipt brings it back whole.
    fn deed(&self, voice: &Voice<'_>) -> Result<Part, RenderError> {
        let reference = voice.frame.reference.replace('/', "-");
        Ok(Part {
            name: format!("{}-{reference}.pdf", voice.kind),
            media_type: "application/pdf".to_owned(),
            bytes: self.letter(voice)?.pdf.into(),
        })
    }

    /// The letter in words.
    fn order(&self, voice: &Voice<'_>) -> Result<LetterOrder, RenderError> {
        let (facts, frame) = (voice.facts, voice.frame);
        let code = code(frame)?;
        let message = voice.message()?;
        let today = plain_date_in_words(frame.at.in_rome().date(), facts.locale);
        let dateline = match words::town(&facts.body.address) {
            Some(town) => format!("{}, {today}", words::line(&town)),
            None => today,
        };
        let postal = &facts.recipient.postal_lines;
        let address: Vec<String> = if postal.is_empty() {
            vec![words::line(&facts.recipient.full_name())]
        } else {
            postal.iter().map(|line| words::line(line)).collect()
        };
        Ok(LetterOrder {
            locale: facts.locale,
            at: frame.at,
            body: facts.body.clone(),
            logo_svg: self.logo.clone(),
            address,
            dateline,
            title: message.title,
            blocks: message.blocks,
            code: LetterCode {
                svg: code.svg(),
                side_mm: code.side_mm,
                alt: voice.shared("letter_code_alt")?,
                caption: voice.shared("code_caption")?,
                url: message.url,
            },
            reference: voice.shared("reference")?,
            banner: message.banner,
            page_words: (voice.shared("page")?, voice.shared("of")?),
        })
    }
}

fn code(frame: &Frame) -> Result<qr::Qr, RenderError> {
    qr::draw(&words::line(&frame.qr_text), CODE_MM)
        .map_err(|refuse| RenderError::Code(refuse.to_string()))
}

fn find(facts: &NoticeFacts) -> Result<&'static Kind, RenderError> {
    Kind::find(&facts.template).ok_or_else(|| RenderError::UnknownTemplate(facts.template.clone()))
}

/// The typed context, or the first field that is missing.
fn typed(kind: &Kind, facts: &NoticeFacts, frame: &Frame) -> Result<Value, RenderError> {
    kind.context(facts, Some(frame)).map_err(|missing| RenderError::Missing {
        template: kind.name.to_owned(),
        field: missing.into_iter().next().map(|gap| gap.field).unwrap_or_default(),
    })
}

impl Renderer for Templates {
    fn templates(&self) -> Vec<TemplateInfo> {
        self.infos.clone()
    }

    fn template(&self, name: &str) -> Option<TemplateInfo> {
        self.infos.iter().find(|info| info.name == name).cloned()
    }

    fn missing(
        &self,
        facts: &NoticeFacts,
        channels: &[Channel],
    ) -> Result<Vec<MissingField>, RenderError> {
        let mut missing = find(facts)?.context(facts, None).err().unwrap_or_default();
        let by_post = |channel| matches!(channel, &Channel::Post | &Channel::Registered);
        if channels.iter().any(by_post) && facts.recipient.postal_lines.is_empty() {
            missing.push(MissingField {
                field: "street".to_owned(),
                reason: "manca l’indirizzo postale (colonne street, postal_code, city)".to_owned(),
            });
        }
        Ok(missing)
    }

    fn page(&self, name: &str, data: &serde_json::Value) -> Result<String, RenderError> {
        pages::page(name, data)
    }

    fn render(
        &self,
        facts: &NoticeFacts,
        channel: Channel,
        frame: &Frame,
    ) -> Result<Rendition, RenderError> {
        let kind = find(facts)?;
        let context = typed(kind, facts, frame)?;
        let paper = matches!(channel, Channel::Fax | Channel::Post | Channel::Registered);
        let voice = Voice::new(&self.library, kind.name, facts, frame, &context, paper);
        match channel {
            Channel::Email => voice.mail(&code(frame)?).map(Rendition::Mail),
            Channel::Pec => {
                let mut mail = voice.mail(&code(frame)?)?;
                if kind.legal && self.letters.is_some() {
                    let paper = Voice::new(&self.library, kind.name, facts, frame, &context, true);
                    mail.attachments.push(self.deed(&paper)?);
                }
                Ok(Rendition::Mail(mail))
            }
            Channel::Sms | Channel::Chat => voice.short().map(Rendition::Text),
            Channel::Fax | Channel::Post | Channel::Registered => {
                self.letter(&voice).map(Rendition::Letter)
            }
        }
    }
}
