//! Each server of the harness does the one thing that the other stories rely on.

use futures_util::future::BoxFuture;
use messo_core::ports::Doorbell;
use messo_tests::{Kannel, RabbitMq, Servers, install_tls_provider, kannel, mail};
use messo_wakeup::RabbitDoorbell;
use messo_wakeup::contract::{self, Unsettled};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use url::Url;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

const RAW: &str = "From: sede@example.test\r\nTo: anna@example.test\r\nSubject: prova\r\n\
                   Message-ID: <1@example.test>\r\n\r\nBuongiorno.\r\n.punto\r\n";

#[tokio::test]
async fn a_mail_through_postfix_arrives_in_dovecots_mailbox() {
    let postfix = Servers::postfix().await;
    let to = "anna.d'angelo@example.test";
    mail::submit(postfix.port(), "sede@example.test", to, RAW).await.expect("accepted");
    let mails = Servers::dovecot().await.mail_for(to, 1).await;
    let text = String::from_utf8_lossy(&mails[0]).replace("\r\n", "\n");
    assert!(text.contains("Message-ID: <1@example.test>"), "{text}");
    assert!(text.ends_with("\n\nBuongiorno.\n.punto\n"), "{text}");
}

#[tokio::test]
async fn an_unknown_recipient_is_refused_by_postfix_at_once() {
    let postfix = Servers::postfix().await;
    let refusal = mail::submit(postfix.port(), "s@example.test", "unknown@example.test", RAW).await;
    let refusal = refusal.expect_err("refused");
    assert!(refusal.starts_with("550 5.1.1"), "{refusal}");
}

#[tokio::test]
async fn a_mail_that_bounces_later_comes_back_to_its_sender() {
    let postfix = Servers::postfix().await;
    let from = "bounces@example.test";
    mail::submit(postfix.port(), from, "later@example.test", RAW).await.expect("accepted");
    let mails = Servers::dovecot().await.mail_for(from, 1).await;
    let text = String::from_utf8_lossy(&mails[0]);
    assert!(text.contains("message/delivery-status") && text.contains("Status: 5.1.1"), "{text}");
}

#[tokio::test]
async fn the_sink_takes_a_mail() {
    let sink = Servers::sink().await;
    mail::submit(sink.port(), "a@example.test", "b@example.test", RAW).await.expect("accepted");
}

#[tokio::test]
async fn an_sms_through_kannel_reaches_the_sms_centre_and_its_delivery_is_reported() {
    install_tls_provider();
    let listener = listener().await;
    let kannel = Kannel::start(&format!("{}/in", listener.uri())).await.expect("Kannel starts");
    let delivery_url = format!("{}/dlr?key=7&type=%d&id=%I", listener.uri());
    let query = [
        ("username", kannel::USER),
        ("password", kannel::PASSWORD),
        ("from", "Messo"),
        ("to", "+393331234567"),
        ("text", "Convocazione del 3 marzo"),
        ("dlr-mask", "31"),
        ("dlr-url", &delivery_url),
    ];
    let url = Url::parse_with_params(&kannel.sendsms_url(), query).expect("a URL");
    let answer = reqwest::get(url).await.expect("Kannel answers");
    assert_eq!(answer.status(), 202);
    let received = kannel.received_at_least(1).await;
    assert_eq!(received, ["Messo +393331234567 text Convocazione del 3 marzo"]);
    let reports = calls(&listener, "/dlr", 2).await;
    assert!(reports.iter().any(|report| report.contains("type=8")), "{reports:?}");
    assert!(reports.iter().any(|report| report.contains("type=1&")), "{reports:?}");
}

#[tokio::test]
async fn an_sms_from_a_phone_is_handed_in_by_kannel() {
    install_tls_provider();
    let listener = listener().await;
    let inbound = format!("{}/in?from=%p&to=%P&text=%b", listener.uri());
    let kannel = Kannel::start(&inbound).await.expect("Kannel starts");
    kannel.phone_sends("+393331234567", "+39320000", "SI aderisco");
    let messages = calls(&listener, "/in", 1).await;
    assert_eq!(messages, ["from=%2B393331234567&to=%2B39320000&text=SI+aderisco"]);
}

#[tokio::test]
async fn the_rabbitmq_doorbell_keeps_the_contract() {
    install_tls_provider();
    let broker = Servers::rabbitmq().await;
    let fresh = || -> BoxFuture<'_, Box<dyn Doorbell>> {
        Box::pin(async { Box::new(doorbell(&broker.virtual_host().await)) as Box<dyn Doorbell> })
    };
    contract::run(&fresh, Unsettled::ComesAgain).await;
}

#[tokio::test]
async fn the_rabbitmq_doorbell_survives_the_death_of_the_broker() {
    install_tls_provider();
    let broker = RabbitMq::start().await.expect("RabbitMQ starts");
    let doorbell = doorbell(&broker.virtual_host().await);
    contract::an_outage_is_survived(&doorbell, broker.kill(), broker.restart()).await;
}

#[tokio::test]
async fn a_ring_that_nobody_hears_goes_away_after_its_time() {
    install_tls_provider();
    let broker = Servers::rabbitmq().await;
    let keep = std::time::Duration::from_millis(500);
    let doorbell = doorbell(&broker.virtual_host().await).keeping(keep);
    contract::an_old_ring_is_not_heard(&doorbell, keep).await;
}

fn doorbell(url: &str) -> RabbitDoorbell {
    RabbitDoorbell::new(url).expect("the harness gives a good URL")
}

/// A listener that answers 200 to everything and remembers it.
async fn listener() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    server
}

/// The query strings of at least `count` calls of a path.
async fn calls(listener: &MockServer, path: &str, count: usize) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let requests = listener.received_requests().await.unwrap_or_default();
        let queries: Vec<_> = requests
            .iter()
            .filter(|request| request.url.path() == path)
            .filter_map(|request| request.url.query().map(str::to_owned))
            .collect();
        if queries.len() >= count {
            return queries;
        }
        assert!(Instant::now() < deadline, "{} of {count} calls came: {queries:?}", queries.len());
        sleep(Duration::from_millis(50)).await;
    }
}
