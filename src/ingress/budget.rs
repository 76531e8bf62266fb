//! Telling how far the month's budget is used up.
//!
//! Each level is an event of Ostler's own, taken in with the note that it was, in one batch: whatever happens between,
//! none is lost and none comes twice. What is done about it is a trigger's matter, as with any event; the one that is
//! shipped tells a channel.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::inbox::{Inbox, Rejection, Status};
use super::policy::Policy;
use crate::ledger::Month;
use crate::ledger::costs::{self, Used};
use crate::money::Money;
use crate::store::{Commit, Values};

/// At how many percent it is told.
const LEVELS: [u8; 3] = [50, 80, 100];
/// How often the book is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// How long what a month came to in its last moments may still be told.
const LATE: SignedDuration = SignedDuration::from_hours(24);

/// What was told of a month.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Mark {
    /// The line that it was told of: another one is another matter.
    line: Money,
    level: u8,
}

/// How far a month's budget is used up, as it is told.
#[derive(Debug)]
pub(super) struct Reached {
    pub(super) month: Month,
    pub(super) level: u8,
    pub(super) taken: Money,
    pub(super) line: Money,
}

impl Reached {
    /// What makes it recognisable when it is told again.
    pub(super) fn identity(&self) -> String {
        format!("ostler:budget:{}:{}:{}", self.month, self.line.as_micros(), self.level)
    }

    /// What people read.
    pub(super) fn sentence(&self) -> String {
        let Self { month, level, taken, line } = self;
        let so_far = format!("{taken} of {line} is spent or reserved in {month}");
        if *level < 100 {
            return format!(
                "{level} % of the month's budget is used up: {so_far}. `ostler costs` says what for."
            );
        }
        format!(
            "The month's budget is used up: {so_far}. What would cross the line is not begun, until the month is over or \
             `limits.monthly_budget` is raised. `ostler costs` says what for."
        )
    }
}

impl Inbox {
    /// Tells at each level how far the budget is used up, for as long as it is polled.
    pub async fn keep_budget(self: Arc<Self>) {
        loop {
            if let Err(error) = self.look_at_budget().await {
                tracing::warn!(%error, "how far the budget is used up could not be told; it is tried again");
            }
            self.sleep(LOOK).await;
        }
    }

    /// Tells of each level that was reached and not told of.
    ///
    /// # Errors
    /// When the store fails; what was not told then is told the next time.
    pub async fn look_at_budget(&self) -> Result<(), Rejection> {
        let (policy, now) = (self.policy(), self.now());
        let this = Month::of(now);
        let last = Month::of(now - LATE);
        if last != this {
            self.look_at_month(last, &policy, now).await?;
        }
        self.look_at_month(this, &policy, now).await
    }

    /// The line that all runs share, as it is now.
    #[must_use]
    pub fn monthly_budget(&self) -> Money {
        self.policy().settings.limits.monthly_budget
    }

    async fn look_at_month(&self, month: Month, policy: &Policy, now: Timestamp) -> Result<(), Rejection> {
        let line = policy.settings.limits.monthly_budget;
        let used = costs::used(&**self.store(), month).await?;
        for level in LEVELS.into_iter().filter(|level| has_reached(*level, &used, line)) {
            self.tell_of(Reached { month, level, taken: used.taken, line }, policy, now).await?;
        }
        Ok(())
    }

    async fn tell_of(&self, reached: Reached, policy: &Policy, now: Timestamp) -> Result<(), Rejection> {
        let Reached { month, level, line, .. } = reached;
        let name = format!("budget/{month}");
        let kept = self.store().value(&name).await?;
        let mark = kept.as_deref().and_then(|bytes| serde_json::from_slice::<Mark>(bytes).ok());
        if mark.is_some_and(|mark| mark.line == line && mark.level >= level) {
            return Ok(());
        }
        let put = vec![(name.clone(), serde_json::to_vec(&Mark { line, level }).ok())];
        let mut own = self.budget(&reached, policy);
        own.values = Values { expect: vec![(name, kept)], put: put.clone() };
        let answer = self.take_own(own, policy, now).await?;
        if answer.status == Status::Duplicate {
            // It was told before the line was another one for a while.
            return Ok(self.store().commit(Commit::Values { expect: Vec::new(), put }).await?);
        }
        tracing::warn!(%month, runs = answer.runs.len(), "{}", reached.sentence());
        Ok(())
    }
}

/// Whether a budget is used up so far. The line itself is hardly ever reached, for what would cross it is not begun: it
/// counts as reached when that has happened.
fn has_reached(level: u8, used: &Used, line: Money) -> bool {
    let share = i128::from(used.taken.as_micros()) * 100 >= i128::from(line.as_micros()) * i128::from(level);
    let stopped = used.refused_at.is_some_and(|at| at >= line);
    stopped || (share && used.taken > Money::ZERO)
}

#[cfg(test)]
mod tests;
