//! From what people ask about to what is kept of it.

use std::convert::Infallible;
use std::str::FromStr;

use super::{Explained, Explainer, Line};
use crate::event::Event;
use crate::id::{EventId, RunId};
use crate::plugin::Registry;
use crate::router::Reasons;
use crate::store::{Found, Query, Store, StoreError};

/// How many lines are shown besides what is explained.
const LINES: usize = 20;
/// How many events are looked through for a subject, newest first.
const SCAN: usize = 20_000;
/// How many of them at a time.
const PAGE: usize = 500;

/// What is to be explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The newest events and refusals, a line each.
    Latest,
    /// An event.
    Event(EventId),
    /// A run: why it started.
    Run(RunId),
    /// A delivery by its sender's id or its body's digest, or a subject (`github:acme/shop#12`).
    Name(String),
}

impl FromStr for What {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self::Latest);
        }
        let event = text.parse().map(Self::Event);
        let run = text.parse().map(Self::Run);
        Ok(event.or(run).unwrap_or_else(|_| Self::Name(text.to_owned())))
    }
}

impl Explainer {
    /// Explains, or gives nothing where nothing goes by that name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn explain(&self, what: &What, today: bool) -> Result<Option<Explained>, StoreError> {
        match what {
            What::Latest => self.latest().await.map(Some),
            What::Event(id) => self.one(*id, today).await,
            What::Run(id) => self.run(*id, today).await,
            What::Name(name) => self.named(name, today).await,
        }
    }

    async fn latest(&self) -> Result<Explained, StoreError> {
        let mut also = Vec::new();
        for event in self.page(None, LINES).await? {
            also.push(self.line(&event).await?);
        }
        also.extend(self.refusals.latest(LINES).iter().map(Line::of));
        also.sort_by_key(|line| std::cmp::Reverse(line.time));
        also.truncate(LINES);
        Ok(Explained { explanation: None, also })
    }

    async fn one(&self, id: EventId, today: bool) -> Result<Option<Explained>, StoreError> {
        let Found::Event(event) = self.store.query(Query::Event(id)).await? else { return Ok(None) };
        self.event(*event, today).await.map(|explained| Some(explained.into()))
    }

    async fn run(&self, id: RunId, today: bool) -> Result<Option<Explained>, StoreError> {
        let Found::Run(run) = self.store.query(Query::Run(id)).await? else { return Ok(None) };
        let Some(mut explained) = self.one(run.event, today).await? else { return Ok(None) };
        if let Some(explanation) = &mut explained.explanation {
            let told = &explanation.sentence;
            let again = run.rerun_of.map(|first| format!(" It does {first} again.")).unwrap_or_default();
            explanation.sentence =
                format!("{} was started by the trigger {}.{again} {told}", run.workflow, run.trigger);
        }
        Ok(Some(explained))
    }

    async fn named(&self, name: &str, today: bool) -> Result<Option<Explained>, StoreError> {
        let refused = self.refusals.called(name);
        let mut also: Vec<Line> = refused.iter().map(Line::of).collect();
        if let Some(event) = delivered(&*self.store, &self.registry(), name).await? {
            let explanation = Some(self.event(event, today).await?);
            return Ok(Some(Explained { explanation, also }));
        }
        if let Some(newest) = refused.into_iter().next() {
            also.remove(0);
            let explanation = Some(self.refused(newest, today).await?);
            return Ok(Some(Explained { explanation, also }));
        }
        self.about(name, today).await
    }

    /// The newest event about a subject, and the ones before it.
    async fn about(&self, name: &str, today: bool) -> Result<Option<Explained>, StoreError> {
        let mut events = self.events_about(name).await?.into_iter();
        let Some(newest) = events.next() else { return Ok(None) };
        let mut also = Vec::new();
        for event in events {
            also.push(self.line(&event).await?);
        }
        Ok(Some(Explained { explanation: Some(self.event(newest, today).await?), also }))
    }

    async fn events_about(&self, name: &str) -> Result<Vec<Event>, StoreError> {
        let (mut found, mut before, mut seen) = (Vec::new(), None, 0);
        // Every subject has its source in front: anything else is not worth looking through the events for.
        while name.contains(':') && seen < SCAN && found.len() <= LINES {
            let page = self.page(before, PAGE).await?;
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            seen += page.len();
            found.extend(page.into_iter().filter(|event| is_about(event, name)));
        }
        found.truncate(LINES + 1);
        Ok(found)
    }

    async fn page(&self, before: Option<EventId>, limit: usize) -> Result<Vec<Event>, StoreError> {
        let found = self.store.query(Query::Events { before, limit }).await?;
        Ok(if let Found::Events(events) = found { events } else { Vec::new() })
    }

    async fn line(&self, event: &Event) -> Result<Line, StoreError> {
        let kept = match self.store.query(Query::Reasons(event.id)).await? {
            Found::Reasons(kept) => *kept,
            _ => Reasons::default(),
        };
        Ok(Line {
            time: event.time,
            id: event.id.to_string(),
            what: event.kind.to_string(),
            subject: event.subject.to_string(),
            sentence: kept.sentence,
        })
    }
}

/// The event of a delivery that its sender names so.
pub(in crate::ingress) async fn delivered(
    store: &dyn Store,
    registry: &Registry,
    name: &str,
) -> Result<Option<Event>, StoreError> {
    let by_source = registry.sources.values().flat_map(|source| source.identities_of(name));
    for identity in by_source.chain([name.to_owned()]).collect::<Vec<_>>() {
        if let Found::Event(event) = store.query(Query::Identity(identity)).await? {
            return Ok(Some(*event));
        }
    }
    Ok(None)
}

fn is_about(event: &Event, name: &str) -> bool {
    let task = || event.task.as_ref().is_some_and(|task| task.reference.to_string() == name);
    event.subject.as_str() == name || task()
}
