//! The hearing side: a task that keeps a connection to the broker and passes on what it hears.
//!
//! Guarantee: it never gives up; after every reconnection each lane hears one ring without a job,
//! since rings may have been missed. A rung dropped unsettled goes back to the broker and is heard
//! again. Limit: the broker hands out `prefetch` unsettled rings per lane, so no more are in memory.

use super::link::{Link, Pause, limited, queue_name};
use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream, select_all};
use lapin::Acker;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::uri::AMQPUri;
use messo_core::jobs::Lane;
use messo_core::ports::{Bell, DoorbellError, Rung};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Rings between the task and whoever calls `next`; the others wait at the broker.
const HEARD_AHEAD: usize = 16;
/// A rung dropped unsettled is heard again after this pause: whoever dropped it is in trouble.
const HEARD_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A bell on a broker's queues. Dropping it closes its connection.
pub(super) struct BrokerBell {
    heard: mpsc::Receiver<Rung>,
    hearing: JoinHandle<()>,
}

impl BrokerBell {
    /// Hangs a bell. Returns when it hears, or when the first try to connect has failed; then it
    /// goes on trying.
    pub(super) async fn hang(uri: AMQPUri, lanes: Vec<Lane>, prefetch: u16) -> Self {
        let (sender, heard) = mpsc::channel(HEARD_AHEAD);
        let (tried, first_try) = oneshot::channel();
        let hearing = tokio::spawn(keep_hearing(uri, lanes, prefetch, sender, tried));
        let _ = first_try.await;
        Self { heard, hearing }
    }
}

impl Drop for BrokerBell {
    fn drop(&mut self) {
        self.hearing.abort();
    }
}

#[async_trait]
impl Bell for BrokerBell {
    async fn next(&mut self) -> Rung {
        match self.heard.recv().await {
            Some(rung) => rung,
            // The task lives as long as the bell; only a runtime that shuts down ends it earlier.
            None => std::future::pending().await,
        }
    }
}

async fn keep_hearing(
    uri: AMQPUri,
    lanes: Vec<Lane>,
    prefetch: u16,
    heard: mpsc::Sender<Rung>,
    tried: oneshot::Sender<()>,
) {
    let mut tried = Some(tried);
    let mut missed = false;
    let mut pause = Pause::default();
    loop {
        let ended = match Hearing::open(&uri, &lanes, prefetch).await {
            Ok(hearing) => {
                pause.reset();
                tried.take().map(|tried| tried.send(()));
                let alarm = lanes.iter().filter(|_| missed);
                for lane in alarm {
                    if heard.send(Rung::new(*lane, None, None)).await.is_err() {
                        return;
                    }
                }
                hearing.pass_on(&heard).await
            }
            Err(error) => error,
        };
        tried.take().map(|tried| tried.send(()));
        missed = true;
        let wait = pause.longer();
        tracing::warn!(wait_ms = wait.as_millis() as u64, "not hearing the doorbell: {ended}");
        tokio::time::sleep(wait).await;
    }
}

/// A connection with one consumer per lane.
struct Hearing {
    _link: Link,
    deliveries: BoxStream<'static, (Lane, Option<lapin::Result<Delivery>>)>,
}

impl Hearing {
    async fn open(uri: &AMQPUri, lanes: &[Lane], prefetch: u16) -> Result<Self, DoorbellError> {
        let link = Link::open(uri).await?;
        // Per consumer, not per channel: quorum queues know no other kind.
        limited("basic.qos", link.channel.basic_qos(prefetch, BasicQosOptions::default())).await?;
        let mut consumers = Vec::with_capacity(lanes.len());
        for &lane in lanes {
            let consumer = link.channel.basic_consume(
                queue_name(lane).into(),
                "".into(),
                BasicConsumeOptions::default(),
                FieldTable::default(),
            );
            let consumer = limited("basic.consume", consumer).await?;
            // The end of one lane is a doubt about all; `select_all` alone would hide it.
            let end = stream::once(async move { (lane, None) });
            let deliveries = consumer.map(move |delivery| (lane, Some(delivery))).chain(end);
            consumers.push(deliveries.boxed());
        }
        Ok(Self { _link: link, deliveries: select_all(consumers).boxed() })
    }

    /// Passes rings on until the connection is in doubt; says why it is.
    async fn pass_on(mut self, heard: &mpsc::Sender<Rung>) -> DoorbellError {
        loop {
            match self.deliveries.next().await {
                Some((lane, Some(Ok(delivery)))) => {
                    if heard.send(rung(lane, delivery)).await.is_err() {
                        return DoorbellError("nobody listens any more".into());
                    }
                }
                Some((_, Some(Err(error)))) => return DoorbellError(error.to_string()),
                Some((lane, None)) => {
                    return DoorbellError(format!("the broker stopped lane {lane}"));
                }
                None => return DoorbellError("no lane is left".into()),
            }
        }
    }
}

/// A ring from a message. A text that is no job id still says that something happened.
fn rung(lane: Lane, delivery: Delivery) -> Rung {
    let job = std::str::from_utf8(&delivery.data).ok().and_then(|text| text.parse().ok());
    let unsettled = Unsettled { acker: Some(delivery.acker), runtime: Handle::current() };
    Rung::new(lane, job, Some(Box::new(move || unsettled.settle())))
}

/// The broker waits for an answer about this ring; without one it would keep its place for ever.
struct Unsettled {
    acker: Option<Acker>,
    runtime: Handle,
}

impl Unsettled {
    fn settle(mut self) {
        if let Some(acker) = self.acker.take() {
            // When the connection is gone, the ring comes again elsewhere and finds nothing to do.
            self.runtime.spawn(async move {
                let _ = limited("basic.ack", acker.ack(BasicAckOptions::default())).await;
            });
        }
    }
}

impl Drop for Unsettled {
    fn drop(&mut self) {
        if let Some(acker) = self.acker.take() {
            self.runtime.spawn(async move {
                tokio::time::sleep(HEARD_AGAIN_AFTER).await;
                let again = BasicNackOptions { requeue: true, ..Default::default() };
                let _ = limited("basic.nack", acker.nack(again)).await;
            });
        }
    }
}
