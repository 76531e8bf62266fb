//! The agent against scripted models: what ends well, and everything that must not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::bench::Work;
use super::*;
use crate::clock::ManualClock;
use crate::id::{EventId, RunId};
use crate::ledger::{LedgerError, Reservation};
use crate::money::Usage;
use crate::plugin::model::{Answer, Block, Request, Stop};
use crate::plugin::{Call, Problem};
use crate::workspace::Output;

/// A checkout in a temporary directory; its trees are kept as maps.
#[derive(Debug)]
pub(super) struct Desk {
    dir: tempfile::TempDir,
    trees: Mutex<Vec<BTreeMap<String, Vec<u8>>>>,
}

impl Desk {
    pub(super) fn with(files: &[(&str, &str)]) -> Self {
        let desk = Self { dir: tempfile::tempdir().unwrap(), trees: Mutex::default() };
        for (path, text) in files {
            desk.write(path, text.as_bytes());
        }
        desk.trees.lock().unwrap().push(desk.files());
        desk
    }

    pub(super) fn write(&self, path: &str, bytes: &[u8]) {
        let place = self.dir.path().join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, bytes).unwrap();
    }

    pub(super) fn read(&self, path: &str) -> Option<String> {
        std::fs::read(self.dir.path().join(path)).ok().map(|bytes| String::from_utf8(bytes).unwrap())
    }

    pub(super) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let files = context::files(self.dir.path()).map(|entry| {
            let path = entry.path().strip_prefix(self.dir.path()).unwrap().to_str().unwrap().to_owned();
            (path, std::fs::read(entry.path()).unwrap())
        });
        files.collect()
    }

    fn tree(&self, tree: &str) -> BTreeMap<String, Vec<u8>> {
        self.trees.lock().unwrap()[tree.parse::<usize>().unwrap()].clone()
    }
}

impl Bench for Desk {
    fn root(&self) -> &Path {
        self.dir.path()
    }

    fn place(&self, path: &str) -> Result<PathBuf, WorkspaceError> {
        let is_bad = |part: &str| matches!(part, ".." | ".git");
        let place = self.dir.path().join(path);
        if path.starts_with('/') || path.split('/').any(is_bad) || place.is_symlink() {
            return Err(WorkspaceError::Path(path.to_owned()));
        }
        Ok(place)
    }

    fn shell<'a>(&'a self, command: &'a str, _limit: Duration) -> Work<'a, Output> {
        let mut shell = std::process::Command::new("sh");
        let output = shell.arg("-c").arg(command).current_dir(self.root()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        Box::pin(async move { Ok(Output { code: output.status.code(), timed_out: false, text }) })
    }

    fn snapshot(&self) -> Work<'_, String> {
        if self.dir.path().join("inner/.git").exists() {
            return Box::pin(async { Err(WorkspaceError::Nested("inner".to_owned())) });
        }
        let files = self.files();
        let mut trees = self.trees.lock().unwrap();
        let known = trees.iter().position(|tree| *tree == files);
        let tree = known.unwrap_or_else(|| {
            trees.push(files);
            trees.len() - 1
        });
        Box::pin(async move { Ok(tree.to_string()) })
    }

    fn restore<'a>(&'a self, tree: &'a str) -> Work<'a, ()> {
        for path in self.files().keys() {
            std::fs::remove_file(self.dir.path().join(path)).unwrap();
        }
        drop(std::fs::remove_dir_all(self.dir.path().join("inner")));
        for (path, bytes) in self.tree(tree) {
            self.write(&path, &bytes);
        }
        Box::pin(async { Ok(()) })
    }
}

/// Facts in memory; refuses to keep more than `room` of them, as if the process had died there.
#[derive(Debug)]
struct Notes {
    facts: Mutex<BTreeMap<String, Value>>,
    room: usize,
}

impl Memory for Notes {
    fn recall(&self, name: &str) -> Option<Value> {
        self.facts.lock().unwrap().get(name).cloned()
    }

    fn remember<'a>(&'a self, name: &'a str, value: Value) -> BoxFuture<'a, Result<(), Forgotten>> {
        let mut facts = self.facts.lock().unwrap();
        let is_kept = facts.len() < self.room;
        if is_kept {
            assert!(facts.insert(name.to_owned(), value).is_none(), "{name} was recorded twice");
        }
        Box::pin(async move { if is_kept { Ok(()) } else { Err(Forgotten::Lost("dead".into())) } })
    }
}

/// A purse with so much in it.
#[derive(Debug)]
struct Cash {
    left: Mutex<Money>,
}

impl Purse for Cash {
    fn reserve(&self, amount: Money) -> BoxFuture<'_, Result<Reservation, LedgerError>> {
        let mut left = self.left.lock().unwrap();
        let reserved = if *left < amount {
            let (limit, spent) = (*left, Money::ZERO);
            Err(LedgerError::OverBudget { which: "monthly_budget", limit, spent, asked: amount })
        } else {
            *left = *left - amount;
            Ok(Reservation { run: run(), amount, month: "2026-11".into() })
        };
        Box::pin(async { reserved })
    }

    fn settle(&self, held: Reservation, cost: Money, _: Usage) -> BoxFuture<'_, Result<(), LedgerError>> {
        let mut left = self.left.lock().unwrap();
        *left = *left + held.amount - cost;
        Box::pin(async { Ok(()) })
    }
}

type Script = Box<dyn Fn(&Request) -> Result<Answer, PluginError> + Send + Sync>;

/// A model that plays a script and keeps what it was sent. It refuses what a provider would refuse.
struct Actor {
    script: Script,
    requests: Mutex<Vec<Request>>,
}

impl std::fmt::Debug for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Actor")
    }
}

impl Model for Actor {
    fn answer<'a>(&'a self, request: &'a Request) -> Call<'a, Answer> {
        check_conversation(request);
        self.requests.lock().unwrap().push(request.clone());
        let answer = (self.script)(request);
        Box::pin(async { answer })
    }
}

/// Every call is answered at once by the next message, no id is used twice in a message, nothing is empty.
fn check_conversation(request: &Request) {
    for pair in request.messages.windows(2) {
        assert_ne!(pair[0].role, pair[1].role, "turns must alternate");
    }
    for (at, message) in request.messages.iter().enumerate() {
        assert!(!message.content.is_empty());
        assert!(!message.content.contains(&Block::Text(String::new())));
        let ids = |message: &crate::plugin::model::Message| -> Vec<String> {
            let ids = message.content.iter().filter_map(|block| match block {
                Block::ToolUse { id, input, .. } => {
                    assert!(input.is_object());
                    Some(id.clone())
                }
                Block::ToolResult { id, .. } => Some(id.clone()),
                _ => None,
            });
            ids.collect()
        };
        if message.role == crate::plugin::model::Speaker::Assistant {
            let called = ids(message);
            let unique: std::collections::BTreeSet<_> = called.iter().collect();
            assert_eq!(unique.len(), called.len(), "ids must be unique");
            assert_eq!(called, ids(&request.messages[at + 1]), "every call needs its result");
        }
    }
}

fn run() -> RunId {
    RunId::of(EventId::at(Timestamp::UNIX_EPOCH), "test")
}

/// One agent's world, which outlives the crashes of the agent.
struct Stage {
    desk: Desk,
    notes: Notes,
    cash: Cash,
    actor: Actor,
    clock: Arc<ManualClock>,
    assignment: Assignment,
}

impl Stage {
    fn with(script: impl Fn(&Request) -> Result<Answer, PluginError> + Send + Sync + 'static) -> Self {
        Self {
            desk: Desk::with(&[("sum.sh", "echo $((2 - 3))\n"), ("AGENTS.md", "Keep it short.\n")]),
            notes: Notes { facts: Mutex::default(), room: usize::MAX },
            cash: Cash { left: Mutex::new(Money::micros(100_000_000)) },
            actor: Actor { script: Box::new(script), requests: Mutex::default() },
            clock: Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH)),
            assignment: assignment(),
        }
    }

    async fn work(&self) -> Result<Ended, AgentError> {
        self.work_from(&self.cash).await
    }

    async fn work_from(&self, purse: &dyn Purse) -> Result<Ended, AgentError> {
        let cancel = CancellationToken::new();
        let agent = Agent {
            assignment: &self.assignment,
            model: &self.actor,
            bench: &self.desk,
            memory: &self.notes,
            purse,
            clock: self.clock.as_ref(),
            cancel: &cancel,
        };
        agent.work().await
    }

    fn asked(&self) -> usize {
        self.actor.requests.lock().unwrap().len()
    }
}

fn assignment() -> Assignment {
    let rate = Money::micros(3_000_000);
    Assignment {
        model: "scripted".into(),
        price: Price { input: rate, output: rate, cache_write: rate, cache_read: rate },
        limits: Limits {
            steps: 20,
            cost: Money::micros(3_000_000),
            tokens: 50_000,
            seconds: 600,
            max_output_tokens: 1_000,
        },
        tools: ["bash", "read", "search", "edit", "apply_patch"].map(str::to_owned).to_vec(),
        needs: vec![AnswerField { field: "implementation".into(), members: vec!["pr_description".into()] }],
        brief: Brief { role: "You develop.".into(), prompt: "Make sum.sh add.".into() },
        seed: "run/step/1".into(),
        base: "0".into(),
        tree: None,
    }
}

fn says(stop: Stop, content: Vec<Block>) -> Result<Answer, PluginError> {
    Ok(Answer { content, stop, usage: Usage { input: 100, output: 50, ..Usage::default() } })
}

fn calls(name: &str, input: Value) -> Result<Answer, PluginError> {
    let id = format!("call_{name}");
    says(Stop::ToolUse, vec![Block::Text("Next.".into()), Block::ToolUse { id, name: name.into(), input }])
}

fn finishes() -> Result<Answer, PluginError> {
    calls(
        "finish",
        json!({
            "summary": "sum.sh adds", "tests_run": "sh sum.sh: 5", "risk": "low",
            "implementation": {"pr_description": "It subtracted."},
        }),
    )
}

/// How often the model has answered in the conversation that it is shown.
fn turn(request: &Request) -> usize {
    request.messages.len() / 2
}

fn last_result(request: &Request) -> &str {
    match &request.messages.last().unwrap().content[0] {
        Block::ToolResult { content, .. } | Block::Text(content) => content,
        other => panic!("{other:?}"),
    }
}

/// Reads, repairs what it has read, runs it, and finishes only when it has seen the right sum.
fn gold(request: &Request) -> Result<Answer, PluginError> {
    match turn(request) {
        0 => calls("search", json!({"regex": r"2 - 3", "glob": "*.sh"})),
        1 => {
            let path = last_result(request).split(':').next().unwrap().to_owned();
            calls("read", json!({"path": format!("/workspace/{path}")}))
        }
        2 => {
            let (_, old) = last_result(request).lines().next().unwrap().split_once('\t').unwrap();
            calls("edit", json!({"path": "sum.sh", "old": old, "new": old.replace('-', "+")}))
        }
        3 => calls("bash", json!({"cmd": "sh sum.sh"})),
        _ if last_result(request) == "[exit code 0]\n5\n" => finishes(),
        _ => panic!("{}", last_result(request)),
    }
}

#[tokio::test]
async fn a_good_model_finishes() {
    let stage = Stage::with(gold);
    let ended = stage.work().await.unwrap();
    assert_eq!(ended.reason, Reason::Finished);
    assert_eq!(ended.answer.unwrap()["implementation"]["pr_description"], "It subtracted.");
    assert_eq!(stage.desk.read("sum.sh").unwrap(), "echo $((2 + 3))\n");
    assert_eq!(stage.desk.tree(&ended.tree), stage.desk.files());
    assert_eq!(ended.cost, Money::micros(5 * 450));
    assert_eq!(*stage.cash.left.lock().unwrap(), Money::micros(100_000_000 - 5 * 450), "settled to the cent");
}

#[tokio::test]
async fn a_crash_at_any_record_loses_nothing_and_pays_nothing_twice() {
    let whole = Stage::with(gold);
    whole.work().await.unwrap();
    let facts = whole.notes.facts.lock().unwrap().len();
    let answers = whole.asked();
    for room in 0..facts {
        let mut stage = Stage::with(gold);
        stage.notes.room = room;
        assert!(matches!(stage.work().await, Err(AgentError::Memory(Forgotten::Lost(_)))));
        // What the dead process did after its last record must not be seen by the next one.
        stage.desk.write("sum.sh", b"half written");
        stage.desk.write("litter", b"left behind");
        let paid_in_vain = usize::from(room % 2 == 1);
        stage.notes.room = usize::MAX;
        assert_eq!(stage.work().await.unwrap().reason, Reason::Finished);
        assert_eq!(stage.desk.files(), whole.desk.files(), "died at record {room}");
        assert_eq!(*stage.notes.facts.lock().unwrap(), *whole.notes.facts.lock().unwrap());
        // Only the answer that could not be recorded is asked for again.
        assert_eq!(stage.asked(), answers + paid_in_vain, "died at record {room}");
    }
}

#[tokio::test]
async fn each_request_begins_with_the_one_before() {
    let stage = Stage::with(gold);
    stage.work().await.unwrap();
    let requests = stage.actor.requests.lock().unwrap();
    let bytes = |request: &Request| serde_json::to_string(&request.messages).unwrap();
    for pair in requests.windows(2) {
        assert_eq!((&pair[0].system, &pair[0].tools), (&pair[1].system, &pair[1].tools));
        assert!(bytes(&pair[1]).starts_with(bytes(&pair[0]).strip_suffix(']').unwrap()));
    }
    assert!(bytes(&requests[0]).contains("Keep it short."));
}

#[tokio::test]
async fn a_model_that_only_talks_is_stopped() {
    let stage = Stage::with(|_| says(Stop::EndTurn, vec![Block::Text("Done!".into())]));
    let ended = stage.work().await.unwrap();
    assert_eq!((ended.reason, ended.answer), (Reason::Format, None));
    assert_eq!(stage.asked(), 3);
}

#[tokio::test]
async fn a_model_that_writes_garbage_is_stopped_and_nothing_is_run() {
    let touch =
        |id: &str| Block::ToolUse { id: id.into(), name: "bash".into(), input: json!({"cmd": "touch ran"}) };
    let garbage: Vec<(Stop, Vec<Block>)> = vec![
        (Stop::ToolUse, vec![touch("one"), touch("one")]),
        (Stop::ToolUse, vec![touch("")]),
        (Stop::MaxTokens, vec![touch("one")]),
        (Stop::ToolUse, vec![Block::ToolUse { id: "a".into(), name: "bash".into(), input: json!("ls") }]),
        (Stop::ToolUse, vec![Block::ToolUse { id: "a".into(), name: "sudo".into(), input: json!({}) }]),
        (
            Stop::ToolUse,
            vec![Block::ToolUse { id: "a".into(), name: "bash".into(), input: json!({"cmd": 1}) }],
        ),
        (Stop::ToolUse, vec![Block::ToolUse { id: "a".into(), name: "finish".into(), input: json!({}) }]),
        (Stop::EndTurn, vec![]),
    ];
    for (stop, content) in garbage {
        let stage = Stage::with(move |_| says(stop, content.clone()));
        let ended = stage.work().await.unwrap();
        assert_eq!((ended.reason, ended.answer), (Reason::Format, None));
        assert_eq!(stage.asked(), 3);
        assert_eq!(stage.desk.read("ran"), None);
    }
}

#[tokio::test]
async fn an_answer_without_its_fields_is_asked_for_again() {
    let stage = Stage::with(|request| match turn(request) {
        0 => calls("finish", json!({"summary": "s", "tests_run": "t", "risk": "r"})),
        _ => {
            assert!(last_result(request).contains("`implementation` is missing"));
            finishes()
        }
    });
    assert_eq!(stage.work().await.unwrap().reason, Reason::Finished);
}

#[tokio::test]
async fn nothing_is_finished_in_a_turn_in_which_a_call_failed() {
    let stage = Stage::with(|request| {
        if turn(request) > 0 {
            return finishes();
        }
        let mut answer = finishes()?;
        let input = json!({"path": "absent"});
        answer.content.insert(0, Block::ToolUse { id: "a".into(), name: "read".into(), input });
        Ok(answer)
    });
    assert_eq!(stage.work().await.unwrap().reason, Reason::Finished);
    assert_eq!(stage.asked(), 2);
}

#[tokio::test]
async fn a_model_that_repeats_itself_is_stopped() {
    let stage = Stage::with(|_| calls("bash", json!({"cmd": "ls"})));
    assert_eq!(stage.work().await.unwrap().reason, Reason::Stuck);
    assert_eq!(stage.asked(), 4);
    let stage = Stage::with(|request| calls("bash", json!({"cmd": (["ls", "pwd"][turn(request) % 2])})));
    assert_eq!(stage.work().await.unwrap().reason, Reason::Stuck);
    assert_eq!(stage.asked(), 6);
}

#[tokio::test]
async fn a_refusal_and_a_full_context_end_the_work() {
    for (stop, reason) in [(Stop::Refusal, Reason::Refused), (Stop::ContextFull, Reason::ContextFull)] {
        let stage = Stage::with(move |_| says(stop, vec![]));
        assert_eq!(stage.work().await.unwrap().reason, reason);
        assert_eq!(stage.asked(), 1);
    }
}

/// Does something else each time, for ever.
fn busy(request: &Request) -> Result<Answer, PluginError> {
    calls("bash", json!({"cmd": format!("echo {}", turn(request))}))
}

#[tokio::test]
async fn steps_tokens_and_time_are_limited() {
    let mut stage = Stage::with(busy);
    stage.assignment.limits.steps = 7;
    assert_eq!(stage.work().await.unwrap().reason, Reason::Steps);
    assert_eq!(stage.asked(), 7);

    let mut stage = Stage::with(busy);
    stage.assignment.limits.tokens = 301;
    assert_eq!(stage.work().await.unwrap().reason, Reason::Tokens);
    assert_eq!(stage.asked(), 3);

    let mut stage = Stage::with(busy);
    let clock = Arc::clone(&stage.clock);
    stage.actor.script = Box::new(move |request| {
        clock.advance(Duration::from_secs(200));
        busy(request)
    });
    assert_eq!(stage.work().await.unwrap().reason, Reason::Time);
    assert_eq!(stage.asked(), 4, "600 s after the first recorded turn");
}

#[tokio::test]
async fn no_call_is_made_that_might_cost_more_than_is_left() {
    let mut stage = Stage::with(busy);
    stage.assignment.limits.cost = Money::micros(4_000);
    let ended = stage.work().await.unwrap();
    assert_eq!((ended.reason, stage.asked()), (Reason::Budget, 0));

    let stage = Stage::with(busy);
    *stage.cash.left.lock().unwrap() = Money::micros(10_000);
    let ended = stage.work().await.unwrap();
    assert_eq!(ended.reason, Reason::Budget);
    assert!(ended.why.contains("monthly_budget"), "{}", ended.why);
    assert!(ended.cost + *stage.cash.left.lock().unwrap() == Money::micros(10_000));
}

/// Runs an agent whose waits are passed at once.
async fn work_without_waiting(stage: &Stage) -> Result<Ended, AgentError> {
    let clock = Arc::clone(&stage.clock);
    let hurry = async move {
        loop {
            tokio::task::yield_now().await;
            clock.advance(Duration::from_secs(1));
        }
    };
    tokio::select! {
        ended = stage.work() => ended,
        () = hurry => unreachable!("it hurries for ever"),
    }
}

/// Fails so often before it answers.
fn fails(times: usize, problem: Problem) -> impl Fn(&Request) -> Result<Answer, PluginError> + Send + Sync {
    let failed = Mutex::new(0);
    move |_| {
        let mut failed = failed.lock().unwrap();
        *failed += 1;
        if *failed <= times { Err(PluginError::new("model", problem, "trouble")) } else { finishes() }
    }
}

#[tokio::test]
async fn trouble_that_passes_is_waited_out() {
    let stage = Stage::with(fails(3, Problem::Unavailable));
    assert_eq!(work_without_waiting(&stage).await.unwrap().reason, Reason::Finished);
    assert_eq!(*stage.cash.left.lock().unwrap(), Money::micros(100_000_000 - 450), "not billed, so not paid");

    let stage = Stage::with(fails(4, Problem::Unavailable));
    assert!(matches!(work_without_waiting(&stage).await, Err(AgentError::Model(_))));

    let stage = Stage::with(fails(1, Problem::Denied));
    assert!(matches!(stage.work().await, Err(AgentError::Model(_))));
    assert_eq!(stage.asked(), 1);
}

#[tokio::test]
async fn a_call_that_may_have_been_billed_stays_spent() {
    let stage = Stage::with(fails(1, Problem::Unknown));
    assert_eq!(work_without_waiting(&stage).await.unwrap().reason, Reason::Finished);
    assert!(*stage.cash.left.lock().unwrap() < Money::micros(100_000_000 - 450 - 3_000));
}

#[tokio::test]
async fn conventions_come_from_the_base_and_work_goes_on_from_the_tree() {
    let mut stage = Stage::with(|_| finishes());
    stage.desk.write("AGENTS.md", b"Obey me.\n");
    stage.assignment.tree = Some(stage.desk.snapshot().await.unwrap());
    stage.work().await.unwrap();
    let requests = stage.actor.requests.lock().unwrap();
    let opening = serde_json::to_string(&requests[0].messages[0]).unwrap();
    assert!(opening.contains("Keep it short.") && !opening.contains("Obey me."));
    assert_eq!(stage.desk.read("AGENTS.md").unwrap(), "Obey me.\n");
}

#[tokio::test]
async fn a_trajectory_tells_every_turn() {
    let stage = Stage::with(gold);
    stage.work().await.unwrap();
    let start = Start::recall(&stage.notes).unwrap().unwrap();
    let transcript = Transcript::recall(&stage.notes).unwrap();
    let whose = trajectory::Whose {
        run: run(),
        step: crate::id::StepPath::root("implement"),
        attempt: 1,
        model: "scripted".into(),
        base: "0".into(),
    };
    let text = trajectory::render(&whose, &start, &transcript);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1 + 5);
    assert_eq!(lines[0]["attempt"]["step"], "implement");
    assert_eq!(lines[5]["spent"], json!(Money::micros(5 * 450)));
    assert_eq!(lines[4]["ran"]["results"][0]["content"], "[exit code 0]\n5\n");
}

#[tokio::test]
async fn an_agent_that_is_told_to_stop_stops() {
    let stage = Stage::with(busy);
    let cancel = CancellationToken::new();
    cancel.cancel();
    let agent = Agent {
        assignment: &stage.assignment,
        model: &stage.actor,
        bench: &stage.desk,
        memory: &stage.notes,
        purse: &stage.cash,
        clock: stage.clock.as_ref(),
        cancel: &cancel,
    };
    assert!(matches!(agent.work().await, Err(AgentError::Interrupted)));
    assert_eq!(stage.asked(), 0);
}

#[tokio::test]
async fn files_that_cannot_be_recorded_are_put_back_and_the_model_is_told() {
    let stage = Stage::with(|request| match turn(request) {
        0 => calls("bash", json!({"cmd": "mkdir -p inner/.git; echo broken > sum.sh; echo ghp_x"})),
        1 => {
            assert!(last_result(request).starts_with("Undone:"), "{}", last_result(request));
            assert!(last_result(request).contains("`inner` is a git repository"));
            calls("bash", json!({"cmd": "cat sum.sh"}))
        }
        _ => {
            assert!(last_result(request).contains("2 - 3"), "{}", last_result(request));
            finishes()
        }
    });
    assert_eq!(stage.work().await.unwrap().reason, Reason::Finished);
}

#[tokio::test]
async fn no_secret_of_a_file_is_recorded_or_sent() {
    let token = format!("ghp_{}", "a1B2".repeat(9));
    let mut stage = Stage::with(|request| match turn(request) {
        0 => calls("read", json!({"path": "notes"})),
        1 => calls("bash", json!({"cmd": "cat notes"})),
        2 => calls("search", json!({"regex": "ghp"})),
        _ => finishes(),
    });
    stage.desk = Desk::with(&[("notes", &token)]);
    stage.work().await.unwrap();
    let sent = format!("{:?}", stage.actor.requests.lock().unwrap());
    let recorded = format!("{:?}", stage.notes.facts.lock().unwrap());
    assert!(sent.contains("[redacted]") && recorded.contains("[redacted]"));
    assert!(!sent.contains(&token) && !recorded.contains(&token));
}

#[tokio::test]
async fn the_book_says_what_the_answers_cost_and_after_a_crash_never_less() {
    let limits = crate::money::Limits {
        max_cost_per_task: Money::micros(1_000_000_000),
        monthly_budget: Money::micros(1_000_000_000),
        max_tokens_per_task: 1_000_000,
    };
    for room in 0..=12 {
        let mut stage = Stage::with(gold);
        let store = Arc::new(crate::store::Memory::open().unwrap());
        let ledger = crate::ledger::Ledger::new(store, Arc::<ManualClock>::clone(&stage.clock));
        let run = run();
        let purse = budget::RunPurse { ledger: ledger.clone(), run, limits: limits.clone() };
        stage.notes.room = room;
        let crashed = stage.work_from(&purse).await.is_err();
        stage.notes.room = usize::MAX;
        let ended = stage.work_from(&purse).await.unwrap();
        let (booked, asked) = (ledger.spent_by(run).await.unwrap(), stage.asked());
        let paid = Money::micros(450 * i64::try_from(asked).unwrap());
        assert!(booked >= paid && paid >= ended.cost, "{room}: {booked} booked, {paid} paid");
        if !crashed {
            assert_eq!((booked, paid), (ended.cost, ended.cost), "{room}");
        }
    }
}
