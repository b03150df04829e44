//! What a person at a browser and a stranger with a link see and get.

use super::office::{Office, between, notice, party_link};
use messo_tests::sheets;
use reqwest::{StatusCode, header};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn a_summons_is_released_from_the_page_watched_answered_and_proved() {
    let office = Office::open().await;
    let session = office.session().await;
    let home = office.get("/", &session).await.text().await.unwrap();
    assert!(home.contains("SIMULAZIONE"), "a sandbox is always marked");
    let party = party_link(&home);

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

    let party = party_link(&page);
    let mail = office.get(&format!("{party}/mail.html"), &session).await;
    let policy = mail.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("sandbox"), "a mail's markup can do nothing: {policy}");
}

#[tokio::test]
async fn the_page_behind_a_code_says_who_writes_and_never_about_what() {
    let office = Office::open().await;
    let session = office.session().await;
    let home = office.get("/", &session).await.text().await.unwrap();
    let party = party_link(&home);
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

#[tokio::test]
async fn the_page_warns_of_a_first_meeting_outside_the_days_of_the_law_and_names_the_lawyer() {
    let header = sheets::HEADER.trim_end().to_owned() + ";avvocato;pec_avvocato\n";
    let row = "41;2026;10/01/2026;condominio;8400;convocato;Niccolò;D'Angelo;niccolo@example.test;;Via dei Tigli;12;50123;Firenze;FI;18/01/2026 10:00;Sala Blu;Avv. Bice Portinari;bice@pec.example.test\n";
    let office = Office::with(&(header + row), &[]).await;
    let session = office.session().await;
    let party = office.party(&session).await;
    let page = office.get(&party, &session).await.text().await.unwrap();
    for warning in ["già passato", "20 giorni dal deposito", "giorno festivo (domenica)"] {
        assert!(page.contains(warning), "«{warning}» is not in:\n{page}");
    }
    assert!(page.contains("Tutti i dati ci sono"), "a warning stops nothing");
    assert!(page.contains("Avv. Bice Portinari") && page.contains("bice@pec.example.test"));
}

#[tokio::test]
async fn a_communication_in_the_words_of_the_staff_is_written_seen_and_sent() {
    let office = Office::open().await;
    let session = office.session().await;
    let party = office.party(&session).await;
    let asked = format!("{party}?modello=comunicazione&piano=email");
    let page = office.get(&asked, &session).await.text().await.unwrap();
    assert!(page.contains("name=\"campo.oggetto\"") && page.contains("name=\"campo.testo\""));
    assert!(page.contains("disabled>Rilascia"), "nothing is written yet");

    let words = [
        ("modello", "comunicazione"),
        ("lingua", "it"),
        ("piano", "email"),
        ("campo.oggetto", "Cambio di sala"),
        ("campo.testo", "L'incontro si tiene in Sala Verde.\r\n\r\nLa data resta <quella>."),
    ];
    let page = office.post(&format!("{party}/anteprima"), &session, &words).await;
    let page = page.text().await.unwrap();
    assert!(page.contains("Cambio di sala") && page.contains("Sala Verde"), "{page}");
    assert!(!page.contains("<quella>"), "what is written is text");
    assert!(!page.contains("Da guardare prima"), "it is not about the meeting");
    let mail = office.post(&format!("{party}/mail.html"), &session, &words).await;
    assert!(mail.text().await.unwrap().contains("Sala Verde"));

    let key = between(&page, "name=\"chiave\" value=\"", "\"").to_owned();
    let mut form = words.to_vec();
    form.push(("chiave", key.as_str()));
    let released = office.post(&party, &session, &form).await;
    assert_eq!(released.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn what_was_only_handed_over_is_not_called_delivered() {
    let office = Office::open().await;
    let session = office.session().await;
    let (_, released) = office.notify("k", &notice()).await;
    let id = released["dispatches"][0]["id"].as_str().unwrap().to_owned();
    let mut page = String::new();
    for _ in 0..150 {
        page = office.get(&format!("/invii/{id}/stato"), &session).await.text().await.unwrap();
        if page.contains(">Inviata<") || page.contains(">Consegnata<") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(page.contains(">Inviata<"), "{page}");
    let list = office.get("/invii", &session).await.text().await.unwrap();
    assert!(list.contains(">Inviata<") && list.contains("inviate o consegnate"), "{list}");
    let told: Value = office.api(&format!("/v1/dispatches/{id}")).await.json().await.unwrap();
    assert_eq!((&told["state"], &told["proof"]), (&json!("delivered"), &json!("handed_over")));
}

#[tokio::test]
async fn codes_sealed_with_a_new_key_hold_in_a_process_that_runs() {
    let office = Office::open().await;
    let data = office.installation.file(
        "dati.json",
        json!({
            "template": "", "body": { "name": "Organismo", "email": "a@example.it" },
            "case": { "number": "41", "year": 2026, "filed_on": "2026-11-02", "matter": "condominio" },
            "recipient": { "role": "convocato", "family_name": "Rossi" },
            "meeting": { "at": "2026-12-02T10:00:00", "place": "Sala Blu" },
        })
        .to_string(),
    );
    let folder = office.installation.folder().join("resa");
    let code = |installation: &messo_tests::Installation| {
        let (data, out) = (data.to_str().unwrap(), folder.to_str().unwrap());
        installation.ok(&[
            "notice",
            "render",
            "--template",
            "convocazione",
            "--data-file",
            data,
            "--out",
            out,
        ]);
        let text = std::fs::read_to_string(folder.join("message.txt")).unwrap();
        between(&text, "/Q/", "\n").split_whitespace().next().unwrap().to_owned()
    };
    let old = code(&office.installation);
    office.installation.ok(&["qr", "rotate"]);
    let new = code(&office.installation);
    assert_ne!(old, new);
    for token in [new, old] {
        let answer = office.get(&format!("/Q/{token}"), "").await;
        assert_eq!(answer.status(), StatusCode::OK, "without a restart");
    }
}
