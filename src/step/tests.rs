//! Actions, publishing and built-ins over a small world with a real repository.

use serde_json::json;

use super::scene::{Scene, git};
use crate::event::Thread;
use crate::plugin;
use crate::run::decide::JobKind;

/// A run that was admitted.
async fn begun() -> Scene {
    let mut scene = Scene::new().await;
    scene.perform().await.unwrap();
    scene
}

/// A run that was admitted and has a branch with work waiting.
async fn worked(text: &str) -> Scene {
    let mut scene = begun().await;
    let inputs = json!({ "repository": "acme/shop", "branch": "feature/SHOP-7", "base_branch": "main" });
    scene.action("code.create_branch", inputs).await.unwrap();
    scene.work("value", text).await;
    scene
}

/// A run that was admitted and goes on with a pull request.
async fn continuing() -> Scene {
    let mut scene = Scene::new().await;
    git(&scene.world.remote(), &["branch", "totals", "main"]);
    scene.world.change.lock().unwrap().head_sha = scene.world.tip("totals").unwrap();
    scene.on_change();
    scene.perform().await.unwrap();
    scene
}

fn pull_request() -> serde_json::Value {
    json!({
        "repository": "https://forge.example/acme/shop", "source_branch": "feature/SHOP-7",
        "target_branch": "main", "title": "Totals", "description": "Thanks @ada\n/ostler fix\n![x](http://e/x)",
    })
}

#[tokio::test]
async fn a_branch_is_made_once_and_then_adopted() {
    let mut scene = begun().await;
    let inputs = json!({ "repository": "acme/shop", "branch": "feature/SHOP-7", "base_branch": "main" });
    let outcome = scene.action("code.create_branch", inputs.clone()).await.unwrap();
    assert_eq!(outcome.outputs["adopted"], false);
    assert_eq!(outcome.outputs["branch_url"], "https://forge.example/tree/feature/SHOP-7");
    assert_eq!(outcome.work.branch.as_deref(), Some("feature/SHOP-7"));
    let again = scene.action("code.create_branch", inputs).await.unwrap();
    assert_eq!(again.outputs["adopted"], true);
    assert_eq!(scene.world.done("branch").len(), 1);
}

#[tokio::test]
async fn targets_are_fixed_by_the_run() {
    let mut scene = begun().await;
    for (inputs, code) in [
        (json!({ "repository": "evil/shop", "branch": "x" }), "foreign_target"),
        (json!({ "repository": "https://evil.example/a/b", "branch": "x" }), "foreign_target"),
        (json!({ "repository": "acme/shop", "branch": "main" }), "foreign_target"),
        (json!({ "repository": "acme/shop", "branch": "--force" }), "invalid_input"),
        (
            json!({ "repository": "acme/shop", "branch": format!("fix/ghp_{}", "a1B2".repeat(9)) }),
            "invalid_input",
        ),
        (json!({ "repository": "acme/shop" }), "invalid_input"),
        (json!({ "repository": "acme/shop", "branch": ["x"] }), "invalid_input"),
        (json!({ "branch": "x", "base_branch": "gone" }), "not_found"),
    ] {
        assert_eq!(
            scene.action("code.create_branch", inputs.clone()).await.unwrap_err().code,
            code,
            "{inputs}"
        );
    }
    assert!(scene.world.done("").is_empty());
}

#[tokio::test]
async fn a_pull_request_publishes_the_gated_work() {
    let mut scene = worked("1 2\n").await;
    let outcome = scene.action("code.create_pull_request", pull_request()).await.unwrap();
    assert_eq!(outcome.outputs["pr_url"], "https://forge.example/acme/shop/pull/5");
    let tip = scene.world.tip("feature/SHOP-7").unwrap();
    assert_eq!(outcome.work.commit.as_deref(), Some(tip.as_str()));
    let log = git(&scene.world.remote(), &["log", "-1", "--format=%an|%s|%ct", "feature/SHOP-7"]);
    assert_eq!(log, "Ostler|fix: Totals are wrong|0");
    assert_eq!(git(&scene.world.remote(), &["show", "feature/SHOP-7:value"]), "1 2");
    let body = &scene.world.done("change feature/SHOP-7 -> main")[0];
    assert!(body.contains("`sh tests/run.sh` passes") && body.contains("run_"), "{body}");
    assert!(
        !body.contains("@ada") && !body.contains("/ostler fix") && !body.contains("http://e/x"),
        "{body}"
    );
}

#[tokio::test]
async fn publishing_again_makes_the_same_commit_and_one_pull_request() {
    let mut scene = worked("1 2\n").await;
    *scene.world.lose.lock().unwrap() = 1;
    let lost = scene.action("code.create_pull_request", pull_request()).await.unwrap_err();
    assert_eq!((lost.code.as_str(), lost.retryable), ("unknown_outcome", true));
    let tip = scene.world.tip("feature/SHOP-7").unwrap();
    let outcome = scene.perform().await.unwrap();
    assert_eq!(outcome.work.commit, Some(tip.clone()));
    assert_eq!(scene.world.tip("feature/SHOP-7"), Some(tip));
    assert_eq!(scene.world.done("change").len(), 1);
}

#[tokio::test]
async fn work_that_breaks_a_rule_is_not_published() {
    let mut scene = worked("1 2\n").await;
    let before = scene.world.tip("feature/SHOP-7");
    scene.work(".env", "KEY=1\n").await;
    let refused = scene.action("code.create_pull_request", pull_request()).await.unwrap_err();
    assert_eq!(refused.code, "gate_refused");
    assert_eq!(refused.details["findings"][0]["rule"], "protected_path");
    assert_eq!(scene.world.tip("feature/SHOP-7"), before);
    assert!(scene.world.done("change").is_empty());
}

#[tokio::test]
async fn work_that_breaks_the_tests_is_a_draft_that_says_so() {
    let mut scene = worked("3\n").await;
    let opened = scene.action("code.create_pull_request", pull_request()).await.unwrap();
    assert!(opened.outputs["held_back"].as_str().unwrap().contains("fail on the change"));
    let body = &scene.world.done("change feature/SHOP-7 -> main")[0];
    assert!(body.contains("**A draft") && body.contains("did not before this change"), "{body}");
    assert_eq!(opened.outputs["draft"], true);
}

#[tokio::test]
async fn a_pull_request_that_people_read_gets_no_commit_that_breaks_the_tests() {
    let mut scene = continuing().await;
    scene.work("value", "3\n").await;
    let before = scene.world.tip("totals");
    for action in ["code.create_pull_request", "code.push_branch"] {
        let refused = scene.action(action, pull_request()).await.unwrap_err();
        assert_eq!(
            (refused.code.as_str(), &refused.details["checks"]["passed"]),
            ("gate_refused", &json!(false))
        );
    }
    assert_eq!(scene.world.tip("totals"), before);
}

#[tokio::test]
async fn nothing_is_published_where_nothing_was_done() {
    let mut scene = begun().await;
    let error = scene.action("code.create_pull_request", pull_request()).await.unwrap_err();
    assert_eq!(error.code, "nothing_to_publish");
}

#[tokio::test]
async fn a_branch_that_somebody_moved_is_left_alone() {
    let mut scene = worked("1 2\n").await;
    let seed = scene.world.place.path().join("seed");
    git(&seed, &["commit", "-q", "--allow-empty", "-m", "theirs"]);
    git(&seed, &["push", "-q", "../remote.git", "HEAD:feature/SHOP-7"]);
    let theirs = scene.world.tip("feature/SHOP-7");
    let error = scene.action("code.create_pull_request", pull_request()).await.unwrap_err();
    assert_eq!(error.code, "branch_moved");
    assert_eq!(scene.world.tip("feature/SHOP-7"), theirs);
}

/// Somebody else pushes to the pull request.
fn push_theirs(scene: &Scene) {
    let seed = scene.world.place.path().join("seed");
    git(&seed, &["commit", "-q", "--allow-empty", "-m", "theirs"]);
    git(&seed, &["push", "-q", "../remote.git", "HEAD:totals"]);
}

#[tokio::test]
async fn a_pull_request_that_moved_after_the_first_act_is_not_worked_on() {
    let script = || crate::spec::workflow::Shell { run: "ls".into(), network: false, allow_failure: false };
    let shell = || JobKind::Shell(Box::new(script()));
    let mut scene = continuing().await;
    push_theirs(&scene);
    for _ in 0..2 {
        let refused = scene.act(shell(), json!({})).await.unwrap_err();
        assert_eq!((refused.code.as_str(), refused.retryable), ("branch_moved", false));
    }
    // What the run itself pushed is no such move, nor is what comes while it works.
    let mut scene = continuing().await;
    scene.act(shell(), json!({})).await.unwrap();
    scene.work("value", "1 2\n").await;
    scene.action("code.push_branch", pull_request()).await.unwrap();
    scene.act(shell(), json!({})).await.unwrap();
    assert_ne!(scene.world.tip("totals"), scene.world.tip("main"));
}

#[tokio::test]
async fn a_secret_in_a_path_is_neither_published_nor_told() {
    let mut scene = worked("1 2\n").await;
    let secret = format!("ghp_{}", "a1B2".repeat(9));
    scene.work(&secret, "x").await;
    let refused = scene.action("code.create_pull_request", pull_request()).await.unwrap_err();
    assert_eq!(
        (refused.code.as_str(), &refused.details["findings"][0]["rule"]),
        ("gate_refused", &json!("secret"))
    );
    assert!(!format!("{refused:?} {:?}", scene.memory.facts()).contains(&secret), "{refused:?}");
}

#[tokio::test]
async fn a_continued_pull_request_gets_the_commit_on_its_own_branch() {
    let mut scene = continuing().await;
    let inputs = json!({ "repository": "acme/shop", "branch": "feature/other" });
    let branch = scene.action("code.create_branch", inputs).await.unwrap();
    assert_eq!(branch.outputs["branch"], "totals");
    scene.work("value", "1 2\n").await;
    let outcome = scene.action("code.create_pull_request", pull_request()).await.unwrap();
    assert_eq!((outcome.work.change, &outcome.outputs["adopted"]), (Some(4), &json!(true)));
    assert_eq!(git(&scene.world.remote(), &["show", "totals:value"]), "1 2");
    assert!(scene.world.tip("feature/other").is_none());
    assert!(scene.world.done("change").is_empty() && scene.world.done("branch").is_empty());
}

#[tokio::test]
async fn a_page_in_the_repository_follows_the_published_work() {
    let mut scene = worked("1 2\n").await;
    scene.action("code.create_pull_request", pull_request()).await.unwrap();
    let first = scene.world.tip("feature/SHOP-7").unwrap();
    let inputs = json!({ "template_type": "feature_documentation", "title": "Totals", "content": "How." });
    let outcome = scene.action("docs.create_page_from_template", inputs).await.unwrap();
    assert_eq!(
        outcome.outputs["doc_url"],
        "https://forge.example/acme/shop/blob/feature/SHOP-7/docs/page.md"
    );
    let remote = scene.world.remote();
    assert_eq!(git(&remote, &["show", "feature/SHOP-7:docs/page.md"]), "# Totals\nHow.");
    assert_eq!(git(&remote, &["show", "feature/SHOP-7:value"]), "1 2");
    assert_eq!(git(&remote, &["rev-parse", "feature/SHOP-7^"]), first);
    scene.work("value", "1 2 3\n").await;
    scene.action("code.push_branch", json!({})).await.unwrap();
    let page = git(&remote, &["show", "feature/SHOP-7:docs/page.md"]);
    assert_eq!(page, "# Totals\nHow.", "later work does not lose the page");
}

#[tokio::test]
async fn a_status_with_a_comment_is_two_effects_each_made_once() {
    let mut scene = begun().await;
    *scene.world.lose.lock().unwrap() = 1;
    let inputs = json!({ "task_id": "SHOP-7", "status": "In Review", "comment": "See @ada" });
    assert!(scene.action("task.update_task_status", inputs).await.unwrap_err().retryable);
    let outputs = scene.perform().await.unwrap().outputs;
    assert_eq!(outputs["success"], true);
    assert_eq!(
        scene.world.done(""),
        ["status jira:SHOP-7 in_review", "comment jira:SHOP-7 See @\u{200b}ada"]
    );
}

#[tokio::test]
async fn a_task_is_named_shortly_qualified_or_by_the_trackers_key() {
    let mut scene = begun().await;
    for name in ["SHOP-7", "jira:SHOP-7"] {
        let inputs = json!({ "task_id": name, "comment": "x" });
        scene.action("task.add_comment", inputs).await.unwrap();
        assert_eq!(scene.world.done("").last().unwrap(), "comment jira:SHOP-7 x");
    }
    let read = scene.action("task.get_task", json!({ "task_id": "SHOP-8" })).await.unwrap();
    assert_eq!(read.outputs["task"]["reference"], "jira:SHOP-8");
    let error = scene.action("task.update_task_status", json!({ "status": "lost" })).await.unwrap_err();
    assert_eq!(error.code, "invalid_input");
}

#[tokio::test]
async fn only_the_runs_own_tasks_are_written_to() {
    let mut scene = begun().await;
    let before = scene.world.done("").len();
    for (action, inputs) in [
        ("task.add_comment", json!({ "task_id": "SHOP-8", "comment": "x" })),
        ("task.add_comment", json!({ "task_id": "github:evil/shop#1", "comment": "x" })),
        ("task.update_task_status", json!({ "task_id": "SHOP-8", "status": "done" })),
        ("task.link", json!({ "task_id": "SHOP-8", "url": "https://x.test" })),
    ] {
        assert_eq!(scene.action(action, inputs).await.unwrap_err().code, "foreign_target", "{action}");
    }
    assert_eq!(scene.world.done("").len(), before);
    let made = scene.action("task.create_task", json!({ "title": "More" })).await.unwrap().outputs;
    let inputs = json!({ "task_id": made["reference"], "comment": "x" });
    scene.action("task.add_comment", inputs).await.unwrap();
}

#[tokio::test]
async fn work_that_loses_a_test_is_a_draft() {
    let mut scene = worked("1 2\n").await;
    scene.work("tests/run.sh", "exit 0\n").await;
    let opened = scene.action("code.create_pull_request", pull_request()).await.unwrap();
    assert!(opened.outputs["held_back"].as_str().unwrap().contains("or are gone: `1`"));
}

#[tokio::test]
async fn every_action_that_is_performed_is_declared() {
    let mut scene = begun().await;
    let declared = [plugin::tracker::actions(), plugin::forge::actions(), plugin::chat::actions()].concat();
    for spec in declared.into_iter().chain(plugin::docs::actions()) {
        let kind = JobKind::Action { capability: spec.capability.clone(), action: spec.name.clone() };
        if let Err(error) = scene.act(kind, json!({})).await {
            assert_ne!(error.code, "not_offered", "{}.{}", spec.capability, spec.name);
        }
    }
    let code = plugin::forge::actions();
    let publishing: Vec<_> =
        code.iter().filter(|spec| spec.publishes).map(|spec| spec.name.as_str()).collect();
    assert_eq!(publishing, ["commit_changes", "push_branch", "create_pull_request"]);
}

#[tokio::test]
async fn a_repository_is_looked_over_without_a_model() {
    let mut scene = begun().await;
    let action = "code.analyze_repository_structure";
    let outputs = scene.action(action, json!({})).await.unwrap().outputs;
    assert_eq!(outputs["test_command"], "sh tests/run.sh");
    assert_eq!(outputs["languages"][0]["name"], "Shell");
    assert!(outputs["summary"].as_str().unwrap().contains("Tests: `sh tests/run.sh`"));
    assert_eq!((&outputs["frameworks"], &outputs["symbols"]), (&json!([]), &json!("")));
    // The work of the run is not the base.
    scene.work("package.json", r#"{"dependencies": {"react": "1"}}"#).await;
    assert_eq!(scene.action(action, json!({})).await.unwrap().outputs, outputs);
    let foreign = scene.action(action, json!({ "repository": "acme/other" })).await.unwrap_err();
    assert_eq!(foreign.code, "foreign_target");
}

#[tokio::test]
async fn the_runs_own_task_keeps_what_it_began_with() {
    let mut scene = Scene::new().await;
    scene.mention("As asked");
    scene.perform().await.unwrap();
    let outputs = scene.action("task.get_task", json!({ "task_id": "SHOP-7" })).await.unwrap().outputs;
    assert_eq!(outputs["task"]["title"], "As asked");
    assert_eq!(outputs["task"]["status"], "in_progress");
    assert_eq!(outputs["task"]["repository_url"], "https://forge.example/acme/shop");
}

#[tokio::test]
async fn a_message_goes_to_its_channel_and_into_the_thread_it_came_from() {
    let mut scene = begun().await;
    scene.action("chat.send_message", json!({ "channel": null, "message": "a" })).await.unwrap();
    scene.action("chat.send_message", json!({ "channel": "dev", "message": "b" })).await.unwrap();
    scene.started().event.thread = Some(Thread {
        channel: "C1".to_owned(),
        channel_name: Some("dev".to_owned()),
        message: Some("1.2".to_owned()),
    });
    scene.action("chat.send_message", json!({ "channel": "#dev", "message": "c" })).await.unwrap();
    assert_eq!(
        scene.world.done("message"),
        ["message #general - a", "message dev - b", "message #dev 1.2 c"]
    );
}

#[tokio::test]
async fn an_unknown_action_says_so() {
    let mut scene = begun().await;
    assert_eq!(scene.action("chat.shout", json!({})).await.unwrap_err().code, "not_offered");
}

#[tokio::test]
async fn built_ins_tell_keep_and_tidy_up() {
    let mut scene = worked("1 2\n").await;
    let system = |action: &str| JobKind::System { action: action.to_owned() };
    let set = scene.act(system("set"), json!({ "a": [1] })).await.unwrap();
    assert_eq!(set.outputs, json!({ "a": [1] }));
    scene.act(system("send_alert"), json!({})).await.unwrap();
    assert!(scene.world.done("message")[0].contains("Standard development for SHOP-7 did not succeed"));
    let run = scene.world.place.path().join("runs").join(scene.context.run.to_string());
    assert!(run.exists());
    scene.act(system("cleanup"), json!({})).await.unwrap();
    assert!(!run.exists());
    assert_eq!(scene.act(system("dance"), json!({})).await.unwrap_err().code, "not_offered");
}

#[tokio::test]
async fn a_cancelled_step_stops() {
    let mut scene = begun().await;
    scene.context.cancel.cancel();
    assert_eq!(scene.perform().await.unwrap_err().code, "cancelled");
}

#[tokio::test]
async fn a_diff_is_given_within_bounds_and_says_what_it_left_out() {
    let mut scene = continuing().await;
    let outputs = scene.action("code.get_diff", json!({})).await.unwrap().outputs;
    assert_eq!(outputs["files"], json!(["a.sh", "b.sh"]));
    let diff = outputs["diff"].as_str().unwrap();
    assert!(diff.starts_with("diff --git a/a.sh b/a.sh\n") && diff.contains("+b\n"), "{diff}");
    assert!(diff.len() < 70_000 && outputs["truncated"] == true, "{} bytes", diff.len());
}

#[tokio::test]
async fn a_review_is_written_once_about_the_commit_that_was_looked_at() {
    let mut scene = continuing().await;
    let head = scene.world.change.lock().unwrap().head_sha.clone();
    *scene.world.lose.lock().unwrap() = 1;
    let inputs = json!({ "body": "One test fails, @ada.", "verdict": "request_changes" });
    assert!(scene.action("code.add_review", inputs).await.unwrap_err().retryable);
    scene.perform().await.unwrap();
    let done = scene.world.done("review");
    assert_eq!(done, [format!("review !4 at {head}, wants changes: true: One test fails, @\u{200b}ada.")]);
}

#[tokio::test]
async fn a_review_says_at_its_line_what_the_diff_shows_and_the_rest_in_its_text() {
    let mut scene = continuing().await;
    let comments = json!([
        {"path": "a.sh", "line": 1, "severity": "high", "body": "Wrong."},
        {"path": "a.sh", "line": 7, "body": "Elsewhere."},
    ]);
    scene.action("code.add_review", json!({ "body": "Two.", "comments": comments })).await.unwrap();
    let done = scene.world.done("review");
    let text = "Two.\n\nAt places that the diff does not show:\n\n- `a.sh`, line 7: Elsewhere.\n\n\
                `a.sh`, line 1: **high**: Wrong.";
    assert!(done[0].ends_with(text), "{done:?}");
}

#[tokio::test]
async fn no_review_approves() {
    let mut scene = continuing().await;
    let inputs = json!({ "body": "Fine.", "verdict": "approve" });
    let refused = scene.action("code.add_review", inputs).await.unwrap_err();
    assert_eq!(refused.code, "invalid_input", "{refused:?}");
    assert!(scene.world.done("review").is_empty());
}

#[tokio::test]
async fn what_a_review_and_checks_say_is_read() {
    let mut scene = continuing().await;
    let said = scene.action("code.list_review_comments", json!({ "review": "77" })).await.unwrap();
    let comment = json!({ "path": "a.sh", "line": 3, "body": "of review 77", "thread": "thread 77" });
    assert_eq!(said.outputs["comments"], json!([comment]));
    let head = scene.world.change.lock().unwrap().head_sha.clone();
    let checks = scene.action("code.list_checks", json!({})).await.unwrap().outputs;
    assert_eq!(checks["passed"], false);
    assert_eq!(checks["failed"].as_array().unwrap().len(), 1);
    assert_eq!(checks["failed"][0]["summary"], format!("lint of {head}"));
    assert_eq!(checks["checks"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn each_comment_at_a_line_is_answered_once_in_its_thread() {
    let mut scene = continuing().await;
    let inputs = json!({
        "comments": [{ "body": "a", "thread": "7" }, { "body": "b" }, { "body": "c", "thread": "9" }],
        "answers": [
            { "comment": 1, "body": "Done, @ada." }, { "comment": "2", "body": "It stays." }, { "comment": 4, "body": "?" },
            { "comment": 3, "body": "Mended." }, { "comment": 3, "body": "And tested." }, "Words.",
        ],
    });
    *scene.world.lose.lock().unwrap() = 1;
    assert!(scene.action("code.answer_review_comments", inputs).await.unwrap_err().retryable);
    let outputs = scene.perform().await.unwrap().outputs;
    assert_eq!(
        scene.world.done("reply"),
        ["reply !4 7: Done, @\u{200b}ada.", "reply !4 9: Mended.\n\nAnd tested."]
    );
    assert_eq!((&outputs["answered"], &outputs["rest"]), (&json!(2), &json!("- It stays.\n- ?\n- Words.")));
}

#[tokio::test]
async fn what_was_committed_since_the_last_release_is_read_within_bounds() {
    let mut scene = begun().await;
    let outputs = scene.action("code.list_changes", json!({})).await.unwrap().outputs;
    assert_eq!(outputs["since"], "v1");
    assert_eq!(outputs["until"].as_str(), scene.world.tip("main").as_deref());
    let message = outputs["commits"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("Change c2") && message.len() < 1_000, "{message}");
}
