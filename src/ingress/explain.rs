//! Why something happened, or nothing: what is kept of a delivery, an event, a subject or a run, put together.
//!
//! What triggers said is what they said at the time; it was stored with the event. Those of today are asked only
//! on request, and it is said when the handlers have changed in between.

mod find;
mod told;

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;

pub use self::find::What;
pub(super) use self::find::delivered;
pub use self::told::{Explained, Explanation, Line, Rules};
use super::policy::{Current, Policy};
use super::refused::{Refusals, Refused};
use crate::event::Event;
use crate::id::{Digest, RunId};
use crate::plugin::Registry;
pub use crate::router::Said;
use crate::router::{self, Reason, Reasons, Verdict};
use crate::store::{Found, Query, RunStatus, RunSummary, Store, StoreError};

/// What explaining goes by.
#[derive(Debug)]
pub struct Explainer {
    /// Where events and runs are.
    pub store: Arc<dyn Store>,
    /// Who sends deliveries, and how they name them, where there are no rules of today.
    pub registry: Arc<Registry>,
    /// What is in force today, if it can be read.
    pub policy: Option<Arc<Current<Policy>>>,
    /// What became no event.
    pub refusals: Arc<Refusals>,
}

impl Explainer {
    /// Who sends deliveries now.
    fn registry(&self) -> Arc<Registry> {
        let current = self.policy.as_ref().map(|policy| Arc::clone(&policy.get().registry));
        current.unwrap_or_else(|| Arc::clone(&self.registry))
    }

    /// Explains an event, by what its triggers said at the time or would say today.
    async fn event(&self, event: Event, today: bool) -> Result<Explanation, StoreError> {
        let kept = match self.store.query(Query::Reasons(event.id)).await? {
            Found::Reasons(kept) => Some(*kept),
            _ => None,
        };
        let policy = self.policy.as_ref().map(|policy| policy.get());
        let then = kept.as_ref().and_then(|kept| kept.catalog);
        let rules = Rules::between(then, policy.as_deref());
        let judged = policy.as_deref().filter(|_| today);
        let (sentence, mut reasons) = match judged {
            Some(policy) => judge(&event, policy),
            None => remembered(&event, kept, policy.as_deref().filter(|_| rules == Rules::Same)),
        };
        reasons.sort_by_key(|reason| distance(reason, &event));
        let runs = if today { Vec::new() } else { self.runs(&event, &reasons).await? };
        let sentence = summary(sentence, &reasons, &runs);
        let again = event.replays.map(|first| format!("It is {first} once more. "));
        let sentence = again.unwrap_or_default() + &sentence;
        let triggers = reasons.into_iter().map(Said::from).collect();
        Ok(Explanation {
            sentence,
            event: Some(event),
            triggers,
            runs,
            rules,
            today: judged.is_some(),
            ..Explanation::default()
        })
    }

    /// Explains a delivery that became no event; one that was here before, by the first.
    async fn refused(&self, refused: Refused, today: bool) -> Result<Explanation, StoreError> {
        let first = match refused.event {
            Some(event) => self.store.query(Query::Event(event)).await?,
            None => Found::Nothing,
        };
        let own = Explanation {
            sentence: format!("It became no event: {}.", refused.why),
            advice: refused.advice(),
            refused: Some(refused.clone()),
            ..Explanation::default()
        };
        let Found::Event(first) = first else { return Ok(own) };
        let id = first.id;
        let explained = self.event(*first, today).await?;
        let sentence = format!("It is a duplicate: the first one became {id}. {}", explained.sentence);
        Ok(Explanation { sentence, refused: Some(refused), ..explained })
    }

    /// The runs that an event started.
    async fn runs(&self, event: &Event, reasons: &[Reason]) -> Result<Vec<RunSummary>, StoreError> {
        let triggers = reasons.iter().filter(|reason| reason.verdict != Verdict::Unmatched);
        let own = [router::ANSWER, router::REFUSED, router::ORDER];
        let triggers = triggers.map(|reason| reason.trigger.as_str());
        let triggers: BTreeSet<&str> = triggers.chain(own).collect();
        let mut runs = Vec::new();
        for trigger in triggers {
            if let Found::Run(run) = self.store.query(Query::Run(RunId::of(event.id, trigger))).await? {
                runs.push(*run);
            }
        }
        Ok(runs)
    }
}

impl Rules {
    /// Whether the rules of now are those by which an event was judged.
    fn between(then: Option<Digest>, policy: Option<&Policy>) -> Self {
        match (then, policy.map(|policy| policy.rules.catalog.digest)) {
            (Some(then), Some(now)) if then == now => Self::Same,
            (Some(_), Some(_)) => Self::Changed,
            _ => Self::Unknown,
        }
    }
}

/// What every trigger of today says to an event.
fn judge(event: &Event, policy: &Policy) -> (String, Vec<Reason>) {
    let sentence = router::route(event.clone(), &policy.rules, &policy.standing).sentence();
    if policy.standing.refuses(event).is_some() {
        return (sentence, Vec::new());
    }
    (sentence, router::explain(event.clone(), &policy.rules, &policy.standing))
}

/// What the triggers said when the event came. Those that do not take its kind were not asked: their word
/// is known where the rules are still the same.
fn remembered(event: &Event, kept: Option<Reasons>, same: Option<&Policy>) -> (String, Vec<Reason>) {
    let unknown = || ("Nothing is known of what its triggers said.".to_owned(), Vec::new(), true);
    let known = |kept: Reasons| (kept.sentence, kept.triggers, kept.refusal.is_none());
    let (sentence, mut reasons, asked) = kept.map_or_else(unknown, known);
    let all = same.filter(|_| asked).map(|policy| policy.rules.catalog.triggers.as_slice());
    for trigger in all.unwrap_or_default() {
        if !reasons.iter().any(|reason| reason.trigger == trigger.id) {
            reasons.push(Reason::unmatched(trigger, "on", json!(trigger.on), json!(event.kind)));
        }
    }
    (sentence, reasons)
}

/// In which order conditions are looked at: who was stopped later came nearer.
const ORDER: [&str; 8] = ["on", "label", "assignee", "command", "repository", "branch", "path", "if"];

/// How far a trigger is from having started its workflow.
fn distance(reason: &Reason, event: &Event) -> (u8, Reverse<usize>, bool) {
    let condition = reason.condition.as_deref().unwrap_or_default();
    let reached = ORDER.iter().position(|known| *known == condition).unwrap_or(ORDER.len());
    let stage = match reason.verdict {
        Verdict::Matched => 0,
        Verdict::Unmatched => 2,
        _ => 1,
    };
    let elsewhere = condition == "on" && !reason.expected.to_string().contains(event.source.as_str());
    (stage, Reverse(reached), elsewhere)
}

/// One sentence: what was started and what became of it, else what came nearest.
fn summary(sentence: String, reasons: &[Reason], runs: &[RunSummary]) -> String {
    let stopped = runs.iter().find(|run| run.status == RunStatus::Refused);
    if let Some(run) = stopped {
        let why = run.reason.as_deref().unwrap_or("who asked may not");
        return format!("{} was started and refused: {why}", run.workflow);
    }
    let nearest = reasons
        .first()
        .filter(|reason| reason.verdict != Verdict::Matched && reason.condition.as_deref() != Some("on"));
    match nearest {
        Some(reason) => format!("{sentence} Nearest was {}: {}", reason.trigger, reason.sentence()),
        None => sentence,
    }
}
