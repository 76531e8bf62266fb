//! Why deliveries become no events, and what can be done about it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Refused;
use crate::ingress::Rejection;
use crate::ingress::signature::Refusal;

/// Why a delivery became no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// There is no such source, or it has no such surface.
    UnknownSource,
    /// The source has no secret to believe anything by.
    SourceOff,
    /// The body is larger than the source sends.
    TooLarge,
    /// The body did not arrive in time.
    TooSlow,
    /// The body broke off.
    BrokeOff,
    /// A header that proves the sender is missing.
    NotSigned,
    /// A header that proves the sender is there twice, or has another form.
    MalformedSignature,
    /// The timestamp is too far from the present.
    Stale,
    /// No secret makes this signature.
    WrongSignature,
    /// The body is not what the source sends.
    Undecodable,
    /// There was too much to do.
    Overloaded,
    /// Too many runs waited for their turn.
    Full,
    /// Ostler is at fault.
    Failed,
    /// It was understood and is of no interest.
    Ignored,
    /// It was here before.
    Duplicate,
}

impl From<&Rejection> for Cause {
    fn from(rejection: &Rejection) -> Self {
        match rejection {
            Rejection::Unknown => Self::UnknownSource,
            Rejection::TooLarge { .. } => Self::TooLarge,
            Rejection::Unbelieved(Refusal::NoSecret) => Self::SourceOff,
            Rejection::Unbelieved(Refusal::Missing(_)) => Self::NotSigned,
            Rejection::Unbelieved(Refusal::Repeated(_) | Refusal::Malformed(_)) => Self::MalformedSignature,
            Rejection::Unbelieved(Refusal::Stale) => Self::Stale,
            Rejection::Unbelieved(Refusal::Wrong) => Self::WrongSignature,
            Rejection::Undecodable(_) | Rejection::Unbelieved(Refusal::Undated(_)) => Self::Undecodable,
            Rejection::Overloaded => Self::Overloaded,
            Rejection::Full => Self::Full,
            Rejection::Failed(_) => Self::Failed,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl Refused {
    /// What whoever runs Ostler can do about it; nothing where nothing is to be done.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        let source = &self.source;
        let advice = match self.cause {
            Cause::UnknownSource => {
                "Compare the webhook's address with `/webhooks/<source>` or `/webhooks/<source>/<surface>`."
                    .to_owned()
            }
            Cause::SourceOff => {
                format!("Give `sources.{source}` a secret: without one it is off, never open.")
            }
            Cause::TooLarge => {
                "Send less: the sender may be able to leave parts of the payload out.".to_owned()
            }
            Cause::TooSlow | Cause::BrokeOff => {
                "Look for a proxy or a slow line between the sender and here, then send it again.".to_owned()
            }
            Cause::NotSigned | Cause::MalformedSignature | Cause::WrongSignature => self.on_signatures(),
            Cause::Stale => {
                "Compare this machine's clock with the true time. If the clock is right, somebody \
                             replays an old delivery, or a proxy held it back."
                    .to_owned()
            }
            Cause::Undecodable => {
                format!("Look whether it is really {source} that sends here, and as which type.")
            }
            Cause::Overloaded => "Nothing, if it is rare: the sender was asked to try again.".to_owned(),
            Cause::Full => "Nothing, if it is rare: it is asked for again, or the sender tries again. Else look at \
                            `ostler runs` for what keeps the others waiting; `system.max_backlog` says how many may."
                .to_owned(),
            Cause::Failed => "See the log for what went wrong at that time.".to_owned(),
            Cause::Ignored | Cause::Duplicate => return None,
        };
        Some(advice)
    }

    fn on_signatures(&self) -> String {
        let looked = match self.proofs.as_slice() {
            [] => "no header".to_owned(),
            proofs => proofs.join(", "),
        };
        let secrets = match self.secrets {
            1 => "the one secret".to_owned(),
            count => format!("each of the {count} secrets"),
        };
        let source = &self.source;
        format!(
            "It was judged by {looked} against {secrets} of `sources.{source}`. Usual causes: the secret there \
             is another than the sender's (a space or line end at its end counts), it was changed on one side \
             only (list both until all senders have the new one), a proxy changes the body or drops the \
             header, or it was forged."
        )
    }
}
