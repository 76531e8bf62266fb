//! What happens, as whoever watches sees it: over the admin socket and on the command line, from one server to the next.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::harness::World;

const WORKFLOW: &str = "name: Ship
steps:
  - {name: gate, type: approval, message: \"Ship ${command.text}?\"}
  - {name: tell, type: system, action: reply, inputs: {text: \"Shipped.\"}}
";

/// A world in which a run waits for a decision, and the run.
async fn waiting() -> (World, String) {
    let mut world = World::without_bot(&[]);
    world.configure(|text| text, &[("ship", "on: github.comment.created\ncommand: ship\nrun: ship\n")]);
    world.write_workflow("ship", WORKFLOW);
    world.restart();
    let comment = json!({"repository": "acme/site", "number": 1, "body": "/ostler ship it", "by": "ada"});
    world.act(json!({ "comment": comment })).await;
    assert!(world.asks().await);
    let run = world.runs().await[0]["id"].as_str().unwrap().to_owned();
    (world, run)
}

/// Follows a run on the command line.
fn follow(world: &World, run: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ostler"));
    command.args(["logs", run, "-f", "--data", "data"]).current_dir(world.dir()).env_remove("OSTLER_LOG");
    command.stdout(Stdio::piped()).stderr(Stdio::null()).stdin(Stdio::null()).spawn().unwrap()
}

fn approve(world: &World, run: &str) {
    let said = world.ostler(&["approve", run, "--data", "data"]);
    assert_eq!(said.code, 0, "{said:#?}");
}

fn names(told: &[Value]) -> Vec<&str> {
    told.iter().map(|telling| telling["type"].as_str().unwrap()).collect()
}

fn numbers(told: &[Value]) -> Vec<u64> {
    told.iter().map(|telling| telling["seq"].as_u64().unwrap()).collect()
}

async fn stream(world: &World, path: &str, after: Option<u64>) -> Response {
    let mut request = world.admin.get(path);
    if let Some(after) = after {
        request = request.header("last-event-id", after);
    }
    request.send().await.unwrap()
}

/// The next events of a stream, so many.
async fn events(answer: &mut Response, count: usize) -> Vec<Value> {
    let (mut text, mut told) = (String::new(), Vec::new());
    while told.len() < count {
        let chunk = tokio::time::timeout(Duration::from_secs(60), answer.chunk()).await;
        text.push_str(
            std::str::from_utf8(&chunk.expect("it goes on").unwrap().expect("more comes")).unwrap(),
        );
        told = text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    }
    told.into_iter().map(|data| serde_json::from_str(data).unwrap()).collect()
}

#[tokio::test]
async fn the_command_line_follows_a_run_to_its_end_over_the_death_of_its_server() {
    let (mut world, run) = waiting().await;
    let mut follower = follow(&world, &run);
    // It has read what is there once it reads on over the socket; should it not have, it reads that later.
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.kill();
    world.restart();
    assert!(follower.try_wait().unwrap().is_none(), "it waits for the run's end");
    approve(&world, &run);
    world.settle(1).await;
    let ended = tokio::task::spawn_blocking(move || {
        let mut told = String::new();
        follower.stdout.take().unwrap().read_to_string(&mut told).unwrap();
        (follower.wait().unwrap(), told)
    });
    let (status, told) = tokio::time::timeout(Duration::from_secs(60), ended).await.unwrap().unwrap();
    assert!(status.success());
    let told: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names = names(&told);
    assert_eq!((names[0], names[names.len() - 1]), ("run.started", "run.ended"), "{names:?}");
    assert!(names.contains(&"step.waits") && names.contains(&"run.signalled"), "{names:?}");
    assert_eq!(told[told.len() - 1]["progress"]["percent"], 100);
    let numbers = numbers(&told);
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "in order, each once: {numbers:?}");

    // Afterwards it is all the same, with a server and without one.
    let whole = world.ostler(&["logs", &run, "--data", "data"]);
    assert!(world.terminate().success());
    let without = world.ostler(&["logs", &run, "-f", "--data", "data"]);
    assert_eq!((whole.code, without.code), (0, 0), "{whole:#?} {without:#?}");
    let parsed =
        |text: &str| -> Vec<Value> { text.lines().map(|line| serde_json::from_str(line).unwrap()).collect() };
    assert_eq!(parsed(&whole.out), told);
    assert_eq!(parsed(&without.out), told);
}

#[tokio::test]
async fn a_stream_goes_on_behind_the_last_event_and_only_the_owners_socket_has_it() {
    let (world, run) = waiting().await;
    let mut all = stream(&world, "stream?after=0", None).await;
    let told = events(&mut all, 3).await;
    assert_eq!(names(&told[..2]), ["event.received", "run.started"]);
    let path = format!("runs/{run}/stream");
    let mut one = stream(&world, &path, None).await;
    let first = events(&mut one, 4).await;
    let mut again = stream(&world, &path, Some(first[1]["seq"].as_u64().unwrap())).await;
    assert_eq!(events(&mut again, 2).await[..2], first[2..4]);
    approve(&world, &run);
    let rest = again.text().await.unwrap();
    assert!(rest.contains("event: run.ended"), "it ends with the run: {rest}");
    for path in ["api/v1/stream", "api/v1/stream/ws", &format!("api/v1/{path}")] {
        let public = format!("http://127.0.0.1:{}/{path}", world.port());
        assert_eq!(reqwest::get(public).await.unwrap().status(), StatusCode::NOT_FOUND, "{path}");
    }
    let missing = world.ostler(&["logs", "run_00000000000070008000000000000000", "--data", "data"]);
    assert_eq!(missing.code, 1, "{missing:#?}");
}

#[cfg(feature = "socket-mode")]
#[tokio::test]
async fn a_web_socket_tells_the_same() {
    use futures_util::StreamExt as _;
    use tokio_tungstenite::tungstenite::Message;

    let (mut world, run) = waiting().await;
    let socket = tokio::net::UnixStream::connect(world.dir().join("data/admin.sock")).await.unwrap();
    let address = format!("ws://ostler/api/v1/runs/{run}/stream/ws");
    let (mut socket, _) = tokio_tungstenite::client_async(address, socket).await.unwrap();
    approve(&world, &run);
    let mut told = Vec::new();
    while let Some(Ok(message)) = socket.next().await {
        match message {
            Message::Text(text) => told.push(serde_json::from_str::<Value>(&text).unwrap()),
            Message::Close(_) => break,
            _ => {}
        }
    }
    let names = names(&told);
    assert_eq!((names[0], names[names.len() - 1]), ("run.started", "run.ended"), "{names:?}");

    // One that is open does not hold up the server's end.
    let open = tokio::net::UnixStream::connect(world.dir().join("data/admin.sock")).await.unwrap();
    let (_open, _) = tokio_tungstenite::client_async("ws://ostler/api/v1/stream/ws", open).await.unwrap();
    assert!(world.terminate().success());
}
