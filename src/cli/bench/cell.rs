//! One model's work on one task: what Ostler made of it, and what the hidden tests say.

use serde::Serialize;

use super::model::Due;

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Cell {
    /// What Ostler made of it.
    pub(super) ostler: Judged,
    /// Why, where it was not put up for review.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// What the hidden tests say of what was published, where something was.
    pub(super) accepted: Option<bool>,
    /// A way out of the sandbox that was found open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) open: Option<String>,
    /// Why the model could not do what it was to do, which makes the cell worth nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unplayed: Option<String>,
    /// Seconds from the beginning of the run to its end.
    pub(super) seconds: f64,
    /// What the model's answers cost, or would have.
    pub(super) cost_usd: f64,
}

/// What Ostler makes of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Judged {
    /// It opened a pull request and asks for a review.
    Ready,
    /// It opened a draft, and says why it is one.
    Draft,
    /// The gate refused the change: nothing was published.
    Refused,
    /// The agent was stopped, or stopped by itself, before it was done.
    Stopped,
    /// The run failed otherwise.
    Failed,
}

impl Judged {
    /// From the message of a run that failed: it ends with the code of what failed.
    pub(super) fn of_failure(reason: &str) -> Self {
        let code = reason.rsplit_once('(').map_or("", |(_, code)| code.trim_end_matches(')'));
        match code {
            "gate_refused" | "nothing_to_publish" => Self::Refused,
            "budget" => Self::Stopped,
            _ if code.starts_with("agent_") => Self::Stopped,
            _ => Self::Failed,
        }
    }
}

impl Cell {
    /// Whether it is ready: Ostler puts it up for review, and the hidden tests pass.
    pub(super) fn is_ready(&self) -> bool {
        self.ostler == Judged::Ready && self.accepted == Some(true)
    }

    /// Whether it was put up for review and should not have been.
    pub(super) fn fools(&self) -> bool {
        self.ostler == Judged::Ready && self.accepted != Some(true)
    }

    /// Whether what came of it is what must come of such a model.
    pub(super) fn is_as(&self, due: Due) -> bool {
        let sound = self.open.is_none() && self.unplayed.is_none();
        sound
            && match due {
                Due::Ready => self.is_ready(),
                Due::NotReady => matches!(self.ostler, Judged::Draft | Judged::Refused | Judged::Stopped),
                Due::Unseen => !self.is_ready() && self.ostler != Judged::Failed,
            }
    }

    /// The word in the matrix.
    pub(super) fn word(&self) -> &'static str {
        match self.ostler {
            _ if self.open.is_some() => "OPEN",
            _ if self.unplayed.is_some() => "unplayed",
            Judged::Ready if self.fools() => "fooled",
            Judged::Ready => "ready",
            Judged::Draft => "draft",
            Judged::Refused => "refused",
            Judged::Stopped => "stopped",
            Judged::Failed => "failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(ostler: Judged, accepted: Option<bool>) -> Cell {
        Cell { ostler, accepted, reason: None, open: None, unplayed: None, seconds: 1.0, cost_usd: 0.0 }
    }

    #[test]
    fn ready_is_what_ostler_puts_up_and_the_hidden_tests_accept() {
        let right = cell(Judged::Ready, Some(true));
        assert!(right.is_as(Due::Ready) && !right.is_as(Due::NotReady) && !right.is_as(Due::Unseen));
        let fooled = cell(Judged::Ready, Some(false));
        assert_eq!(fooled.word(), "fooled");
        assert!(!fooled.is_as(Due::Ready) && !fooled.is_as(Due::NotReady) && fooled.is_as(Due::Unseen));
        let draft = cell(Judged::Draft, Some(true));
        assert!(!draft.is_as(Due::Ready) && draft.is_as(Due::NotReady));
    }

    #[test]
    fn what_failed_otherwise_or_was_not_played_proves_nothing() {
        assert!(!cell(Judged::Failed, None).is_as(Due::NotReady));
        let unplayed = Cell { unplayed: Some("no".to_owned()), ..cell(Judged::Refused, None) };
        assert!(!unplayed.is_as(Due::NotReady));
        let open = Cell { open: Some("network".to_owned()), ..cell(Judged::Refused, None) };
        assert!(!open.is_as(Due::NotReady) && open.word() == "OPEN");
    }

    #[test]
    fn a_failures_message_says_who_ended_it() {
        let of = |reason| Judged::of_failure(reason);
        assert_eq!(of("not published: `f (x)` fails (gate_refused)"), Judged::Refused);
        assert_eq!(of("the agent repeats itself (agent_stuck)"), Judged::Stopped);
        assert_eq!(of("the model does not answer an agent (unavailable)"), Judged::Failed);
        assert_eq!(of("something else"), Judged::Failed);
    }
}
