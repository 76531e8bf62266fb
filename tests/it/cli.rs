//! The commands as an operator meets them: what is kept, with and without a server, and how they fail.

use std::io::Write as _;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::{Delivery, Process, Said, World, free_port, ostler};

/// Asks for what a world's bot keeps.
fn look(world: &World, what: &[&str]) -> Said {
    let mut arguments = what.to_vec();
    arguments.extend(["--data", "data"]);
    ostler(world.dir(), &arguments)
}

async fn world_with_a_run() -> (World, String) {
    let world = World::start().await;
    let comment = json!({"repository": "acme/site", "number": 1, "body": "/ostler help", "by": "ada"});
    world.act(json!({"comment": comment})).await;
    let runs = world.settle(1).await;
    let id = runs[0]["id"].as_str().unwrap().to_owned();
    (world, id)
}

#[tokio::test]
async fn runs_and_events_are_the_same_with_a_server_and_without() {
    let (mut world, id) = world_with_a_run().await;
    let with: Vec<Value> = [vec!["runs", "--json"], vec!["events", "--json"], vec!["runs", &id, "--json"]]
        .iter()
        .map(|what| look(&world, what).json())
        .collect();
    assert_eq!(with[0]["runs"][0]["id"], id.as_str());
    assert_eq!(with[2]["run"]["status"], "succeeded", "{:#}", with[2]);
    assert!(world.terminate().success());
    let without: Vec<Value> = [vec!["runs", "--json"], vec!["events", "--json"], vec!["runs", &id, "--json"]]
        .iter()
        .map(|what| look(&world, what).json())
        .collect();
    assert_eq!(without[0], with[0]);
    assert_eq!(without[2], with[2]);
    // The bot's own comment may still have come back as an event in between.
    let events = |listed: &Value| listed["events"].as_array().unwrap().len();
    assert!(events(&without[1]) >= events(&with[1]) && events(&with[1]) > 0);
    let event = with[0]["runs"][0]["event"].as_str().unwrap();
    let one = look(&world, &["events", event, "--json"]).json();
    assert_eq!(one["event"]["kind"], "github.comment.created", "{one:#}");
    let exported = look(&world, &["events", event, "--cloudevents"]).json();
    let told = |name: &str| exported[name].as_str().unwrap().to_owned();
    assert_eq!((told("specversion"), told("id")), ("1.0".to_owned(), event.to_owned()), "{exported:#}");
    assert_eq!((&exported["type"], &exported["data"]), (&one["event"]["kind"], &one["event"]));
}

#[tokio::test]
async fn a_server_that_was_killed_is_no_hindrance() {
    let (mut world, id) = world_with_a_run().await;
    world.kill();
    assert!(world.dir().join("data/admin.sock").exists(), "the socket outlives the server");
    let said = look(&world, &["runs", &id, "--json"]);
    assert_eq!(said.code, 0, "{said:#?}");
    assert_eq!(said.json()["run"]["id"], id.as_str());
}

#[tokio::test]
async fn the_admin_socket_is_its_owners_alone() {
    let world = World::start().await;
    let socket = world.dir().join("data/admin.sock");
    let mode = std::fs::metadata(socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn what_is_not_there_is_said_to_be_so() {
    let (mut world, _) = world_with_a_run().await;
    let missing = "run_00000000000070008000000000000000";
    let check = |world: &World| {
        for (what, id) in [("runs", missing), ("events", "evt_00000000000070008000000000000000")] {
            let said = look(world, &[what, id]);
            assert_eq!(said.code, 1, "{said:#?}");
            assert!(said.err.contains(&format!("there is no such {}", &what[..what.len() - 1])), "{said:#?}");
            assert_eq!(said.out, "");
        }
        let said = look(world, &["runs", "nonsense"]);
        assert_eq!(said.code, 1, "{said:#?}");
        assert!(said.err.contains("nonsense") && said.err.contains("run_"), "{said:#?}");
    };
    check(&world);
    world.terminate();
    check(&world);
}

#[tokio::test]
async fn looking_where_nothing_is_kept_makes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let said = ostler(place.path(), &["runs", "--data", "nowhere"]);
    assert_eq!(said.code, 1, "{said:#?}");
    assert!(said.err.contains("nowhere"), "{said:#?}");
    assert!(!place.path().join("nowhere").exists(), "looking made a directory");
}

#[tokio::test]
async fn a_second_server_on_the_same_data_says_why_it_cannot() {
    let world = World::start().await;
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/twins.yaml");
    let said =
        ostler(world.dir(), &["serve", "--config", config, "--listen", "127.0.0.1:0", "--data", "data"]);
    assert_eq!(said.code, 1, "{said:#?}");
    assert!(
        said.err.contains("another process has the store open") && said.err.contains("data"),
        "{said:#?}"
    );
    assert_eq!(world.ask("census").await["events"], 0, "the first goes on");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let place = tempfile::tempdir().unwrap();
    let said = ostler(place.path(), &["serve", "--listen", &address, "--data", "data"]);
    assert_eq!(said.code, 1, "{said:#?}");
    assert!(said.err.contains(&address), "{said:#?}");
}

#[tokio::test]
async fn a_server_without_any_configuration_answers_and_is_closed() {
    let place = tempfile::tempdir().unwrap();
    let listen = format!("127.0.0.1:{}", free_port());
    let mut server = Process::start(&["serve", "--listen", &listen], place.path(), &[]);
    let client = reqwest::Client::new();
    for path in ["api/v1/health", "api/v1/health/ready"] {
        let answer = client.get(format!("http://{listen}/{path}")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
    }
    for path in ["github", "jira", "slack/events", "slack/commands", "slack/interactions"] {
        let delivery = Delivery::github("ping", "1", b"{}");
        let request = client.post(format!("http://{listen}/webhooks/{path}")).headers(delivery.headers);
        let answer = request.body(delivery.body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let log = std::fs::read_to_string(place.path().join("serve.log")).unwrap();
    for variable in
        ["GITHUB_WEBHOOK_SECRET", "JIRA_WEBHOOK_SECRET", "SLACK_SIGNING_SECRET", "ANTHROPIC_API_KEY"]
    {
        assert!(log.contains(variable), "no notice about {variable}:\n{log}");
    }
    assert!(server.terminate().success());
    assert!(place.path().join("data").exists());
}

#[test]
fn every_command_explains_itself() {
    let place = tempfile::tempdir().unwrap();
    let said = ostler(place.path(), &["--help"]);
    assert_eq!(said.code, 0);
    for command in ["serve", "demo", "check", "runs", "events", "explain", "send", "test", "twins"] {
        assert!(said.out.contains(command), "{}", said.out);
        let one = ostler(place.path(), &[command, "--help"]);
        assert_eq!(one.code, 0, "{one:#?}");
        assert!(one.out.contains("Usage: ostler"), "{}", one.out);
        for line in one.out.lines().filter(|line| line.trim_start().starts_with("--")) {
            let words = line.trim_start().split("  ").filter(|part| !part.is_empty()).count();
            let next_line_explains = words == 1;
            assert!(words > 1 || next_line_explains, "`{command}` does not explain {line}");
        }
    }
    assert_eq!(ostler(place.path(), &["dance"]).code, 2);
    assert_eq!(ostler(place.path(), &["--version"]).out.split(' ').next(), Some("ostler"));
}

#[tokio::test]
async fn a_connection_that_dawdles_does_not_hold_up_the_end() {
    let mut world = World::start().await;
    let mut half = TcpStream::connect(("127.0.0.1", world.port())).unwrap();
    half.write_all(b"POST /webhooks/github HTTP/1.1\r\nHost: x\r\n").unwrap();
    let told = tokio::task::spawn_blocking(move || world.terminate());
    let ended = tokio::time::timeout(Duration::from_secs(15), told).await;
    assert!(ended.expect("it ends although somebody dawdles").unwrap().success());
}
