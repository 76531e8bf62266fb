//! Putting in force what people have written since: all of it or nothing.
//!
//! What is in force is replaced whole, between two events: each event is judged by exactly one of the old and the
//! new, and what it started keeps what it was started with. What has a fault is refused, and the old goes on.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::policy::{Current, Policy};
use crate::clock::Clock;
use crate::id::Digest;

/// Reads everything that people wrote, wherever it is: something else than is in force, nothing where it is the
/// same, or what is wrong with it. It is called on a thread that may wait for files.
pub type Read = Box<dyn FnMut() -> Result<Option<Fresh>, Vec<Fault>> + Send>;

/// What may take the place of what is in force.
#[derive(Debug)]
pub struct Fresh {
    /// What deliveries would be judged by. Ostler's own accounts come over from what was in force.
    pub policy: Policy,
    /// The keys whose new values count from the next start only.
    pub at_next_start: Vec<String>,
}

/// One thing that is wrong with what people wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The file.
    pub file: String,
    /// The line, from 1, where the fault has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        for place in [self.line, self.column].into_iter().flatten() {
            write!(f, "{place}:")?;
        }
        write!(f, " {}", self.message)
    }
}

/// What was refused last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// When it was read.
    pub at: Timestamp,
    /// Whether it is still what the files hold.
    pub stands: bool,
    /// Everything that is wrong with it.
    pub faults: Vec<Fault>,
}

/// What is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InForce {
    /// The digest of handlers, workflows, prompts and roles.
    pub digest: Digest,
    /// Since when.
    pub loaded_at: Timestamp,
    /// How many triggers there are.
    pub triggers: usize,
    /// How many workflows.
    pub workflows: usize,
    /// The keys of the configuration whose new values count from the next start only.
    pub at_next_start: Vec<String>,
    /// What was refused last since the start, if anything was.
    pub refused: Option<Refusal>,
}

/// How a reload went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Something else is in force now.
    Taken,
    /// Everything is as it was.
    Unchanged,
    /// It has faults; the old goes on.
    Refused,
}

/// What came of a reload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// How it went.
    pub status: Status,
    /// What is in force now.
    pub catalog: InForce,
}

/// Puts in force what people have written since.
pub struct Reload {
    policy: Arc<Current<Policy>>,
    clock: Arc<dyn Clock>,
    read: Arc<Mutex<Read>>,
    /// Held while it is read and put in force: two do not come between each other.
    turn: tokio::sync::Mutex<()>,
    told: Mutex<Told>,
}

/// What is told besides the policy itself.
#[derive(Debug, Clone)]
struct Told {
    loaded_at: Timestamp,
    at_next_start: Vec<String>,
    refused: Option<Refusal>,
}

impl fmt::Debug for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reload").field("told", &self.told).finish_non_exhaustive()
    }
}

impl Reload {
    /// Over what is in force since now, and how everything is read again.
    #[must_use]
    pub fn new(policy: Arc<Current<Policy>>, clock: Arc<dyn Clock>, read: Read) -> Self {
        let told = Told { loaded_at: clock.now(), at_next_start: Vec::new(), refused: None };
        let (read, told) = (Arc::new(Mutex::new(read)), Mutex::new(told));
        Self { policy, clock, read, turn: tokio::sync::Mutex::default(), told }
    }

    /// What is in force.
    #[must_use]
    pub fn in_force(&self) -> InForce {
        let Told { loaded_at, at_next_start, refused } = self.told().clone();
        let policy = self.policy.get();
        let catalog = &policy.rules.catalog;
        InForce {
            digest: catalog.digest,
            loaded_at,
            triggers: catalog.triggers.len(),
            workflows: catalog.workflows.len(),
            at_next_start,
            refused,
        }
    }

    /// Reads everything again, and puts it in force unless it has a fault.
    pub async fn reload(&self) -> Reloaded {
        let _turn = self.turn.lock().await;
        let read = Arc::clone(&self.read);
        let read = move || read.lock().unwrap_or_else(PoisonError::into_inner)();
        let read = tokio::task::spawn_blocking(read).await;
        let status = match read.unwrap_or_else(|error| Err(vec![broken(&error)])) {
            Ok(Some(fresh)) => self.put_in_force(fresh),
            Ok(None) => self.leave(),
            Err(faults) => self.refuse(faults),
        };
        Reloaded { status, catalog: self.in_force() }
    }

    fn put_in_force(&self, fresh: Fresh) -> Status {
        self.policy.change(|was| fresh.policy.knowing(was.standing.own.clone()));
        let digest = self.policy.get().rules.catalog.digest;
        tracing::info!(catalog = %digest, at_next_start = ?fresh.at_next_start, "reloaded");
        let mut told = self.told();
        told.loaded_at = self.clock.now();
        told.at_next_start = fresh.at_next_start;
        told.settle();
        Status::Taken
    }

    /// What was read is what is in force: where something was refused before, it was taken back.
    fn leave(&self) -> Status {
        self.told().settle();
        Status::Unchanged
    }

    fn refuse(&self, faults: Vec<Fault>) -> Status {
        let mut told = self.told();
        let again = told.refused.as_ref().is_some_and(|last| last.stands && last.faults == faults);
        if !again {
            for fault in &faults {
                tracing::error!(%fault, "not reloaded, what was in force stays so");
            }
            told.refused = Some(Refusal { at: self.clock.now(), stands: true, faults });
        }
        Status::Refused
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    fn settle(&mut self) {
        if let Some(refused) = &mut self.refused {
            refused.stands = false;
        }
    }
}

fn broken(error: &tokio::task::JoinError) -> Fault {
    Fault {
        file: "ostler".to_owned(),
        line: None,
        column: None,
        message: format!("reading broke off: {error}"),
    }
}

#[cfg(test)]
mod tests;
