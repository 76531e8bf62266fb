//! The questions that wait for an answer, in memory as they are in the store.
//!
//! Nearly no event is an answer, and none should pay for those that are: who has a question open is known without
//! asking the store. What is stored decides all the same: an answer counts only if the question is still there
//! when the writer looks.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::event::{Account, Event};
use crate::id::Digest;
use crate::router::question::{self, Place, Question};
use crate::store::{Found, Named, Query, Store, StoreError};

/// How long a question waits.
const PATIENCE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How many questions wait at the most; the oldest makes room.
const MOST: usize = 10_000;
/// How many of them one person may have open.
const MOST_OF_ONE: usize = 10;
/// What the names of all of them begin with.
const PREFIX: &str = "question/";

/// A question with the moment until which it waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Open {
    pub(super) question: Question,
    until: Timestamp,
}

/// The open questions.
#[derive(Debug, Default)]
pub struct Questions(Mutex<ByPerson>);

/// Each person's questions, by the names that they are stored under.
type ByPerson = BTreeMap<Account, BTreeMap<String, Open>>;

impl Open {
    /// The name that it is stored under: there is one a person and place.
    pub(super) fn name(&self) -> String {
        name(&self.question.person, &self.question.place)
    }

    /// What is stored.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

fn name(person: &Account, place: &Place) -> String {
    let place = serde_json::to_vec(place).unwrap_or_default();
    format!("{PREFIX}{person}/{}", Digest::of(&place))
}

impl Questions {
    /// The questions that a store keeps.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn of(store: &dyn Store) -> Result<Self, StoreError> {
        let questions = Self::default();
        questions.load(store).await?;
        Ok(questions)
    }

    /// Takes in what is stored. What cannot be read is no question.
    pub(super) async fn load(&self, store: &dyn Store) -> Result<(), StoreError> {
        let Found::Values(values) = store.query(Query::Values(PREFIX.to_owned())).await? else {
            return Ok(());
        };
        let mut open = self.lock();
        open.clear();
        for (name, bytes) in values {
            insert(&mut open, name, &bytes);
        }
        Ok(())
    }

    /// The question that an event could answer: one of the same person in the same place, the newest first.
    pub(super) fn find(&self, event: &Event, now: Timestamp) -> Option<Open> {
        question::word(event)?;
        let actor = event.actor.as_ref()?;
        let place = Place::of(event)?;
        let open = self.lock();
        let own = open.get(&actor.account)?.values();
        let fits = |open: &&Open| open.until > now && open.question.place.meets(&place);
        own.filter(fits).max_by_key(|open| open.until).cloned()
    }

    /// What is to be stored so that a question is open: itself, and those gone that make room for it.
    pub(super) fn asking(&self, question: Question, now: Timestamp) -> Vec<Named> {
        let open = Open { question, until: now + PATIENCE };
        let mut put = vec![(open.name(), Some(open.to_bytes()))];
        let questions = self.lock();
        let own = questions.get(&open.question.person).into_iter().flatten();
        let others: Vec<_> = own.filter(|(name, _)| **name != open.name()).collect();
        put.extend(others.iter().filter(|(_, other)| other.until <= now).map(|(name, _)| gone(name)));
        if others.len() >= MOST_OF_ONE {
            put.extend(oldest(others.into_iter()));
        } else if questions.values().map(BTreeMap::len).sum::<usize>() >= MOST {
            put.extend(oldest(questions.values().flatten()));
        }
        put
    }

    /// Takes in what was stored.
    pub(super) fn stored(&self, put: &[Named]) {
        let mut questions = self.lock();
        for (name, value) in put.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
            questions.retain(|_, own| {
                own.remove(name);
                !own.is_empty()
            });
            if let Some(bytes) = value {
                insert(&mut questions, name.clone(), bytes);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, ByPerson> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn insert(questions: &mut ByPerson, name: String, bytes: &[u8]) {
    let Ok(open) = serde_json::from_slice::<Open>(bytes) else { return };
    questions.entry(open.question.person.clone()).or_default().insert(name, open);
}

fn gone(name: &str) -> Named {
    (name.to_owned(), None)
}

/// That the question that has waited longest is gone.
fn oldest<'a>(questions: impl Iterator<Item = (&'a String, &'a Open)>) -> Option<Named> {
    questions.min_by_key(|(_, open)| open.until).map(|(name, _)| gone(name))
}
