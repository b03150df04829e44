//! The same work by lettre with TCP_NODELAY: its own connection over our socket, no journal, no proof.

use lettre::message::{Attachment, MultiPart, SinglePart, header::ContentType};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, Message};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::net::TcpStream;

/// Sends and prints one line of JSON.
pub fn run(port: u16, count: u32, sessions: u32, file: &str) -> anyhow::Result<()> {
    let html: Arc<str> = std::fs::read_to_string(file)?.into();
    let runtime = tokio::runtime::Runtime::new()?;
    let before = super::cpu()?;
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures the wall clock")]
    let started = std::time::Instant::now();
    runtime.block_on(async {
        let next = Arc::new(AtomicU32::new(0));
        let lanes =
            (0..sessions).map(|_| tokio::spawn(lane(port, count, next.clone(), html.clone())));
        for lane in lanes.collect::<Vec<_>>() {
            lane.await??;
        }
        anyhow::Ok(())
    })?;
    let seconds = started.elapsed().as_secs_f64();
    let cpu = (super::cpu()? - before).as_secs_f64();
    println!(
        "{}",
        serde_json::json!({
            "sender": "lettre+nodelay", "messages": count, "seconds": seconds,
            "per_second": f64::from(count) / seconds, "cpu_s_per_1000": cpu / f64::from(count) * 1000.0,
        })
    );
    Ok(())
}

async fn lane(port: u16, count: u32, next: Arc<AtomicU32>, html: Arc<str>) -> anyhow::Result<()> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let stream: Box<dyn AsyncTokioStream> = Box::new(stream);
    let hello = ClientId::Domain("bench.example.test".into());
    let mut connection = AsyncSmtpConnection::connect_with_transport(stream, &hello).await?;
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            connection.quit().await?;
            return Ok(());
        }
        let message = message(number, &html)?;
        connection.send(message.envelope(), &message.formatted()).await?;
    }
}

fn message(number: u32, html: &str) -> anyhow::Result<Message> {
    let code = format!("HTTPS://MESSO.EXAMPLE/Q/{number:040}");
    let picture = messo_templates::qr::draw(&code, messo_templates::CODE_MM)
        .map_err(|refusal| anyhow::anyhow!("{refusal}"))?
        .png(4);
    let picture =
        Attachment::new_inline("qr".into()).body(picture, ContentType::parse("image/png")?);
    let text = format!("Gentile persona {number}, la sua pratica la attende. ").repeat(40);
    let to: Address = format!("anna{number}@example.test").parse()?;
    Ok(Message::builder()
        .from("segreteria@organismo.example".parse()?)
        .to(to.into())
        .subject(format!("Comunicazione n. {number}"))
        .multipart(
            MultiPart::alternative().singlepart(SinglePart::plain(text)).multipart(
                MultiPart::related()
                    .singlepart(SinglePart::html(html.replace("Angelo", &number.to_string())))
                    .singlepart(picture),
            ),
        )?)
}
