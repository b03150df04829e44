//! What a person at a browser, a program with a key and a stranger with a link see and get.

use messo_tests::installation::Serving;
use messo_tests::{Installation, install_tls_provider, sheets};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, header};
use serde_json::{Value, json};
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

const PASSWORD: &str = "una frase lunga";

/// A served sandbox with one case in it, somebody who can sign in, and a key.
struct Office {
    installation: Installation,
    serving: Serving,
    client: Client,
    key: String,
}

impl Office {
    async fn open() -> Self {
        install_tls_provider();
        let installation = Installation::new(&["--sandbox"]).with("MESSO_WORKER_SWEEP_MS", "100");
        let row = "41;2026;02/11/2026;condominio;8400;convocato;Niccolò;D'Angelo;niccolo+answer@example.test;3331234500;Via dei Tigli;12;50123;Firenze;FI;02/12/2026 10:00;Sala Blu\n";
        let file = installation.file("cases.csv", sheets::HEADER.to_owned() + row);
        installation.ok(&["import", "cases", file.to_str().unwrap()]);
        set_password(&installation, "anna");
        let key = installation.ok(&["key", "create", "gestionale"]).trim().to_owned();
        let serving = installation.serve(&[]).ready().await;
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        Self { installation, serving, client, key }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.serving.url)
    }

    async fn get(&self, path: &str, session: &str) -> Response {
        let request = self.client.get(self.url(path)).header(header::COOKIE, session);
        request.send().await.unwrap()
    }

    async fn post(&self, path: &str, session: &str, form: &[(&str, &str)]) -> Response {
        let request = self.client.post(self.url(path)).header(header::COOKIE, session);
        request.form(form).send().await.unwrap()
    }

    async fn sign_in(&self, password: &str) -> Response {
        self.post("/login", "", &[("login", "anna"), ("password", password)]).await
    }

    /// The cookie of a fresh session.
    async fn session(&self) -> String {
        let answer = self.sign_in(PASSWORD).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        cookie.split(';').next().unwrap().to_owned()
    }

    async fn notify(&self, key: &str, notice: &Value) -> (StatusCode, Value) {
        let request = self.client.post(self.url("/v1/notices")).bearer_auth(&self.key);
        let answer = request.header("idempotency-key", key).json(notice).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    async fn api(&self, path: &str) -> Response {
        self.client.get(self.url(path)).bearer_auth(&self.key).send().await.unwrap()
    }
}

fn set_password(installation: &Installation, login: &str) {
    let mut child =
        installation.command(&["user", "set", login]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

fn notice() -> Value {
    json!({
        "template": "convocazione",
        "plan": "email",
        "case": { "number": "7", "year": 2026, "filed_on": "2026-11-02", "matter": "locazione" },
        "meeting": { "at": "2026-12-02T10:00", "place": "Sala Blu" },
        "recipients": [{
            "role": "convocato", "given_name": "Totò", "family_name": "Schillirò",
            "email": "toto@example.test",
        }],
    })
}

/// The first text between two marks.
fn between<'a>(page: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = page.split_once(before).unwrap_or_else(|| panic!("no {before} in:\n{page}"));
    rest.split_once(after).unwrap().0
}

#[tokio::test]
async fn a_summons_is_released_from_the_page_watched_answered_and_proved() {
    let office = Office::open().await;
    let session = office.session().await;
    let home = office.get("/", &session).await.text().await.unwrap();
    assert!(home.contains("SIMULAZIONE"), "a sandbox is always marked");
    let party = format!("/pratiche/{}", between(&home, "href=\"/pratiche/", "\""));

    let preview = office.get(&party, &session).await.text().await.unwrap();
    assert!(preview.contains("Tutti i dati ci sono"));
    let key = between(&preview, "name=\"chiave\" value=\"", "\"");
    let form = [
        ("chiave", key),
        ("modello", "convocazione"),
        ("lingua", "it"),
        ("piano", "email+sms?"),
        ("piano_scritto", ""),
    ];
    let released = office.post(&party, &session, &form).await;
    assert_eq!(released.status(), StatusCode::SEE_OTHER);
    let dispatch = released.headers()[header::LOCATION].to_str().unwrap().to_owned();
    let again = office.post(&party, &session, &form).await;
    assert_eq!(again.headers()[header::LOCATION], dispatch, "a second click is the same release");

    let mut page = String::new();
    for _ in 0..150 {
        page = office.get(&format!("{dispatch}/stato"), &session).await.text().await.unwrap();
        if page.contains("La risposta") && page.contains("Consegnata") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(page.contains("La risposta") && page.contains("Consegnata"), "{page}");

    let proof = office.get(&format!("{dispatch}/prova.zip"), &session).await;
    assert_eq!(proof.headers()[header::CONTENT_TYPE], "application/zip");
    let file = office.installation.file("prova.zip", proof.bytes().await.unwrap());
    office.installation.ok(&["evidence", "verify", file.to_str().unwrap(), "--json"]);
}

#[tokio::test]
async fn nobody_sees_a_page_without_signing_in_and_signing_out_ends_it() {
    let office = Office::open().await;
    for path in ["/", "/invii", "/invii/elenco"] {
        let answer = office.get(path, "").await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{path}");
        assert_eq!(answer.headers()[header::LOCATION], "/login");
    }
    let session = office.session().await;
    assert_eq!(office.get("/", &session).await.status(), StatusCode::OK);
    office.post("/logout", &session, &[]).await;
    assert_eq!(office.get("/", &session).await.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn after_ten_wrong_passwords_even_the_right_one_waits() {
    let office = Office::open().await;
    for _ in 0..10 {
        assert_eq!(office.sign_in("sbagliata").await.status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(office.sign_in(PASSWORD).await.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_form_that_another_site_sends_is_refused() {
    let office = Office::open().await;
    let session = office.session().await;
    let request = office.client.post(office.url("/logout")).header(header::COOKIE, &session);
    let foreign = request.header(header::ORIGIN, "https://altrove.example").send().await.unwrap();
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
    assert_eq!(office.get("/", &session).await.status(), StatusCode::OK, "still signed in");
}

#[tokio::test]
async fn pages_run_no_script_of_others_and_are_framed_by_nobody() {
    let office = Office::open().await;
    let session = office.session().await;
    let answer = office.get("/", &session).await;
    let policy = answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(policy.contains("script-src 'self'") && policy.contains("frame-ancestors 'none'"));
    let page = answer.text().await.unwrap();
    assert!(!page.contains("<script>") && !page.contains(" style=") && !page.contains(" onclick"));
    let style = between(&page, "rel=\"stylesheet\" href=\"", "\"").to_owned();
    let style = office.get(&style, "").await;
    assert!(style.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    let weight = page.len() + style.bytes().await.unwrap().len();
    assert!(weight < 100_000, "{weight} bytes");

    let party = format!("/pratiche/{}", between(&page, "href=\"/pratiche/", "\""));
    let mail = office.get(&format!("{party}/mail.html"), &session).await;
    let policy = mail.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("sandbox"), "a mail's markup can do nothing: {policy}");
}

#[tokio::test]
async fn the_page_behind_a_code_says_who_writes_and_never_about_what() {
    let office = Office::open().await;
    let session = office.session().await;
    let home = office.get("/", &session).await.text().await.unwrap();
    let party = format!("/pratiche/{}", between(&home, "href=\"/pratiche/", "\""));
    let preview = office.get(&party, &session).await.text().await.unwrap();
    let token = between(&preview, "/Q/", "\n").split_whitespace().next().unwrap().to_owned();
    for path in [format!("/Q/{token}"), format!("/q/{}", token.to_lowercase())] {
        let answer = office.get(&path, "").await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let page = answer.text().await.unwrap();
        assert!(page.contains("segreteria@alfa.example.test"), "how to reach the body");
        for secret in ["Angelo", "condominio", "41/2026"] {
            assert!(!page.contains(secret), "«{secret}» is told to whoever has the link");
        }
    }
    let wrong = office.get("/q/000000000000000000000000000000", "").await;
    assert_eq!(wrong.status(), StatusCode::NOT_FOUND);
    assert!(wrong.text().await.unwrap().contains("Non riconosciamo questo codice"));
}

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
async fn a_forged_callback_is_not_found_and_health_needs_nobody() {
    let office = Office::open().await;
    for path in [
        "/callbacks/sandbox-sms/01a201ba-45bc-7258-8644-a2d92fafdfa7/000000000000000000",
        "/callbacks/nobody/01a201ba-45bc-7258-8644-a2d92fafdfa7/000000000000000000",
        "/callbacks/sandbox-sms/messages/0000",
    ] {
        let answer = office.get(path, "").await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(office.get("/health", "").await.status(), StatusCode::OK);
    let ready: Value = office.get("/ready", "").await.json().await.unwrap();
    assert_eq!(ready, json!({ "ready": true, "problems": [] }));
    let (_, released) = office.notify("k", &notice()).await;
    assert!(released["notice"].is_string());
    let metrics = office.get("/metrics", "").await.text().await.unwrap();
    assert!(metrics.contains("# TYPE messo_queue_due gauge"));
    assert!(!metrics.contains("example.test"), "no address in metrics");
}
