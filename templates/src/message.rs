//! A notice in words, before it takes the shape of a channel; and its shapes as mail and text.
//!
//! Plain text and HTML are two drawings of the same blocks, so they cannot say different things.

use crate::library::Library;
use crate::qr::Qr;
use crate::words;
use messo_core::notices::{BodyFacts, Locale, NoticeFacts};
use messo_core::ports::{Block, Frame, Mail, Part, RenderError};
use minijinja::value::{Serde, merge_maps};
use minijinja::{Value, context};
use serde::Serialize;
use std::sync::Arc;

/// Content-ID of the code's picture.
const CODE_CID: &str = "code@messo";
/// Pixels a module: shown at half size, so that it stays sharp on fine screens.
const SCALE: u8 = 4;

/// A notice in words.
#[derive(Debug, Serialize)]
pub struct Message {
    pub title: String,
    pub blocks: Vec<Block>,
    /// The address behind the code, as people see it.
    pub url: String,
    /// Lines of the foot: who speaks, where, and the number of the communication.
    pub foot: Vec<String>,
    /// The banner of a sandbox.
    pub banner: Option<String>,
}

/// Whose words, of which kind, in which language, with which values.
pub struct Voice<'a> {
    pub library: &'a Library,
    pub kind: &'static str,
    pub facts: &'a NoticeFacts,
    pub frame: &'a Frame,
    context: Value,
}

impl<'a> Voice<'a> {
    /// `typed` is the context of the kind; `letter` tells paper from screen.
    pub fn new(
        library: &'a Library,
        kind: &'static str,
        facts: &'a NoticeFacts,
        frame: &'a Frame,
        typed: &Value,
        letter: bool,
    ) -> Self {
        let own = context! {
            letter => letter,
            answer_url => words::address(&words::line(&frame.qr_text)),
            register_number => words::line(&facts.body.register_number),
        };
        let context = merge_maps([own, typed.clone()]);
        Self { library, kind, facts, frame, context }
    }

    const fn locale(&self) -> Locale {
        self.facts.locale
    }

    /// A section of the kind.
    pub fn own(&self, section: &str) -> Result<String, RenderError> {
        self.library.section(self.kind, self.locale(), section, &self.context)
    }

    /// A section that all kinds share.
    pub fn shared(&self, section: &str) -> Result<String, RenderError> {
        self.library.section("shared", self.locale(), section, &self.context)
    }

    /// Title, blocks and foot.
    pub fn message(&self) -> Result<Message, RenderError> {
        let body = &self.facts.body;
        let mut foot = vec![words::line(&body.name), joined(&body.address)];
        let phone = match words::line(&body.phone) {
            phone if phone.is_empty() => phone,
            phone => format!("{} {phone}", self.shared("phone")?),
        };
        foot.push(joined(&[phone, body.email.clone(), certified(body), body.website.clone()]));
        if !body.register_number.trim().is_empty() {
            foot.push(self.shared("registered")?);
        }
        foot.push(self.shared("reference")?);
        foot.retain(|line| !line.is_empty());
        Ok(Message {
            title: self.own("title")?,
            blocks: self.library.body(self.kind, self.locale(), &self.context)?,
            url: words::address(&words::line(&self.frame.qr_text)),
            foot,
            banner: self.frame.sandbox.then(|| self.shared("banner")).transpose()?,
        })
    }

    /// The mail.
    pub fn mail(&self, code: &Qr) -> Result<Mail, RenderError> {
        let message = self.message()?;
        let subject = self.marked(self.own("subject")?)?;
        let page = context! {
            lang => self.locale().code(),
            subject => &subject,
            preheader => self.own("preheader")?,
            sender => context! { name => words::line(&self.facts.body.name) },
            code_cid => CODE_CID,
            code_alt => self.shared("code_alt")?,
            answer_url => &message.url,
            title => &message.title,
            blocks => Value::from(Serde(&message.blocks)),
            foot => &message.foot,
            banner => &message.banner,
        };
        let picture = Part {
            name: CODE_CID.to_owned(),
            media_type: "image/png".to_owned(),
            bytes: Arc::from(code.png(SCALE)),
        };
        Ok(Mail {
            subject,
            text: plain(&message),
            html: self.library.mail(&page)?,
            inline: vec![picture],
            attachments: Vec::new(),
        })
    }

    /// The short text for SMS and chat.
    pub fn short(&self) -> Result<String, RenderError> {
        Ok(words::plain_for_sms(&self.marked(self.own("sms")?)?))
    }

    /// With the mark of a sandbox before it, where one carries it.
    fn marked(&self, text: String) -> Result<String, RenderError> {
        Ok(if self.frame.sandbox { format!("{} {text}", self.shared("mark")?) } else { text })
    }
}

fn certified(body: &BodyFacts) -> String {
    if body.pec.trim().is_empty() { String::new() } else { format!("PEC {}", body.pec) }
}

fn joined(parts: &[String]) -> String {
    let parts: Vec<String> =
        parts.iter().map(|part| words::line(part)).filter(|part| !part.is_empty()).collect();
    parts.join(" · ")
}

/// The message as plain text; long lines are left to the reader's program.
fn plain(message: &Message) -> String {
    let mut out = String::with_capacity(4096);
    let mut add = |text: &str| {
        out.push_str(text);
        out.push_str("\n\n");
    };
    if let Some(banner) = &message.banner {
        add(&format!("*** {banner} ***"));
    }
    if let Some(sender) = message.foot.first() {
        add(sender);
    }
    add(&message.title.to_uppercase());
    for block in &message.blocks {
        match block {
            Block::Heading { text } => add(&text.to_uppercase()),
            Block::Paragraph { text } | Block::Note { text } => add(text),
            Block::Answer { text } => add(&format!("{text}:\n{}", message.url)),
            Block::List { items } => {
                add(&items.iter().map(|item| format!("- {item}")).collect::<Vec<_>>().join("\n"));
            }
            Block::Facts { rows } => add(&aligned(rows)),
        }
    }
    out.push_str("-- \n");
    out.push_str(&message.foot.join("\n"));
    out.push('\n');
    out
}

/// Rows with their values under one another.
fn aligned(rows: &[(String, String)]) -> String {
    let width = rows.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0) + 1;
    let row = |(label, value): &(String, String)| {
        let pad = " ".repeat(width - label.chars().count());
        format!("  {label}:{pad}{value}")
    };
    rows.iter().map(row).collect::<Vec<_>>().join("\n")
}
