//! How many rings a second the RabbitMQ doorbell carries, on a private broker: rung in batches with confirms by
//! one task, heard and settled by another. `cargo run --release -p messo-tests --example rings -- 20000`

use messo_core::ids::JobId;
use messo_core::jobs::Lane;
use messo_core::ports::Doorbell;
use messo_tests::RabbitMq;
use messo_wakeup::RabbitDoorbell;
use std::sync::Arc;
use std::time::Instant;

const BATCH: usize = 100;

#[tokio::main]
async fn main() {
    messo_tests::install_tls_provider();
    let count: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(20_000);
    let broker = RabbitMq::start().await.expect("RabbitMQ starts");
    let url = broker.virtual_host().await;
    let doorbell = Arc::new(RabbitDoorbell::new(&url).expect("an address"));
    let mut bell = doorbell.listen(&[Lane::Mail], 1_000).await.expect("somebody listens");
    let heard = tokio::spawn(async move {
        for _ in 0..count {
            bell.next().await.settle();
        }
    });
    #[expect(clippy::disallowed_methods, reason = "this program measures time")]
    let began = Instant::now();
    for _ in 0..count / BATCH {
        #[expect(clippy::disallowed_methods, reason = "this program needs no seed")]
        let rings: Vec<_> = (0..BATCH).map(|_| (Lane::Mail, JobId(uuid::Uuid::now_v7()))).collect();
        doorbell.ring(&rings).await.expect("the ring is confirmed");
    }
    let rung = began.elapsed().as_secs_f64();
    heard.await.expect("the listener ends");
    let all = began.elapsed().as_secs_f64();
    println!(
        "{{\"doorbell\": \"rabbitmq\", \"rings\": {count}, \"confirmed_per_second\": {:.0}, \"heard_per_second\": {:.0}}}",
        count as f64 / rung,
        count as f64 / all
    );
}
