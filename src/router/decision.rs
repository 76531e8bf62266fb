//! A person's answer to a step that asked: a click on one of Ostler's buttons, or a command.

use crate::event::{Command, Event};
use crate::id::{RunId, StepPath};

/// The commands by which people decide.
pub const APPROVE: &str = "approve";
/// The other one.
pub const REJECT: &str = "reject";

/// What the buttons by which people decide are called, in front of [`APPROVE`] or [`REJECT`].
const BUTTON: &str = "ostler:";

/// A decision that an event holds, and whom it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// Whether it is a yes.
    pub approved: bool,
    /// What was said to it.
    pub comment: Option<String>,
    /// The run, and the step where it is named; without it, what waits for a decision where the event comes from.
    pub target: Option<(RunId, Option<StepPath>)>,
}

impl Decided {
    /// The decision that an event holds, if it holds one.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        match &event.button {
            Some(button) => {
                let approved = verdict(button.action.strip_prefix(BUTTON)?)?;
                let target = target(button.value.as_deref()?)?;
                Some(Self { approved, comment: None, target: Some(target) })
            }
            None => Self::of_command(event),
        }
    }

    fn of_command(event: &Event) -> Option<Self> {
        let command = event.command.as_ref()?;
        let approved = verdict(&command.name)?;
        let (named, comment) = addressed(command);
        Some(Self { approved, comment, target: named.map(|run| (run, None)) })
    }
}

/// The run that a command names before what it says, and what it says.
pub(super) fn addressed(command: &Command) -> (Option<RunId>, Option<String>) {
    let named = command.args.first().and_then(|first| first.parse::<RunId>().ok());
    let rest = match named {
        Some(_) => command.text.split_once(char::is_whitespace).map_or("", |(_, rest)| rest),
        None => command.text.as_str(),
    };
    (named, Some(rest.trim().to_owned()).filter(|said| !said.is_empty()))
}

/// What a button is called, and the value that it carries.
#[must_use]
pub fn button(approved: bool, run: RunId, step: &StepPath) -> (String, String) {
    let name = if approved { APPROVE } else { REJECT };
    (format!("{BUTTON}{name}"), format!("{run} {step}"))
}

fn verdict(name: &str) -> Option<bool> {
    match name {
        APPROVE => Some(true),
        REJECT => Some(false),
        _ => None,
    }
}

fn target(value: &str) -> Option<(RunId, Option<StepPath>)> {
    let (run, step) = value.split_once(' ')?;
    Some((run.parse().ok()?, Some(StepPath::root(step))))
}
