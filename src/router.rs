//! Which runs an event starts, and why the others do not start. Pure: the same event, rules and standing
//! always give the same answer.
//!
//! First the event is completed: which task and which repository it is about. Then the index gives
//! the triggers that take its kind, and each of them says yes, or which of its conditions said no
//! and to what value.

pub mod again;
pub mod answer;
pub mod condition;
pub mod decision;
pub mod explain;
pub mod filter;
pub mod guard;
pub mod index;
pub mod own;
pub mod question;
pub mod reasons;
pub mod standing;
pub mod target;
pub mod stopping;
pub mod telling;

use serde_json::{Map, Value};

use self::answer::Asked;
pub use self::answer::Offer;
use self::condition::Names;
pub use self::explain::{Reason, Refusal, Verdict, explain};
pub use self::guard::Guard;
pub use self::index::Index;
pub use self::question::Question;
pub use self::reasons::{Reasons, Said};
pub use self::standing::Standing;
pub use self::target::Target;
use crate::event::Event;
use crate::id::Digest;
use crate::spec::{Catalog, May, Trigger, Who};

/// The trigger of the run that answers a comment which starts nothing else. No file can be called so.
pub const ANSWER: &str = "@answer";

/// The trigger of the run that tells somebody that they may not. No file can be called so.
pub const REFUSED: &str = "@refused";

/// The trigger of a run that somebody at the machine asked for by its workflow. No file can be called so.
pub const ORDER: &str = "@run";
/// The workflow of that run, and the name of its only input.
pub const ANSWERING: (&str, &str) = ("answer", "text");

/// A catalog with its index: what routing goes by.
#[derive(Debug, Clone)]
pub struct Rules {
    /// What people wrote.
    pub catalog: Catalog,
    /// Its triggers, by the kinds they take.
    pub index: Index,
}

impl Rules {
    /// The rules of a catalog.
    #[must_use]
    pub fn new(catalog: Catalog) -> Self {
        Self { index: Index::new(&catalog.triggers), catalog }
    }

    /// The commands that there are, a line each.
    #[must_use]
    pub fn help(&self) -> String {
        answer::list(&self.offers())
    }

    /// The commands that there are.
    #[must_use]
    pub fn offers(&self) -> Vec<Offer> {
        answer::offers(self.catalog.triggers.iter())
    }
}

/// What is to become of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Routing {
    /// The event, completed with the task and the repository that were found for it.
    pub event: Event,
    /// The runs to start.
    pub starts: Vec<Start>,
    /// What each trigger that takes the event's kind said.
    pub reasons: Vec<Reason>,
    /// Why no trigger was asked.
    pub refusal: Option<Refusal>,
    /// The tracker's project that belongs to the repository.
    pub project: Option<String>,
    /// The channel that belongs to the repository, with its `#`.
    pub channel: Option<String>,
    /// What to tell the person who asked: what is available, or why nothing starts.
    pub answer: Option<String>,
    /// What is asked of them, where only the repository is missing.
    pub question: Option<Question>,
}

impl Routing {
    /// Takes out what is kept of how the event was judged, by the rules of this catalog.
    #[must_use]
    pub fn take_reasons(&mut self, catalog: Digest) -> Reasons {
        Reasons {
            sentence: self.sentence(),
            refusal: self.refusal.take(),
            triggers: std::mem::take(&mut self.reasons),
            catalog: Some(catalog),
            answers: None,
        }
    }

    /// One sentence for people: what starts, or why nothing does.
    #[must_use]
    pub fn sentence(&self) -> String {
        if let Some(refusal) = &self.refusal {
            return refusal.sentence();
        }
        let kind = &self.event.kind;
        let (answers, work): (Vec<_>, Vec<_>) = self.starts.iter().partition(|start| start.answers());
        if !work.is_empty() {
            let started: Vec<_> = work.iter().map(|start| start.workflow.as_str()).collect();
            return format!("It starts {}.", started.join(", "));
        }
        let refused = self.reasons.iter().find(|reason| reason.verdict == Verdict::Refused);
        let refused = refused.map(|reason| format!("{} wants it. {}", reason.trigger, reason.sentence()));
        let why = || match self.reasons.len() {
            0 => format!("No trigger takes {kind}."),
            1 => format!("The one trigger that takes {kind} did not want it."),
            count => format!("None of the {count} triggers that take {kind} wanted it."),
        };
        let why = refused.unwrap_or_else(why);
        if answers.is_empty() { why } else { format!("{why} Who asked is answered.") }
    }

    /// Tells the person this, or nothing, in place of what was to be said.
    pub fn say(&mut self, text: Option<String>, rules: &Rules) {
        self.starts.retain(|start| !start.answers());
        self.starts.extend(text.as_deref().and_then(|text| answering(&self.event, rules, (ANSWER, text))));
        self.answer = text;
        self.question = None;
    }
}

/// A run to start.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// The trigger that wants it.
    pub trigger: String,
    /// The workflow's id.
    pub workflow: String,
    /// The workflow's inputs, with expressions evaluated.
    pub inputs: Map<String, Value>,
    /// Who may start it, where the trigger says it.
    pub who: Option<Who>,
    /// What may hold it back.
    pub guard: Guard,
}

impl Start {
    /// Whether the run only says something to the person who asked.
    #[must_use]
    pub fn answers(&self) -> bool {
        only_answers(&self.trigger)
    }
}

/// Whether the runs of a trigger only say something to the person who asked.
#[must_use]
pub fn only_answers(trigger: &str) -> bool {
    [ANSWER, REFUSED].contains(&trigger)
}

/// Decides what becomes of an event.
#[must_use]
pub fn route(mut event: Event, rules: &Rules, standing: &Standing) -> Routing {
    let target = Target::of(&event, standing);
    target.complete(&mut event, standing);
    let refusal = standing.refuses(&event);
    let candidates = if refusal.is_some() { Vec::new() } else { rules.index.candidates(&event.kind) };
    let names = Names::of(&event);
    let mut starts = Vec::new();
    let mut reasons = Vec::with_capacity(candidates.len());
    for trigger in candidates.into_iter().filter_map(|at| rules.catalog.triggers.get(at)) {
        match judge(trigger, &event, &target, standing, &names) {
            Ok(start) => {
                reasons.push(explain::started(trigger, &start, &event, standing));
                starts.push(start);
            }
            Err(reason) => reasons.push(reason),
        }
    }
    let question = if starts.is_empty() { Question::of(&event, &reasons, standing) } else { None };
    let answer = match &question {
        Some(question) => Some((ANSWER, question.text(target.tried(), standing))),
        None => {
            let asked = Asked { event: &event, triggers: &rules.catalog.triggers, standing };
            asked.answer(&starts, &reasons, refusal.as_ref())
        }
    };
    if refusal.is_none() {
        let text = answer.as_ref().map(|(trigger, text)| (*trigger, text.as_str()));
        starts.extend(text.and_then(|text| answering(&event, rules, text)));
    }
    let answer = answer.map(|(_, text)| text);
    let Target { project, channel, .. } = target;
    Routing { event, starts, reasons, refusal, project, channel, answer, question }
}

/// The run that writes an answer where it was asked for, so that it is journalled and made once. A command that
/// was not written as a comment is answered by its source at once, and a program is not answered: two that
/// answer each other never end.
fn answering(event: &Event, rules: &Rules, (trigger, text): (&str, &str)) -> Option<Start> {
    let (workflow, input) = ANSWERING;
    let person = event.actor.as_ref().is_some_and(|actor| !actor.bot);
    // Data Center tells of a comment twice, once without the issue: where nothing can be said,
    // nothing is tried.
    let place = event.change.is_some() || event.thread.is_some() || event.task.is_some();
    let told_already = event.comment.is_none() && event.command.is_some();
    (place && person && !told_already && rules.catalog.workflows.contains_key(workflow)).then(|| Start {
        trigger: trigger.to_owned(),
        workflow: workflow.to_owned(),
        inputs: Map::from_iter([(input.to_owned(), Value::from(text))]),
        who: None,
        guard: Guard::of_answer(event),
    })
}

/// What one trigger makes of an event whose kind it takes.
fn judge(
    trigger: &Trigger,
    event: &Event,
    target: &Target,
    standing: &Standing,
    names: &Names<'_>,
) -> Result<Start, Reason> {
    filter::check(trigger, event, standing)?;
    names.check(trigger)?;
    admit(trigger, event, standing)?;
    // What Ostler itself tells of need not be about one.
    if event.repository.is_none() && !event.is_own() {
        return Err(target.missing(trigger));
    }
    let inputs = names.inputs(trigger)?;
    let asks = standing.lets(trigger, event) != May::Yes;
    let guard = Guard::of(trigger, event, names)?.asking(asks);
    Ok(Start {
        trigger: trigger.id.clone(),
        workflow: trigger.run.clone(),
        inputs,
        who: trigger.who.clone(),
        guard,
    })
}

/// Says no to a person who may not start a trigger whatever the forge would say of them. Without a `who` that is left
/// to the run, which can ask.
fn admit(trigger: &Trigger, event: &Event, standing: &Standing) -> Result<(), Reason> {
    match &trigger.who {
        Some(who) if standing.lets(trigger, event) == May::No => Err(Reason::refused(trigger, who, event)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
