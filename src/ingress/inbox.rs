//! The one way in for deliveries.

mod again;
mod notes;
mod outlook;
mod own;
mod taking;

use std::fmt;
use std::sync::Arc;

pub use self::again::{Again, Rerun};
pub use self::outlook::Outlook;
pub use self::own::OrderError;
use self::taking::Taking;
use super::policy::{Changes, Current, Policy};
use super::questions::{Open, Questions};
use super::refused::{Cause, Refusals};
use super::signature::{self, Refusal};
use crate::clock::Clock;
use crate::event::{Event, PayloadRef, SourceName, Stamp};
use crate::failpoint;
use crate::id::{EventId, RunId};
use crate::plugin::source::{Decoded, Delivery, Reply, Source, Undecodable, Verdict};
use crate::router::stopping::Stopping;
use crate::router::telling::Telling;
use crate::router::{self, question};
use crate::store::{Accepted, Found, Intake, Query, Store, StoreError};
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Bodies over this are verified and read on a thread of their own: that takes longer than an async
/// thread should be held.
const LARGE: usize = 256 * 1024;

/// What is told of new runs, with the runs under way that are to stop for them.
type Poke = Box<dyn Fn(&[RunId]) + Send + Sync>;

/// Takes deliveries in.
pub struct Inbox {
    store: Arc<dyn Store>,
    policy: Arc<Current<Policy>>,
    clock: Arc<dyn Clock>,
    refusals: Arc<Refusals>,
    questions: Questions,
    poke: Poke,
}

/// What became of a delivery, and what its source is to read.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The body in the source's own terms, where it is particular about it.
    pub reply: Option<Reply>,
    /// What became of it.
    pub answer: Answer,
}

/// What became of a delivery, as sources without a wish of their own read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What became of it.
    pub status: Status,
    /// Its event, where it became one.
    pub event_id: Option<EventId>,
    /// The runs that it started.
    pub runs: Vec<RunId>,
}

/// What would become of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreseen {
    /// What would become of it.
    pub status: Status,
    /// What it tells of, for people.
    pub what: String,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is durable, and so is every run that it started.
    Accepted,
    /// It was here before; nothing was written.
    Duplicate,
    /// It starts nothing.
    Ignored,
}

/// Why a delivery was not taken in. Nothing of it was stored, and no message holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum Rejection {
    /// There is no such source or surface, or no secret to believe it by: nobody is told which.
    #[error("nothing takes deliveries here")]
    Unknown,
    /// The body is larger than the source sends.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// How many bytes it may have.
        limit: usize,
    },
    /// The signature is not right.
    #[error("{0}")]
    Unbelieved(#[from] Refusal),
    /// The body is not what the source sends.
    #[error("{0}")]
    Undecodable(#[from] Undecodable),
    /// There is too much to do; the sender is to try again.
    #[error("too many deliveries at once; try again")]
    Overloaded,
    /// So many runs wait for their turn that no more are started; the sender is to try again later.
    #[error("too many runs wait for their turn; try again later")]
    Full,
    /// The store failed, or the rules name what is not there.
    #[error("the delivery could not be stored")]
    Failed(String),
}

impl From<StoreError> for Rejection {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::Overloaded,
            StoreError::Full => Self::Full,
            other => Self::Failed(other.to_string()),
        }
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Inbox {
    /// An inbox that stores into `store` and calls `poke` whenever there are new runs, with those under way that are to
    /// stop for them.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        policy: Arc<Current<Policy>>,
        clock: Arc<dyn Clock>,
        poke: impl Fn(&[RunId]) + Send + Sync + 'static,
    ) -> Self {
        Self {
            store,
            policy,
            clock,
            refusals: Arc::default(),
            questions: Questions::default(),
            poke: Box::new(poke),
        }
    }

    /// The same inbox, which notes in this log what becomes no event.
    #[must_use]
    pub fn noting(self, refusals: Arc<Refusals>) -> Self {
        Self { refusals, ..self }
    }

    /// The same inbox, with the questions that were left open before.
    #[must_use]
    pub fn with(self, questions: Questions) -> Self {
        Self { questions, ..self }
    }

    pub(super) fn policy(&self) -> Arc<Policy> {
        self.policy.get()
    }

    /// Tells when another policy is in force.
    pub(super) fn changes(&self) -> Changes<Policy> {
        self.policy.changes()
    }

    /// The time by which deliveries are judged.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) async fn sleep(&self, span: std::time::Duration) {
        self.clock.sleep(span).await;
    }

    /// What became no event.
    #[must_use]
    pub fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// Where deliveries are stored.
    pub(super) fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The time by which they are judged.
    pub(super) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The largest body that a source's surface takes.
    ///
    /// # Errors
    /// When there is no such source or surface, or the source is off.
    pub fn limit(&self, source: &str, surface: &str) -> Result<usize, Rejection> {
        self.source(source, surface).map(|source| source.body_limit())
    }

    /// The providers on which Ostler does not know its own account yet: what is meant for it there
    /// starts nothing.
    #[must_use]
    pub fn strangers(&self) -> Vec<SourceName> {
        self.policy.get().strangers.clone()
    }

    /// Takes a delivery in.
    ///
    /// # Errors
    /// When it is not believed, not understood, or cannot be stored; then nothing was stored.
    pub async fn accept(&self, source: &str, delivery: Delivery) -> Result<Outcome, Rejection> {
        let source = self.source(source, &delivery.surface)?;
        let now = self.clock.now();
        let (delivery, opened) = open(&source, delivery, now, read).await?;
        let taken = match opened {
            Ok(decoded) => self.take(source.as_ref(), &delivery, decoded, now).await,
            Err(rejection) => Err(rejection),
        };
        if let Err(rejection) = &taken {
            self.note(source.as_ref(), &delivery, (rejection.into(), rejection.to_string())).await;
        }
        taken
    }

    /// Takes in a delivery that Ostler fetched itself from its source: what was missed, or is asked for where
    /// nothing can be sent here. It goes the same way, and what was sent as well is known again.
    ///
    /// # Errors
    /// When it is not understood, or cannot be stored; then nothing was stored.
    pub async fn take_fetched(&self, source: &str, delivery: Delivery) -> Result<Outcome, Rejection> {
        let source = self.known(source).ok_or(Rejection::Unknown)?;
        let now = self.clock.now();
        let (delivery, opened) = open(&source, delivery, now, understand).await?;
        self.take(source.as_ref(), &delivery, opened?, now).await
    }

    /// What would become of a delivery that Ostler fetched itself; nothing is stored.
    ///
    /// # Errors
    /// When it is not understood, or the store cannot be read.
    pub async fn foresee(&self, source: &str, delivery: Delivery) -> Result<Foreseen, Rejection> {
        let source = self.known(source).ok_or(Rejection::Unknown)?;
        let (_, decoded) = open(&source, delivery, self.clock.now(), understand).await?;
        let (event, identities) = match decoded? {
            Decoded::Event { event, identities } => (event, identities),
            Decoded::Ignored(what) => return Ok(Foreseen { status: Status::Ignored, what }),
            Decoded::Handshake(_) => {
                return Ok(Foreseen { status: Status::Ignored, what: "a handshake".to_owned() });
            }
        };
        let what = event.title();
        let status = match self.store.query(Query::Identities(identities)).await? {
            Found::Accepted(_) => Status::Duplicate,
            _ if self.starts_nothing(*event) => Status::Ignored,
            _ => Status::Accepted,
        };
        Ok(Foreseen { status, what })
    }

    fn starts_nothing(&self, event: Event) -> bool {
        let policy = self.policy.get();
        router::route(event, &policy.rules, &policy.standing).starts.is_empty()
    }

    /// What becomes of a delivery that was understood.
    async fn take(
        &self,
        source: &dyn Source,
        delivery: &Delivery,
        decoded: Decoded,
        now: Timestamp,
    ) -> Result<Outcome, Rejection> {
        match decoded {
            Decoded::Handshake(reply) => Ok(Outcome { reply: Some(reply), answer: Answer::ignored() }),
            Decoded::Ignored(why) => {
                tracing::debug!(source = %source.name(), %why, "a delivery is of no interest");
                self.note(source, delivery, (Cause::Ignored, why)).await;
                let reply = source.answer(delivery, &Verdict::Ignored);
                Ok(Outcome { reply, answer: Answer::ignored() })
            }
            Decoded::Event { event, identities } => {
                let (verdict, answer) = self.keep(*event, identities, delivery, now).await?;
                if let Verdict::Duplicate { event } = verdict {
                    self.note_again(source, delivery, event);
                }
                Ok(Outcome { reply: source.answer(delivery, &verdict), answer })
            }
        }
    }

    /// The source of this name, whether it is on or off.
    fn known(&self, name: &str) -> Option<Arc<dyn Source>> {
        self.policy.get().registry.sources.get(&SourceName::new(name)).cloned()
    }

    fn source(&self, name: &str, surface: &str) -> Result<Arc<dyn Source>, Rejection> {
        let source = self.known(name).filter(|_| name != Event::OWN).ok_or(Rejection::Unknown)?;
        let surfaces = source.surfaces();
        let known = if surfaces.is_empty() { surface.is_empty() } else { surfaces.contains(&surface) };
        // A surface without a secret is off: it could believe anybody or nobody.
        if known && source.is_on(surface) { Ok(source) } else { Err(Rejection::Unknown) }
    }

    /// Routes an event and stores it with everything it starts.
    async fn keep(
        &self,
        event: Event,
        identities: Vec<String>,
        delivery: &Delivery,
        now: Timestamp,
    ) -> Result<(Verdict, Answer), Rejection> {
        let policy = self.policy.get();
        if let Some(open) = self.questions.find(&event, now) {
            let taking = self.answered(event.clone(), &open, &policy, now).await?;
            match self.put(taking, identities.clone(), delivery.body.clone(), now).await {
                // Somebody else answered first: what is asked now stands in the store.
                Err(StoreError::Conflict) => self.questions.load(&*self.store).await?,
                stored => return Ok(stored?),
            }
        }
        let taking = Taking::of(router::route(event, &policy.rules, &policy.standing), &policy, now)?;
        Ok(self.put(taking, identities, delivery.body.clone(), now).await?)
    }

    /// What becomes of an event that may be the answer to an open question.
    async fn answered(
        &self,
        event: Event,
        open: &Open,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Taking, Rejection> {
        let (rules, standing) = (&policy.rules, &policy.standing);
        let mut routing = router::route(event, rules, standing);
        let repository = match open.question.answer(&routing.event, standing) {
            None => return Taking::of(routing, policy, now),
            Some(question::Answer::Unfit(text)) => {
                routing.say(Some(text), rules);
                return Taking::of(routing, policy, now);
            }
            Some(question::Answer::Repository(repository)) => repository,
        };
        let Found::Event(asked) = self.store.query(Query::Event(open.question.event)).await? else {
            routing.say(Some("What this answers is not kept any more: ask for it again.".to_owned()), rules);
            return Taking::of(routing, policy, now);
        };
        let resumed = open.question.resume(*asked, repository, rules, standing);
        // What was started says more than words.
        let nothing = resumed.starts.is_empty().then(|| resumed.sentence());
        routing.say(nothing, rules);
        Taking::of(routing, policy, now)?.answering(open, resumed, policy, now)
    }

    async fn put(
        &self,
        mut taking: Taking,
        identities: Vec<String>,
        payload: Bytes,
        now: Timestamp,
    ) -> Result<(Verdict, Answer), StoreError> {
        let started = taking.started();
        let mut values = std::mem::take(&mut taking.values);
        let asking = taking.routing.question.clone().map(|question| self.questions.asking(question, now));
        values.put.extend(asking.into_iter().flatten());
        let put = values.put.clone();
        let intake = Intake {
            identities,
            event: taking.routing.event.clone(),
            payload,
            reasons: std::mem::take(&mut taking.reasons),
            runs: std::mem::take(&mut taking.runs),
            answering: taking.answering.take(),
            values,
        };
        failpoint::hit("before_accept");
        let accepted = self.store.accept(intake).await?;
        failpoint::hit("after_accept_before_ack");
        if matches!(accepted, Accepted::Fresh { .. }) {
            self.questions.stored(&put);
        }
        Ok(self.report(accepted, taking, started))
    }

    fn report(&self, accepted: Accepted, taking: Taking, started: Vec<(RunId, String)>) -> (Verdict, Answer) {
        match accepted {
            Accepted::Duplicate { event, runs } => {
                tracing::info!(%event, "a delivery was here before");
                let answer = Answer { status: Status::Duplicate, event_id: Some(event), runs };
                (Verdict::Duplicate { event }, answer)
            }
            Accepted::Fresh { event, runs, told, signalled, decided } => {
                tracing::debug!(%event, kind = %taking.routing.event.kind, runs = runs.len(), "a delivery was taken in");
                let nothing = runs.is_empty() && signalled.is_empty();
                let status = if nothing { Status::Ignored } else { Status::Accepted };
                if !nothing {
                    (self.poke)(&signalled);
                }
                let waits = |id: &RunId| !runs.contains(id) || told.iter().any(|told| told.run == Some(*id));
                let started = started.into_iter().filter(|(id, _)| !waits(id)).collect();
                let held: Vec<_> = told.iter().map(|told| told.sentence().to_owned()).collect();
                let held = (!held.is_empty()).then(|| held.join("\n"));
                let verdict = Verdict::Accepted {
                    text: if decided {
                        Some(passed_on(&taking.routing.event).to_owned())
                    } else {
                        taking.routing.answer.clone().or(held)
                    },
                    event: taking.into_about(),
                    runs: started,
                };
                (verdict, Answer { status, event_id: Some(event), runs })
            }
        }
    }
}

/// What somebody who decided reads at once; whether it was theirs to decide is found out after that.
const HEARD: &str = "The run hears of your decision.";
/// What somebody who speaks to an agent reads at once.
const PASSED_ON: &str = "The agent reads it before it goes on.";

/// What somebody who wants a run stopped reads at once; whether it is theirs to want is found out after that.
const STOPS: &str = "The run hears that it is to stop.";

/// What whoever said something to a run reads at once.
fn passed_on(event: &Event) -> &'static str {
    match (Stopping::of(event), Telling::of(event)) {
        (Some(_), _) => STOPS,
        (None, Some(_)) => PASSED_ON,
        (None, None) => HEARD,
    }
}

impl Answer {
    fn ignored() -> Self {
        Self { status: Status::Ignored, event_id: None, runs: Vec::new() }
    }
}

/// Believes and understands a delivery, off the async threads where that takes long.
async fn open(
    source: &Arc<dyn Source>,
    delivery: Delivery,
    now: Timestamp,
    read: fn(&dyn Source, &Delivery, Timestamp) -> Result<Decoded, Rejection>,
) -> Result<(Delivery, Result<Decoded, Rejection>), Rejection> {
    if delivery.body.len() <= LARGE {
        let opened = read(source.as_ref(), &delivery, now);
        return Ok((delivery, opened));
    }
    let source = Arc::clone(source);
    let task = tokio::task::spawn_blocking(move || {
        let opened = read(source.as_ref(), &delivery, now);
        (delivery, opened)
    });
    task.await.map_err(|error| Rejection::Failed(error.to_string()))
}

fn read(source: &dyn Source, delivery: &Delivery, now: Timestamp) -> Result<Decoded, Rejection> {
    let limit = source.body_limit();
    if delivery.body.len() > limit {
        return Err(Rejection::TooLarge { limit });
    }
    if let Some(reply) = source.courtesy(delivery) {
        return Ok(Decoded::Handshake(reply));
    }
    signature::verify(source.credentials(&delivery.surface), delivery, now)?;
    understand(source, delivery, now)
}

/// Understands a delivery that is believed.
fn understand(source: &dyn Source, delivery: &Delivery, now: Timestamp) -> Result<Decoded, Rejection> {
    let stamp = Stamp {
        id: EventId::at(now),
        source: source.name(),
        received_at: now,
        payload: PayloadRef::to(&delivery.body),
    };
    Ok(source.decode(delivery, &stamp)?)
}

#[cfg(test)]
pub(super) mod tests;
