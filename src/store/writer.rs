//! The one thread that writes.
//!
//! Commands wait in a bounded queue. The writer takes what is there, judges one after the other, makes
//! them durable together, and only then answers each: many callers share one wait for the disk.

mod begin;
pub(super) mod desk;
pub(super) mod guard;
pub(super) mod judge;
pub(super) mod lease;
pub(super) mod prune;
mod recount;
pub(super) mod scrub;

use std::fmt;
use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use self::desk::Desk;
use super::StoreError;
use super::shelf::Shelf;

/// How many commands are made durable together at the most.
const GROUP: usize = 256;

/// A command: judged at the desk, it leaves a promise to answer once the group is durable.
type Command<S> = Box<dyn FnOnce(&mut Desk<S>) -> Promise + Send>;
type Promise = Box<dyn FnOnce(Result<(), &str>)>;

/// The handle of the writing thread. Dropped, it waits until everything that was queued is written.
pub(super) struct Writer<S> {
    queue: Option<SyncSender<Command<S>>>,
    thread: Option<JoinHandle<()>>,
    durable: Arc<AtomicU64>,
}

impl<S: Shelf> Writer<S> {
    /// Starts the thread with a queue of so many commands.
    pub(super) fn start(desk: Desk<S>, waiting: usize) -> Result<Self, StoreError> {
        let (queue, commands) = sync_channel(waiting);
        let durable = Arc::new(AtomicU64::new(desk.tally.last));
        let thread = std::thread::Builder::new().name("store-writer".to_owned()).spawn({
            let durable = Arc::clone(&durable);
            move || work(desk, &commands, &durable)
        })?;
        Ok(Self { queue: Some(queue), thread: Some(thread), durable })
    }

    /// Queues a command and waits until it is durable, or refused.
    pub(super) async fn submit<T: Send + 'static>(
        &self,
        judge: impl FnOnce(&mut Desk<S>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let command: Command<S> = Box::new(move |desk| {
            let judged = desk.attempt(judge);
            Box::new(move |durable| {
                let durable = durable.map_err(|why| StoreError::Failed(why.to_owned()));
                // Nobody listens any more: what was written stays written.
                drop(reply.send(durable.and(judged)));
            })
        });
        let stopped = || StoreError::Failed("the writer has stopped".to_owned());
        match self.queue.as_ref().ok_or_else(stopped)?.try_send(command) {
            Ok(()) => answer.await.map_err(|_| stopped())?,
            Err(TrySendError::Full(_)) => Err(StoreError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(stopped()),
        }
    }

    /// The newest place among everything that happened and is durable.
    pub(super) fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }
}

fn work<S: Shelf>(mut desk: Desk<S>, commands: &Receiver<Command<S>>, durable: &AtomicU64) {
    while let Ok(first) = commands.recv() {
        let group = iter::once(first).chain(commands.try_iter().take(GROUP - 1));
        let promises: Vec<Promise> = group.map(|command| command(&mut desk)).collect();
        let written = desk.finish();
        if written.is_ok() {
            durable.store(desk.tally.last, Ordering::Release);
        }
        for promise in promises {
            promise(written.as_ref().copied().map_err(String::as_str));
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
