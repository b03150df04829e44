//! A running process: workers and the listener, started together and stopped in order.

use crate::cli::Role;
use crate::house::House;
use anyhow::Context;
use messo_core::jobs::Lane;
use messo_engine::Workers;
use messo_web::{DemoInfo, WebSettings, WebState};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Workers and listener of this process.
pub struct Running {
    /// Where the listener is, when there is one.
    pub address: Option<SocketAddr>,
    workers: Option<Workers>,
    listener: Option<JoinHandle<()>>,
    stop: CancellationToken,
}

impl Running {
    /// Starts what the roles ask for. `listener` is already bound, so that a taken port is known
    /// before anything begins.
    pub fn start(
        house: &House,
        roles: &[Role],
        listener: Option<TcpListener>,
        demo: Option<DemoInfo>,
    ) -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        let workers = roles.contains(&Role::Worker).then(|| {
            // Every lane: one whose provider was taken away still has questions to ask and silences to
            // notice.
            let lanes: Vec<Lane> = Lane::all().collect();
            let name = format!("{}-{}", std::process::id(), house.engine.ids.uuid().simple());
            Workers::start(Arc::clone(&house.engine), &lanes, name)
        });
        let mut running = Self { address: None, workers, listener: None, stop };
        if let Some(listener) = listener {
            running.address = Some(listener.local_addr()?);
            let app = messo_web::router(web_state(house, roles, demo));
            let stop = running.stop.clone();
            running.listener = Some(tokio::spawn(async move {
                let served =
                    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
                        .with_graceful_shutdown(stop.cancelled_owned());
                if let Err(error) = served.await {
                    tracing::error!(%error, "the listener stopped");
                }
            }));
        }
        Ok(running)
    }

    /// Stops: no new work, what is under way comes to an end, then the listener closes (receipts are
    /// taken until the last moment).
    pub async fn stop(self) {
        if let Some(workers) = self.workers {
            workers.stop().await;
        }
        self.stop.cancel();
        if let Some(listener) = self.listener {
            let patience = std::time::Duration::from_secs(5);
            if tokio::time::timeout(patience, listener).await.is_err() {
                tracing::warn!("a connection was still open when the process stopped");
            }
        }
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

fn web_state(house: &House, roles: &[Role], demo: Option<DemoInfo>) -> WebState {
    let server = &house.settings.server;
    let handle = metrics();
    WebState {
        engine: Arc::clone(&house.engine),
        metrics: Arc::new(move || handle.render()),
        secrets: Arc::new(crate::rim::secret),
        settings: WebSettings {
            secure_cookies: server.secure_cookies,
            public_metrics: server.public_metrics,
            public_url: server.public_url.clone(),
            message_key: house.keys.messages.clone(),
            pages: roles.contains(&Role::Web),
            intake: roles.contains(&Role::Intake),
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
