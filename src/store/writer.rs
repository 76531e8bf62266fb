//! The one thread that judges what is written, and the one that makes it durable.
//!
//! Commands wait in a bounded queue. The writer judges one after the other, and gives what has come together to the
//! [`Scribe`], who makes it durable at once and only then answers each: many callers share one wait for the disk,
//! and the next are judged meanwhile.

mod admission;
mod begin;
pub(super) mod desk;
pub(super) mod guard;
pub(super) mod judge;
pub(super) mod lanes;
pub(super) mod lease;
pub(super) mod prune;
mod recount;
mod regroup;
mod scribe;
pub(super) mod scrub;
pub(super) mod signal;
pub(super) mod waits;

use std::fmt;
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Select, Sender, unbounded};
use tokio::sync::{Semaphore, oneshot, watch};

use self::desk::Desk;
use self::scribe::{Group, Scribe};
use super::StoreError;
use super::shelf::Shelf;

/// How many commands are made durable together at the most.
const GROUP: usize = 256;

/// A command: judged at the desk, it leaves a promise to answer once the group is durable.
type Command<S> = Box<dyn FnOnce(&mut Desk<S>) -> Promise + Send>;
type Promise = Box<dyn FnOnce(Result<(), &str>) + Send>;

/// The handle of the writing thread. Dropped, it waits until everything that was queued is written.
pub(super) struct Writer<S> {
    queue: Option<Sender<Command<S>>>,
    /// As many as may still come before it is too much.
    room: Arc<Semaphore>,
    thread: Option<JoinHandle<()>>,
    durable: Arc<watch::Sender<u64>>,
}

impl<S: Shelf> Writer<S> {
    /// Starts the threads; so many commands may be unanswered.
    pub(super) fn start(desk: Desk<S>, waiting: usize) -> Result<Self, StoreError> {
        let (queue, commands) = unbounded();
        let durable = Arc::new(watch::Sender::new(desk.tally.last));
        let scribe = Scribe::start(Arc::clone(&desk.shelf), Arc::clone(&durable))?;
        let work = Work { desk, commands, is_open: true, scribe, promises: Vec::new() };
        let thread =
            std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || work.work())?;
        let room = Arc::new(Semaphore::new(waiting));
        Ok(Self { queue: Some(queue), room, thread: Some(thread), durable })
    }

    /// Queues a command and waits until it is durable, or refused.
    pub(super) async fn submit<T: Send + 'static>(
        &self,
        judge: impl FnOnce(&mut Desk<S>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let place = Arc::clone(&self.room).try_acquire_owned().map_err(|_| StoreError::Busy)?;
        let (reply, answer) = oneshot::channel();
        let command: Command<S> = Box::new(move |desk| {
            let judged = desk.attempt(judge);
            Box::new(move |durable| {
                let durable = durable.map_err(|why| StoreError::Failed(why.to_owned()));
                drop(place);
                // Nobody listens any more: what was written stays written.
                drop(reply.send(durable.and(judged)));
            })
        });
        let stopped = || StoreError::Failed("the writer has stopped".to_owned());
        self.queue.as_ref().ok_or_else(stopped)?.send(command).map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    /// The newest place among everything that happened and is durable.
    pub(super) fn durable(&self) -> u64 {
        *self.durable.borrow()
    }

    /// The same for whoever wants to be told of every newer one.
    pub(super) fn grown(&self) -> watch::Receiver<u64> {
        self.durable.subscribe()
    }
}

/// What the writing thread has.
struct Work<S> {
    desk: Desk<S>,
    commands: Receiver<Command<S>>,
    /// Whether more commands may come.
    is_open: bool,
    scribe: Scribe,
    /// Those of the group that is coming together.
    promises: Vec<Promise>,
}

/// What the writing thread waits for.
enum Word<S> {
    Command(Command<S>),
    /// There will be no more commands.
    Closed,
    /// What became of the group that was being written.
    Written(Result<(), String>),
}

impl<S: Shelf> Work<S> {
    fn work(mut self) {
        while let Some(word) = self.next() {
            match word {
                Word::Command(command) => self.judge(command),
                Word::Closed => self.is_open = false,
                Word::Written(outcome) => self.desk.landed(outcome),
            }
            if !self.desk.is_writing() {
                self.take_what_is_there();
                self.hand_over();
            }
        }
    }

    /// Waits for what comes first; nothing, once nothing can.
    fn next(&self) -> Option<Word<S>> {
        let mut either = Select::new();
        let takes_more = self.is_open && self.promises.len() < GROUP;
        let command = takes_more.then(|| either.recv(&self.commands));
        let written = self.desk.is_writing().then(|| either.recv(&self.scribe.written));
        command.or(written)?;
        let first = either.select();
        if Some(first.index()) == command {
            return Some(first.recv(&self.commands).map_or(Word::Closed, Word::Command));
        }
        let gone = |_| Err("the scribe has ended".to_owned());
        Some(Word::Written(first.recv(&self.scribe.written).unwrap_or_else(gone)))
    }

    fn judge(&mut self, command: Command<S>) {
        self.promises.push(command(&mut self.desk));
    }

    fn take_what_is_there(&mut self) {
        while self.promises.len() < GROUP
            && let Ok(command) = self.commands.try_recv()
        {
            self.judge(command);
        }
    }

    /// Has what has come together written, unless nothing of it has to be.
    fn hand_over(&mut self) {
        let promises = std::mem::take(&mut self.promises);
        let last = self.desk.tally.last;
        match self.desk.close_group() {
            Ok(Some(changes)) => self.scribe.give(Group { changes, last, promises }),
            Ok(None) => promises.into_iter().for_each(|promise| promise(Ok(()))),
            Err(why) => promises.into_iter().for_each(|promise| promise(Err(&why))),
        }
    }
}

impl<S> Drop for Writer<S> {
    fn drop(&mut self) {
        // Without a sender the thread ends when its queue is empty.
        self.queue = None;
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the store's writer had panicked");
        }
    }
}

impl<S> fmt::Debug for Writer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("durable", &self.durable).finish_non_exhaustive()
    }
}
