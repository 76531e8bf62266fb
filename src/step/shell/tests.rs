use std::time::Duration;

use serde_json::json;

use super::*;
use crate::clock::{Clock as _, SystemClock};
use crate::ingress::Current;
use crate::run::decide::JobKind;
use crate::step::Step as _;
use crate::step::scene::{Scene, git, policy};
use crate::workspace::Workspaces;
use crate::workspace::sandbox::{self, Sandbox};

fn script(run: &str) -> Shell {
    Shell { run: run.to_owned(), network: false, allow_failure: false }
}

fn job(shell: Shell) -> JobKind {
    JobKind::Shell(Box::new(shell))
}

/// A run that was admitted.
async fn begun() -> Scene {
    let mut scene = Scene::new().await;
    scene.perform().await.unwrap();
    scene
}

async fn pull_request(scene: &mut Scene) -> Result<Outcome, StepError> {
    let branch = json!({ "repository": "acme/shop", "branch": "feature/SHOP-7", "base_branch": "main" });
    scene.action("code.create_branch", branch).await.unwrap();
    let inputs = json!({ "repository": "acme/shop", "source_branch": "feature/SHOP-7", "title": "Totals" });
    scene.action("code.create_pull_request", inputs).await
}

#[tokio::test]
async fn what_is_given_is_a_word_whatever_is_in_it() {
    let mut scene = begun().await;
    let env = json!({
        "A": "'; touch pwned; '", "B": "$(touch pwned) `touch pwned`\n\"x\"", "C": ["a", {"b": 1}],
        "D": null, "E": 7, "LD_PRELOAD": "",
    });
    let run = r#"printf '<%s>\n' "$A" "$B" "$C" "$D" "$E"; ls"#;
    let outcome = scene.act(job(script(run)), env).await.unwrap();
    let said = "<'; touch pwned; '>\n<$(touch pwned) `touch pwned`\n\"x\">\n<[\"a\",{\"b\":1}]>\n<>\n<7>\ntests\nvalue\n";
    assert_eq!(outcome.outputs, json!({ "exit_code": 0, "stdout": said, "stderr": "", "truncated": false }));
    assert!(outcome.work.is_empty(), "a script that changes nothing leaves nothing to publish");
}

#[tokio::test]
async fn what_scripts_change_is_gone_on_with_and_published_through_the_gate() {
    let mut scene = begun().await;
    scene.act(job(script("echo '1 2' > value; echo new > file")), json!({})).await.unwrap();
    scene.act(job(script("cat file >> value; rm file")), json!({})).await.unwrap();
    pull_request(&mut scene).await.unwrap();
    let remote = scene.world.remote();
    assert_eq!(git(&remote, &["show", "feature/SHOP-7:value"]), "1 2\nnew");
    assert_eq!(git(&remote, &["diff", "--name-only", "main", "feature/SHOP-7"]), "value");

    let mut scene = begun().await;
    scene.act(job(script("echo KEY=1 > .env")), json!({})).await.unwrap();
    assert_eq!(pull_request(&mut scene).await.unwrap_err().code, "gate_refused");
}

#[tokio::test]
async fn a_script_that_fails_keeps_nothing_unless_it_may() {
    let mut scene = begun().await;
    let run = "echo half > value; echo said; printf 'first\\n\\noo\\033[1mps\\n' >&2; exit 3";
    let failed = scene.act(job(script(run)), json!({})).await.unwrap_err();
    assert_eq!((failed.code.as_str(), failed.retryable), ("command_failed", false));
    assert_eq!(failed.message, "it ended with exit code 3: first / oo[1mps");
    assert_eq!((&failed.details["exit_code"], &failed.details["stdout"]), (&json!(3), &json!("said\n")));
    assert_eq!(scene.act(job(script("cat value")), json!({})).await.unwrap().outputs["stdout"], "1\n");

    let outcome = scene.act(job(Shell { allow_failure: true, ..script(run) }), json!({})).await.unwrap();
    assert_eq!(outcome.outputs["exit_code"], 3);
    assert_eq!(scene.act(job(script("cat value")), json!({})).await.unwrap().outputs["stdout"], "half\n");
    for run in ["false; echo on", "echo $NOT_SET", "no-such-program"] {
        assert_eq!(scene.act(job(script(run)), json!({})).await.unwrap_err().code, "command_failed", "{run}");
    }
}

#[tokio::test]
async fn outputs_are_bounded_and_hold_no_secret() {
    let mut scene = begun().await;
    let run = "echo \"ghp_$A\"; seq 30000; echo end >&2";
    let outcome = scene.act(job(script(run)), json!({ "A": "a".repeat(36) })).await.unwrap();
    let said = outcome.outputs["stdout"].as_str().unwrap();
    assert!(said.starts_with("[redacted]\n1\n2\n") && said.ends_with("29999\n30000\n"), "{said}");
    assert!(said.len() < 66_000, "{}", said.len());
    assert_eq!((&outcome.outputs["truncated"], &outcome.outputs["stderr"]), (&json!(true), &json!("end\n")));
}

#[tokio::test]
async fn a_script_that_takes_too_long_tells_how_far_it_came() {
    let mut scene = begun().await;
    scene.context.job.timeout = Some(2);
    let late = scene.act(job(script("echo begun; sleep 600")), json!({})).await.unwrap_err();
    assert_eq!((late.code.as_str(), late.retryable), (StepError::TIMEOUT, true));
    assert_eq!(late.message, "it took longer than 2 s: begun");
}

#[tokio::test]
async fn what_no_variable_can_hold_is_refused() {
    let mut scene = begun().await;
    let many: Map<_, _> = (0..11).map(|at| (format!("V{at}"), json!("x".repeat(95_000)))).collect();
    for env in [json!({ "A": "a\0b" }), json!({ "A": "x".repeat(100_001) }), Value::Object(many)] {
        assert_eq!(scene.act(job(script("true")), env).await.unwrap_err().code, "invalid_input");
    }
    let most = json!({ "A": "x".repeat(VARIABLE) });
    assert_eq!(scene.act(job(script("echo ${#A}")), most).await.unwrap().outputs["stdout"], "100000\n");
}

/// The processes of the host whose command line holds a word.
fn processes(word: &str) -> usize {
    let found = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let line = std::fs::read(entry.ok()?.path().join("cmdline")).ok()?;
        String::from_utf8_lossy(&line).contains(word).then_some(())
    });
    found.count()
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..3_000 {
        if holds() {
            return;
        }
        SystemClock.sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came to this: {what}");
}

#[tokio::test]
async fn stopped_in_the_middle_it_leaves_no_process_and_begins_again_with_the_same_files() {
    let mut scene = begun().await;
    let word = format!("shell-step-{}", std::process::id());
    let run = format!(": {word}; echo half > value; test -z \"$SLOW\" || sleep 600; echo whole >> value");
    scene.context.job.kind = job(script(&run));
    scene.context.job.inputs = json!({ "SLOW": "yes" }).as_object().unwrap().clone();
    let (steps, context) = (scene.steps.clone(), scene.context.clone());
    let under_way = tokio::spawn(async move { steps.perform(&context).await });
    until("the script runs", || processes(&word) > 0).await;
    scene.context.cancel.cancel();
    assert!(under_way.await.unwrap().is_err());
    until("all its processes are gone", || processes(&word) == 0).await;

    scene.context.cancel = tokio_util::sync::CancellationToken::new();
    scene.context.job.inputs = json!({ "SLOW": "" }).as_object().unwrap().clone();
    let first = scene.steps.perform(&scene.context).await.unwrap().work.tree;
    let again = scene.perform().await.unwrap().work.tree;
    assert_eq!((first.is_some(), first == again), (true, true), "the same files make the same files");
    let outcome = scene.act(job(script("cat value")), json!({})).await.unwrap();
    assert_eq!(outcome.outputs["stdout"], "half\nwhole\n");
}

#[tokio::test]
async fn below_the_demanded_sandbox_and_beyond_it_nothing_is_fetched() {
    let scene = begun().await;
    // Nothing that shuts off is found on this path, and the usual minimum is demanded.
    let weak = sandbox::Options { path: "/nonexistent".to_owned(), ..Default::default() };
    let root = scene.world.place.path().join("weak");
    let refused = async |options: sandbox::Options, shell: Shell| {
        let workspace = crate::workspace::Options { root: root.clone(), ..Default::default() };
        let parts = Parts {
            policy: Current::new(policy(&scene.world)).get(),
            workspaces: Workspaces::new(workspace, Sandbox::probe(options).await),
        };
        let refused = perform(&parts, &scene.context, &shell).await.unwrap_err();
        assert_eq!((refused.code.as_str(), refused.retryable), ("sandbox", false));
        refused.message
    };
    let message = refused(weak, script("true")).await;
    assert!(message.contains("level 3 is demanded"), "{message}");
    let shut = sandbox::Options { minimum: 0, ..Default::default() };
    let message = refused(shut, Shell { network: true, ..script("true") }).await;
    assert!(message.contains("`security.sandbox.network` does not allow it"), "{message}");
    assert!(!root.exists());
}

#[tokio::test]
async fn work_whose_checkout_is_gone_is_not_begun_anew() {
    let mut scene = begun().await;
    scene.act(job(script("echo '1 2' > value")), json!({})).await.unwrap();
    scene.steps.parts().workspaces.close(scene.context.run).await.unwrap();
    let lost = scene.act(job(script("cat value")), json!({})).await.unwrap_err();
    assert_eq!((lost.code.as_str(), lost.retryable), ("workspace_lost", false));
}
