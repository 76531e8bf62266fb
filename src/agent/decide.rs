//! What an agent does next, as a function of what was said.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::condense;
use super::turn::{Ran, ToolCall, Transcript, Turn};
use crate::money::Money;
use crate::plugin::model::Stop;

/// The next thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Let the model answer.
    CallModel,
    /// Let the model give an account of the turns up to this one, which then stands for them.
    Condense(usize),
    /// Run these tools, in order.
    RunTools(Vec<ToolCall>),
    /// Stop, with the answer when the work was finished.
    Finish(Reason, Option<Map<String, Value>>),
}

/// How far an agent may go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Model calls.
    pub steps: u32,
    /// Dollars.
    pub cost: Money,
    /// Output plus uncached input tokens.
    pub tokens: u64,
    /// Seconds from the first recorded turn.
    pub seconds: u64,
    /// Tokens that one answer may have.
    pub max_output_tokens: u32,
    /// Tokens that the conversation may hold before its older turns are condensed.
    pub context: u64,
    /// How often the gate may give finished work back.
    pub returns: u32,
}

/// Why an agent stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It said that it is done.
    Finished,
    /// It made as many model calls as it may.
    Steps,
    /// It spent what it may, or the next call might cost more than is left.
    Budget,
    /// It used as many tokens as it may.
    Tokens,
    /// It worked as long as it may.
    Time,
    /// It repeats itself.
    Stuck,
    /// It did not get a tool call right several times in a row.
    Format,
    /// Its model will not do this.
    Refused,
    /// The conversation is longer than its model can hold.
    ContextFull,
}

/// Turns in a row without one usable call.
const MALFORMED_IN_A_ROW: usize = 3;
/// Turns in a row with the same calls and the same results.
const SAME_IN_A_ROW: usize = 4;
/// Turns in a row that go back and forth between two.
const ALTERNATING_IN_A_ROW: usize = 6;

/// What comes next. The last turn decides first, so that a paid answer is used before a limit stops the
/// agent; then the limits; then the model is asked.
#[must_use]
pub fn next(transcript: &Transcript, limits: &Limits, now: Timestamp) -> Decision {
    let Some(last) = transcript.turns.last() else { return Decision::CallModel };
    let condense = condense::due(transcript, limits);
    if let Some(reason) = stopped_by_model(last).filter(|reason| {
        // One that was just condensed goes on, and so does one that can be.
        *reason != Reason::ContextFull || (condense.is_none() && !transcript.is_condensed_now())
    }) {
        return Decision::Finish(reason, None);
    }
    match &last.ran {
        None if last.fault().is_none() && last.said.answer.stop != Stop::Pause => {
            return Decision::RunTools(last.calls());
        }
        Some(ran) => {
            if let Some(answer) = answer_of(ran) {
                return Decision::Finish(Reason::Finished, Some(answer.clone()));
            }
        }
        None => {}
    }
    match crossed(transcript, limits, now) {
        Some(reason) => Decision::Finish(reason, None),
        None => condense.map_or(Decision::CallModel, Decision::Condense),
    }
}

/// How long the agent may still work.
#[must_use]
pub fn time_left(transcript: &Transcript, limits: &Limits, now: Timestamp) -> Duration {
    let all = Duration::from_secs(limits.seconds);
    let begun = transcript.turns.first().map_or(now, |turn| turn.said.at);
    let passed = Duration::try_from(now.duration_since(begun)).unwrap_or_default();
    all.saturating_sub(passed)
}

fn stopped_by_model(last: &Turn) -> Option<Reason> {
    match last.said.answer.stop {
        Stop::Refusal => Some(Reason::Refused),
        Stop::ContextFull => Some(Reason::ContextFull),
        Stop::EndTurn | Stop::ToolUse | Stop::MaxTokens | Stop::Pause => None,
    }
}

fn answer_of(ran: &Ran) -> Option<&Map<String, Value>> {
    ran.results.iter().find(|result| result.is_accepted())?.answer.as_ref()
}

fn crossed(transcript: &Transcript, limits: &Limits, now: Timestamp) -> Option<Reason> {
    let turns = &transcript.turns;
    let lines = [
        (Reason::Format, ends_with(turns, MALFORMED_IN_A_ROW, |tail| tail.iter().all(Turn::is_malformed))),
        (Reason::Stuck, is_stuck(turns)),
        (Reason::Steps, turns.len() >= limits.steps as usize),
        (Reason::Budget, transcript.cost() >= limits.cost),
        (Reason::Tokens, transcript.usage().counted() >= limits.tokens),
        (Reason::Time, time_left(transcript, limits, now).is_zero()),
    ];
    lines.into_iter().find(|(_, is_crossed)| *is_crossed).map(|(reason, _)| reason)
}

fn is_stuck(turns: &[Turn]) -> bool {
    let repeats = |tail: &[Turn]| tail.windows(2).all(|pair| is_same(&pair[0], &pair[1]));
    let alternates = |tail: &[Turn]| tail.windows(3).all(|three| is_same(&three[0], &three[2]));
    ends_with(turns, SAME_IN_A_ROW, repeats) || ends_with(turns, ALTERNATING_IN_A_ROW, alternates)
}

fn ends_with(turns: &[Turn], count: usize, holds: impl Fn(&[Turn]) -> bool) -> bool {
    turns.len().checked_sub(count).is_some_and(|from| holds(&turns[from..]))
}

/// Whether two turns did the same and saw the same; ids are new in each.
fn is_same(one: &Turn, other: &Turn) -> bool {
    let did = |turn: &Turn| turn.calls().into_iter().map(|call| (call.name, call.input)).collect::<Vec<_>>();
    let saw = |turn: &Turn| -> Option<Vec<String>> {
        Some(turn.ran.as_ref()?.results.iter().map(|result| result.content.clone()).collect())
    };
    saw(one).is_some() && saw(one) == saw(other) && did(one) == did(other)
}

impl Reason {
    /// The stable code that a step's failure carries.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Steps => "agent_steps",
            Self::Budget => "budget",
            Self::Tokens => "agent_tokens",
            Self::Time => "agent_time",
            Self::Stuck => "agent_stuck",
            Self::Format => "agent_format",
            Self::Refused => "agent_refused",
            Self::ContextFull => "agent_context",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Finished => "the agent finished",
            Self::Steps => "the agent made as many model calls as it may",
            Self::Budget => "the agent spent as much as it may",
            Self::Tokens => "the agent used as many tokens as it may",
            Self::Time => "the agent worked as long as it may",
            Self::Stuck => "the agent repeats itself",
            Self::Format => "the agent did not get a tool call right several times in a row",
            Self::Refused => "the model refused to do this",
            Self::ContextFull => "the conversation is longer than the model can hold",
        })
    }
}
