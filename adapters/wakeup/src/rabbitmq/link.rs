//! One connection to the broker with one channel, and the pauses between tries to build it.
//!
//! Guarantee: every exchange ends within [`ANSWER_LIMIT`], building a connection within
//! [`CONNECT_LIMIT`]; both together stay under five seconds. Limit: nothing here tries again.

use super::MAX_WAITING;
use lapin::options::{ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, LongString};
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties};
use messo_core::jobs::Lane;
use messo_core::ports::DoorbellError;
use std::time::Duration;
use tokio::time::timeout;

/// Heartbeat that we ask the broker for, in seconds.
pub(super) const HEARTBEAT_S: u16 = 10;
/// How long the broker may take for one exchange.
const ANSWER_LIMIT: Duration = Duration::from_millis(2_500);
/// How long a connection may take to be ready, queues included.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// A connection and its only channel. Dropping it closes both.
pub(super) struct Link {
    connection: Connection,
    pub(super) channel: Channel,
}

impl Link {
    /// A link with all queues declared.
    pub(super) async fn open(uri: &AMQPUri) -> Result<Self, DoorbellError> {
        let building = async {
            let properties = ConnectionProperties::default().with_connection_name("messo".into());
            let connection =
                Connection::connect_uri(uri.clone(), properties).await.map_err(broken)?;
            let channel = connection.create_channel().await.map_err(broken)?;
            declare_queues(&channel).await?;
            Ok(Self { connection, channel })
        };
        timeout(CONNECT_LIMIT, building).await.map_err(|_| {
            DoorbellError(format!("no connection within {} s", CONNECT_LIMIT.as_secs()))
        })?
    }

    /// A link on which the broker confirms what it is sent.
    pub(super) async fn for_ringing(uri: &AMQPUri) -> Result<Self, DoorbellError> {
        let link = Self::open(uri).await?;
        let options = ConfirmSelectOptions::default();
        limited("confirm.select", link.channel.confirm_select(options)).await?;
        Ok(link)
    }

    /// Whether nothing speaks against the link; only the next exchange can prove it.
    pub(super) fn is_sound(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected()
    }
}

/// Declares the queue of every lane; harmless when they are there.
pub(super) async fn declare_queues(channel: &Channel) -> Result<(), DoorbellError> {
    let mut arguments = FieldTable::default();
    let text = |text: &str| AMQPValue::LongString(LongString::from(text));
    arguments.insert("x-queue-type".into(), text("quorum"));
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(MAX_WAITING));
    arguments.insert("x-overflow".into(), text("drop-head"));
    for lane in Lane::all() {
        let options = QueueDeclareOptions::durable();
        let declared = channel.queue_declare(queue_name(lane).into(), options, arguments.clone());
        limited("the declaration of a queue", declared).await?;
    }
    Ok(())
}

/// The queue of a lane.
pub(super) fn queue_name(lane: Lane) -> String {
    format!("messo.jobs.{lane}")
}

/// Waits for an exchange with the broker, but not longer than [`ANSWER_LIMIT`].
pub(super) async fn limited<T>(
    what: &str,
    exchange: impl Future<Output = lapin::Result<T>>,
) -> Result<T, DoorbellError> {
    match timeout(ANSWER_LIMIT, exchange).await {
        Ok(answer) => answer.map_err(broken),
        Err(_) => Err(DoorbellError(format!("{what} did not come in time"))),
    }
}

fn broken(error: lapin::Error) -> DoorbellError {
    DoorbellError(error.to_string())
}

/// Growing pauses between tries: 0.25 s, doubled up to 5 s.
#[derive(Default)]
pub(super) struct Pause {
    failures: u32,
}

impl Pause {
    const FIRST: Duration = Duration::from_millis(250);
    const LONGEST: Duration = Duration::from_secs(5);

    /// The pause after one more failure.
    pub(super) fn longer(&mut self) -> Duration {
        let pause = Self::FIRST.saturating_mul(1 << self.failures.min(8)).min(Self::LONGEST);
        self.failures = self.failures.saturating_add(1);
        pause
    }

    /// It worked: the next failure begins again with the shortest pause.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_five_seconds_and_start_again_after_a_success() {
        let mut pause = Pause::default();
        let pauses: Vec<_> = (0..7).map(|_| pause.longer().as_millis()).collect();
        assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 5000, 5000]);
        pause.reset();
        assert_eq!(pause.longer().as_millis(), 250);
    }
}
