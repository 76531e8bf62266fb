//! Listening to somebody who says what a test lets them say.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::{BoxFuture, pending};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};

use super::*;
use crate::clock::{Clock as _, ManualClock, SystemClock};
use crate::id::RunId;
use crate::ingress::inbox::tests::{Office, policy};
use crate::ingress::policy::Current;
use crate::plugin::{Call, Problem, Registry};
use crate::store::{
    Accepted, Answer, Commit, Found, Intake, Journal, Lease, Memory, Progress, Query, Scrubbed, Store,
    StoreError,
};

type Says = mpsc::UnboundedSender<Result<Told, PluginError>>;

/// Somebody with connections that a test has made, and everything that was acknowledged on them.
#[derive(Debug, Default)]
struct Speaker {
    lines: Mutex<VecDeque<Result<Script, PluginError>>>,
    asked: AtomicUsize,
    /// By which connection, what, and with what answer.
    acknowledged: Mutex<Vec<(usize, String, Option<Reply>)>>,
    /// Connections that are held no more.
    left: Mutex<Vec<usize>>,
}

#[derive(Debug)]
struct Script {
    number: usize,
    told: mpsc::UnboundedReceiver<Result<Told, PluginError>>,
    speaker: Arc<Speaker>,
}

impl Speaker {
    /// A connection that will be given, and what lets it speak.
    fn line(self: &Arc<Self>, number: usize) -> Says {
        let (says, told) = mpsc::unbounded_channel();
        self.lines.lock().unwrap().push_back(Ok(Script { number, told, speaker: Arc::clone(self) }));
        says
    }

    fn refuse(&self, retry_after: Option<u64>) {
        let mut error = PluginError::new("slack", Problem::Unavailable, "down");
        error.retry_after = retry_after.map(Duration::from_secs);
        self.lines.lock().unwrap().push_back(Err(error));
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn acknowledged(&self) -> Vec<(usize, String)> {
        let all = self.acknowledged.lock().unwrap();
        all.iter().map(|(number, id, _)| (*number, id.clone())).collect()
    }
}

impl Listen for Speaker {
    fn source(&self) -> SourceName {
        SourceName::new("slack")
    }

    fn name(&self) -> &str {
        "slack.script"
    }

    fn connect(&self) -> Call<'_, Box<dyn Line>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let line = self.lines.lock().unwrap().pop_front();
        Box::pin(async {
            match line {
                Some(line) => Ok(Box::new(line?) as Box<dyn Line>),
                None => pending().await,
            }
        })
    }
}

impl Line for Script {
    fn next(&mut self) -> BoxFuture<'_, Result<Told, PluginError>> {
        Box::pin(async { self.told.recv().await.unwrap_or(Ok(Told::End)) })
    }

    fn acknowledge(&mut self, receipt: Receipt, reply: Option<Reply>) -> Call<'_, ()> {
        self.speaker.acknowledged.lock().unwrap().push((self.number, receipt.id, reply));
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.speaker.left.lock().unwrap().push(self.number);
    }
}

/// A store in which intakes wait at a gate, and fail behind it where the gate is broken.
#[derive(Debug)]
struct Gate {
    store: Memory,
    came: AtomicUsize,
    places: Semaphore,
}

impl Gate {
    fn new(places: usize) -> Arc<Self> {
        let places = Semaphore::new(places);
        Arc::new(Self { store: Memory::open().unwrap(), came: AtomicUsize::new(0), places })
    }
}

impl Store for Gate {
    fn grown(&self) -> tokio::sync::watch::Receiver<u64> {
        self.store.grown()
    }

    fn accept(&self, intake: Intake) -> Answer<'_, Accepted> {
        Box::pin(async move {
            self.came.fetch_add(1, Ordering::SeqCst);
            let failed = |_| StoreError::Failed("the gate is broken".to_owned());
            self.places.acquire().await.map_err(failed)?.forget();
            self.store.accept(intake).await
        })
    }

    fn leases(&self, now: jiff::Timestamp, most: usize) -> Answer<'_, Vec<Lease>> {
        self.store.leases(now, most)
    }

    fn load(&self, run: RunId) -> Answer<'_, Option<Journal>> {
        self.store.load(run)
    }

    fn commit(&self, commit: Commit) -> Answer<'_, ()> {
        self.store.commit(commit)
    }

    fn query(&self, query: Query) -> Answer<'_, Found> {
        self.store.query(query)
    }

    fn tail(&self, after: u64, limit: usize) -> Answer<'_, Vec<Progress>> {
        self.store.tail(after, limit)
    }

    fn prune(&self, before: jiff::Timestamp, identities_before: jiff::Timestamp) -> Answer<'_, u64> {
        self.store.prune(before, identities_before)
    }

    fn scrub(&self, after: Option<Vec<u8>>, limit: usize, now: jiff::Timestamp) -> Answer<'_, Scrubbed> {
        self.store.scrub(after, limit, now)
    }
}

/// Somebody who is listened to.
struct Scene {
    speaker: Arc<Speaker>,
    gate: Arc<Gate>,
    clock: Arc<ManualClock>,
    current: Arc<Current<crate::ingress::Policy>>,
    listening: tokio::task::JoinHandle<()>,
}

fn hearing(speakers: &[&Arc<Speaker>]) -> crate::ingress::Policy {
    let Office { sources, .. } = Office::new();
    let listeners = speakers.iter().map(|speaker| Arc::clone(speaker) as Arc<dyn Listen>).collect();
    policy(Registry { sources, listeners, ..Registry::default() })
}

impl Scene {
    /// Begins to listen, with a store that lets so many intakes through.
    fn listen(speaker: Arc<Speaker>, places: usize) -> Self {
        let gate = Gate::new(places);
        let clock = Arc::new(ManualClock::at("2026-11-21T08:00:00Z".parse().unwrap()));
        let current = Arc::new(Current::new(hearing(&[&speaker])));
        let inbox = Inbox::new(Arc::clone(&gate) as _, Arc::clone(&current), Arc::clone(&clock) as _, |_| {});
        let listening = tokio::spawn(Listening::new(Arc::new(inbox)).keep_listening());
        Self { speaker, gate, clock, current, listening }
    }
}

/// Waits until something is so.
async fn until(what: impl Fn() -> bool) {
    for _ in 0..2000 {
        if what() {
            return;
        }
        SystemClock.sleep(Duration::from_millis(2)).await;
    }
    panic!("it did not come to that");
}

/// Waits long enough for what should not happen to happen.
async fn a_while() {
    SystemClock.sleep(Duration::from_millis(30)).await;
}

fn told(id: &str, surface: &str, body: Vec<u8>, kind: &'static str) -> Result<Told, PluginError> {
    let mut delivery = Delivery { surface: surface.to_owned(), body: body.into(), ..Delivery::default() };
    delivery.headers.insert("content-type", http::HeaderValue::from_static(kind));
    Ok(Told::Delivery(Receipt { id: id.to_owned(), takes_reply: true }, Box::new(delivery)))
}

/// Somebody mentions the bot; each id is another mention.
fn mention(id: &str) -> Result<Told, PluginError> {
    let body = json!({
        "type": "event_callback", "team_id": "T1", "event_id": id,
        "event": {"type": "app_mention", "user": "UADA", "text": "<@UBOT> hi", "ts": format!("{id}.1"), "channel": "C1"},
    });
    told(id, "events", body.to_string().into_bytes(), crate::plugin::source::JSON)
}

#[tokio::test]
async fn a_delivery_is_acknowledged_once_it_is_stored_and_holds_up_no_other() {
    let speaker = Arc::new(Speaker::default());
    let says = speaker.line(1);
    let scene = Scene::listen(speaker, 0);
    says.send(mention("1")).unwrap();
    says.send(mention("2")).unwrap();
    until(|| scene.gate.came.load(Ordering::SeqCst) == 2).await;
    a_while().await;
    assert_eq!(scene.speaker.acknowledged(), [], "nothing is stored yet");
    scene.gate.places.add_permits(1);
    until(|| scene.speaker.acknowledged().len() == 1).await;
    a_while().await;
    assert_eq!(scene.speaker.acknowledged().len(), 1, "the other one is not stored yet");
    scene.gate.places.add_permits(1);
    until(|| scene.speaker.acknowledged().len() == 2).await;
}

#[tokio::test]
async fn what_cannot_be_stored_is_told_again_and_what_cannot_be_understood_is_not() {
    let speaker = Arc::new(Speaker::default());
    let says = speaker.line(1);
    let scene = Scene::listen(speaker, 1);
    says.send(told("0", "events", b"{".to_vec(), crate::plugin::source::JSON)).unwrap();
    says.send(mention("1")).unwrap();
    until(|| scene.speaker.acknowledged().len() == 2).await;
    scene.gate.places.close();
    says.send(mention("2")).unwrap();
    until(|| scene.gate.came.load(Ordering::SeqCst) == 2).await;
    a_while().await;
    assert_eq!(scene.speaker.acknowledged(), [(1, "0".to_owned()), (1, "1".to_owned())]);
}

#[tokio::test]
async fn a_command_is_acknowledged_with_its_answer() {
    let speaker = Arc::new(Speaker::default());
    let says = speaker.line(1);
    let scene = Scene::listen(speaker, 9);
    let form = b"user_id=UADA&channel_id=C1&team_id=T1&trigger_id=1.2&command=%2Fostler&text=help".to_vec();
    says.send(told("1", "commands", form, crate::plugin::source::FORM)).unwrap();
    until(|| scene.speaker.acknowledged().len() == 1).await;
    let all = scene.speaker.acknowledged.lock().unwrap();
    let Some(Reply::Json(Value::Object(answer))) = &all[0].2 else { panic!("{all:?}") };
    assert!(answer["text"].as_str().is_some_and(|text| !text.is_empty()), "{answer:?}");
}

#[tokio::test]
async fn the_next_connection_is_open_before_the_last_one_ends() {
    let speaker = Arc::new(Speaker::default());
    let (first, second) = (speaker.line(1), speaker.line(2));
    let scene = Scene::listen(speaker, 99);
    first.send(mention("1")).unwrap();
    first.send(Ok(Told::Ending)).unwrap();
    until(|| scene.speaker.asked() == 2).await;
    first.send(mention("2")).unwrap();
    second.send(mention("3")).unwrap();
    first.send(Ok(Told::Ending)).unwrap();
    first.send(mention("4")).unwrap();
    until(|| scene.speaker.acknowledged().len() == 4).await;
    let mut all = scene.speaker.acknowledged();
    all.sort();
    let wanted = [(1, "1"), (1, "2"), (1, "4"), (2, "3")].map(|(line, id)| (line, id.to_owned()));
    assert_eq!(all, wanted);
    first.send(Ok(Told::End)).unwrap();
    until(|| *scene.speaker.left.lock().unwrap() == [1]).await;
    assert_eq!(scene.speaker.asked(), 2, "the second one goes on");
}

#[tokio::test]
async fn what_is_being_stored_when_a_connection_breaks_is_stored() {
    let speaker = Arc::new(Speaker::default());
    let (first, _second) = (speaker.line(1), speaker.line(2));
    let scene = Scene::listen(speaker, 0);
    first.send(mention("1")).unwrap();
    until(|| scene.gate.came.load(Ordering::SeqCst) == 1).await;
    first.send(Err(PluginError::new("slack", Problem::Unavailable, "broke"))).unwrap();
    a_while().await;
    scene.clock.advance(Duration::from_secs(1));
    until(|| scene.speaker.asked() == 2).await;
    scene.gate.places.add_permits(1);
    let mut stored = Vec::new();
    for _ in 0..2000 {
        stored = scene.gate.tail(0, 9).await.unwrap();
        if !stored.is_empty() {
            break;
        }
        SystemClock.sleep(Duration::from_millis(2)).await;
    }
    assert!(!stored.is_empty());
    assert_eq!(scene.speaker.acknowledged(), []);
}

#[tokio::test]
async fn who_cannot_be_reached_is_tried_again_after_pauses_that_grow() {
    let speaker = Arc::new(Speaker::default());
    (0..3).for_each(|_| speaker.refuse(None));
    speaker.refuse(Some(100));
    let says = speaker.line(1);
    let scene = Scene::listen(speaker, 9);
    for (tries, seconds) in [(1, 1), (2, 2), (3, 4), (4, 100)] {
        until(|| scene.speaker.asked() == tries).await;
        a_while().await;
        scene.clock.advance(Duration::from_secs(seconds) - Duration::from_millis(1));
        a_while().await;
        assert_eq!(scene.speaker.asked(), tries, "not before {seconds} s");
        scene.clock.advance(Duration::from_millis(1));
    }
    says.send(mention("1")).unwrap();
    until(|| scene.speaker.acknowledged().len() == 1).await;
    // One that lasted is opened again at once.
    let _next = scene.speaker.line(2);
    scene.clock.advance(STEADY);
    says.send(Ok(Told::End)).unwrap();
    until(|| scene.speaker.asked() == 6).await;
}

#[tokio::test]
async fn connections_that_want_to_be_renewed_all_the_time_are_not() {
    let speaker = Arc::new(Speaker::default());
    let lines: Vec<_> = (0..5).map(|number| speaker.line(number)).collect();
    lines.iter().for_each(|line| line.send(Ok(Told::Ending)).unwrap());
    let scene = Scene::listen(speaker, 9);
    until(|| scene.speaker.asked() == 2).await;
    a_while().await;
    assert_eq!(scene.speaker.asked(), 2, "once at once, and then after a pause");
    scene.clock.advance(Duration::from_secs(2));
    until(|| scene.speaker.asked() == 3).await;
}

#[tokio::test]
async fn a_reload_ends_what_is_not_configured_any_more_and_begins_what_is() {
    let speaker = Arc::new(Speaker::default());
    let _first = speaker.line(1);
    let scene = Scene::listen(speaker, 9);
    until(|| scene.speaker.asked() == 1).await;
    let other = Arc::new(Speaker::default());
    let says = other.line(2);
    scene.current.change(|_| hearing(&[&scene.speaker, &other]));
    says.send(mention("1")).unwrap();
    until(|| other.acknowledged().len() == 1).await;
    assert_eq!((scene.speaker.asked(), scene.speaker.left.lock().unwrap().len()), (1, 0), "it stays");
    scene.current.change(|_| hearing(&[&other]));
    until(|| *scene.speaker.left.lock().unwrap() == [1]).await;
    assert_eq!((other.asked(), other.left.lock().unwrap().len()), (1, 0));
}

#[tokio::test]
async fn nothing_holds_the_store_once_listening_has_ended() {
    let speaker = Arc::new(Speaker::default());
    let (first, _second) = (speaker.line(1), speaker.line(2));
    let scene = Scene::listen(speaker, 0);
    first.send(mention("1")).unwrap();
    first.send(Ok(Told::Ending)).unwrap();
    until(|| scene.speaker.asked() == 2).await;
    scene.listening.abort();
    assert!(scene.listening.await.unwrap_err().is_cancelled());
    assert_eq!(Arc::strong_count(&scene.gate), 1);
    assert_eq!(scene.speaker.left.lock().unwrap().len(), 2);
}

#[test]
fn pauses_double_up_to_a_minute() {
    assert_eq!([0, 1, 2, 3, 7, 99].map(|failures| pause(failures).as_secs()), [0, 1, 2, 4, 60, 60]);
}
