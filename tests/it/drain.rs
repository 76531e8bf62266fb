//! Whoever runs the bot asks it to end, whatever it is at: it ends in good order, leaves nothing running behind it, and
//! the work goes on with its next start.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::harness::{Tale, World};

/// How long is waited for something to be so.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long the bot may take to end before its service manager would kill it. Nothing is measured by it: a bot that
/// waits for what hangs does not end at all.
const KILLED: Duration = Duration::from_secs(60);

const MODEL: &str = "^/anthropic/";

/// Waits until something is so.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "it never came that {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The processes with these words in their command line, and no others.
fn processes(words: &[&str]) -> Vec<String> {
    let wanted = words.join("\0") + "\0";
    let all = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let ids = all.filter_map(|entry| entry.file_name().into_string().ok());
    let is_it =
        |id: &String| std::fs::read_to_string(format!("/proc/{id}/cmdline")).is_ok_and(|line| line == wanted);
    ids.filter(is_it).collect()
}

/// SIGTERM, and an end in good order.
async fn end(world: &mut World) {
    let began = Instant::now();
    world.signal("TERM");
    while world.is_alive() {
        assert!(began.elapsed() < KILLED, "it does not end\n{}", world.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("it ended after {:?}", began.elapsed());
    let log = world.log();
    assert!(world.ended().success(), "{log}");
}

/// What the bot is told at its next start is done, and once.
async fn goes_on(world: &World) {
    let runs = world.settle(1).await;
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0]["status"], "succeeded", "{runs:#?}\n{}", world.log());
    world.state().await.assert_told_once(&[Tale::Label(1)]);
}

fn is_open(runs: &[Value]) -> bool {
    runs.len() == 1 && runs[0]["status"] == "open"
}

#[tokio::test]
async fn told_to_end_while_a_command_sleeps_it_ends_and_the_command_with_it() {
    let mut world = World::start().await;
    let long = format!("3{}", world.port());
    // It takes no hint to end, and neither does what it starts.
    let command = format!("trap '' TERM INT HUP; sleep {long}; sh tests/run.sh");
    let call = json!({"type": "tool_use", "id": "toolu_sleeps", "name": "bash", "input": {"cmd": command, "timeout": 600}});
    let answer = json!({
        "id": "msg_sleeps", "type": "message", "role": "assistant", "model": "twin", "content": [call],
        "stop_reason": "tool_use", "stop_sequence": null, "usage": {"input_tokens": 10, "output_tokens": 10},
    });
    let once = json!({"match": {"path": MODEL}, "fault": {"status": 200, "body": answer}, "times": 1});
    world.fault(once).await;
    Tale::Label(1).tell(&world.twins).await;
    let sleeping = || processes(&["sleep", &long]);
    until("the command sleeps", async || !sleeping().is_empty()).await;
    end(&mut world).await;
    until("nothing sleeps any more", async || sleeping().is_empty()).await;

    world.restart();
    until("the command is done again", async || !sleeping().is_empty()).await;
    assert!(is_open(&world.runs().await));
    for id in sleeping() {
        assert!(std::process::Command::new("kill").args(["-KILL", &id]).status().unwrap().success());
    }
    goes_on(&world).await;
}

#[tokio::test]
async fn told_to_end_while_the_model_does_not_answer_it_ends() {
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", mute.local_addr().unwrap());
    let mut world = World::without_bot(&[]);
    world.configure(|text| text.replace("${OSTLER_TWINS:-http://127.0.0.1:8090}/anthropic", &address), &[]);
    world.restart();
    Tale::Label(1).tell(&world.twins).await;
    let asked = timeout(PATIENCE, mute.accept()).await;
    let _asked = asked.expect("the model is asked").unwrap();
    end(&mut world).await;
    world.configure(|text| text, &[]);
    world.restart();
    goes_on(&world).await;
}

#[tokio::test]
async fn told_to_end_while_it_comes_up_or_with_nothing_to_do_it_ends() {
    let mut world = World::without_bot(&[]);
    world.spawn();
    assert!(world.ready().await);
    end(&mut world).await;
    world.restart();
    end(&mut world).await;
}
