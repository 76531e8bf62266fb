//! Bodies that say themselves when they were sent. What covers them is judged before they are looked into.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::Refusal;
use super::headers::Window;
use crate::plugin::scheme::Scheme;

/// A member of a body: the moment, or anything else.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Member {
    Milliseconds(i64),
    Other(IgnoredAny),
}

/// Whether a body was sent within the window, both ends included.
pub(super) fn recent(body: &[u8], member: &'static str, (now, width): Window) -> Result<(), Refusal> {
    let sent = moment(body, member).ok_or(Refusal::Undated(member))?;
    let off = now.duration_since(sent).abs();
    if off <= SignedDuration::from_secs(width.cast_signed()) { Ok(()) } else { Err(Refusal::Stale) }
}

fn moment(body: &[u8], member: &str) -> Option<Timestamp> {
    let mut members: BTreeMap<String, Member> = serde_json::from_slice(body).ok()?;
    match members.remove(member)? {
        // A moment that there is not is as far away as can be.
        Member::Milliseconds(sent) => Some(Timestamp::from_millisecond(sent).unwrap_or(Timestamp::MIN)),
        Member::Other(IgnoredAny) => None,
    }
}

/// The body as its sender would send it now, where the scheme wants it to say when that is.
#[must_use]
pub fn date(scheme: &Scheme, body: &Bytes, now: Timestamp) -> Bytes {
    let Scheme::Dated { member, .. } = scheme else { return body.clone() };
    let Ok(mut members) = serde_json::from_slice::<Map<String, Value>>(body) else { return body.clone() };
    members.insert((*member).to_owned(), now.as_millisecond().into());
    Value::Object(members).to_string().into()
}
