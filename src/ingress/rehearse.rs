//! What would become of a kept delivery: understood and routed as if it had come, and compared with what
//! somebody expects. Nothing is stored and nobody is asked.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::event::{Event, PayloadRef, Stamp};
use crate::id::EventId;
use crate::plugin::source::{Decoded, Delivery, Source};
use crate::router::{self, Reason, Routing, Rules, Standing, Start, Verdict};
use crate::spec::case::{Case, ExpectedRun};

/// Something that is otherwise than expected.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// What: `runs`, the part of a run, a trigger's condition, `because`, `answer`.
    pub what: String,
    /// What was expected.
    pub expected: Value,
    /// What is.
    pub actual: Value,
}

impl Difference {
    fn new(what: impl Into<String>, expected: impl Into<Value>, actual: impl Into<Value>) -> Self {
        Self { what: what.into(), expected: expected.into(), actual: actual.into() }
    }
}

/// Plays a case; gives what is otherwise than it expects.
#[must_use]
pub fn rehearse(
    case: &Case,
    (source, delivery): (&dyn Source, &Delivery),
    rules: &Rules,
    standing: &Standing,
) -> Vec<Difference> {
    let event = match event(source, delivery, Timestamp::UNIX_EPOCH) {
        Ok(event) => event,
        Err(why) => return no_event(case, &why),
    };
    let routing = router::route(event.clone(), rules, standing);
    let reasons = router::explain(event, rules, standing);
    let mut found = runs(case, &routing);
    found.extend(case.stopped.iter().filter_map(|stopped| condition(stopped, &reasons)));
    found.extend(holds("because", case.because.as_deref(), &routing.sentence()));
    found.extend(holds("answer", case.answer.as_deref(), routing.answer.as_deref().unwrap_or("")));
    found
}

/// The event that a kept delivery would become.
///
/// # Errors
/// Why it would become none.
pub fn event(source: &dyn Source, delivery: &Delivery, received_at: Timestamp) -> Result<Event, String> {
    let payload = PayloadRef::to(&delivery.body);
    let stamp = Stamp { id: EventId::at(received_at), source: source.name(), received_at, payload };
    match source.decode(delivery, &stamp) {
        Ok(Decoded::Event { event, .. }) => Ok(*event),
        Ok(Decoded::Ignored(why)) => Err(format!("it becomes no event: {why}")),
        Ok(Decoded::Handshake(_)) => Err("it becomes no event: it only wants an answer".to_owned()),
        Err(error) => Err(format!("it is not understood: {error}")),
    }
}

/// Where there is no event nothing starts, and the reason is all that can be compared.
fn no_event(case: &Case, why: &str) -> Vec<Difference> {
    let runs: Vec<&str> = case.runs.iter().map(|run| run.trigger.as_str()).collect();
    let mut found = Vec::from_iter((!runs.is_empty()).then(|| Difference::new("runs", json!(runs), why)));
    found.extend(case.stopped.iter().map(|(trigger, condition)| Difference::new(trigger, &**condition, why)));
    found.extend(holds("because", case.because.as_deref(), why));
    found.extend(holds("answer", case.answer.as_deref(), ""));
    found
}

fn runs(case: &Case, routing: &Routing) -> Vec<Difference> {
    let starts: Vec<&Start> = routing.starts.iter().filter(|start| !start.answers()).collect();
    let mut expected: Vec<&str> = case.runs.iter().map(|run| run.trigger.as_str()).collect();
    let mut actual: Vec<&str> = starts.iter().map(|start| start.trigger.as_str()).collect();
    expected.sort_unstable();
    actual.sort_unstable();
    // A case that only looks at the answer leaves open what starts.
    let looks = !case.runs.is_empty() || !case.stopped.is_empty() || case.answer.is_none();
    if expected != actual && looks {
        let said = routing.sentence();
        let actual = if actual.is_empty() { json!(said) } else { json!(actual) };
        return vec![Difference::new("runs", json!(expected), actual)];
    }
    let pairs = case
        .runs
        .iter()
        .filter_map(|run| Some((run, *starts.iter().find(|start| start.trigger == run.trigger)?)));
    pairs.flat_map(|(run, start)| parts(run, start, routing)).collect()
}

/// What of a run is otherwise.
fn parts(run: &ExpectedRun, start: &Start, routing: &Routing) -> Vec<Difference> {
    let event = &routing.event;
    let repository = event.repository.as_ref().map(|repository| repository.name.to_string());
    let task = event.task.as_ref().map(|task| task.reference.to_string());
    let parts = [
        ("workflow", &run.workflow, Some(start.workflow.clone())),
        ("repository", &run.repository, repository),
        ("task", &run.task, task),
    ];
    let named = |part: &str| format!("{}: {part}", run.trigger);
    let differs = parts.into_iter().filter(|(_, expected, actual)| expected.is_some() && *expected != actual);
    let mut found: Vec<_> = differs
        .map(|(part, expected, actual)| Difference::new(named(part), json!(expected), json!(actual)))
        .collect();
    for (name, expected) in &run.inputs {
        let actual = start.inputs.get(name).cloned().unwrap_or(Value::Null);
        if actual != *expected {
            found.push(Difference::new(named(&format!("inputs.{name}")), expected.clone(), actual));
        }
    }
    found
}

/// Whether a trigger is stopped by the condition that a case names.
fn condition((trigger, expected): &(String, String), reasons: &[Reason]) -> Option<Difference> {
    let Some(reason) = reasons.iter().find(|reason| reason.trigger == *trigger) else {
        return Some(Difference::new(trigger, &**expected, "there is no such trigger"));
    };
    let stopped = reason.verdict != Verdict::Matched && reason.condition.as_deref() == Some(expected);
    (!stopped).then(|| Difference::new(trigger, &**expected, reason.sentence()))
}

fn holds(what: &str, expected: Option<&str>, actual: &str) -> Option<Difference> {
    let expected = expected.filter(|expected| !actual.contains(expected))?;
    Some(Difference::new(what, expected, actual))
}
