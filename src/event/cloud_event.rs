//! An event in the words of CloudEvents 1.0, for systems that read those: the structured JSON mode.

use jiff::Timestamp;
use serde::Serialize;

use super::{Event, EventKind, Subject};
use crate::id::EventId;

/// The version of the specification that is spoken.
const VERSION: &str = "1.0";

/// An event as CloudEvents write it down: its context attributes, and the event itself as data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CloudEvent<'a> {
    specversion: &'static str,
    /// With the source it is unique.
    id: EventId,
    /// A reference to who told us: `/sources/github`.
    source: String,
    #[serde(rename = "type")]
    kind: &'a EventKind,
    subject: &'a Subject,
    time: Timestamp,
    datacontenttype: &'static str,
    data: &'a Event,
}

impl Event {
    /// The media type of what [`to_cloud_event`](Self::to_cloud_event) serializes to.
    pub const CLOUD_EVENT: &'static str = "application/cloudevents+json";

    /// The event in the structured mode of CloudEvents 1.0.
    #[must_use]
    pub fn to_cloud_event(&self) -> CloudEvent<'_> {
        CloudEvent {
            specversion: VERSION,
            id: self.id,
            source: format!("/sources/{}", reference(self.source.as_str())),
            kind: &self.kind,
            subject: &self.subject,
            time: self.time,
            datacontenttype: "application/json",
            data: self,
        }
    }
}

/// A name as one segment of a reference: what may not stand there is percent-encoded.
fn reference(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let encode = |byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    name.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::event::{PayloadRef, SourceName, Stamp};

    fn exported(source: &str, kind: &str) -> Value {
        let stamp = Stamp {
            id: EventId::from_bytes([7; 16]),
            source: SourceName::new(source),
            received_at: "2026-11-21T08:00:00.25Z".parse().unwrap(),
            payload: PayloadRef::to(b"{}"),
        };
        let event = Event::new(&stamp, EventKind::new(kind), Subject::new(source, "acme/shop#12"));
        json!(event.to_cloud_event())
    }

    /// What the specification asks of every attribute and of the four that must be there.
    #[test]
    fn the_attributes_are_what_the_specification_asks_for() {
        for (source, kind) in [("github", "github.issue.labeled"), ("generic/ci pipeline", "generic.event")] {
            let event = exported(source, kind);
            let attributes = event.as_object().unwrap();
            for (name, value) in attributes.iter().filter(|(name, _)| *name != "data") {
                let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
                assert!(plain && name.len() <= 20, "{name}");
                assert!(!value.as_str().unwrap().is_empty(), "{name}");
                assert!(!value.as_str().unwrap().contains(char::is_control), "{name}");
            }
            for required in ["id", "source", "specversion", "type"] {
                assert!(attributes.contains_key(required), "{required}");
            }
            assert_eq!(event["specversion"], "1.0");
            let base = url::Url::parse("https://ostler.example/").unwrap();
            let text = event["source"].as_str().unwrap();
            assert_eq!(base.join(text).unwrap().path(), text, "a reference that needs no repair");
            assert!(event["time"].as_str().unwrap().parse::<Timestamp>().is_ok(), "RFC 3339");
            assert_eq!(event["datacontenttype"], "application/json");
            assert_eq!(event["data"]["id"], event["id"]);
        }
    }

    #[test]
    fn an_event_is_written_down_like_this() {
        let mut event = exported("github", "github.issue.labeled");
        event.as_object_mut().unwrap().remove("data");
        let expected = json!({
            "specversion": "1.0", "id": "evt_07070707070707070707070707070707", "source": "/sources/github",
            "type": "github.issue.labeled", "subject": "github:acme/shop#12", "time": "2026-11-21T08:00:00.25Z",
            "datacontenttype": "application/json",
        });
        assert_eq!(event, expected);
    }
}
