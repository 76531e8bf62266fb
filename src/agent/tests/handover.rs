//! Work that the gate has something against comes back, and what is insisted on is taken.
//!
//! On the tests' desk the gate has against a tree what stands in its file `verdict`.

use serde_json::json;

use super::scene::*;
use crate::agent::*;
use crate::plugin::model::{Answer, Request};

const FINISH: &str = "finish";
const FAULT: &str = "printf 'the test adds fails' > verdict";
const MEND: &str = "rm verdict";

/// Runs these commands, one a turn, and finishes where it is said.
fn plays(turns: &'static [&'static str]) -> impl Fn(&Request) -> Result<Answer, PluginError> + Send + Sync {
    move |request| match turns[turn(request).min(turns.len() - 1)] {
        FINISH => finishes(),
        command => calls("bash", json!({ "cmd": command })),
    }
}

async fn played(turns: &'static [&'static str]) -> (Stage, Ended) {
    let stage = Stage::with(plays(turns));
    let ended = stage.work().await.unwrap();
    (stage, ended)
}

/// What the model was last told.
fn told(stage: &Stage) -> String {
    last_result(stage.actor.requests.lock().unwrap().last().unwrap()).to_owned()
}

#[tokio::test]
async fn what_the_gate_is_against_comes_back_with_its_words_and_is_mended() {
    let (stage, ended) = played(&[FAULT, FINISH, MEND, FINISH]).await;
    assert_eq!((ended.reason, stage.asked()), (Reason::Finished, 4));
    assert!(!stage.desk.tree(&ended.tree).contains_key("verdict"));
    let requests = stage.actor.requests.lock().unwrap();
    let told = last_result(&requests[2]);
    assert!(told.contains("not handed over yet") && told.contains("the test adds fails"), "{told}");
}

#[tokio::test]
async fn what_is_finished_again_unchanged_is_taken() {
    let (stage, ended) = played(&[FAULT, FINISH, FINISH]).await;
    assert_eq!((ended.reason, stage.asked()), (Reason::Finished, 3));
    assert!(ended.answer.is_some() && stage.desk.tree(&ended.tree).contains_key("verdict"));
}

#[tokio::test]
async fn work_comes_back_twice_and_no_more() {
    let (stage, ended) =
        played(&[FAULT, FINISH, "echo 1 > tried", FINISH, "echo 2 > tried", FINISH, MEND]).await;
    assert_eq!((ended.reason, stage.asked()), (Reason::Finished, 6));
    assert_eq!(stage.desk.tree(&ended.tree)["tried"], b"2\n");
}

#[tokio::test]
async fn a_limit_that_is_met_after_work_came_back_leaves_what_was_handed_over() {
    let mut stage = Stage::with(plays(&[FAULT, FINISH, "date +%N > tried"]));
    stage.assignment.limits.steps = 5;
    let ended = stage.work().await.unwrap();
    assert_eq!((ended.reason, stage.asked()), (Reason::Steps, 5));
    assert!(ended.answer.is_some());
    let files = stage.desk.tree(&ended.tree);
    assert!(files.contains_key("verdict") && !files.contains_key("tried"), "{files:?}");
}

#[tokio::test]
async fn who_changes_nothing_is_not_judged() {
    let mut stage = Stage::with(plays(&[FINISH]));
    stage.desk = Desk::with(&[("verdict", "red before")]);
    assert_eq!((stage.work().await.unwrap().reason, stage.asked()), (Reason::Finished, 1));
    stage = Stage::with(plays(&[FAULT, FINISH]));
    stage.assignment.limits.returns = 0;
    assert_eq!((stage.work().await.unwrap().reason, stage.asked()), (Reason::Finished, 2));
}

#[tokio::test]
async fn a_crash_around_work_that_comes_back_changes_nothing() {
    let turns = &[FAULT, FINISH, MEND, FINISH];
    let whole = played(turns).await.1;
    for room in 0..8 {
        let mut stage = Stage::with(plays(turns));
        stage.notes.room = room;
        assert!(stage.work().await.is_err(), "{room}");
        stage.notes.room = usize::MAX;
        let ended = stage.work().await.unwrap();
        assert_eq!((ended.answer, ended.cost), (whole.answer.clone(), whole.cost), "{room}");
        assert!(!stage.desk.tree(&ended.tree).contains_key("verdict"));
    }
}

#[tokio::test]
async fn no_secret_comes_back() {
    let (stage, _) = played(&["printf 'the test says ghp_%036d' 0 | tr 0 a > verdict", FINISH, FINISH]).await;
    assert!(told(&stage).contains("the test says [redacted]"), "{}", told(&stage));
}
