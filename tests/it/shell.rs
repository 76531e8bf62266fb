//! Runs with `shell` steps: the binary, its sandbox, and scripts that do well, fail, are stopped, are interrupted by
//! a death of the process, or want more than is theirs.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::World;

/// A workflow that runs a script and publishes what it changed.
fn publishing(script: &str) -> String {
    let script = script.replace('\n', "\n      ");
    format!(
        "name: Format
steps:
  - {{name: test, type: shell, run: sh tests/run.sh, allow_failure: true, outputs: {{stdout: tests.said}}}}
  - name: format
    type: shell
    run: |
      {script}
    env: {{TITLE: \"${{command.text}}\"}}
  - name: branch
    plugin: version_control
    action: create_branch
    inputs: {{repository: \"${{repository.name}}\", branch: ostler/format}}
  - name: publish
    plugin: version_control
    action: create_pull_request
    inputs:
      repository: \"${{repository.name}}\"
      source_branch: ostler/format
      title: Formatted
      description: \"${{tests.said}}\"
"
    )
}

fn world(workflow: &str, change: impl FnOnce(String) -> String) -> World {
    let mut world = World::without_bot(&[]);
    let handler = "on: github.comment.created\ncommand: format\nrun: format\n";
    world.configure(change, &[("format", handler)]);
    world.write_workflow("format", workflow);
    world.restart();
    world
}

async fn ask(world: &World, words: &str) {
    let body = format!("/ostler format {words}");
    world.act(json!({"comment": {"repository": "acme/site", "number": 1, "body": body, "by": "ada"}})).await;
}

/// The one run of the workflow, once it is over.
async fn over(world: &World) -> Value {
    let runs = world.settle(1).await;
    runs.into_iter().find(|run| run["workflow"] == "format").unwrap()
}

/// The files of the script that is under way, in whose root it has made `begun`.
async fn under_way(world: &World) -> PathBuf {
    let root = world.dir().join("data/workspaces");
    let inside = |place: PathBuf| {
        let entries = std::fs::read_dir(place).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    for _ in 0..600 {
        let scripts = inside(root.clone()).into_iter().flat_map(&inside).map(|place| place.join("files"));
        if let Some(files) = scripts.into_iter().find(|files| files.join("begun").exists()) {
            return files;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no script has begun: {:#?}\n{}", world.runs().await, world.log());
}

/// The processes of this machine whose command line holds a word.
fn processes(word: &str) -> usize {
    let lines = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let line = std::fs::read(entry.ok()?.path().join("cmdline")).ok()?;
        String::from_utf8_lossy(&line).contains(word).then_some(())
    });
    lines.count()
}

async fn gone(word: &str) {
    for _ in 0..200 {
        if processes(word) == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} processes of the script are left", processes(word));
}

/// Waits until the bot has said this.
async fn says(world: &World, what: &str) {
    for _ in 0..200 {
        if world.log().contains(what) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it does not say `{what}`: {}", world.log());
}

fn same(text: String) -> String {
    text
}

#[tokio::test]
async fn a_script_tests_and_formats_and_its_change_lands_in_the_pull_request() {
    let script = "sed -i 's/^    /\\t/' src/*.sh\nprintf '%s\\n' \"$TITLE\" > NOTES.md";
    let world = world(&publishing(script), same);
    ask(&world, "it's $(touch pwned) `touch pwned`; touch pwned").await;
    let run = over(&world).await;
    assert_eq!(run["status"], "succeeded", "{run:#}\n{}", world.log());
    let state = world.state().await;
    let pulls = state.pulls("acme/site");
    let diff = pulls[0]["diff"].as_str().unwrap();
    assert_eq!((pulls.len(), pulls[0]["head"].as_str()), (1, Some("ostler/format")));
    assert!(diff.contains("+\tprintf") && !diff.contains("diff --git a/pwned"), "{diff}");
    assert!(diff.contains("+it's $(touch pwned) `touch pwned`; touch pwned"), "{diff}");
    let body = pulls[0]["body"].as_str().unwrap();
    assert!(body.contains("FAIL slug_drops_trailing_punctuation"), "{body}");
}

#[tokio::test]
async fn a_script_that_fails_fails_its_run_and_nothing_is_published() {
    let world = world(&publishing("echo new > file\necho 'no such rule' >&2\nexit 3"), same);
    ask(&world, "it").await;
    let run = over(&world).await;
    assert_eq!(run["status"], "failed", "{run:#}");
    let reason = run["reason"].as_str().unwrap();
    assert!(reason.contains("step `format` failed: it ended with exit code 3: no such rule"), "{reason}");
    assert!(reason.contains("command_failed"), "{reason}");
    world.state().await.assert_untouched();
}

#[tokio::test]
async fn a_run_that_is_cancelled_leaves_no_process_of_its_script() {
    let word = format!("cancelled-{}", std::process::id());
    let world = world(&publishing(&format!(": {word}\ntouch begun\nsleep 600")), same);
    ask(&world, "it").await;
    under_way(&world).await;
    assert!(processes(&word) > 0);
    let run = world.runs().await.into_iter().find(|run| run["workflow"] == "format").unwrap();
    let said = world.ostler(&["cancel", run["id"].as_str().unwrap(), "--data", "data", "--json"]);
    assert_eq!(said.code, 0, "{said:#?}");
    gone(&word).await;
    assert_eq!(over(&world).await["status"], "cancelled");
    world.state().await.assert_untouched();
}

#[tokio::test]
async fn killed_in_the_middle_of_a_script_it_is_run_again_from_the_same_files() {
    let script = "echo line >> log\ntouch begun\nsleep 4\nrm begun\necho line >> log";
    let mut world = world(&publishing(script), same);
    ask(&world, "it").await;
    let files = under_way(&world).await;
    world.kill();
    assert!(files.join("log").exists(), "the script had changed something");
    world.restart();
    let run = over(&world).await;
    assert_eq!(run["status"], "succeeded", "{run:#}\n{}", world.log());
    let state = world.state().await;
    let pulls = state.pulls("acme/site");
    let diff = pulls[0]["diff"].as_str().unwrap();
    assert_eq!((pulls.len(), diff.matches("+line").count()), (1, 2), "{diff}");
    assert!(!diff.contains("begun"), "{diff}");
}

#[tokio::test]
async fn a_script_reaches_neither_the_network_nor_what_is_not_its_own() {
    let inside = tempfile::tempdir().unwrap();
    let outside = inside.path().join("written").display().to_string();
    let script = format!(
        "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' ' > seen\nfor place in {outside} /usr/x /x ../x ../../ready; \
         do (: > $place) 2>/dev/null && echo $place >> seen || true; done\nls -A \"$HOME\" >> seen\nenv | grep -i -e token -e secret \
         -e ostler >> seen || true"
    );
    let world = world(&publishing(&script), same);
    says(&world, "sandbox: level").await;
    if !world.log().contains("sandbox: level 3") {
        println!("skipped: this host offers no sandbox of level 3");
        return;
    }
    ask(&world, "it").await;
    let run = over(&world).await;
    assert_eq!(run["status"], "succeeded", "{run:#}\n{}", world.log());
    let state = world.state().await;
    let diff = state.pulls("acme/site")[0]["diff"].as_str().unwrap().to_owned();
    let added: Vec<&str> =
        diff.lines().filter(|line| line.starts_with('+') && !line.starts_with("+++")).collect();
    assert_eq!(added, ["+lo"], "{diff}");
    assert!(!inside.path().join("written").exists());
}

#[tokio::test]
async fn below_the_demanded_level_the_server_starts_and_refuses_the_step() {
    let refusing = |text: String| text.replace("sandbox: {minimum: 0}", "sandbox: {minimum: 9}");
    let world = world(&publishing("true"), refusing);
    says(&world, "agents and `shell` steps cannot work").await;
    ask(&world, "it").await;
    let run = over(&world).await;
    assert_eq!(run["status"], "failed", "{run:#}");
    assert!(run["reason"].as_str().unwrap().contains("level 9 is demanded (sandbox)"), "{run:#}");
    world.state().await.assert_untouched();
}

#[tokio::test]
async fn a_script_that_wants_the_network_is_refused_unless_the_configuration_gives_it() {
    let workflow = "name: Format\nsteps:\n  - {name: fetch, type: shell, network: true, run: 'cat /proc/net/dev', \
                    outputs: {stdout: seen}}\n  - {name: tell, type: system, action: reply, inputs: {text: \"Seen: \
                    ${seen | lines | length > 3}\"}}\n";
    for (network, status) in [("false", "failed"), ("true", "succeeded")] {
        let given = format!("sandbox: {{minimum: 0, network: {network}}}");
        let world = world(workflow, |text| text.replace("sandbox: {minimum: 0}", &given));
        ask(&world, "it").await;
        let run = over(&world).await;
        assert_eq!(run["status"], status, "{run:#}\n{}", world.log());
        if network == "false" {
            let reason = run["reason"].as_str().unwrap();
            assert!(reason.contains("`security.sandbox.network` does not allow it"), "{reason}");
        }
    }
}
