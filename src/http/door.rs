//! Connections: how many there may be at once, and what each may cost before it has asked for anything.
//!
//! Whoever can reach the door can open connections without a secret. So one that dawdles over its request's head, or
//! idles between two, is closed, and sooner when it is full and somebody waits outside. Those beyond the bound stay in
//! the kernel's backlog until there is a place.

mod guests;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::HttpBody as _;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{HttpService, Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(super) use self::guests::Guest;
use self::guests::Guests;
use crate::clock::Clock;

/// How long it is waited for a place before it is asked again who could make room.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

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
pub async fn serve<L: Listener>(
    mut listener: L,
    routes: Router,
    bounds: Bounds,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(bounds.head_time).max_buf_size(bounds.head_size);
    let places = Arc::new(Semaphore::new(bounds.connections));
    let (guests, under_way) = (Guests::default(), TaskTracker::new());
    while let Some((stream, _)) = stop.run_until_cancelled(listener.accept()).await {
        let Some(place) = stop.run_until_cancelled(find_place(&places, &guests, &*clock)).await else {
            break;
        };
        let (number, guest) = guests.admit(clock.now());
        let service = attend(routes.clone(), guest.clone(), Arc::clone(&clock));
        let connection = http.serve_connection(TokioIo::new(stream), service_fn(service));
        let connection = in_good_order(connection.with_upgrades(), stop.clone());
        let guests = guests.clone();
        under_way.spawn(async move {
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(%error, "a connection broke off");
                },
                () = guest.must_leave() => tracing::debug!("a connection had to make room"),
            }
            guests.gone(number);
            drop(place);
        });
    }
    // Closed before waiting, so that who comes now is refused at once and can go elsewhere.
    drop(listener);
    under_way.close();
    under_way.wait().await;
}

/// A connection that ends with the request that is under way once it is told to stop. What it was upgraded to ends by
/// itself.
async fn in_good_order<I, S>(
    connection: http1::UpgradeableConnection<I, S>,
    stop: CancellationToken,
) -> hyper::Result<()>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    S: HttpService<Incoming, ResBody = axum::body::Body>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

/// A place for one more connection; where there is none, somebody who can be done without makes room.
async fn find_place(places: &Arc<Semaphore>, guests: &Guests, clock: &dyn Clock) -> OwnedSemaphorePermit {
    loop {
        if let Ok(place) = Arc::clone(places).try_acquire_owned() {
            return place;
        }
        guests.make_room(clock.now());
        tokio::select! {
            place = Arc::clone(places).acquire_owned() => match place {
                Ok(place) => return place,
                // The semaphore is never closed.
                Err(_) => std::future::pending().await,
            },
            () = clock.sleep(LOOK_AGAIN) => {}
        }
    }
}

/// Answers a connection's requests, and keeps its guest's state.
fn attend(
    routes: Router,
    guest: Guest,
    clock: Arc<dyn Clock>,
) -> impl Fn(hyper::Request<Incoming>) -> Answering {
    let service = TowerToHyperService::new(routes);
    move |mut request| {
        guest.begins(clock.now());
        // Without a body all of it is here.
        if request.body().is_end_stream() {
            guest.arrived();
        }
        request.extensions_mut().insert(guest.clone());
        let (answer, guest, clock) = (service.call(request), guest.clone(), Arc::clone(&clock));
        Box::pin(async move {
            let answer = answer.await;
            guest.answered(clock.now());
            answer
        })
    }
}

/// A request that is being answered.
type Answering =
    futures_util::future::BoxFuture<'static, Result<axum::response::Response, std::convert::Infallible>>;

#[cfg(test)]
mod tests;
