//! The facts that a run consists of.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::StepError;
use super::hearing::Awaited;
use super::signal::Signal;
use super::undo::Account;
use crate::event::{Event, RepositoryName, TaskRef};
use crate::id::{Digest, RunId, StepPath};
use crate::money::Money;
use crate::spec::Who;

/// A record with its place in the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place, from 0, without gaps.
    pub seq: u64,
    /// When it was decided.
    pub at: Timestamp,
    /// What happened.
    pub record: Record,
}

/// One fact about a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// The run began.
    Started(Box<Started>),
    /// An attempt at a step began.
    StepStarted {
        /// Which step.
        step: StepPath,
        /// Its kind's name; a replay compares it.
        kind: String,
        /// Which attempt, from 1.
        attempt: u32,
        /// What it is given, with expressions evaluated.
        inputs: Value,
        /// The variables that were used here for the first time, with the values they now keep.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        variables: Map<String, Value>,
    },
    /// Something a step must remember: an effect's intent or outcome, an agent's turn. Opaque here.
    Fact {
        /// Which step.
        step: StepPath,
        /// The fact's name within the step.
        name: String,
        /// What is remembered.
        value: Value,
    },
    /// An attempt succeeded.
    StepSucceeded {
        /// Which step.
        step: StepPath,
        /// Which attempt.
        attempt: u32,
        /// Its result.
        outputs: Value,
        /// What it made.
        #[serde(default, skip_serializing_if = "Work::is_empty")]
        work: Work,
        /// What it cost.
        #[serde(default)]
        cost: Money,
    },
    /// An attempt failed.
    StepFailed {
        /// Which step.
        step: StepPath,
        /// Which attempt.
        attempt: u32,
        /// Why.
        error: StepError,
        /// What follows from it.
        next: Next,
        /// What it cost all the same.
        #[serde(default)]
        cost: Money,
    },
    /// A step was passed over.
    StepSkipped {
        /// Which step.
        step: StepPath,
        /// Why.
        reason: String,
        /// The variables that were used here for the first time.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        variables: Map<String, Value>,
    },
    /// A `condition` step chose its branch.
    BranchChosen {
        /// Which step.
        step: StepPath,
        /// Whether its test held.
        taken: bool,
        /// The variables that were used here for the first time.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        variables: Map<String, Value>,
    },
    /// A step that was started stands still until something happens.
    StepWaits {
        /// Which step.
        step: StepPath,
        /// Which attempt.
        attempt: u32,
        /// What it waits for.
        wait: Wait,
    },
    /// A step that stands still turns to the first thing that it was told.
    StepHeard {
        /// Which step.
        step: StepPath,
        /// Which attempt.
        attempt: u32,
    },
    /// Somebody said something to the run.
    Signalled {
        /// Who, for people; nobody where Ostler did it itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// What.
        signal: Signal,
    },
    /// The outcome is known; what is left is what is to be taken back, and `post_execution`.
    Concluded {
        /// The outcome.
        ending: Ending,
        /// Why, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// What its workflow gives.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        results: Map<String, Value>,
        /// Whether what its steps did is taken back first.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        rollback: bool,
    },
    /// What the run did is taken back, as far as it could be.
    TakenBack {
        /// What became of which effect.
        account: Account,
    },
    /// The run is over.
    Ended,
    /// The run cannot go on by itself; a person is needed.
    Parked {
        /// Why.
        reason: String,
    },
}

/// What a run starts with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// The trigger that wanted it.
    pub trigger: String,
    /// The definition that it runs, by hash.
    pub definition: Digest,
    /// The workflow's id, for lists.
    pub workflow: String,
    /// The workflow's inputs.
    #[serde(default)]
    pub inputs: Map<String, Value>,
    /// The event that started it.
    pub event: Event,
    /// Who may start it, where the trigger says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<Who>,
    /// The task it is about, where the event names one; else the first act makes one.
    #[serde(default)]
    pub task: Option<TaskRef>,
    /// The repository it works on: resolved before the run was accepted.
    #[serde(default)]
    pub repository: Option<RepositoryName>,
    /// The tracker's project that belongs to the repository, for tasks that the run makes.
    #[serde(default)]
    pub project: Option<String>,
    /// The channel that belongs to the repository, with its `#`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// How many runs stand between its event and people: none, unless a run of Ostler's wrote it.
    #[serde(default)]
    pub hops: u32,
    /// The run that this one does again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rerun_of: Option<RunId>,
}

/// What a step waits for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// The moment at which it is over whatever has happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What else ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaited: Option<Awaited>,
    /// Where that comes from: subjects of events, and repositories (see [`Event::places`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<String>,
}

impl Started {
    /// Where events come from that concern the run: its repository, else its subject.
    #[must_use]
    pub fn places(&self) -> Vec<String> {
        vec![self.repository.as_ref().map_or_else(|| self.event.subject.to_string(), Event::place_of)]
    }
}

/// What follows from a failed attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// Another attempt at this moment.
    Retry {
        /// Not before.
        at: Timestamp,
    },
    /// The run goes on without the step's results.
    Continue,
    /// The run fails.
    Fail,
    /// The run fails, and what its steps did is taken back.
    Rollback,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// All steps done, all success criteria met.
    Succeeded,
    /// A step failed or a criterion was not met.
    Failed,
    /// The person who asked may not.
    Refused,
    /// A person stopped it.
    Cancelled,
}

/// What a run has made so far, besides outputs: the newest value of each field stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Work {
    /// The branch that the work goes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The commit that the workspace was made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The git tree that an agent left, in the run's own git directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tree: Option<String>,
    /// The commit that was pushed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The pull request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<u64>,
    /// The pull request's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change_url: Option<String>,
    /// The tasks that the run made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<TaskRef>,
}

impl Work {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes over whatever `newer` says.
    pub fn merge(&mut self, newer: &Self) {
        let take = |old: &mut Option<String>, new: &Option<String>| {
            if new.is_some() {
                old.clone_from(new);
            }
        };
        take(&mut self.branch, &newer.branch);
        take(&mut self.base, &newer.base);
        take(&mut self.tree, &newer.tree);
        take(&mut self.commit, &newer.commit);
        take(&mut self.change_url, &newer.change_url);
        self.change = newer.change.or(self.change);
        for task in &newer.tasks {
            if !self.tasks.contains(task) {
                self.tasks.push(task.clone());
            }
        }
    }
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
        })
    }
}

impl std::fmt::Display for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.awaited {
            Some(Awaited::Decision) => f.write_str("it waits for a decision")?,
            // Whoever is told while it works waits for nothing.
            Some(Awaited::Words) | None => f.write_str("it waits")?,
            Some(Awaited::Event { kinds }) => {
                let kinds: Vec<String> = kinds.iter().map(ToString::to_string).collect();
                write!(f, "it waits for {}", kinds.join(" or "))?;
            }
        }
        self.until.map_or(Ok(()), |until| write!(f, " until {until}"))
    }
}
