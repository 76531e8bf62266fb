//! The course of one run in hand: from its lease until it has ended, waits, or is given up.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::handle::Shared;
use super::journal::{Pen, StepJournal, Writer};
use super::perform::{Came, perform};
use super::stops::{Stops, Verdict};
use crate::id::StepPath;
use crate::money::Money;
use crate::run::decide::{Effect, Job, JobKind, approval_wait, decide, resume};
use crate::run::hearing::Words;
use crate::run::{Entry, Illegal, Next, Record, Run, Sent, Signal, Started, StepError, recovery, retry};
use crate::step::{Context, JournalLost, Outcome};
use crate::store::{Commit, Due, Found, Lease, Query, StoreError};

/// The fact by which an attempt knows that it was taken up again.
const TAKEN_UP: &str = "@taken_up";
/// How often a run is taken up without coming any further.
const TAKEN_UP_MOST: usize = 10;
/// When a run is looked at again whose journal the store could not give.
const UNREADABLE: Duration = Duration::from_secs(60);
/// The fact by which an attempt that was stopped in good order is told from one whose process died.
const LAID_DOWN: &str = "@laid_down";
/// The step, which is none, in whose name whoever may not stop a run is told so.
const STOP: &str = "@stop";

/// Drives a leased run as far as it goes now.
pub(super) async fn drive(shared: &Arc<Shared>, lease: &Lease) {
    let news = shared.take_in_hand(lease.run);
    let journal = match shared.parts.store.load(lease.run).await {
        Ok(Some(journal)) => journal,
        Ok(None) => return put_aside(shared, lease, "it has no journal").await,
        Err(error) => return give_up(shared, lease, &error).await,
    };
    let numbers = || journal.signals.iter().map(|(number, _)| *number).collect();
    match recovery::take_up(lease.run, &journal.definition, &journal.entries) {
        Ok(_) if taken_up(&journal.entries) >= TAKEN_UP_MOST => {
            let reason = format!("poison: it was taken up {TAKEN_UP_MOST} times without coming any further");
            park(shared, lease, journal.entries.len() as u64, reason, numbers()).await;
        }
        Ok(run) => {
            let writer = Arc::new(Writer::new(shared.parts.clone(), lease.clone(), run));
            let (shared, halt) = (Arc::clone(shared), shared.halting.child_token());
            let (signals, put_off) = (journal.signals, journal.put_off);
            let (attempts, stops) = (JoinSet::new(), Stops::default());
            let course = Course { shared, writer, halt, news, signals, put_off, attempts, stops };
            if let Err(lost) = course.run().await {
                tracing::warn!(%lost, "the run is laid down");
            }
        }
        Err(unfit) => {
            park(shared, lease, journal.entries.len() as u64, unfit.to_string(), numbers()).await;
        }
    }
}

/// How often the newest attempts were taken up again since anything else was recorded.
fn taken_up(entries: &[Entry]) -> usize {
    let is_taken_up = |entry: &&Entry| matches!(&entry.record, Record::Fact { name, .. } if name == TAKEN_UP);
    entries.iter().rev().take_while(is_taken_up).count()
}

/// A journal that the store cannot read parks its run; where the store fails, it is tried again a little later.
async fn give_up(shared: &Shared, lease: &Lease, error: &StoreError) {
    tracing::error!(%error, "the run's journal cannot be loaded");
    if matches!(error, StoreError::Corrupt(_)) {
        return put_aside(shared, lease, &error.to_string()).await;
    }
    let due = Due::At(shared.parts.clock.now() + UNREADABLE);
    let (lease, entries) = (lease.clone(), Vec::new());
    lay_down(shared, Commit::Run { lease, entries: entries.into(), due, heard: Vec::new() }).await;
}

/// Parks a run of which nothing is known here.
pub(super) async fn put_aside(shared: &Shared, lease: &Lease, reason: &str) {
    let store = &shared.parts.store;
    let heard = match store.query(Query::Signals(lease.run)).await {
        Ok(Found::Signals(signals)) => signals.into_iter().map(|(number, _)| number).collect(),
        _ => Vec::new(),
    };
    match store.query(Query::Run(lease.run)).await {
        Ok(Found::Run(summary)) => park(shared, lease, summary.records, reason.to_owned(), heard).await,
        // Without its summary nothing can be added to it; it is only kept from being due.
        _ => commit(shared, lease, Vec::new(), heard).await,
    }
}

async fn park(shared: &Shared, lease: &Lease, seq: u64, reason: String, heard: Vec<u64>) {
    tracing::error!(reason, "the run is parked");
    let entry = Entry { seq, at: shared.parts.clock.now(), record: Record::Parked { reason } };
    commit(shared, lease, vec![entry], heard).await;
}

async fn commit(shared: &Shared, lease: &Lease, entries: Vec<Entry>, heard: Vec<u64>) {
    lay_down(shared, Commit::Run { lease: lease.clone(), entries: entries.into(), due: Due::Parked, heard })
        .await;
}

async fn lay_down(shared: &Shared, commit: Commit) {
    if let Err(error) = shared.parts.store.commit(commit).await {
        tracing::error!(%error, "the run cannot be laid down; it stays leased");
    }
}

/// One run in hand.
struct Course {
    shared: Arc<Shared>,
    writer: Arc<Writer>,
    /// What stops its steps.
    halt: CancellationToken,
    /// What wakes it when there is a signal for it.
    news: Arc<Notify>,
    /// The signals that it has not heard yet.
    signals: Vec<(u64, Sent)>,
    /// Whether its guards are judged once its person may start it.
    put_off: bool,
    attempts: JoinSet<Attempted>,
    stops: Stops,
}

/// An attempt that is over.
struct Attempted {
    step: StepPath,
    number: u32,
    came: Came,
}

/// What is to be waited for.
enum Outlook {
    /// Attempts, and the moment at which to look again if none of them ends before.
    Attempts(Option<Timestamp>),
    /// Nothing: the lease was given up.
    LaidDown,
}

impl Course {
    async fn run(mut self) -> Result<(), JournalLost> {
        self.resume().await?;
        loop {
            match self.advance().await? {
                Outlook::LaidDown => return Ok(()),
                Outlook::Attempts(wake) => self.wait(wake).await?,
            }
        }
    }

    /// Performs again what was under way when the process died.
    async fn resume(&mut self) -> Result<(), JournalLost> {
        if self.shared.draining.is_cancelled() {
            return Ok(());
        }
        let writer = Arc::clone(&self.writer);
        let mut pen = writer.pen().await;
        self.hear(&mut pen);
        if pen.run.is_cancelled() {
            let stopped = self.stop_what_was_under_way(&mut pen);
            self.or_park(&mut pen, stopped);
            return Ok(());
        }
        let now = self.now();
        let jobs = resume(&pen.run, now);
        if let Some(job) = jobs.first() {
            let (step, name) = (job.step.clone(), TAKEN_UP.to_owned());
            let written = writer.write(&mut pen, now, Record::Fact { step, name, value: job.attempt.into() });
            self.or_park(&mut pen, written);
            // Durable before anything is performed: what is performed may be what ends the process.
            writer.flush(&mut pen, Due::Held).await?;
        }
        for job in jobs {
            tracing::info!(step = %job.step, attempt = job.attempt, "performed again");
            self.perform(&pen.run, job);
        }
        Ok(())
    }

    /// Decides and records until there is something to wait for.
    async fn advance(&mut self) -> Result<Outlook, JournalLost> {
        if self.shared.draining.is_cancelled() {
            self.collect().await;
        }
        let writer = Arc::clone(&self.writer);
        let mut pen = writer.pen().await;
        if self.shared.draining.is_cancelled() && self.attempts.is_empty() {
            self.note_laid_down(&mut pen);
            return self.lay_down(&mut pen, Due::At(self.now())).await;
        }
        self.hear(&mut pen);
        if self.stops.is_asking() && !self.shared.draining.is_cancelled() && !pen.run.is_cancelled() {
            // Until it is known nothing further is begun.
            writer.flush(&mut pen, Due::Held).await?;
            return Ok(Outlook::Attempts(None));
        }
        if self.put_off && pen.run.is_admitted() {
            let laid_down = self.lay_down(&mut pen, Due::Admitted(self.now())).await;
            self.shared.all_signalled();
            return laid_down;
        }
        let decided = self.decide(&mut pen);
        let (jobs, wake) = self.or_park(&mut pen, decided).unwrap_or_default();
        if self.halt.is_cancelled() && !pen.run.is_cancelled() {
            // What is still to be done, the workflow's `always`, is not stopped by the same word.
            self.halt = self.shared.halting.child_token();
        }
        if pen.run.ended() {
            return self.lay_down(&mut pen, Due::Ended).await;
        }
        if self.attempts.is_empty() && jobs.is_empty() {
            let due = self.due(&mut pen, wake);
            return self.lay_down(&mut pen, due).await;
        }
        writer.flush(&mut pen, Due::Held).await?;
        for job in jobs {
            self.perform(&pen.run, job);
        }
        Ok(Outlook::Attempts(wake))
    }

    /// Records what is decided until something is to be performed or waited for.
    fn decide(&self, pen: &mut Pen) -> Result<(Vec<Job>, Option<Timestamp>), Illegal> {
        loop {
            let now = self.now();
            let (mut jobs, mut wake, mut recorded) = (Vec::new(), None::<Timestamp>, false);
            for effect in decide(&pen.run, now) {
                match effect {
                    Effect::Record(record) => {
                        self.writer.write(pen, now, record)?;
                        recorded = true;
                    }
                    Effect::Perform { record, job } => {
                        self.writer.write(pen, now, record)?;
                        jobs.push(job);
                    }
                    Effect::Wake(at) => wake = Some(wake.map_or(at, |wake| wake.min(at))),
                }
            }
            if !recorded {
                return Ok((jobs, wake));
            }
        }
    }

    /// Takes in what was said to the run.
    fn hear(&mut self, pen: &mut Pen) {
        for (number, Sent { by, signal, .. }) in std::mem::take(&mut self.signals) {
            if pen.heard.contains(&number) || self.stops.knows(number) {
                continue;
            }
            if let Signal::Stop { words } = &signal
                && signal.fits(&pen.run).is_ok()
                && self.ask_whether_to_stop(&pen.run, (number, words.clone()))
            {
                continue;
            }
            pen.heard.push(number);
            match signal.fits(&pen.run) {
                Ok(()) => {
                    tracing::info!(signal = signal.name(), by, "the run is signalled");
                    let written = self.writer.write(pen, self.now(), Record::Signalled { by, signal });
                    self.or_park(pen, written);
                }
                Err(why) => tracing::info!(signal = signal.name(), by, %why, "a signal means nothing"),
            }
        }
        if pen.run.is_cancelled() {
            self.halt.cancel();
        }
    }

    fn ask_whether_to_stop(&mut self, run: &Run, said: (u64, Words)) -> bool {
        let Some(started) = run.started() else { return false };
        let job = Job {
            step: StepPath::root(STOP),
            attempt: 1,
            kind: JobKind::Start,
            description: String::new(),
            inputs: serde_json::Map::new(),
            timeout: None,
        };
        let mut context = self.context(run, started, job);
        context.cancel = self.shared.halting.child_token();
        self.stops.ask(&self.shared, context, said)
    }

    /// What it was found out about somebody who wants the run stopped.
    async fn stop(&self, Verdict { number, words, stops }: Verdict) {
        let Some(stops) = stops else { return };
        let writer = Arc::clone(&self.writer);
        let mut pen = writer.pen().await;
        pen.heard.push(number);
        let reason = Some(words.text.clone()).filter(|text| !text.is_empty());
        let signal = Signal::Cancel { reason };
        if !stops || signal.fits(&pen.run).is_err() {
            return;
        }
        let by = Some(words.who().to_owned());
        tracing::info!(by, "the run is stopped");
        let written = self.writer.write(&mut pen, self.now(), Record::Signalled { by, signal });
        self.or_park(&mut pen, written);
    }

    /// What a crash left under way in a run that is to stop ends here.
    fn stop_what_was_under_way(&self, pen: &mut Pen) -> Result<(), Illegal> {
        let under_way: Vec<_> =
            pen.run.under_way().map(|(path, attempt)| (path.clone(), attempt.number)).collect();
        for (step, attempt) in under_way {
            self.writer.write(pen, self.now(), cancelled(step, attempt, Money::ZERO))?;
        }
        Ok(())
    }

    /// A record that cannot follow is a mistake of ours: the run stops and says so.
    fn or_park<T>(&self, pen: &mut Pen, result: Result<T, Illegal>) -> Option<T> {
        result.inspect_err(|illegal| self.park(pen, format!("it came to what cannot be: {illegal}"))).ok()
    }

    fn park(&self, pen: &mut Pen, reason: String) {
        tracing::error!(reason, "the run is parked");
        if let Err(illegal) = self.writer.write(pen, self.now(), Record::Parked { reason }) {
            tracing::error!(%illegal, "the run cannot be parked");
        }
    }

    fn due(&self, pen: &mut Pen, wake: Option<Timestamp>) -> Due {
        match wake {
            _ if pen.run.parked().is_some() => Due::Parked,
            Some(at) => Due::At(at),
            None if pen.run.paused().is_some() || pen.run.is_standing() => Due::Waiting,
            None => {
                self.park(pen, "nothing is left to decide, and yet it has not ended".to_owned());
                Due::Parked
            }
        }
    }

    /// A shutdown is nobody's fault: what it interrupts is not counted as taken up without coming further.
    fn note_laid_down(&self, pen: &mut Pen) {
        let interrupted = pen.run.under_way().next().map(|(step, _)| step.clone());
        if let Some(step) = interrupted {
            let fact = Record::Fact { step, name: LAID_DOWN.to_owned(), value: serde_json::Value::Null };
            let written = self.writer.write(pen, self.now(), fact);
            self.or_park(pen, written);
        }
    }

    async fn lay_down(&mut self, pen: &mut Pen, due: Due) -> Result<Outlook, JournalLost> {
        self.writer.flush(pen, due).await?;
        Ok(Outlook::LaidDown)
    }

    /// Waits for an attempt to end, or for the moment.
    async fn wait(&mut self, wake: Option<Timestamp>) -> Result<(), JournalLost> {
        let clock = Arc::clone(&self.shared.parts.clock);
        let alarm = async {
            match wake {
                Some(at) => clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(attempted) = self.attempts.join_next() => match attempted {
                Ok(attempted) => self.settle(attempted).await,
                Err(error) => return Err(JournalLost(format!("an attempt was lost: {error}"))),
            },
            Some(verdict) = self.stops.next() => self.stop(verdict).await,
            () = alarm => {}
            () = self.news.notified() => self.listen().await,
        }
        Ok(())
    }

    /// Reads what was said to the run. What cannot be read now is read when the run is laid down.
    async fn listen(&mut self) {
        match self.shared.parts.store.query(Query::Signals(self.writer.run())).await {
            Ok(Found::Signals(signals)) => self.signals = signals,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "a signal cannot be read yet"),
        }
    }

    /// Waits for all attempts: none is begun any more.
    async fn collect(&mut self) {
        while let Some(attempted) = self.attempts.join_next().await {
            if let Ok(attempted) = attempted {
                self.settle(attempted).await;
            }
        }
    }

    /// Records what came of an attempt.
    async fn settle(&self, Attempted { step, number, came }: Attempted) {
        let writer = Arc::clone(&self.writer);
        let mut pen = writer.pen().await;
        let now = self.now();
        let came = match came {
            Came::Of(came) => *came,
            // When it is the process that stops, the attempt goes on after the next start.
            Came::Interrupted(_) if self.is_only_paused(&pen) => return,
            Came::Interrupted(cost) => {
                let written = self.writer.write(&mut pen, now, cancelled(step, number, cost));
                self.or_park(&mut pen, written);
                return;
            }
        };
        let record = match came {
            Ok(Outcome { waits: Some(places), .. }) => {
                let wait = approval_wait(&pen.run, &step, places);
                Record::StepWaits { step, attempt: number, wait }
            }
            Ok(outcome) => Record::StepSucceeded {
                step,
                attempt: number,
                outputs: outcome.outputs,
                work: outcome.work,
                cost: outcome.cost,
            },
            Err(error) => {
                let next = retry::after_failure(&pen.run, &step, number, &error, now);
                tracing::warn!(%step, attempt = number, %error, ?next, "an attempt failed");
                let cost = error.cost();
                Record::StepFailed { step, attempt: number, error, next, cost }
            }
        };
        let written = self.writer.write(&mut pen, now, record);
        self.or_park(&mut pen, written);
    }

    fn is_only_paused(&self, pen: &Pen) -> bool {
        self.shared.draining.is_cancelled() && !pen.run.is_cancelled()
    }

    fn perform(&mut self, run: &Run, job: Job) {
        let Some(started) = run.started() else { return };
        let span = tracing::info_span!("step", path = %job.step, attempt = job.attempt);
        let context = self.context(run, started, job);
        let shared = Arc::clone(&self.shared);
        let attempt = async move {
            let came = perform(&shared, &context).await;
            Attempted { step: context.job.step, number: context.job.attempt, came }
        };
        self.attempts.spawn(attempt.instrument(span));
    }

    fn context(&self, run: &Run, started: &Arc<Started>, job: Job) -> Context {
        Context {
            run: run.id(),
            definition: Arc::clone(run.definition()),
            started: Arc::clone(started),
            ambient: Arc::clone(run.ambient()),
            work: run.work().clone(),
            spent: run.cost(),
            journal: Arc::new(StepJournal::new(Arc::clone(&self.writer), run, &job.step)),
            cancel: self.halt.child_token(),
            rest: self.shared.draining.child_token(),
            clock: Arc::clone(&self.shared.parts.clock),
            job,
        }
    }

    fn now(&self) -> Timestamp {
        self.shared.parts.clock.now()
    }
}

fn cancelled(step: StepPath, attempt: u32, cost: Money) -> Record {
    let error = StepError::fatal(StepError::CANCELLED, "it was cancelled");
    Record::StepFailed { step, attempt, error, next: Next::Fail, cost }
}
