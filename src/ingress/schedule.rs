//! Triggers that go by the clock.
//!
//! When each came to its time last is kept with the event of that time, in one batch. So a start knows what was
//! missed: the latest is made up for, the older ones are said in the log, and none comes twice.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::inbox::{Inbox, Rejection};
use super::policy::Policy;
use crate::spec::{Schedule, Trigger};
use crate::store::{Commit, Found, Query, Values};

/// How long nobody looks at the clock at the most: it may have been set.
const LOOK: Duration = Duration::from_secs(30);
/// Under what where triggers stand is kept.
const MARKS: &str = "schedule/";
/// How long is waited after the store did not take a tick.
const PAUSE: Duration = Duration::from_secs(1);

/// Where a trigger stands in its schedule.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Mark {
    schedule: Schedule,
    last: Timestamp,
}

impl Mark {
    fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl Inbox {
    /// Fires triggers at their times, for as long as it is polled.
    pub async fn keep_time(self: Arc<Self>) {
        let mut changes = self.changes();
        loop {
            let pause = match self.look_at_clock().await {
                Ok(Some(next)) => {
                    Duration::try_from(next.duration_since(self.now())).unwrap_or_default().min(LOOK)
                }
                Ok(None) => LOOK,
                Err(Rejection::Full) => LOOK,
                Err(error) => {
                    tracing::warn!(%error, "a trigger's time could not be taken in; it is tried again");
                    PAUSE
                }
            };
            tokio::select! {
                () = self.sleep(pause) => {}
                () = changes.next() => {}
            }
        }
    }

    /// Fires what is due, and gives the moment of the next.
    ///
    /// # Errors
    /// When the store fails; what was not fired then is fired the next time.
    pub async fn look_at_clock(&self) -> Result<Option<Timestamp>, Rejection> {
        let policy = self.policy();
        self.forget_others(&policy).await?;
        let mut next: Option<Timestamp> = None;
        for trigger in &policy.rules.catalog.triggers {
            let Some(schedule) = &trigger.schedule else { continue };
            self.look_at(trigger, schedule, &policy).await?;
            let own = schedule.next(self.now());
            next = next.into_iter().chain(own).min();
        }
        Ok(next)
    }

    /// Forgets where triggers stood that have no schedule any more: one that is written again has missed nothing.
    async fn forget_others(&self, policy: &Policy) -> Result<(), Rejection> {
        let Found::Values(kept) = self.store().query(Query::Values(MARKS.to_owned())).await? else {
            return Ok(());
        };
        let stands = |name: &str| {
            let mut triggers = policy.rules.catalog.triggers.iter();
            triggers
                .any(|trigger| trigger.schedule.is_some() && name.strip_prefix(MARKS) == Some(&trigger.id))
        };
        let put: Vec<_> =
            kept.into_iter().filter(|(name, _)| !stands(name)).map(|(name, _)| (name, None)).collect();
        if !put.is_empty() {
            self.store().commit(Commit::Values { expect: Vec::new(), put }).await?;
        }
        Ok(())
    }

    async fn look_at(
        &self,
        trigger: &Trigger,
        schedule: &Schedule,
        policy: &Policy,
    ) -> Result<(), Rejection> {
        let (now, name) = (self.now(), format!("{MARKS}{}", trigger.id));
        let kept = self.store().value(&name).await?;
        let mark = kept.as_deref().and_then(|bytes| serde_json::from_slice::<Mark>(bytes).ok());
        let mark_at = |last| Some(Mark { schedule: schedule.clone(), last }.to_bytes());
        // One that is new, or is now another, has missed nothing.
        let Some(mark) = mark.filter(|mark| mark.schedule == *schedule) else {
            let put = vec![(name.clone(), mark_at(now))];
            return Ok(self.store().commit(Commit::Values { expect: vec![(name, kept)], put }).await?);
        };
        let Some((tick, older)) = schedule.missed(mark.last, now) else { return Ok(()) };
        if older > 0 {
            tracing::warn!(trigger = %trigger.id, %older, latest = %tick, "times were missed; the latest is made up for");
        }
        let mut own = self.tick(trigger, tick, policy);
        own.values = Values { expect: vec![(name.clone(), kept)], put: vec![(name, mark_at(tick))] };
        let answer = self.take_own(own, policy, now).await?;
        tracing::info!(trigger = %trigger.id, %tick, runs = answer.runs.len(), "a trigger came to its time");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingress::inbox::tests::Office;

    #[tokio::test]
    async fn where_a_trigger_stood_is_forgotten_with_its_schedule() {
        let office = Office::new();
        let put = vec![("schedule/gone".to_owned(), Some(b"{}".to_vec()))];
        office.store.commit(Commit::Values { expect: Vec::new(), put }).await.unwrap();
        office.inbox.look_at_clock().await.unwrap();
        let kept = office.store.query(Query::Value("schedule/gone".to_owned())).await.unwrap();
        assert!(!matches!(kept, Found::Bytes(_)), "{kept:?}");
    }
}
