//! Why a trigger did or did not want an event.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Rules, Standing, Start, Target, condition::Names, judge};
use crate::event::{Account, Event};
use crate::spec::{May, Trigger, Who};

/// What one trigger said to an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The trigger.
    pub trigger: String,
    /// What it said.
    pub verdict: Verdict,
    /// The condition that said no: `on`, `label`, `if`, `repository`, ….
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// What the condition asks for.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub expected: Value,
    /// What the event has.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub actual: Value,
}

/// What a trigger says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It starts its workflow.
    Matched,
    /// One of its conditions does not hold.
    Unmatched,
    /// It would start its workflow, and what the workflow needs is not known.
    Blocked,
    /// One of its expressions cannot be evaluated for this event.
    Failed,
    /// It wants the event, but not of this person.
    Refused,
    /// Its run waits: for another one, or for quiet.
    Queued,
    /// One of its guards holds its run back: nothing is started.
    Held,
}

/// Why an event is not shown to any trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Ostler did it itself.
    Own {
        /// By this account.
        account: Account,
        /// Whether the comment carries Ostler's mark.
        marked: bool,
    },
    /// A program did it that is not listed.
    Bot {
        /// Its account.
        account: Account,
    },
}

impl Refusal {
    /// One sentence for people.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Own { account, .. } => format!("{account} is Ostler itself."),
            Self::Bot { account } => {
                format!("{account} is a program that is not listed under `security.bots`.")
            }
        }
    }
}

impl Reason {
    /// The trigger starts its workflow.
    #[must_use]
    pub fn matched(trigger: &Trigger) -> Self {
        Self {
            trigger: trigger.id.clone(),
            verdict: Verdict::Matched,
            condition: None,
            expected: Value::Null,
            actual: Value::Null,
        }
    }

    /// The trigger starts its workflow, if the forge says of this person what it asks for.
    #[must_use]
    pub fn if_admitted(trigger: &Trigger, who: &Who) -> Self {
        let (expected, actual) = (json!(who), json!(who.to_string()));
        Self { condition: Some("who".to_owned()), expected, actual, ..Self::matched(trigger) }
    }

    /// The trigger is not for this person.
    #[must_use]
    pub fn refused(trigger: &Trigger, who: &Who, event: &Event) -> Self {
        let actor = event.actor.as_ref();
        let name = actor.map_or("somebody who is not known", |actor| &actor.name);
        let account = actor.map(|actor| &actor.account);
        let mut actual = json!({ "for": who.to_string(), "name": name, "account": account });
        if let Some(association) = event.association {
            actual["association"] = json!(association);
        }
        Self { verdict: Verdict::Refused, ..Self::unmatched(trigger, "who", json!(who), actual) }
    }

    /// One sentence for people.
    #[must_use]
    pub fn sentence(&self) -> String {
        let condition = self.condition.as_deref().unwrap_or("condition");
        let (expected, actual) = (plain(&self.expected), plain(&self.actual));
        match (self.verdict, condition) {
            (Verdict::Matched, "who") => {
                format!("It starts its workflow if the person is one of those who may: {actual}.")
            }
            (Verdict::Matched, _) => "It starts its workflow.".to_owned(),
            (Verdict::Refused, _) => {
                let [who, name] = ["for", "name"].map(|part| plain(&self.actual[part]));
                format!("It is for {who}; {name} is not among them.")
            }
            (Verdict::Unmatched, "on") => format!("It takes {expected}, not {actual}."),
            (Verdict::Unmatched, "if") => format!("Its condition {expected} does not hold."),
            (Verdict::Unmatched, _) => {
                format!("It wants the {condition} {expected}; the event has {actual}.")
            }
            (Verdict::Blocked, _) => {
                let tried = self.actual.get("no_entry_for").map(plain).filter(|tried| !tried.is_empty());
                let tried = tried.map_or_else(String::new, |tried| format!(": there is none for {tried}"));
                format!("It wants the event, but the {condition} is not known{tried}.")
            }
            (Verdict::Queued | Verdict::Held, _) => plain(&self.actual["why"]),
            (Verdict::Failed, _) => format!("Its `{condition}` cannot be evaluated: {actual}."),
        }
    }

    /// A condition of the trigger does not hold.
    #[must_use]
    pub fn unmatched(trigger: &Trigger, condition: &str, expected: Value, actual: Value) -> Self {
        Self {
            verdict: Verdict::Unmatched,
            condition: Some(condition.to_owned()),
            expected,
            actual,
            ..Self::matched(trigger)
        }
    }

    /// The trigger is held up by something that is not known.
    #[must_use]
    pub fn blocked(trigger: &Trigger, condition: &str, expected: Value, actual: Value) -> Self {
        Self { verdict: Verdict::Blocked, ..Self::unmatched(trigger, condition, expected, actual) }
    }

    /// An expression of the trigger cannot be evaluated.
    #[must_use]
    pub fn failed(trigger: &Trigger, condition: &str, expected: Value, error: &str) -> Self {
        Self { verdict: Verdict::Failed, ..Self::unmatched(trigger, condition, expected, json!(error)) }
    }
}

/// What a condition asks for, or an event has, for people: lists without their signs, nothing as such.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// What every trigger says to an event, also those that do not take its kind.
#[must_use]
pub fn explain(mut event: Event, rules: &Rules, standing: &Standing) -> Vec<Reason> {
    let target = Target::of(&event, standing);
    target.complete(&mut event, standing);
    let names = Names::of(&event);
    let say = |trigger: &Trigger| {
        if !trigger.on.iter().any(|pattern| pattern.matches(&event.kind)) {
            return Reason::unmatched(trigger, "on", json!(trigger.on), json!(event.kind));
        }
        match judge(trigger, &event, &target, standing, &names) {
            Ok(start) => started(trigger, &start, &event, standing),
            Err(reason) => reason,
        }
    };
    rules.catalog.triggers.iter().map(say).collect()
}

/// What a trigger says that starts its workflow.
pub(super) fn started(trigger: &Trigger, start: &Start, event: &Event, standing: &Standing) -> Reason {
    match &start.who {
        Some(who) if standing.lets(trigger, event) != May::Yes => Reason::if_admitted(trigger, who),
        _ => Reason::matched(trigger),
    }
}
