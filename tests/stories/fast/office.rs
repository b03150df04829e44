//! The office in which the stories of pages and API take place.

use messo_tests::installation::Serving;
use messo_tests::{Installation, install_tls_provider, sheets};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, header};
use serde_json::{Value, json};
use std::io::Write;
use std::process::Stdio;

/// The password of the one who can sign in.
pub(super) const PASSWORD: &str = "una frase lunga";

/// A served sandbox with one case in it, somebody who can sign in, and a key.
pub(super) struct Office {
    pub(super) installation: Installation,
    pub(super) serving: Serving,
    pub(super) client: Client,
    pub(super) key: String,
}

impl Office {
    pub(super) async fn open() -> Self {
        let row = "41;2026;02/11/2026;condominio;8400;convocato;Niccolò;D'Angelo;niccolo+answer@example.test;3331234500;Via dei Tigli;12;50123;Firenze;FI;02/12/2026 10:00;Sala Blu\n";
        Self::with(&(sheets::HEADER.to_owned() + row), &[]).await
    }

    /// With these cases and these variables.
    pub(super) async fn with(cases: &str, variables: &[(&str, &str)]) -> Self {
        install_tls_provider();
        let installation = Installation::new(&["--sandbox"]).with("MESSO_WORKER_SWEEP_MS", "100");
        let installation =
            variables.iter().fold(installation, |made, (name, value)| made.with(name, value));
        let file = installation.file("cases.csv", cases);
        installation.ok(&["import", "cases", file.to_str().unwrap()]);
        set_password(&installation, "anna", PASSWORD);
        let key = installation.ok(&["key", "create", "gestionale"]).trim().to_owned();
        let serving = installation.serve(&[]).ready().await;
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        Self { installation, serving, client, key }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.serving.url)
    }

    pub(super) async fn get(&self, path: &str, session: &str) -> Response {
        let request = self.client.get(self.url(path)).header(header::COOKIE, session);
        request.send().await.unwrap()
    }

    pub(super) async fn post(&self, path: &str, session: &str, form: &[(&str, &str)]) -> Response {
        let request = self.client.post(self.url(path)).header(header::COOKIE, session);
        request.form(form).send().await.unwrap()
    }

    pub(super) async fn sign_in(&self, password: &str) -> Response {
        self.post("/login", "", &[("login", "anna"), ("password", password)]).await
    }

    /// The same through the proxy on this machine, from an address elsewhere.
    pub(super) async fn sign_in_from(&self, address: &str, password: &str) -> Response {
        let request = self.client.post(self.url("/login")).header("x-forwarded-for", address);
        request.form(&[("login", "anna"), ("password", password)]).send().await.unwrap()
    }

    /// The cookie of a fresh session.
    pub(super) async fn session(&self) -> String {
        let answer = self.sign_in(PASSWORD).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        cookie.split(';').next().unwrap().to_owned()
    }

    pub(super) async fn notify(&self, key: &str, notice: &Value) -> (StatusCode, Value) {
        let request = self.client.post(self.url("/v1/notices")).bearer_auth(&self.key);
        let answer = request.header("idempotency-key", key).json(notice).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    /// The page of the only party of the only case.
    pub(super) async fn party(&self, session: &str) -> String {
        let home = self.get("/", session).await.text().await.unwrap();
        party_link(&home)
    }

    pub(super) async fn api(&self, path: &str) -> Response {
        self.client.get(self.url(path)).bearer_auth(&self.key).send().await.unwrap()
    }
}

pub(super) fn set_password(installation: &Installation, login: &str, password: &str) {
    let mut child =
        installation.command(&["user", "set", login]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

pub(super) fn notice() -> Value {
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
pub(super) fn between<'a>(page: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = page.split_once(before).unwrap_or_else(|| panic!("no {before} in:\n{page}"));
    rest.split_once(after).unwrap().0
}

/// The first link to a party's page.
pub(super) fn party_link(page: &str) -> String {
    let links = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let link = links.into_iter().find(|link| link.contains("/parti/"));
    link.unwrap_or_else(|| panic!("no party in:\n{page}")).to_owned()
}
