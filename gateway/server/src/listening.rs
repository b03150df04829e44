//! The listener: HTTP/1.1 with limits on what a connection may hold on to.
//!
//! Guarantee: no more than [`Limits::connections`] are served at a time, and the next one is told to come again
//! instead of waiting without a word; one that does not send its headers in time, or is silent between two requests,
//! is closed; told to stop, the listener takes nobody new and lets each connection end its request. Limit: how long
//! a request may take is the router's affair; a reader that takes its answer slowly keeps its place until the
//! kernel gives it up.

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// Largest head of a request, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// Pause after the machine has refused a connection (no file handles left, say).
const PAUSE: Duration = Duration::from_millis(200);

/// Refusals under way at a time; beyond that a connection is closed without a word.
const MAX_REFUSALS: usize = 32;

/// What a refused connection reads.
const COME_AGAIN: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\n\
    content-type: text/plain; charset=utf-8\r\ncontent-length: 17\r\nconnection: close\r\n\r\nToo many visitors";

/// What connections may hold on to.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time.
    pub connections: usize,
    /// How long one may take to send the headers of a request, the time since the last one included.
    pub headers: Duration,
}

/// Serves until told to stop, then until every connection has ended its request.
pub async fn serve(listener: TcpListener, app: Router, limits: Limits, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(limits.connections.max(1)));
    let refusals = Arc::new(Semaphore::new(MAX_REFUSALS));
    let open = TaskTracker::new();
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            },
            () = stop.cancelled() => break,
        };
        match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => {
                let serving = converse(stream, peer, app.clone(), limits.headers, stop.clone());
                open.spawn(async move {
                    serving.await;
                    drop(place);
                });
            }
            Err(_) => {
                metrics::counter!("messo_connections_refused_total").increment(1);
                if let Ok(place) = Arc::clone(&refusals).try_acquire_owned() {
                    open.spawn(async move {
                        refuse(stream).await;
                        drop(place);
                    });
                }
            }
        }
    }
    drop(listener);
    open.close();
    open.wait().await;
}

/// One connection, from its first request to its last.
async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    app: Router,
    headers: Duration,
    stop: CancellationToken,
) {
    // Answers are small; waiting to fill a packet only delays them.
    drop(stream.set_nodelay(true));
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        app.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(headers)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // Clients that vanish or say nothing are no news.
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Says to come again. What the other side has sent is read, or the answer would be lost with the reset.
async fn refuse(mut stream: TcpStream) {
    let saying = async {
        stream.write_all(COME_AGAIN).await?;
        stream.shutdown().await?;
        let mut sink = [0; 4096];
        while stream.read(&mut sink).await? > 0 {}
        std::io::Result::Ok(())
    };
    drop(tokio::time::timeout(Duration::from_secs(1), saying).await);
}
