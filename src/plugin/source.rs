//! Sources: who sends deliveries, how they are known to be genuine, what they mean.

use std::fmt::Debug;

use http::HeaderMap;
use serde_json::Value;

use super::scheme::Credential;
use crate::event::{Event, SourceName, Stamp};
use crate::id::{EventId, RunId};

/// The media type of JSON.
pub const JSON: &str = "application/json";

/// The media type of HTML forms.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// One HTTP request from a source, as it arrived.
#[derive(Debug, Clone, Default)]
pub struct Delivery {
    /// The path that it was posted to, without the address's own part: `/webhooks/jira`.
    pub path: String,
    /// The query behind the path, without its question mark.
    pub query: String,
    /// The part of the path behind the source's name: empty, or `events`, `commands`, `interactions`.
    pub surface: String,
    /// The request's headers.
    pub headers: HeaderMap,
    /// The raw body: signatures are over these bytes.
    pub body: bytes::Bytes,
}

impl Delivery {
    /// A header's text, if it is there once and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?;
        // A doubled header is a request that two readers may understand differently: nobody gets a value.
        values.next().is_none().then(|| value.to_str().ok()).flatten()
    }

    /// The sender's own id of it, in a header; none where the header is empty.
    #[must_use]
    pub fn id(&self, header: &str) -> Option<&str> {
        self.header(header).filter(|id| !id.is_empty())
    }

    /// The body's media type, without parameters and in lower case; JSON where the sender does not say.
    #[must_use]
    pub fn media_type(&self) -> String {
        let text = self.header("content-type").unwrap_or(JSON);
        text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }
}

/// A sender of deliveries.
pub trait Source: Debug + Send + Sync {
    /// Its name, which is also its path: `/webhooks/<name>`.
    fn name(&self) -> SourceName;

    /// The parts of the path behind the name that it knows; empty when there is none.
    fn surfaces(&self) -> Vec<&str> {
        Vec::new()
    }

    /// What a delivery on a surface may be believed by; several while a secret is being replaced. Without
    /// any the surface is off.
    fn credentials(&self, surface: &str) -> &[Credential];

    /// The headers by which it names a delivery, for people who look for one.
    fn id_headers(&self) -> &[&str] {
        &[]
    }

    /// What a delivery of this name would be recognised by.
    fn identities_of(&self, id: &str) -> Vec<String> {
        vec![format!("{}:{id}", self.name())]
    }

    /// Whether a surface takes deliveries: one that nothing is believed on is off, but for a handshake that
    /// an operator waits for.
    fn is_on(&self, surface: &str) -> bool {
        !self.credentials(surface).is_empty()
    }

    /// The largest body that it sends, in bytes.
    fn body_limit(&self) -> usize;

    /// Understands a delivery whose signature was right.
    ///
    /// # Errors
    /// When the body is not what the source sends. A delivery of a kind unknown to Ostler is no error:
    /// it is an event with few parts, or ignored.
    fn decode(&self, delivery: &Delivery, stamp: &Stamp) -> Result<Decoded, Undecodable>;

    /// What the source is answered where it sends a delivery that carries no signature by design and asks for
    /// nothing but an answer. Nothing else may follow from such a delivery.
    fn courtesy(&self, delivery: &Delivery) -> Option<Reply> {
        let _ = delivery;
        None
    }

    /// What the source wants to read in the answer, where it is particular; else it is told the
    /// status as JSON.
    fn answer(&self, delivery: &Delivery, verdict: &Verdict) -> Option<Reply> {
        let _ = (delivery, verdict);
        None
    }
}

/// The outcomes of decoding.
#[derive(Debug, Clone)]
pub enum Decoded {
    /// Something happened.
    Event {
        /// What.
        event: Box<Event>,
        /// What makes the delivery recognisable: the vendor's id of it, qualified by the source.
        identities: Vec<String>,
    },
    /// It was understood and is of no interest.
    Ignored(String),
    /// It wants an answer and nothing else.
    Handshake(Reply),
}

/// A body that is not what the source sends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Undecodable(pub String);

impl Undecodable {
    /// The body is not JSON.
    #[must_use]
    pub fn json(error: &serde_json::Error) -> Self {
        // The error's place helps; its text could quote the body.
        Self(format!("the body is not JSON (line {}, column {})", error.line(), error.column()))
    }

    /// The body is JSON and not an object.
    #[must_use]
    pub fn no_object() -> Self {
        Self("the body is not a JSON object".to_owned())
    }

    /// The body is of a type that the source does not send here.
    #[must_use]
    pub fn media_type(expected: &str) -> Self {
        Self(format!("the content type is not {expected}"))
    }

    /// A field that everything hangs on is not there.
    #[must_use]
    pub fn missing(field: &str) -> Self {
        Self(format!("the field `{field}` is missing"))
    }
}

/// What became of a delivery, for the source's own answer.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// It is stored, with the runs that it started and, where it asked, a text to answer with.
    Accepted {
        /// Its event.
        event: Box<Event>,
        /// The runs that it started, with their workflows.
        runs: Vec<(RunId, String)>,
        /// What to say at once: what is available here, or why nothing was started.
        text: Option<String>,
    },
    /// It was here before.
    Duplicate {
        /// The event that the first one became.
        event: EventId,
    },
    /// It is of no interest.
    Ignored,
}

impl Verdict {
    /// What the person who asked reads at once: what was started, on what, and how to look at it.
    #[must_use]
    pub fn report(&self) -> String {
        match self {
            Self::Accepted { event, runs, text } => {
                let place = event.repository.as_ref().map(|repository| format!(" in {}", repository.name));
                let task = event.task.as_ref().map(|task| format!(" for {}", task.reference.short()));
                let (place, task) = (place.unwrap_or_default(), task.unwrap_or_default());
                let line = |(run, workflow): &(RunId, String)| {
                    format!("Started {workflow}{task}{place}. Look at it with `ostler runs {run}`.")
                };
                let lines: Vec<String> = runs.iter().map(line).chain(text.clone()).collect();
                if lines.is_empty() { "Nothing was started.".to_owned() } else { lines.join("\n") }
            }
            Self::Duplicate { .. } => "This request was received before and is under way.".to_owned(),
            Self::Ignored => "There is nothing to do.".to_owned(),
        }
    }
}

/// An answer in the source's own terms.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// Nothing but the status.
    Empty,
    /// Nothing, and the status that says so.
    NoContent,
    /// Plain text.
    Text(String),
    /// JSON.
    Json(Value),
}
