//! The connections to one relay: opened when there is work, kept while there may be more, never more than
//! the cap.
//!
//! A message given up by its sender before its turn is not sent. One that has begun is carried to
//! its end even if its sender is gone. A message is never sent twice: only when a kept connection turns out
//! dead before the message was named is one other connection tried.

use super::line::Line;
use super::log::Log;
use super::reply::Reply;
use super::session::{Halt, Message, Session};
use super::settings::{SettingsError, SmtpSettings};
use crate::envelope::unanswered;
use messo_core::ports::{Exchange, Stage};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

/// The connections to one relay. Dropped, it closes them when they fall idle.
pub(crate) struct Sessions {
    shared: Arc<Shared>,
    patience: Duration,
}

struct Shared {
    line: Line,
    cap: usize,
    messages: u32,
    idle: Duration,
    queue: Mutex<Queue>,
    bell: Notify,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Job>,
    live: usize,
    idle: usize,
    closed: bool,
}

struct Job {
    message: Message,
    /// Set by whoever comes first: the worker that begins it or the sender that gives it up.
    begun: Arc<AtomicBool>,
    answer: oneshot::Sender<Exchange>,
}

impl Job {
    fn begin(&self) -> bool {
        !self.answer.is_closed() && !self.begun.swap(true, Ordering::AcqRel)
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        self.shared.queue().closed = true;
        self.shared.bell.notify_waiters();
    }
}

impl Sessions {
    /// The connections that the settings allow. Opens none.
    pub fn new(settings: &SmtpSettings) -> Result<Self, SettingsError> {
        let shared = Shared {
            line: Line::new(settings)?,
            cap: settings.sessions,
            messages: settings.messages_per_session.max(1),
            idle: Duration::from_secs(settings.idle_s),
            queue: Mutex::default(),
            bell: Notify::new(),
        };
        let patience = Duration::from_secs(settings.patience_s);
        Ok(Self { shared: Arc::new(shared), patience })
    }

    /// Opens a connection and closes it.
    pub async fn check(&self) -> Result<(), Exchange> {
        let mut log = Log::default();
        match Session::open(&self.shared.line, &mut log).await {
            Ok(session) => {
                session.quit().await;
                Ok(())
            }
            Err(halt) => Err(halted(halt, log)),
        }
    }

    /// Carries a message when its turn comes.
    pub async fn carry(&self, message: Message) -> Exchange {
        let begun = Arc::new(AtomicBool::new(false));
        let (answer, mut answered) = oneshot::channel();
        self.shared.push(Job { message, begun: Arc::clone(&begun), answer });
        tokio::select! {
            exchange = &mut answered => return exchange.unwrap_or_else(|_| vanished()),
            () = sleep(self.patience) => {}
        }
        if begun.swap(true, Ordering::AcqRel) {
            return answered.await.unwrap_or_else(|_| vanished());
        }
        unanswered(Stage::Connect, "messo:busy every connection to the relay is in use")
    }
}

/// The worker is gone without a word (the process is being stopped): it may have got far.
fn vanished() -> Exchange {
    unanswered(Stage::Sent, "messo:closed the sender was stopped")
}

fn halted(halt: Halt, log: Log) -> Exchange {
    let (code, answer) = halt.reply.map_or((None, String::new()), |r| (Some(r.code), r.text));
    Exchange { stage: halt.stage, code, answer, error: halt.error, transcript: log.transcript() }
}

fn answered(reply: Reply, log: Log) -> Exchange {
    Exchange {
        stage: Stage::Answered,
        code: Some(reply.code),
        answer: reply.text,
        error: None,
        transcript: log.transcript(),
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(self: &Arc<Self>, job: Job) {
        let mut queue = self.queue();
        queue.waiting.push_back(job);
        if queue.waiting.len() > queue.idle && queue.live < self.cap {
            queue.live += 1;
            tokio::spawn(Worker { shared: Arc::clone(self), session: None }.work());
        } else {
            self.bell.notify_one();
        }
    }

    fn pop(&self) -> Option<Job> {
        let mut queue = self.queue();
        while let Some(job) = queue.waiting.pop_front() {
            if job.begin() {
                return Some(job);
            }
        }
        None
    }
}

/// One connection's worth of work.
struct Worker {
    shared: Arc<Shared>,
    session: Option<Session>,
}

impl Worker {
    async fn work(mut self) {
        let mut ahead = None;
        loop {
            let named = ahead.is_some();
            let job = match ahead.take() {
                Some(job) => job,
                None => match self.wait().await {
                    Some(job) => job,
                    None => break,
                },
            };
            ahead = self.carry(job, named).await;
        }
        if let Some(session) = self.session.take() {
            session.quit().await;
        }
    }

    /// The next job; none when there was nothing to do for too long.
    async fn wait(&mut self) -> Option<Job> {
        let shared = Arc::clone(&self.shared);
        let until = Instant::now() + shared.idle;
        loop {
            let rung = shared.bell.notified();
            tokio::pin!(rung);
            rung.as_mut().enable();
            if let Some(job) = shared.pop() {
                return Some(job);
            }
            {
                let mut queue = shared.queue();
                if !queue.waiting.is_empty() {
                    continue;
                }
                if queue.closed || Instant::now() >= until {
                    queue.live -= 1;
                    return None;
                }
                queue.idle += 1;
            }
            let disturbed = match &mut self.session {
                Some(session) => tokio::select! {
                    () = &mut rung => false,
                    () = session.disturbed() => true,
                    () = sleep_until(until) => false,
                },
                None => tokio::select! {
                    () = &mut rung => false,
                    () = sleep_until(until) => false,
                },
            };
            shared.queue().idle -= 1;
            if disturbed {
                self.session = None;
            }
        }
    }

    /// Carries one job; the job whose commands were written behind it, if any.
    async fn carry(&mut self, mut job: Job, mut named: bool) -> Option<Job> {
        let mut log = Log::default();
        loop {
            let mut session = match self.session.take() {
                Some(session) => {
                    log.note(format!("-- kept connection, message {}", session.served + 1));
                    session
                }
                None => match Session::open(&self.shared.line, &mut log).await {
                    Ok(session) => {
                        named = false;
                        session
                    }
                    Err(halt) => {
                        let _ = job.answer.send(halted(halt, log));
                        return None;
                    }
                },
            };
            let mut ahead = None;
            let more = session.served + 1 < self.shared.messages;
            let next = |features: &_| {
                ahead = if more { self.shared.pop() } else { None };
                ahead.as_ref().map(|job: &Job| job.message.commands(features).concat())
            };
            let carried = session.carry(&mut job.message, named, next, &mut log).await;
            let exchange = match carried {
                // Nothing of the message was heard, and the next connection will be a new one.
                Err(halt) if halt.stale => continue,
                Err(halt) => halted(halt, log),
                Ok(reply) => answered(reply, log),
            };
            let _ = job.answer.send(exchange);
            match (session.broken, session.served >= self.shared.messages) {
                (true, _) => {}
                (false, true) => session.quit().await,
                (false, false) => self.session = Some(session),
            }
            return ahead;
        }
    }
}
