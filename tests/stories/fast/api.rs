//! What a program with a key sees and gets.

use super::office::{Office, notice};
use messo_tests::{Installation, install_tls_provider};
use reqwest::{StatusCode, header};
use serde_json::{Value, json};

#[tokio::test]
async fn the_same_key_releases_once_and_another_request_under_it_is_a_conflict() {
    let office = Office::open().await;
    let (first, released) = office.notify("ordine-7", &notice()).await;
    assert_eq!(first, StatusCode::CREATED, "{released}");
    let (second, repeated) = office.notify("ordine-7", &notice()).await;
    assert_eq!(second, StatusCode::OK);
    assert_eq!(repeated["dispatches"][0]["id"], released["dispatches"][0]["id"]);
    let mut other = notice();
    other["case"]["matter"] = "successioni".into();
    let (third, problem) = office.notify("ordine-7", &other).await;
    assert_eq!(third, StatusCode::CONFLICT);
    assert_eq!(problem["type"], "urn:messo:problem:conflict");

    let shown = office.api(&format!("/v1/notices/{}", released["notice"].as_str().unwrap())).await;
    let shown: Value = shown.json().await.unwrap();
    assert_eq!(shown["dispatches"].as_array().unwrap().len(), 1);
    let id = released["dispatches"][0]["id"].as_str().unwrap();
    let dispatch: Value = office.api(&format!("/v1/dispatches/{id}")).await.json().await.unwrap();
    assert_eq!(dispatch["evidence"][0]["kind"], "accepted");
    let told = office.installation.json(&["dispatch", "show", id, "--json"]);
    assert_eq!(told["id"], dispatch["id"], "the command line gives the same object");
}

#[tokio::test]
async fn a_faulty_request_hears_of_every_fault_and_nothing_is_released() {
    let office = Office::open().await;
    let mut faulty = notice();
    faulty["recipients"][0]["email"] = "toto@".into();
    faulty["recipients"].as_array_mut().unwrap().push(json!({ "given_name": "Agnese" }));
    faulty["meeting"] = Value::Null;
    let (status, problem) = office.notify("k", &faulty).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let fields: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["field"].as_str().unwrap())
        .collect();
    for field in ["recipients[0].email", "recipients[0].meeting_at", "recipients[1].email"] {
        assert!(fields.contains(&field), "{field} is not in {fields:?}");
    }
    assert_eq!(office.notify("k", &notice()).await.0, StatusCode::CREATED, "the key is still free");
}

#[tokio::test]
async fn the_api_answers_nobody_without_a_key_and_tells_errors_as_problems() {
    let office = Office::open().await;
    let absent = "01a201ba-45bc-7258-8644-a2d92fafdfa7";
    for path in ["/v1/notices", "/v1/dispatches"] {
        let path = format!("{path}/{absent}");
        let stranger = office.client.get(office.url(&path)).bearer_auth("messo_0").send().await;
        let stranger = stranger.unwrap();
        assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(stranger.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(office.api(&path).await.status(), StatusCode::NOT_FOUND);
    }
    let large = office.client.post(office.url("/v1/notices")).bearer_auth(&office.key);
    let large = large.header("idempotency-key", "k").header("content-type", "application/json");
    let large = large.body(vec![b' '; 1_100_000]).send().await.unwrap();
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let document: Value = office.api("/v1/openapi.json").await.json().await.unwrap();
    assert!(document["paths"]["/v1/notices"]["post"].is_object());
}

#[tokio::test]
async fn every_refusal_under_v1_is_a_problem() {
    let office = Office::open().await;
    let url = office.url("/v1/notices");
    let client = &office.client;
    let typed = client.post(&url).bearer_auth(&office.key).header("idempotency-key", "k");
    let large = client.post(&url).bearer_auth(&office.key).header("idempotency-key", "k");
    let large = large.header("content-type", "application/json").body(vec![b' '; 1_100_000]);
    for (request, status) in [
        (client.get(&url), StatusCode::METHOD_NOT_ALLOWED),
        (client.delete(office.url("/v1/dispatches/1")), StatusCode::METHOD_NOT_ALLOWED),
        (client.get(office.url("/v1/nothing")), StatusCode::NOT_FOUND),
        (client.get(office.url("/v1")), StatusCode::NOT_FOUND),
        (client.get(office.url("/v1/")), StatusCode::NOT_FOUND),
        (typed.header("content-type", "text/csv").body("{}"), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (large, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/problem+json", "{status}");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["status"], status.as_u16());
    }
}

#[tokio::test]
async fn structural_faults_and_recipients_named_twice_are_told_all_at_once() {
    let office = Office::open().await;
    let mut broken = notice();
    broken["case"]["year"] = "2026".into();
    broken["recipients"][0]["emal"] = "x".into();
    broken["recipients"].as_array_mut().unwrap().push(json!("Agnese"));
    let (status, problem) = office.notify("k", &broken).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let pointers: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(pointers, ["/case/year", "/recipients/0/emal", "/recipients/1"]);

    let mut doubled = notice();
    let again = doubled["recipients"][0].clone();
    doubled["recipients"].as_array_mut().unwrap().push(again);
    let (status, problem) = office.notify("k", &doubled).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let reason = problem["errors"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("recipients[1] ripete recipients[0]"), "{problem}");
}

#[tokio::test]
async fn a_repeated_request_hears_the_first_answer_whatever_has_changed_since() {
    install_tls_provider();
    let office = Office::open().await;
    let (_, first) = office.notify("ordine-9", &notice()).await;
    let Office { installation, serving, client, key } = office;
    drop(serving);
    // E-mail is no longer configured: the same request could not be released today.
    let installation: Installation = installation.with("MESSO_SANDBOX_CHANNELS", "sms");
    let serving = installation.serve(&[]).ready().await;
    let office = Office { installation, serving, client, key };
    let (status, again) = office.notify("ordine-9", &notice()).await;
    assert_eq!(status, StatusCode::OK, "{again}");
    assert_eq!(again["notice"], first["notice"]);
    let (status, _) = office.notify("ordine-10", &notice()).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn the_answer_to_a_release_warns_of_a_meeting_outside_the_days_of_the_law() {
    let office = Office::open().await;
    let mut early = notice();
    early["case"]["filed_on"] = "2026-01-10".into();
    early["meeting"]["at"] = "2026-01-18T10:00".into();
    let (status, answer) = office.notify("k", &early).await;
    assert_eq!(status, StatusCode::CREATED, "a warning stops nothing: {answer}");
    let reasons: Vec<_> = answer["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|warning| warning["reason"].as_str().unwrap())
        .collect();
    assert_eq!(reasons.len(), 3, "{answer}");
    for (reason, part) in reasons.iter().zip(["già passato", "20 giorni dal deposito", "domenica"])
    {
        assert!(reason.contains(part), "{reason}");
    }
    assert_eq!(answer["warnings"][0]["pointer"], "/meeting/at");

    let mut future = notice();
    future["case"]["filed_on"] = "2099-01-10".into();
    let (status, problem) = office.notify("k2", &future).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["errors"][0]["pointer"], "/case/filed_on");
}
