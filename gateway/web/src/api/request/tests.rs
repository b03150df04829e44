//! What a request in JSON may say, and what is said about its faults.

use super::*;
use axum::extract::FromRequest;
use axum::http::{Request, header};
use messo_core::bodies::{BodyKind, Sender};
use messo_core::ids::BodyId;
use messo_core::notices::BodyFacts;
use serde_json::{Value, json};

fn body() -> Body {
    let email = EmailAddress::parse("segreteria@example.it").unwrap();
    Body {
        id: BodyId("00000000-0000-7000-8000-000000000001".parse::<BodyId>().unwrap().0),
        number: 1,
        kind: BodyKind::Mediation,
        facts: BodyFacts::default(),
        sender: Sender {
            pec: None,
            reply_tags: false,
            name: "Organismo".into(),
            email,
            reply_to: None,
            sms_sender: String::new(),
        },
        patron_saint: None,
    }
}

fn request() -> Value {
    json!({
        "template": "convocazione",
        "plan": "email+sms",
        "case": { "number": "41", "year": 2026, "filed_on": "2026-11-02", "value": 8400.5 },
        "meeting": { "at": "2026-12-02T10:00", "place": "Sala Blu" },
        "recipients": [{
            "role": "convocato", "given_name": "Niccolò", "family_name": "D'Angelo",
            "email": "niccolo@example.it", "mobile": "+39 333 1234500",
            "street": "Via dei Tigli", "house_number": "12", "postal_code": "50123",
            "city": "Firenze", "province": "FI",
        }],
    })
}

fn parse(value: Value) -> (Option<NoticeRequest>, Vec<FieldFault>) {
    let input: NoticeInput = serde_json::from_value(value).unwrap();
    input.parse(&body(), "api:1".into(), jiff::civil::date(2026, 11, 22))
}

fn fields(faults: &[FieldFault]) -> Vec<&str> {
    faults.iter().map(|fault| fault.field.as_str()).collect()
}

fn refusal(value: Value) -> Problem {
    NoticeInput::of(value).err().unwrap()
}

#[test]
fn a_sound_request_is_read_whole() {
    let (request, faults) = parse(request());
    assert_eq!(faults, []);
    let request = request.unwrap();
    let recipient = &request.recipients[0];
    assert_eq!(recipient.addresses.len(), 3);
    assert_eq!(recipient.facts.case.value_cents, Some(840_050));
    assert_eq!(recipient.facts.meeting.as_ref().unwrap().place, "Sala Blu");
    assert_eq!(recipient.facts.recipient.postal_lines.last().unwrap(), "50123 FIRENZE FI");
}

#[test]
fn every_fault_is_named_with_its_field_at_once() {
    let mut value = request();
    value["plan"] = "email+telegrafo".into();
    value["not_before"] = "domani".into();
    value["case"]["filed_on"] = "2/11/2026".into();
    value["case"]["value"] = 1.005.into();
    value["meeting"]["at"] = "2026-12-02T10:00Z".into();
    value["recipients"][0]["email"] = "niccolo@".into();
    value["recipients"][0]["role"] = "giudice".into();
    value["recipients"][0]["given_name"] = "Anna\r\nBcc: x@example.it".into();
    value["recipients"][0]["language"] = "fr".into();
    let (_, faults) = parse(value);
    assert_eq!(
        fields(&faults),
        [
            "plan",
            "not_before",
            "case.filed_on",
            "case.value",
            "meeting.at",
            "recipients[0].given_name",
            "recipients[0].role",
            "recipients[0].language",
            "recipients[0].email",
            "recipients[0].street",
        ]
    );
}

#[test]
fn an_unknown_field_is_refused_by_name() {
    let mut value = request();
    value["recipients"][0]["emal"] = "x".into();
    let problem = refusal(value);
    assert_eq!(problem.status, 422);
    assert_eq!(problem.errors[0].field, "recipients[0].emal");
    assert_eq!(problem.errors[0].reason, "il campo «emal» non esiste");
}

#[test]
fn missing_and_mistyped_fields_are_refused_by_name_all_at_once() {
    let mut value = request();
    value["case"].as_object_mut().unwrap().remove("number");
    value["case"]["year"] = "2026".into();
    value["recipients"][0]["email"] = Value::Null;
    let problem = refusal(value);
    let pointers: Vec<_> = problem.errors.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/case/year", "/case/number", "/recipients/0/email"]);
}

#[test]
fn the_same_recipient_twice_is_refused_with_both_places() {
    let mut value = request();
    let again = value["recipients"][0].clone();
    let mut other = again.clone();
    other["email"] = "altro@example.it".into();
    value["recipients"].as_array_mut().unwrap().extend([other, again]);
    let (_, faults) = parse(value);
    assert_eq!(fields(&faults), ["recipients[2]"]);
    assert!(faults[0].reason.contains("recipients[2] ripete recipients[0]"), "{faults:?}");
}

#[test]
fn a_petition_of_tomorrow_is_a_fault() {
    let mut value = request();
    value["case"]["filed_on"] = "2026-11-23".into();
    let (_, faults) = parse(value);
    assert_eq!(fields(&faults), ["case.filed_on"]);
}

#[tokio::test]
async fn what_is_not_json_is_not_a_list_of_faults() {
    let request = Request::post("/")
        .header(header::CONTENT_TYPE, "application/json")
        .body(axum::body::Body::from("{"))
        .unwrap();
    let read = axum::Json::<Value>::from_request(request, &()).await;
    assert_eq!(json_fault(read.err().unwrap()).status, 400);
}
