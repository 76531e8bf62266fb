//! A run that is done again: for the same event, by what is written today.

use serde_json::{Map, Value};

use super::condition::Names;
use super::{Guard, Reason, Routing, Rules, Standing, Start, Target, Verdict, admit, only_answers, own};
use crate::event::Event;
use crate::spec::Who;

/// What is done again.
#[derive(Debug, Clone, PartialEq)]
pub struct Before {
    /// The trigger that wanted it.
    pub trigger: String,
    /// Its workflow.
    pub workflow: String,
    /// What the workflow was given.
    pub inputs: Map<String, Value>,
    /// Who might start it, where its trigger said it.
    pub who: Option<Who>,
}

/// Starts the workflow of a run that was, with some of its inputs changed.
///
/// Who may start it is what its trigger says today, and so is which runs it must not be under way with. How often it may
/// start is not asked: whoever runs Ostler knows.
///
/// # Errors
/// Why it cannot be done again, for people.
pub fn rerun(
    mut event: Event,
    before: &Before,
    given: &Map<String, Value>,
    rules: &Rules,
    standing: &Standing,
) -> Result<Routing, String> {
    if only_answers(&before.trigger) {
        return Err("it only answered somebody; what it answered can be replayed".to_owned());
    }
    let workflow = own::find(&before.workflow, rules)?;
    let inputs = own::changed(workflow, &before.inputs, given)?;
    let target = Target::of(&event, standing);
    target.complete(&mut event, standing);
    if event.repository.is_none() && !workflow.costs_nothing() {
        return Err(own::nowhere());
    }
    if let Some(refusal) = standing.refuses(&event) {
        return Err(refusal.sentence());
    }
    let (who, guard) = today(before, &event, rules, standing).map_err(|reason| reason.sentence())?;
    let start = Start { trigger: before.trigger.clone(), workflow: workflow.id.clone(), inputs, who, guard };
    let reason = Reason {
        trigger: before.trigger.clone(),
        verdict: Verdict::Matched,
        condition: None,
        expected: Value::Null,
        actual: Value::Null,
    };
    let Target { project, channel, .. } = target;
    Ok(Routing {
        event,
        starts: vec![start],
        reasons: vec![reason],
        refusal: None,
        project,
        channel,
        answer: None,
        question: None,
    })
}

/// Who may start it and what may hold it back, by its trigger of today; one that is gone is held to what it said.
fn today(
    before: &Before,
    event: &Event,
    rules: &Rules,
    standing: &Standing,
) -> Result<(Option<Who>, Guard), Reason> {
    let triggers = &rules.catalog.triggers;
    let trigger = triggers.iter().find(|known| known.id == before.trigger && known.run == before.workflow);
    let Some(trigger) = trigger else {
        return Ok((before.who.clone(), Guard::bare(&before.trigger, event)));
    };
    admit(trigger, event, standing)?;
    let Guard { group, priority, origin, .. } = Guard::of(trigger, event, &Names::of(event))?;
    let guard = Guard { group, priority, origin, ..Guard::bare(&trigger.id, event) };
    Ok((trigger.who.clone(), guard))
}
