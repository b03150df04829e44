//! The kinds of notice, each with its typed context: what its texts may name, and nothing else.
//!
//! Building a context reads the frozen facts once and names *every* field that is missing, by its
//! column in the CSV, so that staff mend a file in one pass.

mod gaps;

use crate::words;
use gaps::Gaps;
use jiff::ToSpan as _;
use messo_core::calendar::{date_in_words, plain_date_in_words};
use messo_core::notices::{Locale, NoticeFacts};
use messo_core::ports::{Frame, MissingField};
use minijinja::Value;
use minijinja::value::Serde;
use serde::Serialize;

/// Days before the meeting by which an answer is asked for. A courtesy term, not one of law.
const ANSWER_DAYS: i64 = 5;

/// A kind of notice.
pub struct Kind {
    /// Name of its folder under `messages`, and of the template.
    pub name: &'static str,
    /// Title that staff read.
    pub title: &'static str,
    /// Whether the law asks for proof that it arrived.
    pub legal: bool,
    /// Builds the context; without a frame only the facts are checked.
    gather: fn(&mut Gaps<'_>) -> Value,
}

/// Every kind.
pub const KINDS: [Kind; 5] = [
    Kind {
        name: "convocazione",
        title: "Convocazione al primo incontro",
        legal: true,
        gather: |gaps| Value::from(Serde(Meeting::gather(gaps, true))),
    },
    Kind {
        name: "conferma",
        title: "Conferma della convocazione all’istante",
        legal: false,
        gather: |gaps| Value::from(Serde(Meeting::gather(gaps, false))),
    },
    Kind {
        name: "promemoria",
        title: "Promemoria dell’incontro",
        legal: false,
        gather: |gaps| Value::from(Serde(Meeting::gather(gaps, false))),
    },
    Kind {
        name: "comunicazione",
        title: "Comunicazione libera",
        legal: false,
        gather: |gaps| Value::from(Serde(Announcement::gather(gaps))),
    },
    Kind {
        name: "ricevuta",
        title: "Ricevuta di protocollo",
        legal: false,
        gather: |gaps| Value::from(Serde(Registered::gather(gaps))),
    },
];

impl Kind {
    /// The kind of this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name)
    }

    /// The context for the texts, or every field that is missing.
    pub fn context(
        &self,
        facts: &NoticeFacts,
        frame: Option<&Frame>,
    ) -> Result<Value, Vec<MissingField>> {
        let mut gaps = Gaps::new(facts, frame);
        let context = (self.gather)(&mut gaps);
        gaps.finish(context)
    }
}

/// What every text may name.
#[derive(Serialize)]
struct Common {
    body: BodyWords,
    recipient: RecipientWords,
    lawyer: Option<LawyerWords>,
    reference: String,
}

/// Who speaks.
#[derive(Serialize)]
struct BodyWords {
    name: String,
    phone: String,
    email: String,
    pec: String,
}

/// To whom.
#[derive(Serialize)]
struct RecipientWords {
    name: String,
    is_company: bool,
    role: String,
}

/// The recipient's lawyer.
#[derive(Serialize)]
struct LawyerWords {
    name: String,
}

/// Which case.
#[derive(Serialize)]
struct CaseWords {
    reference: String,
    filed_on: Option<String>,
    matter: Option<String>,
    value: Option<String>,
    petitioner: Option<String>,
}

/// Summons, confirmation and reminder: a case and its meeting.
#[derive(Serialize)]
struct Meeting {
    #[serde(flatten)]
    common: Common,
    case: CaseWords,
    meeting_day: String,
    meeting_hour: String,
    place: String,
    answer_by: Option<String>,
}

/// A communication in the words of the staff.
#[derive(Serialize)]
struct Announcement {
    #[serde(flatten)]
    common: Common,
    case: Option<CaseWords>,
    subject: String,
    paragraphs: Vec<String>,
}

/// A message of theirs that was entered in the register.
#[derive(Serialize)]
struct Registered {
    #[serde(flatten)]
    common: Common,
    case: Option<CaseWords>,
    protocol: String,
    registered_on: String,
    received_subject: String,
    files: String,
}

impl Common {
    fn gather(gaps: &mut Gaps<'_>) -> Self {
        let facts = gaps.facts;
        let name = words::line(&facts.recipient.full_name());
        gaps.require(!name.is_empty(), "family_name", "manca il nome del destinatario");
        let sender = words::line(&facts.body.name);
        gaps.require(
            !sender.is_empty(),
            "body_name",
            "manca il nome dell’organismo, che si scrive nella configurazione",
        );
        let lawyer = facts.lawyer.as_ref().map(|lawyer| words::line(&lawyer.name));
        Self {
            body: BodyWords {
                name: sender,
                phone: words::line(&facts.body.phone),
                email: words::line(&facts.body.email),
                pec: words::line(&facts.body.pec),
            },
            recipient: RecipientWords {
                name,
                is_company: !facts.recipient.company.is_empty(),
                role: words::line(&facts.recipient.role),
            },
            lawyer: lawyer.filter(|name| !name.is_empty()).map(|name| LawyerWords { name }),
            reference: gaps.frame.map(|frame| words::line(&frame.reference)).unwrap_or_default(),
        }
    }
}

impl CaseWords {
    fn of(facts: &NoticeFacts) -> Self {
        let (case, locale) = (&facts.case, facts.locale);
        let some = |value: &str| Some(words::line(value)).filter(|value| !value.is_empty());
        Self {
            reference: format!("{}/{}", words::line(&case.number), case.year),
            filed_on: case.filed_on.map(|date| plain_date_in_words(date, locale)),
            matter: some(&case.matter),
            value: case.value_cents.map(|cents| words::euro(locale, cents)),
            petitioner: facts.extra.get("istante").and_then(|name| some(name)),
        }
    }

    /// The case, where the facts name one.
    fn known(gaps: &Gaps<'_>) -> Option<Self> {
        let case = &gaps.facts.case;
        (!case.number.trim().is_empty() && case.year != 0).then(|| Self::of(gaps.facts))
    }

    fn gather(gaps: &mut Gaps<'_>) -> Self {
        let case = &gaps.facts.case;
        let (numbered, dated) = (!case.number.trim().is_empty(), case.year != 0);
        gaps.require(numbered, "case_number", "manca il numero della pratica");
        gaps.require(dated, "case_year", "manca l’anno della pratica");
        Self::of(gaps.facts)
    }
}

impl Meeting {
    /// `formal` asks for date of petition and subject too (art. 8, c. 1, D.Lgs. 28/2010).
    fn gather(gaps: &mut Gaps<'_>, formal: bool) -> Self {
        let common = Common::gather(gaps);
        let case = CaseWords::gather(gaps);
        if formal {
            let (filed, matter) = (case.filed_on.is_some(), case.matter.is_some());
            gaps.require(filed, "filed_on", "manca la data di deposito della domanda");
            gaps.require(matter, "matter", "manca la materia della controversia");
        }
        let meeting = gaps.facts.meeting.as_ref();
        gaps.require(meeting.is_some(), "meeting_at", "mancano data e ora dell’incontro");
        let place = meeting.map(|meeting| words::line(&meeting.place)).unwrap_or_default();
        gaps.require(!place.is_empty(), "meeting_place", "manca il luogo dell’incontro");
        let at = meeting.map(|meeting| meeting.at).unwrap_or_default();
        let locale = gaps.facts.locale;
        Self {
            common,
            case,
            meeting_day: date_in_words(at.date(), locale),
            meeting_hour: words::hour(locale, at),
            place,
            answer_by: answer_by(locale, at.date(), gaps.frame),
        }
    }
}

/// The day by which an answer is asked for, where it still leaves three days.
fn answer_by(locale: Locale, meeting: jiff::civil::Date, frame: Option<&Frame>) -> Option<String> {
    let by = meeting.checked_sub(ANSWER_DAYS.days()).ok()?;
    let soonest = frame?.at.in_rome().date().checked_add(3.days()).ok()?;
    (by >= soonest).then(|| date_in_words(by, locale))
}

impl Announcement {
    fn gather(gaps: &mut Gaps<'_>) -> Self {
        let common = Common::gather(gaps);
        let extra = |name: &str| gaps.facts.extra.get(name).map_or("", String::as_str);
        let (subject, paragraphs) =
            (words::line(extra("oggetto")), words::paragraphs(extra("testo")));
        gaps.require(!subject.is_empty(), "oggetto", "manca l’oggetto della comunicazione");
        gaps.require(!paragraphs.is_empty(), "testo", "manca il testo della comunicazione");
        Self { common, case: CaseWords::known(gaps), subject, paragraphs }
    }
}

impl Registered {
    fn gather(gaps: &mut Gaps<'_>) -> Self {
        let common = Common::gather(gaps);
        let extra = |name: &str| words::line(gaps.facts.extra.get(name).map_or("", String::as_str));
        let (protocol, registered_on) = (extra("protocollo"), extra("protocollato_il"));
        let (received_subject, files) = (extra("oggetto"), extra("file"));
        gaps.require(!protocol.is_empty(), "protocollo", "manca il numero di protocollo");
        gaps.require(!registered_on.is_empty(), "protocollato_il", "manca la data di protocollo");
        let case = CaseWords::known(gaps);
        Self { common, case, protocol, registered_on, received_subject, files }
    }
}
