//! Deliveries: the body is read within its source's bound and handed to the inbox.

pub(super) mod body;

use std::pin::pin;
use std::sync::Arc;

use axum::body::{Body, HttpBody as _};
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse as _, NoContent, Response};
use bytes::Bytes;
use futures_util::future::select;
use http_body_util::BodyExt as _;
use tokio::sync::SemaphorePermit;

use super::door::Guest;
use super::{Face, Problem};
use crate::clock::Clock;
use crate::ingress::{Outcome, Rejection};
use crate::plugin::source::{Delivery, Reply};

/// How much of a refused body is read so that its sender gets to read the answer.
const LINGER_BYTES: usize = 64 << 20;

/// Takes a delivery of a source with one surface.
pub(super) async fn take(
    State(face): State<Face>,
    Path(source): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    receive(&face, &source, String::new(), request).await
}

/// Takes a delivery of a source with several surfaces.
pub(super) async fn take_on_surface(
    State(face): State<Face>,
    Path((source, surface)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    receive(&face, &source, surface, request).await
}

async fn receive(face: &Face, source: &str, surface: String, request: Request) -> Result<Response, Problem> {
    let (mut parts, mut body) = request.into_parts();
    let guest = parts.extensions.remove::<Guest>();
    let delivery = Delivery {
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        surface,
        headers: parts.headers,
        body: Bytes::new(),
    };
    let received = take_in(face, source, (delivery, guest), &mut body).await;
    if received.is_err() && !body.is_end_stream() {
        tokio::spawn(linger(body, Arc::clone(&face.clock)));
    }
    received
}

async fn take_in(
    face: &Face,
    source: &str,
    (delivery, guest): (Delivery, Option<Guest>),
    body: &mut Body,
) -> Result<Response, Problem> {
    let (held, _place) = match arrive(face, source, (&delivery, guest), body).await {
        Ok(arrived) => arrived,
        Err(problem) => {
            if let Some(cause) = problem.cause() {
                face.inbox.turned_away(source, &delivery, (cause, problem.detail()));
            }
            return Err(problem);
        }
    };
    let (body, _room) = held.into_parts();
    let outcome = face.inbox.accept(source, Delivery { body, ..delivery }).await?;
    Ok(respond(outcome))
}

/// The body, and a place among those that are understood and stored.
async fn arrive<'a>(
    face: &'a Face,
    source: &str,
    (delivery, guest): (&Delivery, Option<Guest>),
    body: &mut Body,
) -> Result<(body::Held, SemaphorePermit<'a>), Problem> {
    let limit = face.inbox.limit(source, &delivery.surface)?;
    let held = body::read(&delivery.headers, body, limit, (&face.room, &*face.clock)).await?;
    if let Some(guest) = guest {
        guest.arrived();
    }
    let place = face.places.try_acquire().map_err(|_| Rejection::Overloaded)?;
    Ok((held, place))
}

/// Reads on after a refusal, and forgets what it reads. The answer has gone out by then; but a
/// connection that is closed while its client still sends is reset, and the reset takes the answer away
/// before the client has read it.
async fn linger(mut body: Body, clock: Arc<dyn Clock>) {
    let discarded = async {
        let mut left = LINGER_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            let Some(less) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { break };
            left = less;
        }
    };
    select(pin!(discarded), clock.sleep(body::TIME)).await;
}

fn respond(outcome: Outcome) -> Response {
    match outcome.reply {
        None => axum::Json(outcome.answer).into_response(),
        Some(Reply::Empty) => ().into_response(),
        Some(Reply::NoContent) => NoContent.into_response(),
        Some(Reply::Text(text)) => text.into_response(),
        Some(Reply::Json(value)) => axum::Json(value).into_response(),
    }
}
