//! The doorbell between machines: RabbitMQ, one durable quorum queue `messo.jobs.<lane>` per lane.
//!
//! Guarantee: `ring` returns Ok only when the broker confirmed and routed every ring, and returns at
//! all within a few seconds, broker or no broker; a bell outlives the broker's death. Limit: a queue
//! keeps [`MAX_WAITING`] rings, each for [`KEEP`] at most, and one call sends [`MAX_RINGS_PER_LANE`] per lane; what goes beyond
//! is left out, because that many rings wake every worker there is and the jobs are in the database.
//!
//! lapin's own recovery is not used: a publish in flight may never resolve across it. On any doubt
//! the connection is dropped and a new one is built.

mod bell;
mod link;

use async_trait::async_trait;
use bell::BrokerBell;
use futures_util::{StreamExt, TryStreamExt, stream};
use lapin::options::BasicPublishOptions;
use lapin::uri::AMQPUri;
use lapin::{BasicProperties, Channel, Confirmation};
use link::{Link, Pause, limited, queue_name};
use messo_core::ids::JobId;
use messo_core::jobs::Lane;
use messo_core::ports::{Bell, Doorbell, DoorbellError};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Rings that a lane's queue keeps; the oldest make room for the newest.
pub const MAX_WAITING: i32 = 10_000;
/// How long a ring waits to be heard. Workers look into the database far more often by themselves, so an
/// older one says nothing new; without an end, rings would pile up in lanes that nobody works in.
pub const KEEP: Duration = Duration::from_secs(60);
/// Rings that one call of `ring` sends per lane.
pub const MAX_RINGS_PER_LANE: usize = 1_000;
/// Rings under way to the broker without its confirmation, per call.
const WINDOW: usize = 256;
/// Delivery mode of AMQP 0-9-1 for a message that survives the broker's restart.
const PERSISTENT: u8 = 2;

/// The doorbell of a RabbitMQ broker. Connects when first used. A rustls provider must be installed
/// for `amqps`.
pub struct RabbitDoorbell {
    uri: AMQPUri,
    keep: Duration,
    ringing: Mutex<Ringing>,
}

/// The connection for ringing; bells have their own, since a broker in need slows ringers down.
#[derive(Default)]
struct Ringing {
    link: Option<Link>,
    generation: u64,
    pause: Pause,
    /// After a failure nobody knocks before this, so that callers don't queue up at a dead door.
    not_before: Option<Instant>,
}

impl RabbitDoorbell {
    /// A doorbell at `url`: `amqp[s]://user:password@host:port/vhost`. The error never repeats the
    /// URL, which holds a password.
    pub fn new(url: &str) -> Result<Self, DoorbellError> {
        let mut uri: AMQPUri = url
            .parse()
            .map_err(|_| DoorbellError("the broker's URL is not of the form amqp://…".into()))?;
        // A machine that vanished without a word is noticed in two beats.
        uri.query.heartbeat.get_or_insert(link::HEARTBEAT_S);
        Ok(Self { uri, keep: KEEP, ringing: Mutex::default() })
    }

    /// The same with rings that wait for another time to be heard.
    #[must_use]
    pub fn keeping(mut self, keep: Duration) -> Self {
        self.keep = keep;
        self
    }

    /// The channel for ringing and the generation of its connection.
    async fn channel(&self) -> Result<(Channel, u64), DoorbellError> {
        let mut ringing = self.ringing.lock().await;
        if let Some(link) = ringing.link.take_if(|link| !link.is_sound()) {
            drop(link);
        }
        if let Some(link) = &ringing.link {
            return Ok((link.channel.clone(), ringing.generation));
        }
        if ringing.not_before.is_some_and(|instant| Instant::now() < instant) {
            return Err(DoorbellError("the broker did not answer a moment ago".into()));
        }
        match Link::for_ringing(&self.uri).await {
            Ok(link) => {
                ringing.pause.reset();
                ringing.not_before = None;
                ringing.generation += 1;
                let channel = link.channel.clone();
                ringing.link = Some(link);
                Ok((channel, ringing.generation))
            }
            Err(error) => {
                ringing.not_before = Some(Instant::now() + ringing.pause.longer());
                Err(error)
            }
        }
    }

    /// Drops the connection of this generation, unless another caller already did.
    async fn doubt(&self, generation: u64) {
        let mut ringing = self.ringing.lock().await;
        if ringing.generation == generation {
            ringing.link = None;
        }
    }
}

#[async_trait]
impl Doorbell for RabbitDoorbell {
    async fn ring(&self, jobs: &[(Lane, JobId)]) -> Result<(), DoorbellError> {
        if jobs.is_empty() {
            return Ok(());
        }
        let (channel, generation) = self.channel().await?;
        let outcome = stream::iter(first_of_each_lane(jobs))
            .map(|(lane, job)| publish(channel.clone(), lane, job, self.keep))
            .buffer_unordered(WINDOW)
            .try_for_each(|()| async { Ok(()) })
            .await;
        if outcome.is_err() {
            self.doubt(generation).await;
        }
        outcome
    }

    async fn listen(&self, lanes: &[Lane], prefetch: u16) -> Result<Box<dyn Bell>, DoorbellError> {
        if lanes.is_empty() {
            return Err(DoorbellError("a bell needs at least one lane".into()));
        }
        Ok(Box::new(BrokerBell::hang(self.uri.clone(), lanes.to_vec(), prefetch.max(1)).await))
    }

    async fn check(&self) -> Result<(), DoorbellError> {
        let (channel, generation) = self.channel().await?;
        let outcome = link::declare_queues(&channel).await;
        if outcome.is_err() {
            self.doubt(generation).await;
        }
        outcome
    }
}

/// The first [`MAX_RINGS_PER_LANE`] rings of each lane, in their order.
fn first_of_each_lane(jobs: &[(Lane, JobId)]) -> Vec<(Lane, JobId)> {
    let mut counts = BTreeMap::<Lane, usize>::new();
    let mut first = Vec::new();
    for &(lane, job) in jobs {
        let count = counts.entry(lane).or_default();
        if *count < MAX_RINGS_PER_LANE {
            *count += 1;
            first.push((lane, job));
        }
    }
    first
}

/// Sends one ring and waits until the broker confirms that it lies in the lane's queue.
async fn publish(
    channel: Channel,
    lane: Lane,
    job: JobId,
    keep: Duration,
) -> Result<(), DoorbellError> {
    let confirmation = limited("the confirmation of a ring", async {
        let options = BasicPublishOptions { mandatory: true, ..Default::default() };
        // Milliseconds in words (RabbitMQ, "Time-To-Live").
        let expiration = keep.as_millis().to_string();
        let properties = BasicProperties::default()
            .with_delivery_mode(PERSISTENT)
            .with_expiration(expiration.into());
        let queue = queue_name(lane).into();
        let text = job.to_string();
        channel.basic_publish("".into(), queue, options, text.as_bytes(), properties).await?.await
    })
    .await?;
    match confirmation {
        Confirmation::Ack(None) => Ok(()),
        // An unroutable message is acknowledged too, and comes back inside the acknowledgement.
        Confirmation::Ack(Some(_)) => Err(DoorbellError(format!("lane {lane} has no queue"))),
        Confirmation::Nack(_) => Err(DoorbellError("the broker refused a ring".into())),
        Confirmation::NotRequested => Err(DoorbellError("the broker does not confirm".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use messo_core::addresses::Channel as Way;

    #[test]
    fn a_call_rings_a_limited_number_of_times_per_lane() {
        let job = JobId(uuid_of(7));
        let mut jobs = vec![(Lane::Out(Way::Email), job); MAX_RINGS_PER_LANE + 5];
        jobs.push((Lane::Out(Way::Pec), job));
        let first = first_of_each_lane(&jobs);
        assert_eq!(first.len(), MAX_RINGS_PER_LANE + 1);
        assert_eq!(first.last(), Some(&(Lane::Out(Way::Pec), job)));
    }

    #[test]
    fn a_wrong_url_is_refused_without_repeating_it() {
        let error = RabbitDoorbell::new("http://user:secret@host/").err().expect("refused");
        assert!(!error.to_string().contains("secret"));
    }

    fn uuid_of(byte: u8) -> uuid::Uuid {
        uuid::Uuid::from_bytes([byte; 16])
    }
}
