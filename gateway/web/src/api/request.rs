//! A request in JSON becomes a [`NoticeRequest`], or a list of every fault in it.
//!
//! Field names are those of the CSV. Unknown fields are refused by name: a misspelt field is a
//! missing one. Structure is judged first ([`super::form`]), then the values, then what the template and
//! the plan ask for.

use super::form;
use crate::problem::{FieldFault, Problem};
use axum::extract::rejection::JsonRejection;
use jiff::civil::Date;
use messo_core::addresses::{
    Address, EmailAddress, InvalidAddress, PhoneNumber, PostalBlock, PostalParts,
};
use messo_core::bodies::Body;
use messo_core::case_sheet::check_filed_on;
use messo_core::cases::Role;
use messo_core::notices::{
    CaseFacts, LawyerFacts, MeetingFacts, NoticeFacts, NoticeRequest, RecipientFacts,
    RecipientRequest,
};
use messo_core::plans::Plan;
use messo_core::time::Timestamp;
use messo_engine::{AcceptError, Engine};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::str::FromStr;
use utoipa::ToSchema;

/// Longest text of one field, in characters.
const MAX_TEXT: usize = 2_000;
/// Most extra fields of a recipient.
const MAX_EXTRA: usize = 100;

/// What is to be said, to whom, by which ways.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoticeInput {
    /// Name of the template.
    #[schema(example = "convocazione")]
    pub(super) template: String,
    /// The plan: `+` joins channels that leave together, `>` starts the next step when the first channel of
    /// the step before has failed, `?` marks a channel used only where the address is known.
    #[schema(example = "email+sms")]
    pub(super) plan: String,
    /// The case.
    pub(super) case: CaseInput,
    /// The meeting, where the template tells of one.
    pub(super) meeting: Option<MeetingInput>,
    /// 1 to 1000 recipients.
    pub(super) recipients: Vec<RecipientInput>,
    /// Not before this instant (RFC 3339); at once when absent.
    #[schema(example = "2026-11-23T08:00:00+01:00")]
    pub(super) not_before: Option<String>,
}

/// The case; found again by number and year.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseInput {
    /// Number within the year.
    #[schema(example = "41")]
    number: String,
    /// Year.
    #[schema(example = 2026)]
    year: i16,
    /// Date of the petition, YYYY-MM-DD.
    #[schema(example = "2026-11-02")]
    filed_on: Option<String>,
    /// Subject.
    #[schema(example = "condominio")]
    #[serde(default)]
    matter: String,
    /// Value of the dispute in euro.
    #[schema(example = 8400.50)]
    value: Option<f64>,
}

/// The meeting.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MeetingInput {
    /// Civil date and time in Rome, YYYY-MM-DDTHH:MM.
    #[schema(example = "2026-12-02T10:00")]
    at: String,
    /// Where: an address, or a link.
    #[schema(example = "Sala Blu, Via Larga 7, Firenze")]
    #[serde(default)]
    place: String,
}

/// A recipient: a person (given and family name) or an organisation (company), and every address
/// that is known.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RecipientInput {
    /// Part in the case: istante, convocato, avvocato, mediatore, debitore, creditore.
    #[schema(example = "convocato")]
    role: String,
    /// Given name.
    given_name: String,
    /// Family name.
    family_name: String,
    /// Name of the organisation.
    company: String,
    /// Italian fiscal code or VAT number.
    fiscal_code: String,
    /// it, de or en; it when absent.
    #[schema(example = "it")]
    language: String,
    /// Ordinary e-mail.
    email: String,
    /// Certified e-mail.
    pec: String,
    /// Mobile phone; Italian without a country code.
    #[schema(example = "+39 333 1234500")]
    mobile: String,
    /// Fax.
    fax: String,
    /// Street, or post-office box.
    street: String,
    /// House number.
    house_number: String,
    /// CAP.
    postal_code: String,
    /// Town.
    city: String,
    /// Province: code or name.
    province: String,
    /// Country; Italy when empty.
    country: String,
    /// The recipient's lawyer.
    lawyer: Option<LawyerInput>,
    /// Other fields that a template may name.
    extra: BTreeMap<String, String>,
}

/// The recipient's lawyer.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LawyerInput {
    /// Name.
    name: String,
    /// Certified e-mail.
    #[serde(default)]
    pec: String,
}

impl NoticeInput {
    /// Reads the JSON, or tells every fault of its structure.
    pub(super) fn of(value: Value) -> Result<Self, Problem> {
        let faults = form::faults(&value, "NoticeInput");
        if !faults.is_empty() {
            return Err(Problem::faults(faults));
        }
        // A number that is whole but too large for its field is all that is left to be wrong.
        serde_json::from_value(value)
            .map_err(|_| Problem::malformed("Un numero della richiesta è fuori da ogni misura."))
    }

    /// What could be read, and the faults of form. Without a plan there is no request.
    pub(super) fn parse(
        self,
        body: &Body,
        key: String,
        today: Date,
    ) -> (Option<NoticeRequest>, Vec<FieldFault>) {
        let mut faults = Faults { prefix: String::new(), list: Vec::new() };
        let plan: Option<Plan> = faults.take("plan", self.plan.parse());
        let not_before = self.not_before.and_then(|text| {
            let instant = text.parse::<jiff::Timestamp>();
            let reason = "un istante si scrive come 2026-11-23T08:00:00+01:00";
            faults.take("not_before", instant.map_err(|_| reason)).map(Timestamp::from)
        });
        let case = faults.case(self.case, today);
        let meeting = self.meeting.and_then(|meeting| faults.meeting(meeting));
        let mut seen = HashMap::new();
        let recipients = self.recipients.into_iter().enumerate().map(|(index, recipient)| {
            let mut own = Faults { prefix: format!("recipients[{index}]."), list: Vec::new() };
            let mut row = recipient.read(&mut own);
            row.row = u32::try_from(index + 1).unwrap_or(u32::MAX);
            row.facts.case.clone_from(&case);
            row.facts.meeting.clone_from(&meeting);
            let first = *seen.entry(row.fingerprint()).or_insert(index);
            if first != index {
                let reason = format!(
                    "recipients[{index}] ripete recipients[{first}]: stessa persona, stessi indirizzi"
                );
                faults.list.push(FieldFault::new(format!("recipients[{index}]"), reason));
            }
            faults.list.append(&mut own.list);
            row
        });
        let recipients = recipients.collect();
        let request = plan.map(|plan| NoticeRequest {
            body: body.id,
            key,
            template: self.template,
            plan,
            batch: None,
            not_before,
            recipients,
        });
        (request, faults.list)
    }
}

/// Adds what the template and the plan ask for, where form has not been at fault already.
pub(super) fn complete(
    engine: &Engine,
    request: &NoticeRequest,
    body: &Body,
    faults: &mut Vec<FieldFault>,
) -> Result<(), AcceptError> {
    for (index, recipient) in request.recipients.iter().enumerate() {
        for fault in engine.faults(recipient, request, body)? {
            let fault = FieldFault::of_recipient(index, &fault.field, fault.reason);
            // What is wrong is not also missing.
            if !faults.iter().any(|known| known.pointer == fault.pointer) {
                faults.push(fault);
            }
        }
    }
    Ok(())
}

impl RecipientInput {
    fn read(self, faults: &mut Faults) -> RecipientRequest {
        for (name, text) in [
            ("given_name", &self.given_name),
            ("family_name", &self.family_name),
            ("company", &self.company),
            ("fiscal_code", &self.fiscal_code),
        ] {
            faults.line(name, text);
        }
        if !self.role.is_empty() && !Role::ALL.iter().any(|role| role.italian() == self.role) {
            faults.add(
                "role",
                "la parte è una di: istante, convocato, avvocato, mediatore, debitore, creditore",
            );
        }
        let locale = faults.given("language", &self.language).unwrap_or_default();
        let mut addresses = Vec::new();
        addresses.extend(faults.address("email", &self.email, EmailAddress::parse, Address::Email));
        addresses.extend(faults.address("pec", &self.pec, EmailAddress::parse, Address::Pec));
        addresses.extend(faults.address(
            "mobile",
            &self.mobile,
            PhoneNumber::parse,
            Address::Mobile,
        ));
        addresses.extend(faults.address("fax", &self.fax, PhoneNumber::parse, Address::Fax));
        let mut recipient = RecipientFacts {
            role: self.role,
            given_name: self.given_name.trim().to_owned(),
            family_name: self.family_name.trim().to_owned(),
            company: self.company.trim().to_owned(),
            fiscal_code: self.fiscal_code.trim().to_uppercase(),
            postal_lines: Vec::new(),
        };
        let parts = PostalParts {
            recipient: recipient.full_name(),
            street: self.street,
            house_number: self.house_number,
            postal_code: self.postal_code,
            city: self.city,
            province: self.province,
            country: self.country,
            ..PostalParts::default()
        };
        if [&parts.street, &parts.city, &parts.postal_code].iter().any(|part| !part.is_empty())
            && let Some(block) = faults.take("street", PostalBlock::compose(&parts))
        {
            recipient.postal_lines = block.lines().to_vec();
            addresses.push(Address::Postal(block));
        }
        let lawyer = self.lawyer.map(|lawyer| {
            faults.line("lawyer.name", &lawyer.name);
            LawyerFacts { name: lawyer.name, pec: lawyer.pec }
        });
        if self.extra.len() > MAX_EXTRA {
            faults.add("extra", format!("i campi aggiuntivi sono al più {MAX_EXTRA}"));
        }
        let facts =
            NoticeFacts { locale, recipient, lawyer, extra: self.extra, ..NoticeFacts::default() };
        RecipientRequest { row: 0, facts, addresses }
    }
}

/// Faults as they are found, with the path of the object they are in.
struct Faults {
    prefix: String,
    list: Vec<FieldFault>,
}

impl Faults {
    fn add(&mut self, field: &str, reason: impl Into<String>) {
        self.list.push(FieldFault::new(format!("{}{field}", self.prefix), reason));
    }

    fn take<T, E: Display>(&mut self, field: &str, read: Result<T, E>) -> Option<T> {
        read.map_err(|error| self.add(field, error.to_string())).ok()
    }

    /// One line of text of a sane length: names end in the headers of mails.
    fn line(&mut self, field: &str, text: &str) {
        if text.chars().any(char::is_control) {
            self.add(field, "contiene un a capo o un carattere di controllo");
        }
        if text.chars().count() > MAX_TEXT {
            self.add(field, format!("supera {MAX_TEXT} caratteri"));
        }
    }

    /// A value, where there is one.
    fn given<T: FromStr>(&mut self, field: &str, text: &str) -> Option<T>
    where
        T::Err: Display,
    {
        if text.is_empty() { None } else { self.take(field, text.parse()) }
    }

    fn address<T>(
        &mut self,
        field: &str,
        text: &str,
        parse: impl Fn(&str) -> Result<T, InvalidAddress>,
        kind: impl Fn(T) -> Address,
    ) -> Option<Address> {
        if text.trim().is_empty() { None } else { self.take(field, parse(text)).map(kind) }
    }

    fn case(&mut self, case: CaseInput, today: Date) -> CaseFacts {
        self.line("case.number", &case.number);
        self.line("case.matter", &case.matter);
        if case.number.trim().is_empty() {
            self.add("case.number", "manca il numero della pratica");
        }
        if !(1900..=2200).contains(&case.year) {
            self.add("case.year", "l'anno ha quattro cifre");
        }
        let filed_on = case.filed_on.and_then(|text| {
            let date = text.parse::<Date>().map_err(|_| "una data si scrive come 2026-11-02");
            let date = date.and_then(|date| check_filed_on(date, today).map(|()| date));
            self.take("case.filed_on", date)
        });
        let value_cents = case.value.and_then(|value| self.take("case.value", cents(value)));
        CaseFacts {
            number: case.number.trim().to_owned(),
            year: case.year,
            filed_on,
            matter: case.matter,
            value_cents,
        }
    }

    fn meeting(&mut self, meeting: MeetingInput) -> Option<MeetingFacts> {
        self.line("meeting.place", &meeting.place);
        // A zone would contradict "civil time in Rome", and jiff would drop it silently.
        let zoned = meeting.at.contains(['Z', 'z', '+']);
        let at = meeting.at.parse::<jiff::civil::DateTime>().ok().filter(|_| !zoned);
        let reason =
            "data e ora, nell'ora italiana e senza fuso, si scrivono come 2026-12-02T10:00";
        let at = self.take("meeting.at", at.ok_or(reason))?;
        Some(MeetingFacts { at, place: meeting.place })
    }
}

/// Euro in cents; a third decimal is a fault, not something to be rounded away.
fn cents(euro: f64) -> Result<i64, &'static str> {
    let cents = euro * 100.0;
    let whole = cents.round();
    if !(0.0..=1e14).contains(&whole) || (cents - whole).abs() > 1e-4 {
        return Err("il valore è in euro, con al più due decimali");
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and below 1e14")]
    Ok(whole as i64)
}

/// What axum says about a body that is not our JSON, in our words.
pub(super) fn json_fault(rejection: JsonRejection) -> Problem {
    match rejection {
        JsonRejection::MissingJsonContentType(_) => Problem::not_json(),
        JsonRejection::JsonSyntaxError(_) => {
            Problem::malformed("Il corpo della richiesta non è JSON corretto.")
        }
        other if other.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::too_large()
        }
        _ => Problem::malformed("La richiesta si è interrotta."),
    }
}

#[cfg(test)]
mod tests;
