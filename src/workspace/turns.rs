//! Whose turn it is: one step of a run at a time has its files, in the order in which they came.
//!
//! Else a command of one agent could put a link where a tool of another is about to write, and each would take
//! the other's half-done work into its own trees.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as Lock, OwnedMutexGuard};

use super::Workspaces;
use crate::id::RunId;

/// What each turn made of the tree that it began with, while others wait.
type Left = HashMap<String, String>;

/// Those who have a run's files, or wait for them; nobody, once they are all gone.
type Line = Weak<Lock<Left>>;

/// The turns of all runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Turns(Arc<Mutex<HashMap<RunId, Line>>>);

/// A run's files, had alone until this is dropped.
#[derive(Debug)]
pub struct Turn(OwnedMutexGuard<Left>);

impl Turns {
    fn of(&self, run: RunId) -> Arc<Lock<Left>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, lock| lock.strong_count() > 0);
        if let Some(lock) = all.get(&run).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::default();
        all.insert(run, Arc::downgrade(&lock));
        lock
    }
}

impl Workspaces {
    /// Waits until nobody else works in a run's files. Whoever stops waiting gives the place in the line up.
    pub async fn turn(&self, run: RunId) -> Turn {
        Turn(self.turns.of(run).lock_owned().await)
    }
}

impl Turn {
    /// The tree to begin with instead of this one, of which others who had their turn while we waited have made
    /// something: steps that begin at once are all given the same.
    #[must_use]
    pub fn newest(&self, tree: &str) -> String {
        let mut newest = tree;
        // Work may come back to what it began with, so the way may be a circle: it is walked once.
        for _ in 0..self.0.len() {
            let Some(next) = self.0.get(newest) else { break };
            newest = next;
        }
        newest.to_owned()
    }

    /// Lets whoever waits begin with what came of a tree.
    pub fn leave(mut self, began: &str, tree: &str) {
        if began != tree {
            self.0.insert(began.to_owned(), tree.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::super::sandbox::Host;
    use super::*;
    use crate::id::EventId;

    #[tokio::test]
    async fn one_has_the_files_and_the_others_wait_in_their_order() {
        let all = Workspaces::new(super::super::Options::default(), Host::new(Default::default()));
        let event = EventId::at(jiff::Timestamp::UNIX_EPOCH);
        let run = |name: &str| RunId::of(event, name);
        let first = all.turn(run("a")).now_or_never().unwrap();
        assert!(all.turn(run("b")).now_or_never().is_some(), "another run's files are others");
        let again = all.clone();
        let (mut second, mut gone) = (Box::pin(again.turn(run("a"))), Box::pin(again.turn(run("a"))));
        let mut fourth = Box::pin(again.turn(run("a")));
        for waiting in [&mut second, &mut gone, &mut fourth] {
            assert!(waiting.now_or_never().is_none());
        }
        drop(gone);
        first.leave("base", "one");
        assert!((&mut fourth).now_or_never().is_none());
        let second = second.now_or_never().unwrap();
        assert_eq!((second.newest("base"), second.newest("other")), ("one".to_owned(), "other".to_owned()));
        second.leave("one", "two");
        let fourth = fourth.now_or_never().unwrap();
        assert_eq!(fourth.newest("base"), "two");
        fourth.leave("two", "base");
        assert_eq!(all.turn(run("a")).await.newest("base"), "base", "whoever comes later is given it anyway");
    }

    #[tokio::test]
    async fn work_that_comes_back_to_its_beginning_leads_in_no_circle() {
        let all = Workspaces::new(super::super::Options::default(), Host::new(Default::default()));
        let run = RunId::of(EventId::at(jiff::Timestamp::UNIX_EPOCH), "a");
        let first = all.turn(run).await;
        let (mut second, mut third) = (Box::pin(all.turn(run)), Box::pin(all.turn(run)));
        assert!((&mut second).now_or_never().is_none() && (&mut third).now_or_never().is_none());
        first.leave("base", "one");
        second.await.leave("one", "base");
        assert_eq!(third.await.newest("base"), "base");
    }
}
