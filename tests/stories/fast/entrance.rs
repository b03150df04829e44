//! Who comes in, who does not, and who shuts nobody out.

use super::office::{Office, PASSWORD, set_password};
use reqwest::{StatusCode, header};

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
async fn a_stranger_who_guesses_shuts_out_nobody_but_himself() {
    let office = Office::open().await;
    for _ in 0..10 {
        let answer = office.sign_in_from("203.0.113.9", "sbagliata").await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    }
    let answer = office.sign_in_from("203.0.113.9", PASSWORD).await;
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    let answer = office.sign_in_from("198.51.100.7", PASSWORD).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER, "she signs in from her own place");
}

#[tokio::test]
async fn a_changed_password_ends_the_sessions_that_began_under_the_old_one() {
    let office = Office::open().await;
    let session = office.session().await;
    assert_eq!(office.get("/", &session).await.status(), StatusCode::OK);
    set_password(&office.installation, "anna", "un'altra frase lunga");
    assert_eq!(office.get("/", &session).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(office.sign_in(PASSWORD).await.status(), StatusCode::UNAUTHORIZED);
    let answer = office.sign_in("un'altra frase lunga").await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
}
