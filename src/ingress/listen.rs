//! Where nobody can send anything here, sources are listened to: over connections that Ostler opens and keeps.
//!
//! What a connection tells goes the way that fetched deliveries go, several at once, and each is acknowledged only
//! once it is durable; what cannot be stored now is left for the source to tell again. A connection that is about to
//! end is listened to until it has, while the next one is open already. One that broke is opened again, after pauses
//! that grow.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::inbox::{Inbox, Rejection};
use crate::event::SourceName;
use crate::plugin::PluginError;
use crate::plugin::listen::{Line, Listen, Receipt, Told};
use crate::plugin::source::{Delivery, Reply};

/// How many deliveries of one connection are taken in at once.
const AT_ONCE: usize = 64;
/// How long a connection must have lasted to be opened again without a pause.
const STEADY: Duration = Duration::from_secs(10);
/// The shortest and the longest pause between two attempts.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// Listens to sources.
#[derive(Debug)]
pub struct Listening {
    inbox: Arc<Inbox>,
}

impl Listening {
    /// Listens for an inbox.
    #[must_use]
    pub fn new(inbox: Arc<Inbox>) -> Self {
        Self { inbox }
    }

    /// Listens to everybody who is in force, for ever; after a reload to those who are then. All of it ends with
    /// this, at once.
    pub async fn keep_listening(self) {
        let mut changes = self.inbox.changes();
        let mut kept: Vec<(Arc<dyn Listen>, CancellationToken)> = Vec::new();
        let mut listening = FuturesUnordered::new();
        loop {
            let registry = Arc::clone(&self.inbox.policy().registry);
            let is_there =
                |one: &Arc<dyn Listen>| registry.listeners.iter().any(|each| Arc::ptr_eq(each, one));
            kept.iter().filter(|(one, _)| !is_there(one)).for_each(|(_, gone)| gone.cancel());
            kept.retain(|(one, _)| is_there(one));
            for one in &registry.listeners {
                if kept.iter().any(|(each, _)| Arc::ptr_eq(each, one)) {
                    continue;
                }
                let gone = CancellationToken::new();
                kept.push((Arc::clone(one), gone.clone()));
                listening.push(gone.run_until_cancelled_owned(self.listen_to(Arc::clone(one))));
            }
            beside(&mut listening, changes.next()).await;
        }
    }

    /// Keeps a connection open, and another one while one ends.
    async fn listen_to(&self, one: Arc<dyn Listen>) {
        let mut failures = 0;
        let mut lines = FuturesUnordered::new();
        loop {
            let begun = self.inbox.now();
            let wants_next = match beside(&mut lines, one.connect()).await {
                Ok(line) => {
                    tracing::info!(way = one.name(), "listening");
                    let (ending, ended) = oneshot::channel();
                    lines.push(serve(&self.inbox, one.source(), line, ending));
                    Ok(beside(&mut lines, ended).await.is_ok())
                }
                Err(error) => Err(error),
            };
            let lasted = Duration::try_from(self.inbox.now().duration_since(begun)).unwrap_or_default();
            let is_steady = wants_next.is_ok() && lasted >= STEADY;
            failures = if is_steady { 0 } else { failures + 1 };
            // The first connection that is asked to make way for the next does so at once.
            if failures <= 1 && matches!(wants_next, Ok(true)) {
                continue;
            }
            let asked = wants_next.err().and_then(|error| told(&*one, &error));
            beside(&mut lines, self.inbox.sleep(pause(failures).max(asked.unwrap_or_default()))).await;
        }
    }
}

/// Waits for something while others go on.
async fn beside<T>(others: &mut FuturesUnordered<impl Future>, something: impl Future<Output = T>) -> T {
    let mut something = pin!(something);
    loop {
        tokio::select! {
            done = &mut something => return done,
            Some(_) = others.next() => {}
        }
    }
}

/// Says why there is no connection; gives the pause that the source asks for.
fn told(one: &dyn Listen, error: &PluginError) -> Option<Duration> {
    tracing::warn!(way = one.name(), %error, "nobody is listened to there");
    error.retry_after
}

/// The pause after so many failures in a row: none, then doubling up to a bound.
fn pause(failures: u32) -> Duration {
    let [shortest, longest] = PAUSES;
    let Some(before) = failures.checked_sub(1) else { return Duration::ZERO };
    shortest.saturating_mul(2_u32.saturating_pow(before)).min(longest)
}

/// Takes in what a connection tells until it ends, and says by `ending` when the next one should be opened; by
/// dropping it when it has ended.
async fn serve(inbox: &Inbox, source: SourceName, mut line: Box<dyn Line>, ending: oneshot::Sender<()>) {
    let mut ending = Some(ending);
    let mut taking = FuturesUnordered::new();
    loop {
        tokio::select! {
            Some(taken) = taking.next() => {
                let Some((receipt, reply)) = taken else { continue };
                if let Err(error) = line.acknowledge(receipt, reply).await {
                    tracing::warn!(%source, %error, "a delivery could not be acknowledged");
                    break;
                }
            }
            told = line.next(), if taking.len() < AT_ONCE => match told {
                Ok(Told::Delivery(receipt, delivery)) => {
                    taking.push(take(inbox, &source, receipt, *delivery));
                }
                Ok(Told::Ending) => drop(ending.take().map(|ending| ending.send(()))),
                Ok(Told::End) => break,
                Err(error) => {
                    tracing::warn!(%source, %error, "a connection is no more");
                    break;
                }
            },
        }
    }
    drop(ending);
    // What is being taken in is taken in, although nobody is there to be told.
    while taking.next().await.is_some() {}
}

/// Takes a delivery in; gives by what and with what it is acknowledged, if it is.
async fn take(
    inbox: &Inbox,
    source: &SourceName,
    receipt: Receipt,
    delivery: Delivery,
) -> Option<(Receipt, Option<Reply>)> {
    match inbox.take_fetched(source.as_str(), delivery).await {
        Ok(outcome) => Some((receipt, outcome.reply)),
        Err(rejection @ (Rejection::Overloaded | Rejection::Full | Rejection::Failed(_))) => {
            tracing::warn!(%source, %rejection, "a delivery is left to be told again");
            None
        }
        // It would be told again, and be no better then.
        Err(rejection) => {
            tracing::warn!(%source, %rejection, "a delivery that was told is refused");
            Some((receipt, None))
        }
    }
}

#[cfg(test)]
mod tests;
