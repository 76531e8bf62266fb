//! What readers are told, where they go on, and what becomes of slow ones.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;
use crate::id::StepPath;
use crate::run::Record;
use crate::store::Due;
use crate::store::fixture::InHand;

/// A store with one run, and the streams over it.
struct Stage {
    hand: InHand,
    live: Live,
    run: RunId,
}

impl Stage {
    async fn new() -> Self {
        let hand = InHand::new().await;
        let live = Live { store: Arc::clone(&hand.store), stop: CancellationToken::new() };
        Self { live, run: hand.run, hand }
    }

    async fn notes(&mut self, count: usize) {
        let note = |nth: usize| Record::Fact {
            step: StepPath::root("a"),
            name: format!("note/{nth}"),
            value: Value::Null,
        };
        self.hand.write((0..count).map(note).collect(), Due::Held).await;
    }

    async fn end(&mut self) {
        self.hand.end().await;
    }

    async fn reader(&self, after: u64) -> Tail {
        Tail::run(self.live.clone(), self.run, after).await.unwrap().unwrap()
    }
}

fn names(told: &[Telling]) -> Vec<String> {
    told.iter().map(Telling::name).collect()
}

#[tokio::test]
async fn a_reader_is_told_what_is_there_then_what_comes_and_then_that_it_is_over() {
    let mut stage = Stage::new().await;
    let mut tail = stage.reader(0).await;
    assert_eq!(names(&tail.next().await.unwrap().unwrap()), ["run.started"]);
    assert!(tail.next().now_or_never().is_none(), "there is nothing more yet");
    stage.notes(2).await;
    assert_eq!(names(&tail.next().await.unwrap().unwrap()), ["step.log", "step.log"]);
    stage.end().await;
    assert_eq!(names(&tail.next().await.unwrap().unwrap()), ["run.concluded", "run.ended"]);
    assert_eq!(tail.next().await.unwrap(), None);
}

#[tokio::test]
async fn a_reader_that_comes_again_goes_on_where_it_was() {
    let mut stage = Stage::new().await;
    // In batches of several, so that it comes again amidst one.
    stage.notes(3).await;
    stage.notes(3).await;
    let all = stage.reader(0).await.next().await.unwrap().unwrap();
    assert_eq!(all.len(), 7);
    for reached in 0..all.len() - 1 {
        let rest = stage.reader(all[reached].seq).await.next().await.unwrap().unwrap();
        assert_eq!(rest, all[reached + 1..], "behind {reached}");
    }
    stage.end().await;
    let end = stage.reader(0).await.next().await.unwrap().unwrap().pop().unwrap();
    assert_eq!(stage.reader(end.seq).await.next().await.unwrap(), None, "there is nothing behind the end");
}

#[tokio::test]
async fn a_slow_reader_is_told_that_it_lagged_and_misses_nothing() {
    let mut stage = Stage::new().await;
    for mut tail in [stage.reader(0).await, Tail::all(stage.live.clone(), Some(0))] {
        while tail.next().now_or_never().is_some() {}
        for _ in 0..7 {
            stage.notes(100).await;
        }
        let (mut seen, mut told, mut lagged) = (Vec::new(), 0, 0);
        while let Some(page) = tail.next().now_or_never() {
            let page = page.unwrap().unwrap();
            assert!(page.len() <= 257, "{} wait in memory", page.len());
            lagged += page.iter().filter(|telling| telling.name() == "lagged").count();
            told += 1;
            seen.extend(
                page.iter().filter(|telling| telling.name() == "step.log").map(|telling| telling.seq),
            );
        }
        assert_eq!((lagged, told), (1, 3));
        assert_eq!(seen.len(), 700);
        assert!(seen.windows(2).all(|pair| pair[0] + 1 == pair[1]), "none is missing or told twice");
    }
}

#[tokio::test]
async fn who_reads_everything_begins_now_unless_it_says_otherwise() {
    let mut stage = Stage::new().await;
    let mut now = Tail::all(stage.live.clone(), None);
    assert!(now.next().now_or_never().is_none());
    stage.notes(1).await;
    assert_eq!(names(&now.next().await.unwrap().unwrap()), ["step.log"]);
    let all = Tail::all(stage.live.clone(), Some(0)).next().await.unwrap().unwrap();
    assert_eq!(names(&all), ["event.received", "run.started", "step.log"]);
}

#[tokio::test]
async fn a_server_that_stops_ends_its_streams() {
    let stage = Stage::new().await;
    let mut tail = stage.reader(0).await;
    tail.next().await.unwrap();
    stage.live.stop.cancel();
    assert_eq!(tail.next().await.unwrap(), None);
}

async fn body(stage: &Stage, path: &str, last: Option<u64>) -> (StatusCode, String) {
    let mut request = Request::get(path);
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let answer = router(stage.live.clone()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = answer.status();
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn over_http_each_thing_has_its_id_its_name_and_its_data() {
    let mut stage = Stage::new().await;
    stage.end().await;
    let stream = format!("/api/v1/runs/{}/stream", stage.run);
    let (status, whole) = body(&stage, &stream, None).await;
    assert_eq!(status, StatusCode::OK);
    let events: Vec<&str> = whole.trim_end().split("\n\n").collect();
    assert_eq!(events.len(), 3, "{whole}");
    let id: u64 = events[1].lines().find_map(|line| line.strip_prefix("id: ")).unwrap().parse().unwrap();
    assert!(events[1].contains("event: run.concluded"), "{whole}");
    let data = events[1].lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let telling: Telling = serde_json::from_str(data).unwrap();
    assert_eq!((telling.seq, telling.run), (id, Some(stage.run)));
    let (_, rest) = body(&stage, &stream, Some(id)).await;
    assert_eq!(rest.trim_end(), events[2]);
    let (_, page) = body(&stage, &format!("/api/v1/runs/{}/logs?after={id}", stage.run), None).await;
    let page: Value = serde_json::from_str(&page).unwrap();
    assert_eq!((page["log"].as_array().unwrap().len(), &page["next"]), (1, &json!(id + 1)));
    let missing = "/api/v1/runs/run_00000000000070008000000000000000/stream";
    assert_eq!(body(&stage, missing, None).await.0, StatusCode::NOT_FOUND);
}
