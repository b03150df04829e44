//! Mail in: receipts of certified mail from the mailbox's hands to the committed state, by the real engine on SQLite.
//!
//! Guarantee: what is measured ends when every receipt has moved its dispatch and no message waits; a receipt that ends at
//! the desk fails the run. Making dispatches and receipts is another process. Limit: IMAP is not in it; messages
//! are handed over in the order and pieces in which a mailbox would.

mod carrier;
mod house;
mod parts;

pub use carrier::prepare;
pub use parts::parts;

use house::House;
use messo_core::addresses::Channel;
use messo_core::jobs::Lane;
use messo_core::ports::{Arrived, Clock, MailSink, Progress, Store};
use messo_engine::Workers;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;
use std::time::Duration;

/// Bytes of messages that a mailbox hands over at once, as in the reader of mailboxes.
const PIECE: usize = 4 << 20;
/// How often it is looked whether all is done.
const LOOK: Duration = Duration::from_millis(20);
/// Longest run.
const MOST_S: f64 = 600.0;

/// Receipts of a dispatch: acceptance and delivery.
const EACH: u64 = 2;

/// Takes `count` receipts of `file`, after the first `skip`, into the database of a folder; prints one line of JSON.
/// An installation has one reader at work in a process; more stand for more processes.
pub fn take(folder: &Path, file: &Path, skip: u64, count: u64, readers: u32) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(taking(folder, Messages::open(file, skip)?, count, readers))
}

async fn taking(
    folder: &Path,
    mut messages: Messages,
    count: u64,
    readers: u32,
) -> anyhow::Result<()> {
    let House { engine, storage, body } = House::open(folder, Vec::new(), false).await?;
    let before = engine.store.progress(body, None).await?;
    let (written, cpu, began) = (storage.written(), super::cpu()?, engine.clock.now());
    let seconds = || engine.clock.now().since(began).as_secs_f64();
    let workers: Vec<_> = (0..readers)
        .map(|number| Workers::start(engine.clone(), &[Lane::Mail], format!("bench {number}")))
        .collect();
    let (mut taken, mut bytes) = (0, 0);
    while taken < count {
        let piece = messages.piece((count - taken).try_into()?)?;
        anyhow::ensure!(!piece.is_empty(), "the file holds too few receipts");
        bytes += piece.iter().map(Vec::len).sum::<usize>();
        taken += piece.len() as u64;
        let arrived = piece.into_iter().map(|raw| Arrived {
            body,
            mailbox: "pec".into(),
            channel: Channel::Pec,
            sandbox: true,
            folder: "INBOX".into(),
            arrived_at: None,
            raw,
            whole_size: None,
        });
        engine.take(arrived.collect(), None).await?;
    }
    let handed_over = seconds();
    let wanted = before.delivered + count / EACH;
    let mut now = before;
    while !(now.delivered == wanted && idle(&*storage).await?) {
        anyhow::ensure!(
            seconds() < MOST_S,
            "{now:?} after ten minutes: something waits at the desk"
        );
        tokio::time::sleep(LOOK).await;
        now = engine.store.progress(body, None).await?;
    }
    let (wall, cpu) = (seconds(), (super::cpu()? - cpu).as_secs_f64());
    let after = storage.written();
    for workers in workers {
        workers.stop().await;
    }
    let (groups, orders) = (after.groups - written.groups, after.orders - written.orders);
    let each = |value: f64| value * 1000.0 / count as f64;
    println!(
        "{}",
        serde_json::json!({
            "readers": readers, "open_before": open(&before), "open_after": open(&now), "receipts": count, "seconds": wall,
            "per_second": count as f64 / wall, "durable_after_s": handed_over, "cpu_s_per_1000": each(cpu),
            "bytes_each": bytes as u64 / count.max(1), "orders_per_transaction": orders as f64 / groups.max(1) as f64,
            "transactions_per_receipt": groups as f64 / count as f64, "peak_rss_mb": super::rss_mb("VmHWM:")?,
        })
    );
    Ok(())
}

const fn open(progress: &Progress) -> u64 {
    progress.waiting + progress.doubtful
}

/// Whether no message waits to be read.
async fn idle(store: &dyn Store) -> anyhow::Result<bool> {
    let lanes = store.lanes(house::WallClock.now()).await?;
    Ok(lanes.iter().all(|lane| lane.lane != Lane::Mail || lane.due + lane.waiting == 0))
}

/// A file of messages, each after its length in four bytes, the highest first.
struct Messages(BufReader<File>);

impl Messages {
    fn open(file: &Path, skip: u64) -> anyhow::Result<Self> {
        let mut messages = Self(BufReader::with_capacity(1 << 20, File::open(file)?));
        for _ in 0..skip {
            let length = messages.length()?.unwrap_or(0);
            messages.0.seek_relative(length as i64)?;
        }
        Ok(messages)
    }

    fn length(&mut self) -> anyhow::Result<Option<usize>> {
        let mut length = [0; 4];
        match self.0.read_exact(&mut length) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
            read => Ok(read.map(|()| Some(u32::from_be_bytes(length) as usize))?),
        }
    }

    fn next(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        let Some(length) = self.length()? else { return Ok(None) };
        let mut raw = vec![0; length];
        self.0.read_exact(&mut raw)?;
        Ok(Some(raw))
    }

    /// As many as a mailbox hands over at once, and no more than `most`.
    fn piece(&mut self, most: usize) -> anyhow::Result<Vec<Vec<u8>>> {
        let (mut piece, mut bytes) = (Vec::new(), 0);
        while piece.len() < most
            && bytes < PIECE
            && let Some(raw) = self.next()?
        {
            bytes += raw.len();
            piece.push(raw);
        }
        Ok(piece)
    }
}
