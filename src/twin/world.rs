//! The world that the twins share: one state a service, the people, the clock, and what is on its way out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::fault::Faults;
use super::git::Repositories;
use super::messages::Script;
use super::outbox::{Delivery, Outbox};
use super::seed::{Person, RepositorySeed, Seed, TeamSeed};
use super::{Options, Secrets, TwinError, github, gitlab, jira, linear, messages, slack};
use crate::clock::Clock;

/// How long everything has been there when the twins start: who begins to listen then does not act on the past.
const AGE: SignedDuration = SignedDuration::from_hours(24);

/// Everything that exists in the twins.
#[derive(Debug)]
pub(super) struct World {
    pub(super) base: Url,
    pub(super) secrets: Secrets,
    pub(super) people: Vec<Person>,
    pub(super) teams: Vec<TeamSeed>,
    pub(super) repositories: Repositories,
    pub(super) outbox: Outbox,
    pub(super) faults: Faults,
    pub(super) scripts: Vec<Script>,
    /// What the model has answered for, whether or not its answer arrived.
    pub(super) bills: Mutex<Vec<serde_json::Value>>,
    clock: Arc<dyn Clock>,
    github: Mutex<github::State>,
    gitlab: Mutex<gitlab::State>,
    jira: Mutex<jira::State>,
    linear: Mutex<linear::State>,
    slack: Mutex<slack::State>,
}

impl World {
    /// The world as `fixtures/world.yaml` begins it.
    pub(super) async fn create(
        base: Url,
        options: Options,
        shutdown: CancellationToken,
    ) -> Result<Self, TwinError> {
        let mut seed = Seed::read()?;
        seed.repositories.extend(options.repositories.iter().cloned().map(RepositorySeed::from));
        let then = options.clock.now().checked_sub(AGE).unwrap_or(Timestamp::UNIX_EPOCH);
        let repositories = Repositories::create(&seed).await?;
        Ok(Self {
            github: Mutex::new(github::State::seeded(&seed, &repositories, then).await?),
            gitlab: Mutex::new(gitlab::State::seeded(&seed, &repositories, then).await?),
            jira: Mutex::new(jira::State::seeded(&seed, then)),
            linear: Mutex::new(linear::State::seeded(&seed, then)),
            slack: Mutex::new(slack::State::seeded(&seed)),
            bills: Mutex::default(),
            scripts: messages::scripts(options.scripts.as_deref())?,
            outbox: Outbox::new(&options, shutdown)?,
            faults: Faults::new(Arc::clone(&options.clock)),
            clock: options.clock,
            secrets: options.secrets,
            people: seed.people,
            teams: seed.teams,
            repositories,
            base,
        })
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Sends a delivery in the background, as services do after their API has answered.
    pub(super) fn send(self: &Arc<Self>, delivery: Delivery) {
        let sender = Arc::clone(self);
        self.outbox.spawn(async move {
            sender.outbox.deliver(delivery, 1, sender.now()).await;
        });
    }

    pub(super) async fn sleep(&self, span: std::time::Duration) {
        self.clock.sleep(span).await;
    }

    /// The person of this name; the names of the people are their GitHub logins.
    pub(super) fn person(&self, name: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.name.eq_ignore_ascii_case(name))
    }

    /// Ostler's own person.
    pub(super) fn bot(&self) -> &Person {
        self.people.iter().find(|person| person.bot).expect("Seed::read refuses a world without a bot")
    }

    /// An address under one of the prefixes.
    pub(super) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.base.as_str().trim_end_matches('/'))
    }

    pub(super) fn github(&self) -> MutexGuard<'_, github::State> {
        lock(&self.github)
    }

    pub(super) fn gitlab(&self) -> MutexGuard<'_, gitlab::State> {
        lock(&self.gitlab)
    }

    pub(super) fn jira(&self) -> MutexGuard<'_, jira::State> {
        lock(&self.jira)
    }

    pub(super) fn linear(&self) -> MutexGuard<'_, linear::State> {
        lock(&self.linear)
    }

    pub(super) fn slack(&self) -> MutexGuard<'_, slack::State> {
        lock(&self.slack)
    }
}

/// Takes a lock; what a panicked holder left is still the best there is.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
