//! Connections: how many there may be at once, and what each may cost before it has asked for anything.
//!
//! Whoever can reach the door can open connections without a secret. So one that dawdles over its request's head, or
//! idles between two, is closed, and those beyond the bound stay in the kernel's backlog until there is a place.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// What connections may cost.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How many there are at once.
    pub connections: usize,
    /// How long a request's head may take to arrive, counted from when it could have begun.
    pub head_time: Duration,
    /// How large a request's head may be, in bytes.
    pub head_size: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        // As many as leave room below the 1024 files that a process may have open where nobody allowed it more.
        Self { connections: 768, head_time: Duration::from_secs(30), head_size: 64 << 10 }
    }
}

/// Serves the routes until told to stop, and then until the requests that are under way have been answered.
pub async fn serve<L: Listener>(mut listener: L, routes: Router, bounds: Bounds, stop: CancellationToken) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(bounds.head_time).max_buf_size(bounds.head_size);
    let places = Arc::new(Semaphore::new(bounds.connections));
    let under_way = GracefulShutdown::new();
    while let Some(Ok(place)) = stop.run_until_cancelled(Arc::clone(&places).acquire_owned()).await {
        let Some((stream, _)) = stop.run_until_cancelled(listener.accept()).await else { break };
        let service = TowerToHyperService::new(routes.clone());
        let connection = under_way.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke off");
            }
            drop(place);
        });
    }
    // Closed before waiting, so that who comes now is refused at once and can go elsewhere.
    drop(listener);
    under_way.shutdown().await;
}

#[cfg(test)]
mod tests;
