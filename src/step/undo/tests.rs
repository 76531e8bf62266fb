//! Undoing over a small world: what was done is gone, what others changed stays, and twice is once.

use serde_json::{Value, json};

use crate::id::StepPath;
use crate::plugin::tracker::{Position, Status};
use crate::run::decide::JobKind;
use crate::step::scene::{Memory, Scene, git};
use crate::step::{Outcome, StepError};

/// A step that was performed, well or not.
struct Done {
    scene: Scene,
    /// The world before it.
    before: Value,
    outputs: Value,
}

/// Every action that writes, with what it is given.
fn writing() -> Vec<(&'static str, Value)> {
    let branch = json!({ "repository": "acme/shop", "branch": "feature/SHOP-8", "base_branch": "main" });
    vec![
        ("code.create_branch", branch),
        ("code.push_branch", json!({})),
        ("code.create_pull_request", json!({ "title": "Totals", "description": "They add up." })),
        ("code.add_comment", json!({ "comment": "Look." })),
        ("task.update_task_status", json!({ "status": "in_review", "comment": "Done." })),
        ("task.add_comment", json!({ "body": "Working on it." })),
        ("task.create_task", json!({ "title": "More" })),
        ("task.link", json!({ "url": "https://forge.example/acme/shop/pull/5", "title": "Totals" })),
        ("chat.send_message", json!({ "channel": "#dev", "message": "Done." })),
        ("docs.create_page", json!({ "title": "Totals", "content": "They add up." })),
    ]
}

/// A run with a branch, work of an agent and, where the action is about one, a pull request.
async fn prepared(action: &str) -> Scene {
    let mut scene = Scene::new().await;
    scene.perform().await.unwrap();
    if action == "code.create_branch" {
        return scene;
    }
    let inputs = json!({ "repository": "acme/shop", "branch": "feature/SHOP-7", "base_branch": "main" });
    scene.action("code.create_branch", inputs).await.unwrap();
    scene.work("value", "1 2\n").await;
    if matches!(action, "code.add_comment" | "docs.create_page") {
        let inputs = json!({ "title": "Totals", "description": "They add up." });
        scene.action("code.create_pull_request", inputs).await.unwrap();
    }
    scene
}

/// Performs the action; the answer of its effect number `lost` is lost.
async fn done(action: &str, inputs: Value, lost: Option<u32>) -> Done {
    let mut scene = prepared(action).await;
    let before = scene.world.seen();
    *scene.world.lose.lock().unwrap() = u32::from(lost.is_some());
    *scene.world.spare.lock().unwrap() = lost.unwrap_or_default();
    let outcome = scene.action(action, inputs).await;
    assert_eq!(outcome.is_err(), lost.is_some(), "{action}: {outcome:?}");
    assert_ne!(scene.world.seen(), before, "{action}");
    Done { scene, before, outputs: outcome.map(|outcome| outcome.outputs).unwrap_or_default() }
}

impl Done {
    /// The job that undoes it, over a fresh journal; the old one is what is known of the step.
    fn turn(&mut self) {
        let context = &mut self.scene.context;
        let kind = std::mem::replace(&mut context.job.kind, JobKind::Start);
        let JobKind::Action { capability, action } = kind else { panic!("{kind:?}") };
        context.job.kind = JobKind::Undo { capability, action };
        let past = json!({
            "step": context.job.step, "inputs": context.job.inputs, "outputs": self.outputs,
            "facts": self.scene.memory.facts(),
        });
        context.job.inputs = past.as_object().unwrap().clone();
        context.job.step = StepPath::root("@undo").child(context.job.step.as_str());
        self.scene.forget(Memory::default());
    }

    async fn undo(&mut self) -> Result<Outcome, StepError> {
        self.turn();
        self.scene.perform().await
    }

    /// What became of each effect: `undone`, `nothing`, `left`.
    async fn told(&mut self) -> Vec<String> {
        told(&self.undo().await.unwrap().outputs)
    }
}

fn told(account: &Value) -> Vec<String> {
    let effects = account["effects"].as_array().unwrap();
    effects.iter().map(|effect| effect["became"].as_str().unwrap().to_owned()).collect()
}

fn reason(account: &Value) -> String {
    account["effects"][0]["reason"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_action_that_writes_is_taken_back() {
    for (action, inputs) in writing() {
        let mut done = done(action, inputs, None).await;
        let told = done.told().await;
        assert!(!told.is_empty() && told.iter().all(|became| became == "undone"), "{action}: {told:?}");
        assert_eq!(done.scene.world.seen(), done.before, "{action}");
    }
}

#[tokio::test]
async fn what_was_made_is_found_although_nobody_heard_of_it() {
    for (action, inputs) in writing() {
        // A push knows by itself whether it went through.
        if action.ends_with("push_branch") || action.ends_with("create_page") {
            continue;
        }
        let effects = if action.ends_with("update_task_status") { 2 } else { 1 };
        for lost in 0..effects {
            let mut done = done(action, inputs.clone(), Some(lost)).await;
            let told = done.told().await;
            assert!(told.iter().all(|became| became == "undone"), "{action} {lost}: {told:?}");
            assert_eq!(done.scene.world.seen(), done.before, "{action} {lost}");
        }
    }
}

#[tokio::test]
async fn an_undoing_that_dies_after_any_of_its_records_ends_like_one_that_does_not() {
    for (action, inputs) in writing() {
        let mut whole = done(action, inputs.clone(), None).await;
        let account = whole.undo().await.unwrap().outputs;
        let records = whole.scene.memory.facts().len();
        assert!(records > 1, "{action}");
        for dies in 0..records {
            let mut done = done(action, inputs.clone(), None).await;
            done.turn();
            done.scene.forget(Memory::of(dies));
            let died = done.scene.perform().await.unwrap_err();
            assert!(died.retryable, "{action} {dies}: {died}");
            done.scene.memory.revive();
            let again = done.scene.perform().await.unwrap().outputs;
            assert_eq!(again, account, "{action} {dies}");
            let twice = done.scene.perform().await.unwrap().outputs;
            assert_eq!(twice, account, "{action} {dies}, once more");
            assert_eq!(done.scene.world.seen(), done.before, "{action} {dies}");
        }
    }
}

#[tokio::test]
async fn where_nothing_is_left_there_is_nothing_to_do() {
    for (action, inputs) in writing() {
        let mut first = done(action, inputs, None).await;
        first.undo().await.unwrap();
        let acts = first.scene.world.done("").len();
        // As if nobody had ever undone it: a person was faster.
        first.scene.forget(Memory::default());
        let told = told(&first.scene.perform().await.unwrap().outputs);
        assert!(told.iter().all(|became| became == "nothing"), "{action}: {told:?}");
        assert_eq!(first.scene.world.done("").len(), acts, "{action}");
    }
}

#[tokio::test]
async fn a_step_that_never_came_to_an_effect_has_nothing_to_tell() {
    let mut scene = prepared("code.create_pull_request").await;
    let inputs = json!({ "repository": "evil/shop", "title": "x" });
    scene.action("code.create_pull_request", inputs).await.unwrap_err();
    let mut failed = Done { before: scene.world.seen(), scene, outputs: Value::Null };
    assert_eq!(failed.told().await, [""; 0]);
}

#[tokio::test]
async fn a_pull_request_that_others_work_with_stays_and_its_branch_too() {
    let inputs = json!({ "title": "Totals", "description": "They add up." });
    let mut merged = done("code.create_pull_request", inputs.clone(), None).await;
    let tip = merged.scene.world.tip("feature/SHOP-7");
    merged.scene.world.opened.lock().unwrap().as_mut().unwrap().merged = true;
    let account = merged.undo().await.unwrap().outputs;
    assert_eq!(told(&account), ["left", "left"]);
    assert_eq!(reason(&account), "somebody has merged it");
    assert_eq!(merged.scene.world.tip("feature/SHOP-7"), tip);

    let mut pushed = done("code.create_pull_request", inputs, None).await;
    pushed.scene.world.opened.lock().unwrap().as_mut().unwrap().head_sha = "b".repeat(40);
    let account = pushed.undo().await.unwrap().outputs;
    assert!(reason(&account).contains("bbbbbbbb, which this run did not push"), "{account}");
    assert!(pushed.scene.world.done("close").is_empty());
}

#[tokio::test]
async fn a_branch_that_somebody_wrote_to_stays() {
    let (action, inputs) = writing().swap_remove(0);
    let mut done = done(action, inputs, None).await;
    let seed = done.scene.world.place.path().join("seed");
    git(&seed, &["commit", "-q", "--allow-empty", "-m", "mine"]);
    git(&seed, &["push", "-q", "../remote.git", "HEAD:feature/SHOP-8"]);
    let tip = done.scene.world.tip("feature/SHOP-8");
    let account = done.undo().await.unwrap().outputs;
    assert_eq!(told(&account), ["left"]);
    assert!(reason(&account).contains("where this step did not put it"), "{account}");
    assert_eq!(done.scene.world.tip("feature/SHOP-8"), tip);
}

#[tokio::test]
async fn a_branch_is_put_back_without_a_workspace_too() {
    let mut done = done("code.push_branch", json!({}), None).await;
    done.scene.steps.parts().workspaces.close(done.scene.context.run).await.unwrap();
    assert_eq!(done.told().await, ["undone"]);
    assert_eq!(done.scene.world.seen(), done.before);
}

#[tokio::test]
async fn a_status_that_somebody_moved_on_stays() {
    let inputs = json!({ "status": "in_review" });
    let mut done = done("task.update_task_status", inputs, None).await;
    let merged = Position { status: Status::InReview, name: "Merged".to_owned() };
    done.scene.world.place("SHOP-7", merged.clone());
    let account = done.undo().await.unwrap().outputs;
    assert_eq!(reason(&account), "it is `Merged` now: somebody has moved it on");
    assert_eq!(done.scene.world.position("SHOP-7"), merged);
}

#[tokio::test]
async fn a_task_that_somebody_took_up_stays_open_and_one_that_was_closed_is_gone() {
    for (status, became) in [(Status::InReview, "left"), (Status::Done, "nothing")] {
        let mut done = done("task.create_task", json!({ "title": "More" }), None).await;
        done.scene.world.place("SHOP-9", status.into());
        assert_eq!(done.told().await, [became]);
        assert!(done.scene.world.done("close").is_empty());
    }
}

#[tokio::test]
async fn a_link_that_was_there_keeps_its_title_and_one_that_was_changed_stays() {
    let url = "https://forge.example/acme/shop/pull/5";
    let inputs = json!({ "url": url, "title": "Totals" });
    let mut scene = prepared("task.link").await;
    scene.world.links.lock().unwrap().insert(url.to_owned(), "Mine".to_owned());
    let outputs = scene.action("task.link", inputs.clone()).await.unwrap().outputs;
    let mut retitled = Done { before: Value::Null, scene, outputs };
    assert_eq!(retitled.told().await, ["undone"]);
    assert_eq!(retitled.scene.world.links.lock().unwrap()[url], "Mine");

    let mut changed = done("task.link", inputs, None).await;
    changed.scene.world.links.lock().unwrap().insert(url.to_owned(), "Theirs".to_owned());
    assert_eq!(changed.told().await, ["left"]);
    assert_eq!(changed.scene.world.links.lock().unwrap()[url], "Theirs");
}

#[tokio::test]
async fn one_effect_that_cannot_be_taken_back_now_keeps_no_other() {
    let inputs = json!({ "status": "in_review", "comment": "Done." });
    let mut done = done("task.update_task_status", inputs, None).await;
    done.turn();
    // The answer to the first deletion is lost; the deletion itself is repeated then.
    *done.scene.world.lose.lock().unwrap() = 1;
    let error = done.scene.perform().await.unwrap_err();
    assert!(error.retryable);
    assert_eq!(told(&error.details), ["left", "undone"]);
    assert_eq!(done.scene.world.seen(), done.before);
    let account = done.scene.perform().await.unwrap().outputs;
    assert_eq!(told(&account), ["undone", "undone"]);
}
