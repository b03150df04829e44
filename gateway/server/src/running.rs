//! A running process: workers and listeners, started together and stopped in order.

use crate::cli::Role;
use crate::house::House;
use crate::listening::{self, Limits};
use anyhow::Context;
use messo_core::jobs::Lane;
use messo_engine::Workers;
use messo_mailboxes::Mailboxes;
use messo_web::{DemoInfo, WebSettings, WebState};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How often the process looks whether it can serve.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Workers and listeners of this process.
pub struct Running {
    /// Where the listener is, when there is one.
    pub address: Option<SocketAddr>,
    workers: Option<Workers>,
    mailboxes: Option<Mailboxes>,
    listeners: Vec<JoinHandle<()>>,
    stop: CancellationToken,
}

/// What a process listens on; each is already bound, so that a taken port is known before anything begins.
#[derive(Default)]
pub struct Doors {
    /// For people, programs and providers.
    pub main: Option<TcpListener>,
    /// For health and metrics, where they are apart.
    pub health: Option<TcpListener>,
}

impl Running {
    /// Starts what the roles ask for. Mailboxes are read by whoever holds the main door: a command beside a
    /// running server leaves them to it.
    pub async fn start(
        house: &House,
        roles: &[Role],
        doors: Doors,
        demo: Option<DemoInfo>,
    ) -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        if roles.contains(&Role::Worker) {
            let (closing, stop) = (Arc::clone(&house.engine).keep_closing_days(), stop.clone());
            tokio::spawn(async move { stop.run_until_cancelled(closing).await });
        }
        let workers = roles.contains(&Role::Worker).then(|| {
            // Every lane: one whose provider was taken away still has questions to ask and silences to
            // notice.
            let lanes: Vec<Lane> = Lane::all().collect();
            let name = format!("{}-{}", std::process::id(), house.engine.ids.uuid().simple());
            Workers::start(Arc::clone(&house.engine), &lanes, name)
        });
        let mailboxes = match roles.contains(&Role::Intake) && doors.main.is_some() {
            true => crate::house::mail::watch(house).await?,
            false => None,
        };
        let address = doors.main.as_ref().map(TcpListener::local_addr).transpose()?;
        let server = &house.settings.server;
        let limits = Limits {
            connections: server.max_connections,
            headers: Duration::from_secs(server.header_timeout_s.max(1)),
        };
        let state = web_state(house, roles, demo, keep_looking(house, &stop));
        let main = doors.main.map(|door| (door, messo_web::router(state.clone())));
        let health = doors.health.map(|door| (door, messo_web::health_router(state)));
        let listeners = [main, health]
            .into_iter()
            .flatten()
            .map(|(door, app)| tokio::spawn(listening::serve(door, app, limits, stop.clone())))
            .collect();
        Ok(Self { address, workers, mailboxes, listeners, stop })
    }

    /// Stops: no new work, what is under way comes to an end, then the listener closes (receipts are
    /// taken until the last moment).
    pub async fn stop(self) {
        if let Some(mailboxes) = self.mailboxes {
            mailboxes.stop().await;
        }
        if let Some(workers) = self.workers {
            workers.stop().await;
        }
        self.stop.cancel();
        let listeners = futures_util::future::join_all(self.listeners);
        if tokio::time::timeout(Duration::from_secs(5), listeners).await.is_err() {
            tracing::warn!("a connection was still open when the process stopped");
        }
    }
}

/// Looks from time to time whether the process can serve, so that asking it costs nothing.
fn keep_looking(house: &House, stop: &CancellationToken) -> messo_web::Looks {
    let (sender, looks) = watch::channel(None);
    let (engine, stop) = (Arc::clone(&house.engine), stop.clone());
    let looking = async move {
        loop {
            let found = messo_web::look(&engine).await;
            if sender.send(Some(found)).is_err() {
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::spawn(async move { stop.run_until_cancelled(looking).await });
    looks
}

/// Binds the listener of health and metrics, where they are apart.
pub async fn bind_health(house: &House) -> anyhow::Result<Option<TcpListener>> {
    match house.settings.server.health_listen {
        Some(address) => bind(address).await.map(Some),
        None => Ok(None),
    }
}

/// Binds the listener, with a sentence when the port is taken.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("nobody can listen on {address}: is another program there?"))
}

/// Waits for Ctrl-C or the signal of a service manager.
pub async fn told_to_stop() {
    let interrupt = tokio::signal::ctrl_c();
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! { _ = interrupt => {}, _ = terminate.recv() => {} }
        }
        Err(_) => drop(interrupt.await),
    }
}

fn web_state(
    house: &House,
    roles: &[Role],
    demo: Option<DemoInfo>,
    looks: messo_web::Looks,
) -> WebState {
    let server = &house.settings.server;
    let handle = metrics();
    WebState {
        engine: Arc::clone(&house.engine),
        metrics: Arc::new(move || handle.render()),
        secrets: Arc::new(crate::rim::secret),
        looks,
        settings: WebSettings {
            secure_cookies: server.secure_cookies,
            public_metrics: server.public_metrics,
            public_url: server.public_url.clone(),
            message_key: house.keys.messages.clone(),
            pages: roles.contains(&Role::Web),
            intake: roles.contains(&Role::Intake),
            health_apart: server.health_listen.is_some(),
            proxies: server.proxies.clone(),
            receivers: house.settings.sms.receivers.clone(),
            request_timeout: Duration::from_secs(server.request_timeout_s.max(1)),
        },
        demo,
    }
}

/// The one recorder of metrics of the process.
fn metrics() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let recorder = PrometheusBuilder::new().build_recorder();
            let handle = recorder.handle();
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::warn!("another recorder of metrics is in place");
            }
            handle
        })
        .clone()
}
