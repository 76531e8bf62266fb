//! What holds a run back though its trigger wants it: the group it belongs to, how often it starts, and
//! whether it goes in circles.
//!
//! Routing says by which names a run is to be judged; the store's writer looks up what is known under
//! those names and judges at the moment of writing, so that no two deliveries can both pass.

pub mod judge;
pub mod known;
pub mod told;

use serde::{Deserialize, Serialize};
use serde_json::json;

pub use self::judge::{Admitted, Held, Queued, judge};
pub use self::known::{Breaker, Known, Member, Pace, Pending, Window};
use super::condition::Names;
use super::{ANSWER, Reason};
use crate::event::{Event, TaskMention};
use crate::id::{EffectKey, RunId};
use crate::spec::{Guards, Period, Priority, Rate, Trigger, WhenBusy};

/// By which names a run is judged, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Guard {
    /// The trigger that wants it.
    pub trigger: String,
    /// What its event is about.
    pub subject: String,
    /// The runs that it must not be under way with.
    pub group: Option<Group>,
    /// How the trigger paces itself.
    pub pacing: Option<Pacing>,
    /// How often it may start, by person and by repository.
    pub limits: Vec<Limit>,
    /// Whether it goes before other runs that are due.
    pub priority: Priority,
    /// How often it may start about one subject.
    pub breaker: Option<Rate>,
    /// The run that wrote what its event carries.
    pub origin: Option<RunId>,
    /// What is said where the event came from.
    pub voice: Voice,
    /// Whether the forge is yet to be asked if the person may start it. Until it has answered, the run takes nobody's
    /// place and keeps nobody out.
    pub asks: bool,
}

/// A concurrency group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name; triggers that say the same one share it.
    pub name: String,
    /// What becomes of a run that finds it busy.
    pub when_busy: WhenBusy,
    /// How many of its runs are under way at once.
    pub limit: usize,
}

/// How a trigger paces itself within a group or, where it names none, a subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pacing {
    /// The group or the subject.
    pub scope: String,
    /// How long it must be quiet before a run starts.
    pub debounce: Option<Period>,
    /// How long after a start nothing is started.
    pub cooldown: Option<Period>,
}

/// How often a trigger may start for somebody or somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Whether it is for somebody or somewhere.
    pub per: Per,
    /// For whom or where.
    pub whose: String,
    /// How often.
    pub rate: Rate,
}

/// What a limit counts by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// Whoever caused the event.
    Actor,
    /// The repository that it is about.
    Repository,
}

/// What is said where an event came from about a run that does not start at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Voice {
    /// Nothing: there is no place for it, or its source answers by itself.
    Silent,
    /// That Ostler has stopped listening, once.
    Notice,
    /// Everything: a person asked in words.
    Answer,
}

impl Guard {
    /// The guard of a run that a trigger starts for an event.
    ///
    /// # Errors
    /// The reason, where the group's name cannot be evaluated.
    pub fn of(trigger: &Trigger, event: &Event, names: &Names<'_>) -> Result<Self, Reason> {
        let guards = &trigger.guards;
        let group = match &guards.concurrency {
            Some(concurrency) => Some(Group {
                name: names.text(trigger, "concurrency", &concurrency.group)?,
                when_busy: concurrency.when_busy,
                limit: concurrency.limit as usize,
            }),
            None => None,
        };
        let scope = || group.as_ref().map_or_else(|| event.subject.to_string(), |group| group.name.clone());
        let paced = guards.debounce.is_some() || guards.cooldown.is_some();
        let pacing = || Pacing { scope: scope(), debounce: guards.debounce, cooldown: guards.cooldown };
        Ok(Self {
            pacing: paced.then(pacing),
            group,
            limits: limits(guards, event),
            priority: guards.priority,
            breaker: guards.breaker,
            origin: origin(event),
            voice: voice(event),
            ..Self::bare(&trigger.id, event)
        })
    }

    /// The same for a run whose person the forge is yet to be asked about, if it would take a place from others.
    #[must_use]
    pub fn asking(self, asks: bool) -> Self {
        let concerns_others = self.group.is_some()
            || self.pacing.is_some()
            || self.limits.iter().any(|limit| limit.per == Per::Repository);
        Self { asks: asks && concerns_others, ..self }
    }

    /// What is left to be judged once the forge has said that the person may: what was counted for the person and
    /// against circles when the event came counts once.
    #[must_use]
    pub fn once_admitted(&self) -> Self {
        let limits = self.limits.iter().filter(|limit| limit.per == Per::Repository).cloned().collect();
        Self { asks: false, limits, breaker: None, origin: None, ..self.clone() }
    }

    /// The guard of an answer: only that it is not given for ever.
    #[must_use]
    pub fn of_answer(event: &Event) -> Self {
        Self { breaker: Guards::default().breaker, voice: voice(event), ..Self::bare(ANSWER, event) }
    }

    /// A guard that holds nothing back.
    #[must_use]
    pub fn bare(trigger: &str, event: &Event) -> Self {
        Self {
            trigger: trigger.to_owned(),
            subject: event.subject.to_string(),
            group: None,
            pacing: None,
            limits: Vec::new(),
            priority: Priority::Normal,
            breaker: None,
            origin: None,
            voice: Voice::Silent,
            asks: false,
        }
    }
}

impl Per {
    /// `per_actor` or `per_repository`, as triggers write it.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Actor => "per_actor",
            Self::Repository => "per_repository",
        }
    }
}

fn limits(guards: &Guards, event: &Event) -> Vec<Limit> {
    let actor = || event.actor.as_ref().map_or_else(|| "nobody".to_owned(), |who| who.account.to_string());
    let repository = || event.repository.as_ref().map(|repository| repository.name.to_string());
    let limit = |per, rate: Option<Rate>, whose: String| rate.map(|rate| Limit { per, whose, rate });
    let limits = [
        limit(Per::Actor, guards.per_actor, actor()),
        limit(Per::Repository, guards.per_repository, repository().unwrap_or_default()),
    ];
    limits.into_iter().flatten().collect()
}

/// The run whose mark the event's text carries outside of quotations. Anybody can copy one: it can only
/// have an event taken for one of Ostler's own making, never for less.
fn origin(event: &Event) -> Option<RunId> {
    let comment = event.comment.as_ref().map(|comment| comment.body.as_str());
    let task = event.task.as_ref().and_then(|task: &TaskMention| task.description.as_deref());
    let lines = comment.into_iter().chain(task).flat_map(str::lines);
    let said = lines.filter(|line| !line.trim_start().starts_with('>'));
    said.filter_map(|line| line.split_once(EffectKey::MARKER_START)?.1.split(':').next()?.parse().ok()).next()
}

fn voice(event: &Event) -> Voice {
    let place = event.change.is_some() || event.thread.is_some() || event.task.is_some();
    let person = event.actor.as_ref().is_some_and(|actor| !actor.bot);
    match (&event.command, &event.comment) {
        // Who types a slash command reads the answer at once.
        (Some(_), None) => Voice::Silent,
        _ if !place => Voice::Silent,
        (Some(_), Some(_)) if person => Voice::Answer,
        _ => Voice::Notice,
    }
}

impl Names<'_> {
    /// A text of a trigger's, with its expressions evaluated. Nothing and an empty text are no name.
    fn text(&self, trigger: &Trigger, key: &str, text: &str) -> Result<String, Reason> {
        let failed = |why: &str| Reason::failed(trigger, key, json!(text), why);
        let text = self.render(text).map_err(|error| failed(&error.to_string()))?;
        if text.trim().is_empty() { Err(failed("it is empty for this event")) } else { Ok(text) }
    }
}
