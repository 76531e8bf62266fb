//! Payloads that others recorded: every example of the published packages is taken in and understood.
//!
//! npm fetches them, each in the version whose digest stands in the lock file. Where npm or the network is missing
//! the test says that it is skipped.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use ostler::clock::{Clock, SystemClock};
use ostler::event::{Event, PayloadRef, SourceName, Stamp};
use ostler::id::EventId;
use ostler::plugin::registry::Registry;
use ostler::plugin::source::{Decoded, Delivery, Source};
use serde_json::{Value, json};

/// The examples' package, and how many it holds of github.com and of five versions of Enterprise Server.
const EXAMPLES: &str = "node_modules/@octokit/webhooks-examples";
const HOW_MANY: usize = 726;

#[tokio::test]
async fn every_published_example_is_understood() {
    let Some(folder) = fetched() else { return };
    let source = github();
    let mut seen = 0;
    for edition in fs::read_dir(folder.join(EXAMPLES)).unwrap() {
        let file = edition.unwrap().path().join("index.json");
        let Ok(text) = fs::read_to_string(&file) else { continue };
        let families: Vec<Value> = serde_json::from_str(&text).unwrap();
        for family in &families {
            for example in family["examples"].as_array().unwrap() {
                look_at(source.as_ref(), family["name"].as_str().unwrap(), example);
                seen += 1;
            }
        }
    }
    assert_eq!(seen, HOW_MANY);
}

/// The folder with the packages; none where they cannot be had.
fn fetched() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("corpus");
    let lists = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/corpus");
    let lock = fs::read_to_string(lists.join("package-lock.json")).unwrap();
    let has = fs::read_to_string(folder.join("fetched")).is_ok_and(|was| was == lock);
    if has {
        return Some(folder);
    }
    fs::create_dir_all(&folder).unwrap();
    for list in ["package.json", "package-lock.json"] {
        fs::copy(lists.join(list), folder.join(list)).unwrap();
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&folder);
    let why = match npm.output() {
        Ok(output) if output.status.success() => {
            fs::write(folder.join("fetched"), lock).unwrap();
            return Some(folder);
        }
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    let skipped = format!("skipped: npm cannot fetch the example payloads: {}\n", why.trim());
    std::io::stderr().write_all(skipped.as_bytes()).unwrap();
    None
}

fn github() -> Arc<dyn Source> {
    let options = json!({"sources": {"github": {"secrets": ["s"]}}});
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let registry = Registry::build(serde_json::from_value(options).unwrap(), &clock).unwrap();
    Arc::clone(&registry.sources[&SourceName::new("github")])
}

/// Puts one example through the source, as GitHub would send it.
fn look_at(source: &dyn Source, name: &str, example: &Value) {
    let mut delivery = Delivery { body: example.to_string().into(), ..Delivery::default() };
    delivery.headers.insert("X-GitHub-Event", name.parse().unwrap());
    delivery.headers.insert("X-GitHub-Delivery", "7f1c0a2e-c6b0-11f0-9d3c-000000000001".parse().unwrap());
    let received_at = "2026-11-21T08:00:00Z".parse().unwrap();
    let payload = PayloadRef::to(&delivery.body);
    let stamp = Stamp { id: EventId::at(received_at), source: source.name(), received_at, payload };
    match source.decode(&delivery, &stamp) {
        Ok(Decoded::Event { event, identities }) => {
            assert!(identities.len() >= 2, "{name}: {identities:?}");
            check(&event, name, example);
        }
        Ok(Decoded::Handshake(_)) => assert_eq!(name, "ping"),
        other => panic!("{name}: {other:?}"),
    }
}

/// Whether an event has what its example tells.
fn check(event: &Event, name: &str, example: &Value) {
    let stem = match name {
        "issues" => "issue",
        "issue_comment" => "comment",
        "pull_request_review" => "review",
        "pull_request_review_comment" => "review_comment",
        other => other,
    };
    let action = example["action"].as_str().map(|action| format!(".{action}")).unwrap_or_default();
    assert_eq!(event.kind.as_str(), format!("github.{stem}{action}"));
    let text = |pointer: &str| example.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let number = |pointer: &str| example.pointer(pointer).and_then(Value::as_u64);
    let told = |what: &str| format!("{}: {what}", event.kind);

    let actor = event.actor.as_ref().map(|actor| actor.name.clone());
    // What a check came to is said by the App that ran it, whoever pushed what it looked at.
    let checker = text("/check_run/app/slug").map(|slug| format!("{slug}[bot]"));
    let by_bot = checker.is_some() || text("/sender/type").as_deref() == Some("Bot");
    assert_eq!(actor, checker.or_else(|| text("/sender/login")), "{}", told("actor"));
    let is_bot = event.actor.as_ref().is_some_and(|actor| actor.bot);
    assert_eq!(is_bot, by_bot, "{}", told("bot"));
    let repository = event.repository.as_ref().map(|repository| repository.name.to_string());
    assert_eq!(repository, text("/repository/full_name"), "{}", told("repository"));
    assert!(event.subject.as_str().len() > "github:".len(), "{}", told("subject"));
    if let (Some(number), Some(repository)) =
        (number("/issue/number").or(number("/pull_request/number")), repository)
    {
        let subject = format!("github:{repository}#{number}");
        assert_eq!(event.subject.as_str(), subject, "{}", told("subject"));
        assert_eq!(event.task.as_ref().unwrap().reference.to_string(), subject, "{}", told("task"));
    }
    let is_change = example.get("pull_request").is_some_and(Value::is_object)
        || example.pointer("/issue/pull_request").is_some_and(Value::is_object);
    assert!(!is_change || event.change.is_some(), "{}", told("change"));
    let comment = example.pointer("/comment/id").or(example.pointer("/review/id")).map(Value::to_string);
    assert_eq!(event.comment.as_ref().map(|comment| comment.id.clone()), comment, "{}", told("comment"));
    assert_eq!(event.label, text("/label/name"), "{}", told("label"));
    let checked = example.pointer("/check_run/name").and_then(Value::as_str);
    assert_eq!(event.check.as_ref().map(|check| check.name.as_str()), checked, "{}", told("check"));
    let pushed = (name == "push")
        .then(|| text("/ref"))
        .flatten()
        .and_then(|name| name.strip_prefix("refs/heads/").map(str::to_owned));
    assert_eq!(event.push.as_ref().map(|push| push.branch.clone()), pushed, "{}", told("push"));
}
