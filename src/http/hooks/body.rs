//! Bodies: read within a bound, within a time, and within the memory that there is for all of them together.
//!
//! Every connection may hold a small body; what is larger takes its room from one store that all share. So
//! what bodies cost is bounded by connections × [`SMALL`] + [`LARGE`], whoever sends them, and large ones
//! that never end keep out nothing but other large ones.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, select};
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::super::Problem;
use crate::clock::Clock;
use crate::ingress::Rejection;

/// How long a body may take to arrive.
pub(super) const TIME: Duration = Duration::from_secs(10);
/// What a connection may hold without asking for room, in bytes.
const SMALL: usize = 64 << 10;
/// What all larger bodies may hold together, in bytes: two of the largest that any source sends, and some.
const LARGE: usize = 64 << 20;
/// What room is counted in, in bytes.
const UNIT: usize = 1 << 10;

/// The memory that larger bodies share.
#[derive(Debug, Clone)]
pub(in crate::http) struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LARGE / UNIT)))
    }
}

/// A body with the room that it takes up as long as it is kept.
#[derive(Debug, Default)]
pub(super) struct Held {
    bytes: BytesMut,
    room: Option<OwnedSemaphorePermit>,
}

impl Held {
    /// The body, and what is to be kept as long as the body is.
    pub(super) fn into_parts(self) -> (Bytes, Option<OwnedSemaphorePermit>) {
        (self.bytes.freeze(), self.room)
    }

    /// Takes up room for so many bytes in all.
    fn reserve(&mut self, bytes: usize, room: &Room) -> Result<(), Problem> {
        if bytes <= SMALL {
            return Ok(());
        }
        let has = self.room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let lacks = bytes.div_ceil(UNIT).saturating_sub(has);
        let lacks = u32::try_from(lacks).map_err(|_| Rejection::Overloaded)?;
        if lacks == 0 {
            return Ok(());
        }
        let more = Arc::clone(&room.0).try_acquire_many_owned(lacks).map_err(|_| Rejection::Overloaded)?;
        match &mut self.room {
            Some(room) => room.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }
}

/// The body, if it is within the limit, comes in time and there is room. One that says it is too large is not
/// kept at all.
pub(super) async fn read(
    headers: &HeaderMap,
    body: &mut Body,
    limit: usize,
    (room, clock): (&Room, &dyn Clock),
) -> Result<Held, Problem> {
    let announced = announced(headers);
    if announced.is_some_and(|length| length > limit) {
        return Err(Rejection::TooLarge { limit }.into());
    }
    let mut held = Held::default();
    held.reserve(announced.unwrap_or(0), room)?;
    held.bytes.reserve(announced.unwrap_or(0).min(SMALL));
    match select(Box::pin(fill(held, body, limit, room)), clock.sleep(TIME)).await {
        Either::Left((filled, _)) => filled,
        Either::Right(_) => Err(Problem::Slow),
    }
}

async fn fill(mut held: Held, body: &mut Body, limit: usize, room: &Room) -> Result<Held, Problem> {
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Problem::Broken)?.into_data() else { continue };
        let length = held.bytes.len() + data.len();
        if length > limit {
            return Err(Rejection::TooLarge { limit }.into());
        }
        held.reserve(length, room)?;
        held.bytes.extend_from_slice(&data);
    }
    Ok(held)
}

/// The length that the headers announce.
fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    async fn fetch(body: Vec<u8>, room: &Room) -> Result<Held, Problem> {
        let limit = LARGE;
        read(&HeaderMap::new(), &mut Body::from(body), limit, (room, &SystemClock)).await
    }

    #[tokio::test]
    async fn large_bodies_share_their_room_and_small_ones_need_none() {
        let room = Room::default();
        let first = fetch(vec![b'x'; LARGE - SMALL], &room).await.unwrap();
        let no_room = fetch(vec![b'x'; SMALL + UNIT * 2], &room).await;
        assert!(matches!(no_room, Err(Problem::Rejected(Rejection::Overloaded))));
        assert_eq!(fetch(vec![b'x'; SMALL], &room).await.unwrap().into_parts().0.len(), SMALL);
        drop(first);
        assert!(fetch(vec![b'x'; SMALL + UNIT * 2], &room).await.is_ok());
        assert_eq!(room.0.available_permits(), LARGE / UNIT, "all of it came back");
    }

    #[tokio::test]
    async fn an_announced_length_takes_its_room_before_a_byte_has_come() {
        let room = Room::default();
        let _first = fetch(vec![b'x'; LARGE - SMALL], &room).await.unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_LENGTH, "1000000".parse().unwrap());
        // Nothing would ever come: the answer does not wait for it.
        let mut never = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        let refused = read(&headers, &mut never, LARGE, (&room, &SystemClock)).await;
        assert!(matches!(refused, Err(Problem::Rejected(Rejection::Overloaded))));
    }
}
