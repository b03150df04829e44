//! How legs move a dispatch through its plan.

use super::*;
use crate::addresses::{EmailAddress, PhoneNumber, PostalBlock};
use crate::failures::FailureClass;
use crate::ids::AttemptId;
use crate::legs::Proof;
use uuid::Uuid;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn addresses(channels: &[Channel]) -> Vec<Address> {
    let mail = || EmailAddress::parse("m@example.it").unwrap();
    let address = |channel: &Channel| match channel {
        Channel::Email => Address::Email(mail()),
        Channel::Pec => Address::Pec(mail()),
        Channel::Sms => Address::Mobile(PhoneNumber::parse("333 1234567").unwrap()),
        _ => Address::Postal(PostalBlock::try_from(vec!["ROSSI".to_owned()]).unwrap()),
    };
    channels.iter().map(address).collect()
}

/// A dispatch by this plan to somebody who can be reached on these channels; begun.
fn begun(plan: &str, known: &[Channel]) -> (Dispatch, Vec<Consequence>) {
    let plan: Plan = plan.parse().unwrap();
    let legs = plan.legs(&addresses(known)).unwrap().into_iter().map(|leg| Leg {
        step: leg.step,
        channel: leg.channel,
        address: leg.address,
        state: LegState::Planned,
    });
    let mut dispatch = Dispatch {
        id: DispatchId(Uuid::nil()),
        body: BodyId(Uuid::nil()),
        number: 1,
        notice: NoticeId(Uuid::nil()),
        batch: None,
        case: CaseId(Uuid::nil()),
        case_serial: 0,
        party: PartyId(Uuid::nil()),
        party_serial: 0,
        legs: legs.collect(),
        plan,
        facts: NoticeFacts::default(),
        row: 2,
        created_at: at(0),
        version: 0,
    };
    let consequences = dispatch.begin(at(1)).unwrap();
    (dispatch, consequences)
}

fn attempt(leg: usize) -> AttemptId {
    AttemptId(Uuid::from_u128(leg as u128 + 1))
}

fn sent(dispatch: &mut Dispatch, leg: usize) {
    dispatch.on(leg, &LegEvent::Attempt(attempt(leg)), at(2)).unwrap();
}

fn delivered(dispatch: &mut Dispatch, leg: usize, proof: Proof) -> Vec<Consequence> {
    dispatch.on(leg, &LegEvent::Delivered { attempt: attempt(leg), proof }, at(3)).unwrap()
}

fn failed(dispatch: &mut Dispatch, leg: usize) -> Vec<Consequence> {
    let class = FailureClass::BadRecipient;
    dispatch.on(leg, &LegEvent::Failed { attempt: attempt(leg), class }, at(4)).unwrap()
}

fn names(dispatch: &Dispatch) -> Vec<&'static str> {
    dispatch.legs.iter().map(|leg| leg.state.name()).collect()
}

use Channel::{Email, Pec, Post, Registered, Sms};

#[test]
fn channels_of_one_step_leave_together_and_the_first_decides() {
    let (mut dispatch, consequences) = begun("email+sms", &[Email, Sms]);
    let due = |leg| Consequence::Send { leg, due_at: at(1) };
    assert_eq!(consequences, [due(0), due(1)]);
    sent(&mut dispatch, 0);
    sent(&mut dispatch, 1);
    assert_eq!(delivered(&mut dispatch, 0, Proof::HandedOver), []);
    assert_eq!(dispatch.state(), DispatchState::Waiting);
    failed(&mut dispatch, 1);
    assert_eq!(dispatch.state(), DispatchState::Delivered);

    let (mut dispatch, _) = begun("email+sms", &[Email, Sms]);
    sent(&mut dispatch, 0);
    sent(&mut dispatch, 1);
    failed(&mut dispatch, 0);
    delivered(&mut dispatch, 1, Proof::CarrierReport);
    assert_eq!(dispatch.state(), DispatchState::Failed);
}

#[test]
fn the_fallback_begins_when_the_principal_channel_fails_and_not_before() {
    let (mut dispatch, consequences) = begun("pec>registered", &[Pec, Registered]);
    assert_eq!(consequences.len(), 1);
    sent(&mut dispatch, 0);
    assert_eq!(names(&dispatch), ["sending", "planned"]);
    assert_eq!(failed(&mut dispatch, 0), [Consequence::Send { leg: 1, due_at: at(4) }]);
    assert_eq!(
        (names(&dispatch), dispatch.state()),
        (vec!["failed", "ready"], DispatchState::Waiting)
    );
}

#[test]
fn the_fallback_is_not_used_when_the_principal_channel_succeeds() {
    let (mut dispatch, _) = begun("pec>registered", &[Pec, Registered]);
    sent(&mut dispatch, 0);
    delivered(&mut dispatch, 0, Proof::SignedReceipt);
    assert_eq!(dispatch.legs[1].state, LegState::Skipped { reason: SkipReason::NotNeeded });
    assert_eq!(dispatch.state(), DispatchState::Delivered);
}

#[test]
fn a_bounce_after_the_hand_over_brings_the_fallback_back() {
    let (mut dispatch, _) = begun("email>registered", &[Email, Registered]);
    sent(&mut dispatch, 0);
    delivered(&mut dispatch, 0, Proof::HandedOver);
    assert_eq!(names(&dispatch), ["delivered", "skipped"]);
    assert_eq!(failed(&mut dispatch, 0), [Consequence::Send { leg: 1, due_at: at(4) }]);
    assert_eq!(names(&dispatch), ["failed", "ready"]);
}

#[test]
fn a_late_delivery_stops_the_fallback_that_has_not_left() {
    let (mut dispatch, _) = begun("pec>registered>post", &[Pec, Registered]);
    sent(&mut dispatch, 0);
    failed(&mut dispatch, 0);
    delivered(&mut dispatch, 0, Proof::SignedReceipt);
    assert_eq!(names(&dispatch), ["delivered", "skipped", "skipped"]);
    assert_eq!(dispatch.state(), DispatchState::Delivered);
}

#[test]
fn a_fallback_under_way_goes_on_but_its_failure_starts_nothing_after_a_late_delivery() {
    let (mut dispatch, _) = begun("pec>registered>post", &[Pec, Registered]);
    sent(&mut dispatch, 0);
    failed(&mut dispatch, 0);
    sent(&mut dispatch, 1);
    delivered(&mut dispatch, 0, Proof::SignedReceipt);
    assert_eq!(names(&dispatch), ["delivered", "sending", "skipped"]);
    assert_eq!(failed(&mut dispatch, 1), []);
    assert_eq!(names(&dispatch), ["delivered", "failed", "skipped"]);
    assert_eq!(dispatch.state(), DispatchState::Delivered);
}

#[test]
fn an_optional_channel_without_address_is_skipped_and_decides_nothing() {
    let (mut dispatch, consequences) = begun("pec?+email>post", &[Email, Post]);
    assert_eq!(consequences, [Consequence::Send { leg: 1, due_at: at(1) }]);
    assert_eq!(dispatch.legs[0].state, LegState::Skipped { reason: SkipReason::NoAddress });
    sent(&mut dispatch, 1);
    delivered(&mut dispatch, 1, Proof::HandedOver);
    assert_eq!(dispatch.state(), DispatchState::Delivered);
}

#[test]
fn a_step_without_any_address_is_passed_over() {
    let (dispatch, consequences) = begun("pec?>email", &[Email]);
    assert_eq!(consequences, [Consequence::Send { leg: 1, due_at: at(1) }]);
    assert_eq!(names(&dispatch), ["skipped", "ready"]);
}

#[test]
fn every_step_failed_is_a_failed_dispatch() {
    let (mut dispatch, _) = begun("email>post", &[Email, Post]);
    for leg in 0..2 {
        sent(&mut dispatch, leg);
        failed(&mut dispatch, leg);
    }
    assert_eq!(dispatch.state(), DispatchState::Failed);
}

#[test]
fn a_doubt_holds_the_plan_until_it_is_settled() {
    let (mut dispatch, _) = begun("email>post", &[Email, Post]);
    sent(&mut dispatch, 0);
    assert_eq!(dispatch.on(0, &LegEvent::Doubt(attempt(0)), at(3)).unwrap(), []);
    assert_eq!(
        (names(&dispatch), dispatch.state()),
        (vec!["doubtful", "planned"], DispatchState::Doubtful)
    );
    failed(&mut dispatch, 0);
    assert_eq!(names(&dispatch), ["failed", "ready"]);
}

#[test]
fn cancelling_stops_what_has_not_begun_and_only_that() {
    let (mut dispatch, _) = begun("email+sms>post", &[Email, Sms, Post]);
    dispatch.cancel(at(2));
    assert_eq!(
        (names(&dispatch), dispatch.state()),
        (vec!["skipped"; 3], DispatchState::Cancelled)
    );

    let (mut dispatch, _) = begun("email+sms>post", &[Email, Sms, Post]);
    sent(&mut dispatch, 0);
    dispatch.cancel(at(2));
    assert_eq!(names(&dispatch), ["sending", "skipped", "skipped"]);
    assert_eq!(failed(&mut dispatch, 0), []);
    assert_eq!(dispatch.state(), DispatchState::Failed);
}

#[test]
fn a_bounce_after_a_cancellation_starts_nothing() {
    let (mut dispatch, _) = begun("email>registered", &[Email, Registered]);
    sent(&mut dispatch, 0);
    delivered(&mut dispatch, 0, Proof::HandedOver);
    dispatch.cancel(at(4));
    assert_eq!(failed(&mut dispatch, 0), []);
    assert_eq!(names(&dispatch), ["failed", "skipped"]);
}

#[test]
fn a_doubled_receipt_has_no_consequence_and_a_leg_that_is_not_there_is_refused() {
    let (mut dispatch, _) = begun("email>post", &[Email, Post]);
    sent(&mut dispatch, 0);
    failed(&mut dispatch, 0);
    let before = dispatch.clone();
    assert_eq!(failed(&mut dispatch, 0), [Consequence::Nothing]);
    assert_eq!(dispatch, before);
    assert!(dispatch.on(7, &LegEvent::Doubt(attempt(0)), at(5)).is_err());
}

#[test]
fn what_was_only_handed_over_is_sent_and_not_delivered() {
    let (mut dispatch, _) = begun("email+sms?", &[Email, Sms]);
    assert_eq!((dispatch.title(), dispatch.proof()), ("In corso", None));
    sent(&mut dispatch, 0);
    sent(&mut dispatch, 1);
    delivered(&mut dispatch, 0, Proof::HandedOver);
    failed(&mut dispatch, 1);
    assert_eq!(dispatch.title(), "Inviata");
    delivered(&mut dispatch, 1, Proof::CarrierReport);
    assert_eq!((dispatch.title(), dispatch.proof()), ("Consegnata", Some(Proof::CarrierReport)));
}
