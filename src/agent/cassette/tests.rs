//! Cassettes by themselves: recording, playing, missing, and what never gets into one.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::*;
use crate::agent::tests::scene::{calls, says};
use crate::plugin::model::{Block, Message, Speaker, Stop, Tool};

/// A provider that counts how often it is asked.
#[derive(Debug, Default)]
struct Provider(AtomicUsize);

impl Model for Provider {
    fn answer<'a>(&'a self, request: &'a Request) -> Call<'a, Answer> {
        let asked = self.0.fetch_add(1, Ordering::Relaxed);
        let told = request.messages.iter().any(|message| message.content == [Block::Text("too long".into())]);
        Box::pin(std::future::ready(if told {
            Err(PluginError::new("model", Problem::Unknown, "the answer was lost"))
        } else {
            says(Stop::EndTurn, vec![Block::Text(format!("answer {asked}"))])
        }))
    }
}

fn asks(words: &[&str]) -> Request {
    let speakers = [Speaker::User, Speaker::Assistant].into_iter().cycle();
    let messages = speakers
        .zip(words)
        .map(|(role, words)| Message { role, content: vec![Block::Text((*words).to_owned())] });
    let (name, description) = ("bash".to_owned(), "Runs a command.".to_owned());
    Request {
        model: "m".into(),
        system: "You develop.".into(),
        messages: messages.collect(),
        tools: vec![Tool { name, description, input_schema: json!({"type": "object"}) }],
        max_tokens: 1_000,
    }
}

/// What stands before a provider, and the provider.
fn player(mode: Mode, path: &Path) -> (Arc<dyn Model>, Arc<Provider>) {
    let cassette = Cassette::open(&Options { mode, path: Some(path.to_owned()) }).unwrap().unwrap();
    let provider = Arc::new(Provider::default());
    let answering = Answering { model: "m".into(), provider: Arc::clone(&provider) as _ };
    let mut before = cassette.before(vec![answering], vec!["m".into()]);
    (before.remove(0).provider, provider)
}

async fn said(model: &dyn Model, request: &Request) -> String {
    match &model.answer(request).await.unwrap().content[0] {
        Block::Text(text) => text.clone(),
        other => panic!("{other:?}"),
    }
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn what_was_recorded_is_played_without_a_provider_and_for_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new/shop.jsonl");
    let (first, second) = (asks(&["Fix it."]), asks(&["Fix it.", "How?", "So."]));
    let (model, provider) = player(Mode::Record, &path);
    let recorded = [said(&*model, &first).await, said(&*model, &second).await];
    // Asked once more, the provider answers something else.
    assert_eq!(said(&*model, &first).await, "answer 2");
    assert_eq!(provider.0.load(Ordering::Relaxed), 3);

    let (model, provider) = player(Mode::Replay, &path);
    assert_eq!([said(&*model, &first).await, said(&*model, &second).await], recorded);
    let again = [said(&*model, &first).await, said(&*model, &first).await];
    assert_eq!(again, ["answer 2", "answer 2"], "in order, and after the last as the last");
    assert_eq!(provider.0.load(Ordering::Relaxed), 0);
    let answer = model.answer(&second).await.unwrap();
    assert!(answer.replayed && answer.usage.input > 0 && answer.paid().input == 0);
}

#[tokio::test]
async fn a_conversation_is_written_down_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.jsonl");
    let (model, _) = player(Mode::Record, &path);
    said(&*model, &asks(&["Fix it."])).await;
    drop(model);
    // Another process goes on with it.
    let (model, _) = player(Mode::Record, &path);
    said(&*model, &asks(&["Fix it.", "How?", "So."])).await;
    let lines = lines(&path);
    assert_eq!(lines[0], json!({"cassette": SCHEMA}));
    assert_eq!(lines[1]["asked"]["system"], "You develop.");
    assert_eq!((&lines[2]["after"], &lines[2]["asked"]), (&lines[1]["id"], &Value::Null));
    assert_eq!(lines[2]["messages"].as_array().unwrap().len(), 2);
    let (model, _) = player(Mode::Replay, &path);
    assert_eq!(said(&*model, &asks(&["Fix it.", "How?", "So."])).await, "answer 0");
}

#[tokio::test]
async fn a_miss_names_the_nearest_request_and_the_first_difference_and_does_not_pass() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.jsonl");
    let (model, _) = player(Mode::Record, &path);
    said(&*model, &asks(&["Paint the shed."])).await;
    said(&*model, &asks(&["Fix the discount.", "How?", "The sum is one hundred."])).await;
    let (model, provider) = player(Mode::Replay, &path);
    let missed =
        model.answer(&asks(&["Fix the discount.", "How?", "The sum is one million."])).await.unwrap_err();
    assert_eq!((missed.problem, missed.is_passing()), (Problem::NotRecorded, false));
    let told = format!(
        "cassette: {} holds no such request; the nearest one (line 3) differs first at messages[2].content[0].text: \
         recorded \"The sum is one hundred.\", asked \"The sum is one million.\"",
        path.display()
    );
    assert_eq!(missed.to_string(), told);
    let longer = model.answer(&asks(&["Paint the shed.", "Red?", "No."])).await.unwrap_err();
    assert!(
        longer.message.ends_with(
            "(line 2) differs first at messages[1].content[0].text: recorded nothing, asked \"Red?\""
        ),
        "{longer}"
    );
    assert_eq!(provider.0.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn failures_are_part_of_what_happened_and_are_not_handed_out_by_a_cache() {
    let dir = tempfile::tempdir().unwrap();
    let failing = asks(&["too long"]);
    let path = dir.path().join("recorded.jsonl");
    assert!(player(Mode::Record, &path).0.answer(&failing).await.is_err());
    let (model, _) = player(Mode::Replay, &path);
    let replayed = model.answer(&failing).await.unwrap_err();
    // The money that is set aside for a call comes back only where it was certainly not billed.
    assert_eq!(replayed.problem, Problem::Unavailable);
    assert!(replayed.message.contains("the answer was lost"));

    let path = dir.path().join("cache.jsonl");
    let (model, provider) = player(Mode::Cache, &path);
    for _ in 0..2 {
        assert!(model.answer(&failing).await.is_err());
        assert_eq!(said(&*model, &asks(&["Fix it."])).await, "answer 1");
    }
    assert_eq!(provider.0.load(Ordering::Relaxed), 3, "two failures and one answer");
}

#[tokio::test]
async fn a_torn_line_is_not_played_and_makes_room_for_a_whole_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.jsonl");
    let (one, two) = (asks(&["One."]), asks(&["Two."]));
    let (model, _) = player(Mode::Record, &path);
    said(&*model, &one).await;
    said(&*model, &two).await;
    let whole = std::fs::read(&path).unwrap();
    let second = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for torn in [second + 1, second + 40, whole.len() - 1] {
        std::fs::write(&path, &whole[..torn]).unwrap();
        let (model, _) = player(Mode::Replay, &path);
        assert_eq!(said(&*model, &one).await, "answer 0");
        assert_eq!(model.answer(&two).await.unwrap_err().problem, Problem::NotRecorded);
        let (model, _) = player(Mode::Record, &path);
        said(&*model, &two).await;
        assert_eq!(lines(&path).len(), 3);
        assert!(player(Mode::Replay, &path).0.answer(&two).await.is_ok());
    }
}

#[test]
fn a_file_that_is_no_cassette_is_named_with_its_line() {
    let told = |text: &str| Tape::read(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(told("{\"cassette\":2}\n"), "line 1: a cassette of the shape 2; known is 1");
    let line = "{\"id\":\"b\",\"after\":\"a\",\"messages\":[],\"reply\":{\"error\":{\"problem\":\"invalid\",\"message\":\"\"}}}\n";
    let broken = told(&format!("{{\"cassette\":1}}\n\n{line}"));
    assert_eq!(broken, "line 3: it goes on from `a`, which is not before it");
    let dir = tempfile::tempdir().unwrap();
    let options = Options { mode: Mode::Replay, path: Some(dir.path().join("none.jsonl")) };
    assert!(matches!(Cassette::open(&options), Err(CassetteError::Io { .. })));
    assert!(matches!(Cassette::open(&Options { path: None, ..options }), Err(CassetteError::NoPath)));
    assert!(Cassette::open(&Options::default()).unwrap().is_none());
}

#[tokio::test]
async fn no_secret_is_written_down() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.jsonl");
    let key = format!("ghp_{}", "a1B2".repeat(9));
    let asked = Request { system: format!("Key: {key}"), ..asks(&[&key]) };
    let cassette =
        Cassette::open(&Options { mode: Mode::Record, path: Some(path.clone()) }).unwrap().unwrap();
    let given = calls("bash", json!({"cmd": [format!("export K={key}")]}));
    cassette.take_in(canonical::request(&asked), &given).await;
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains(&key) && text.matches("[redacted]").count() == 3, "{text}");
    assert!(player(Mode::Replay, &path).0.answer(&asked).await.is_ok());
}

/// A conversation of one run on one machine.
fn lived(run: &str, port: u16, time: &str, took: &str) -> Request {
    let place = format!("/var/lib/{port}/workspaces/run_{run}/files");
    let id = format!("toolu_{run}");
    let input = json!({"cmd": format!("ls {place}")});
    let content = format!("{place}/a.sh\n/tmp/tmp.{}\nok in {took}\n", &run[..10]);
    let mut request = asks(&["See http://127.0.0.1:8090/x.", "", ""]);
    request.messages[0].content =
        vec![Block::Text(format!("See http://127.0.0.1:{port}/run_{run}, opened {time}. Wait 2.5 s."))];
    request.messages[1].content = vec![Block::ToolUse { id: id.clone(), name: "bash".into(), input }];
    request.messages[2].content = vec![Block::ToolResult { id, content, is_error: false }];
    request
}

#[test]
fn what_differs_from_run_to_run_and_means_nothing_is_left_out() {
    let one = lived(&"0a".repeat(16), 8090, "2026-11-21T08:00:00Z", "0.03s");
    let other = lived(&"9f".repeat(16), 49152, "2027-01-02 03:04:05.6+01:00", "1.2 seconds");
    let plain = canonical::request(&one);
    assert_eq!(plain, canonical::request(&other));
    assert_eq!(plain, canonical::request(&plain), "the canonical form of a canonical form is itself");
    let Block::ToolResult { id, content, .. } = &plain.messages[2].content[0] else { panic!() };
    assert_eq!((id.as_str(), content.as_str()), ("call-1", "/workspace/a.sh\n/tmp/0\nok in <duration>\n"));
    let opening = &plain.messages[0].content[0];
    assert_eq!(*opening, Block::Text("See http://127.0.0.1:0/run_0, opened <time>. Wait 2.5 s.".into()));
}

#[test]
fn whatever_else_differs_makes_two_requests() {
    let one = canonical::request(&asks(&["Fix it."]));
    let others = [
        Request { model: "n".into(), ..one.clone() },
        Request { max_tokens: 999, ..one.clone() },
        Request { tools: Vec::new(), ..one.clone() },
        Request { system: "You review.".into(), ..one.clone() },
        asks(&["Fix it"]),
    ];
    for other in others {
        assert_ne!(one, canonical::request(&other));
    }
}
