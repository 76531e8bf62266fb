//! The writer, and what only the store on disk does.

use std::io::{BufRead as _, BufReader};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use super::*;
use crate::clock::{Clock as _, SystemClock};

/// A shelf in memory whose writes wait at a gate, are counted, and can fail.
#[derive(Debug)]
struct Gated {
    inner: MemoryShelf,
    gate: Option<Barrier>,
    writes: AtomicUsize,
    fails: AtomicBool,
}

impl Gated {
    fn new(gate: bool) -> Arc<Self> {
        let gate = gate.then(|| Barrier::new(2));
        Arc::new(Self {
            inner: MemoryShelf::default(),
            gate,
            writes: AtomicUsize::new(0),
            fails: AtomicBool::new(false),
        })
    }

    /// Comes together with the writer, who waits before each write and again in it.
    fn meet_writer(&self) {
        self.gate.as_ref().unwrap().wait();
    }
}

impl Look for Gated {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.get(key)
    }

    fn scan(&self, span: &Span, limit: usize) -> Result<Vec<Pair>, StoreError> {
        self.inner.scan(span, limit)
    }
}

impl Shelf for Gated {
    const BLOCKS: bool = false;

    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        let opening = self.writes.fetch_add(1, Ordering::SeqCst) == 0;
        if let Some(gate) = self.gate.as_ref().filter(|_| !opening) {
            gate.wait();
            gate.wait();
        }
        if self.fails.load(Ordering::SeqCst) {
            return Err(StoreError::Failed("the disk is gone".to_owned()));
        }
        self.inner.apply(batch)
    }

    fn sweep(&self) -> Result<Vec<keys::Key>, StoreError> {
        self.inner.sweep()
    }
}

#[tokio::test]
async fn a_full_queue_is_busy_at_once_and_what_waits_shares_one_write() {
    let shelf = Gated::new(true);
    let store = Shelved::on(Arc::clone(&shelf), &Options { waiting: 4, ..Options::default() }).unwrap();
    let mut asking: Vec<_> = (10..15).map(|second| store.accept(delivery(second))).collect();
    assert!(futures_util::poll!(&mut asking[0]).is_pending());
    shelf.meet_writer();
    for accept in &mut asking[1..4] {
        assert!(futures_util::poll!(accept).is_pending());
    }
    assert!(matches!(futures_util::poll!(asking.remove(4)), Poll::Ready(Err(StoreError::Busy))));
    shelf.meet_writer();
    shelf.meet_writer();
    assert!(futures_util::poll!(&mut asking[3]).is_pending(), "answered before it was durable");
    shelf.meet_writer();
    for accept in asking {
        accept.await.unwrap();
    }
    assert_eq!(shelf.writes.load(Ordering::SeqCst), 3, "opening, the first, and all that waited");
}

#[tokio::test]
async fn after_a_failed_write_nothing_is_written_any_more() {
    let shelf = Gated::new(false);
    let store = Shelved::on(Arc::clone(&shelf), &Options::default()).unwrap();
    shelf.fails.store(true, Ordering::SeqCst);
    assert!(matches!(store.accept(delivery(10)).await, Err(StoreError::Failed(_))));
    shelf.fails.store(false, Ordering::SeqCst);
    let error = store.accept(delivery(10)).await.unwrap_err();
    assert!(error.to_string().contains("the disk is gone"), "{error}");
    assert!(store.tail(0, 10).await.unwrap().is_empty());
    store.close();
    let store = Shelved::on(shelf, &Options::default()).unwrap();
    accepted(&store, 10).await;
}

/// A delivery that comes again while its first is being written, which goes well or not; what both are told.
async fn twice_at_once(fails: bool) -> [Result<Accepted, StoreError>; 2] {
    let shelf = Gated::new(true);
    let store = Shelved::on(Arc::clone(&shelf), &Options::default()).unwrap();
    let [mut first, mut again] = [(); 2].map(|()| store.accept(delivery(10)));
    assert!(futures_util::poll!(&mut first).is_pending());
    shelf.meet_writer();
    assert!(futures_util::poll!(&mut again).is_pending());
    // Long enough to be judged by what is being written.
    SystemClock.sleep(Duration::from_millis(50)).await;
    assert!(futures_util::poll!(&mut again).is_pending(), "answered before the first was durable");
    shelf.fails.store(fails, Ordering::SeqCst);
    shelf.meet_writer();
    [first.await, again.await]
}

#[tokio::test]
async fn what_is_judged_by_what_is_being_written_shares_its_fate() {
    let [first, again] = twice_at_once(false).await;
    assert!(matches!(first.unwrap(), Accepted::Fresh { .. }));
    assert!(matches!(again.unwrap(), Accepted::Duplicate { event, .. } if event == event_id(10)));
    let told = twice_at_once(true).await;
    assert!(told.iter().all(|told| matches!(told, Err(StoreError::Failed(_)))), "{told:?}");
}

#[tokio::test]
async fn what_was_queued_is_written_before_the_store_is_closed() {
    let home = InMemory::default();
    let store = home.open();
    let mut asking: Vec<_> = (10..30).map(|second| store.accept(delivery(second))).collect();
    for accept in &mut asking {
        drop(futures_util::poll!(accept));
    }
    drop(asking);
    store.close();
    assert_eq!(census(&home.open()).await.events, 20);
}

#[tokio::test]
async fn two_processes_cannot_have_the_same_store_open() {
    let home = OnDisk::default();
    let _store = home.open();
    let error = Sled::open(home.0.path(), &Options::default()).unwrap_err();
    assert!(error.to_string().contains("another process has the store open"), "{error}");
}

#[tokio::test]
async fn an_address_names_a_store() {
    let home = OnDisk::default();
    let url = format!("sled://{}", home.0.path().display());
    accepted_by(&*open(&url).unwrap()).await;
    accepted_by(&*open("memory://").unwrap()).await;
    for wrong in ["sled://", "sled", "postgres://x", "memory://x", ""] {
        assert!(open(wrong).unwrap_err().to_string().contains("is not a store"), "{wrong}");
    }
}

async fn accepted_by(store: &dyn Store) {
    assert!(matches!(store.accept(delivery(10)).await.unwrap(), Accepted::Fresh { .. }));
}

/// Where a killed writer keeps its store.
const VICTIM: &str = "OSTLER_TEST_VICTIM";

#[tokio::test]
#[ignore = "not a test: the process that the next one kills"]
#[expect(clippy::disallowed_methods, reason = "a killed process is told its store by its environment alone")]
async fn victim() {
    let dir = std::env::var_os(VICTIM).unwrap();
    let store = Arc::new(Sled::open(Path::new(&dir), &Options::default()).unwrap());
    let mut second = 10;
    loop {
        let group = (second..second + 8).map(|second| {
            let store = Arc::clone(&store);
            async move {
                accepted(&*store, second).await;
                println!("accepted {second}");
            }
        });
        futures_util::future::join_all(group).await;
        second += 8;
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let home = OnDisk::default();
    let mut victim = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["store::contract::writing::victim", "--exact", "--ignored", "--nocapture"])
        .env(VICTIM, home.0.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut said = lines.filter_map(|line| line.split_once("accepted ")?.1.parse::<i64>().ok());
    let mut acknowledged: Vec<_> = said.by_ref().take(200).collect();
    victim.kill().unwrap();
    victim.wait().unwrap();
    acknowledged.extend(said);
    assert!(acknowledged.len() >= 200);

    let store = home.open();
    for second in acknowledged {
        let answer = store.accept(delivery(second)).await.unwrap();
        assert!(matches!(answer, Accepted::Duplicate { .. }), "delivery {second} was lost");
        assert!(store.load(run_id(second)).await.unwrap().is_some());
    }
    let told = store.tail(0, usize::MAX).await.unwrap();
    assert!(told.iter().zip(1..).all(|(progress, seq)| progress.seq == seq));
    assert_eq!(census(&store).await.events * 2, told.len() as u64);
}
