//! What people and programs are told about a run that does not simply start.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Admitted, Held};
use crate::id::RunId;
use crate::router::{Reason, Reasons, Verdict};

/// What was judged about a run, as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The trigger that wanted it.
    pub trigger: String,
    /// The run, where there is one.
    pub run: Option<RunId>,
    /// Whether there is a run that waits, or none at all.
    pub verdict: Verdict,
    /// What made it wait.
    pub condition: &'static str,
    /// What is allowed.
    pub expected: Value,
    /// What there is, with the sentence under `why`.
    pub actual: Value,
}

impl Told {
    /// What is told about a run that was taken on; nothing about one that simply starts at `now`.
    #[must_use]
    pub fn admitted(trigger: &str, admitted: &Admitted, now: Timestamp) -> Option<Self> {
        let told = |condition, why: String, actual: Value| {
            Some(Self::new(trigger, Verdict::Queued, condition, Value::Null, (why, actual)))
        };
        let replaced: Vec<String> = admitted.instead_of.iter().map(ToString::to_string).collect();
        let instead = if replaced.is_empty() {
            String::new()
        } else {
            format!(", in place of {}", replaced.join(", "))
        };
        let actual = json!({ "until": admitted.at, "instead_of": replaced });
        match admitted.queued {
            Some(queued) => {
                let why = format!("Queued behind {}, as number {}{instead}.", queued.behind, queued.position);
                let actual =
                    json!({ "behind": queued.behind, "position": queued.position, "instead_of": replaced });
                told("concurrency", why, actual)
            }
            None if admitted.at > now => {
                let at = moment(admitted.at);
                told(
                    "debounce",
                    format!("It starts at {at}, unless something newer comes first{instead}."),
                    actual,
                )
            }
            None if !replaced.is_empty() => {
                told("concurrency", format!("It starts its workflow{instead}."), actual)
            }
            None => None,
        }
    }

    /// What is told about a run that waits because as many are at work as may be.
    #[must_use]
    pub fn waiting(trigger: &str, why: String, position: usize, of: usize) -> Self {
        let actual = json!({ "position": position, "of": of });
        Self::new(trigger, Verdict::Queued, "slots", Value::Null, (why, actual))
    }

    /// What is told about a run that was not taken on.
    #[must_use]
    pub fn held(trigger: &str, held: &Held) -> Self {
        let (condition, expected, why, actual) = match held {
            Held::Busy(run) => {
                ("concurrency", Value::Null, format!("{run} is under way"), json!({ "run": run }))
            }
            Held::Full(waiting) => {
                let why = format!("{waiting} runs wait for the same already");
                ("concurrency", json!(super::judge::QUEUE), why, json!({ "waiting": waiting }))
            }
            Held::Cooling { until } => {
                let why = format!("it was started a short while ago and rests until {}", moment(*until));
                ("cooldown", Value::Null, why, json!({ "until": until }))
            }
            Held::Often { limit, until } => {
                let (whose, often) = (&limit.whose, often(limit.rate));
                let why =
                    format!("it was started {often} for {whose}; it can be again from {}", moment(*until));
                ("rate", json!({ limit.per.key(): limit.rate }), why, json!({ "for": whose, "until": until }))
            }
            Held::Tripped { rate, until, .. } => {
                let why = format!(
                    "it was started {} about this and stopped listening until {}",
                    often(*rate),
                    moment(*until)
                );
                ("breaker", json!(rate), why, json!({ "until": until }))
            }
            Held::Circling { hops, .. } => {
                let why = format!("Ostler's own work led to it, {hops} runs in a row");
                ("hops", json!(super::judge::HOPS), why, json!({ "hops": hops }))
            }
        };
        Self::new(trigger, Verdict::Held, condition, expected, (format!("Not started: {why}."), actual))
    }

    fn new(
        trigger: &str,
        verdict: Verdict,
        condition: &'static str,
        expected: Value,
        (why, mut actual): (String, Value),
    ) -> Self {
        actual["why"] = why.into();
        Self { trigger: trigger.to_owned(), run: None, verdict, condition, expected, actual }
    }

    /// The sentence for people.
    #[must_use]
    pub fn sentence(&self) -> &str {
        self.actual["why"].as_str().unwrap_or_default()
    }

    /// Whether who asked is to be told: what has stopped listening is silent.
    #[must_use]
    pub fn is_worth_an_answer(&self) -> bool {
        !matches!(self.condition, "breaker" | "hops")
    }

    fn reason(&self) -> Reason {
        Reason {
            trigger: self.trigger.clone(),
            verdict: self.verdict,
            condition: Some(self.condition.to_owned()),
            expected: self.expected.clone(),
            actual: self.actual.clone(),
        }
    }
}

/// What is written, once, where somebody or something has started a trigger too often.
#[must_use]
pub fn notice(trigger: &str, held: &Held) -> Option<String> {
    let (until, why) = match held {
        Held::Tripped { rate, until, first: true } => (until, format!("was started {}", often(*rate))),
        Held::Circling { hops, until, first: true } => {
            (until, format!("was started by Ostler's own work, {hops} runs in a row"))
        }
        _ => return None,
    };
    Some(format!(
        "I stopped listening here until {}, because `{trigger}` {why}: that looks like a loop. \
         I say this once; what comes before then starts nothing.",
        moment(*until)
    ))
}

/// Puts what was judged into the reasons that are kept with an event.
pub fn amend(reasons: &mut Reasons, all: &[Told], still_starts: bool) {
    for told in all {
        if let Some(place) = reasons.triggers.iter_mut().find(|reason| reason.trigger == told.trigger) {
            *place = told.reason();
        }
    }
    let sentences = all.iter().map(|told| format!("{}: {}", told.trigger, told.sentence()));
    let before = still_starts.then(|| std::mem::take(&mut reasons.sentence));
    let whole: Vec<String> = before.into_iter().chain(sentences).collect();
    reasons.sentence = whole.join(" ");
}

fn often(rate: crate::spec::Rate) -> String {
    let times = if rate.count == 1 { "once".to_owned() } else { format!("{} times", rate.count) };
    format!("{times} within {}", rate.per)
}

fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
