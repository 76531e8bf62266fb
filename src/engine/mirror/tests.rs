//! One comment for each run, edited now and then, with its last state always told.

use std::sync::Mutex;

use futures_util::future::BoxFuture;

use super::*;
use crate::clock::ManualClock;
use crate::plugin::tracker::CommentRef;
use crate::router::ANSWER;
use crate::run::fixture::at;
use crate::run::record::Started;
use crate::store::Due;
use crate::store::fixture::InHand;

/// What was told, and what becomes of the next tries.
#[derive(Debug, Default)]
struct Board {
    /// Each comment that was written, with its texts.
    comments: Mutex<Vec<(RunId, Vec<String>)>>,
    failures: Mutex<Vec<StepError>>,
}

impl Board {
    fn fail(&self) -> Result<(), StepError> {
        self.failures.lock().unwrap().pop().map_or(Ok(()), Err)
    }

    fn texts(&self) -> Vec<String> {
        let comments = self.comments.lock().unwrap();
        assert!(comments.len() <= 1, "more than one comment: {comments:?}");
        comments.first().map(|(_, texts)| texts.clone()).unwrap_or_default()
    }

    fn firsts(&self) -> Vec<String> {
        self.texts().iter().map(|text| text.lines().next().unwrap().to_owned()).collect()
    }
}

fn posted(about: &About) -> Posted {
    let Started { task, .. } = &*about.started;
    Posted::Task(task.clone().unwrap(), CommentRef { id: "1".to_owned(), url: String::new() })
}

impl Status for Board {
    fn post<'a>(
        &'a self,
        about: &'a About,
        text: &'a str,
    ) -> BoxFuture<'a, Result<Option<(Posted, bool)>, StepError>> {
        Box::pin(async move {
            self.fail()?;
            let mut comments = self.comments.lock().unwrap();
            let found = comments.iter().any(|(run, _)| *run == about.run);
            if !found {
                comments.push((about.run, vec![text.to_owned()]));
            }
            Ok(Some((posted(about), found)))
        })
    }

    fn edit<'a>(
        &'a self,
        about: &'a About,
        _: &'a Posted,
        text: &'a str,
    ) -> BoxFuture<'a, Result<(), StepError>> {
        Box::pin(async move {
            self.fail()?;
            let mut comments = self.comments.lock().unwrap();
            let (_, texts) = comments.iter_mut().find(|(run, _)| *run == about.run).unwrap();
            texts.push(text.to_owned());
            Ok(())
        })
    }
}

struct Scene {
    hand: InHand,
    board: Arc<Board>,
    clock: Arc<ManualClock>,
    mirror: Mirror,
}

impl Scene {
    /// Somebody tells from before the run's first step on.
    async fn new() -> Self {
        Self::of(InHand::new().await).await
    }

    async fn of(hand: InHand) -> Self {
        let (board, clock) = (Arc::new(Board::default()), Arc::new(ManualClock::at(at(0))));
        let mirror = Mirror::new(Arc::clone(&hand.store), Arc::clone(&board) as _, Arc::clone(&clock) as _);
        let mut scene = Self { hand, board, clock, mirror };
        scene.mirror.turn().await.unwrap();
        scene
    }

    async fn later(&mut self, seconds: i64) {
        self.clock.advance(std::time::Duration::from_secs(seconds.unsigned_abs()));
        self.mirror.turn().await.unwrap();
    }

    /// The process dies, and another one tells.
    async fn restart(&mut self) {
        let (store, clock) = (Arc::clone(&self.hand.store), Arc::clone(&self.clock));
        self.mirror = Mirror::new(store, Arc::clone(&self.board) as _, clock as _);
        self.mirror.turn().await.unwrap();
    }
}

#[tokio::test]
async fn a_run_has_one_comment_which_is_edited_at_most_every_ten_seconds_and_to_its_end() {
    let mut scene = Scene::new().await;
    assert!(scene.board.texts().is_empty(), "nobody was let in yet");
    scene.hand.step("@start").await;
    scene.later(1).await;
    assert_eq!(scene.board.firsts(), ["Test: under way, 50 %"]);
    scene.hand.step("a").await;
    scene.later(4).await;
    scene.hand.end().await;
    scene.later(4).await;
    assert_eq!(scene.board.firsts().len(), 1, "it was told eight seconds ago");
    scene.later(2).await;
    assert_eq!(scene.board.firsts(), ["Test: under way, 50 %", "Test: done"], "the last state is told");
    scene.later(60).await;
    assert_eq!(scene.board.firsts().len(), 2, "and nothing after it");
    assert!(scene.mirror.runs.is_empty(), "a run that is over is forgotten");
}

#[tokio::test]
async fn after_a_death_the_same_comment_is_edited_and_an_end_that_was_not_told_is() {
    let mut scene = Scene::new().await;
    scene.hand.step("@start").await;
    scene.later(1).await;
    scene.hand.step("a").await;
    scene.hand.end().await;
    scene.restart().await;
    let firsts = scene.board.firsts();
    assert_eq!(firsts.last().unwrap(), "Test: done", "{firsts:?}");
    // What is told is stored: another one has nothing to tell.
    scene.later(20).await;
    scene.restart().await;
    assert_eq!(scene.board.firsts(), firsts);
}

#[tokio::test]
async fn what_happened_before_there_was_anybody_to_tell_it_is_not_told() {
    let mut hand = InHand::new().await;
    hand.step("@start").await;
    hand.end().await;
    let mut scene = Scene::of(hand).await;
    scene.later(20).await;
    assert!(scene.board.texts().is_empty());
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_asked_again_and_one_that_says_no_is_not() {
    let mut scene = Scene::new().await;
    let down = || StepError::passing("unavailable", "down");
    *scene.board.failures.lock().unwrap() = vec![down(), down()];
    scene.hand.step("@start").await;
    scene.later(1).await;
    scene.later(11).await;
    assert!(scene.board.texts().is_empty());
    scene.later(21).await;
    assert_eq!(scene.board.texts().len(), 1);
    *scene.board.failures.lock().unwrap() = vec![StepError::fatal("not_found", "somebody deleted it")];
    scene.hand.step("a").await;
    scene.later(11).await;
    scene.hand.end().await;
    scene.later(11).await;
    scene.later(60).await;
    assert_eq!(scene.board.texts().len(), 1, "what was taken away is not written again");
}

#[tokio::test]
async fn what_only_answers_somebody_is_not_talked_about() {
    let mut scene = Scene::of(InHand::started_by(ANSWER).await).await;
    scene.hand.step("@start").await;
    scene.later(1).await;
    scene.hand.write(vec![Record::Parked { reason: "broken".to_owned() }], Due::Parked).await;
    scene.later(20).await;
    assert!(scene.board.texts().is_empty());
}
