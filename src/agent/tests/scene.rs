//! The scene of the agent's tests: a desk in a temporary directory, notes, cash, and scripted actors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::json;

use crate::agent::bench::Work;
use crate::agent::turn::Told;
use crate::agent::*;
use crate::clock::ManualClock;
use crate::id::{EventId, RunId};
use crate::ledger::{LedgerError, Purpose, Reservation};
use crate::money::Usage;
use crate::plugin::Call;
use crate::plugin::model::{Answer, Block, Request, Stop};
use crate::workspace::Output;

/// A checkout in a temporary directory; its trees are kept as maps.
#[derive(Debug)]
pub(in crate::agent) struct Desk {
    pub(in crate::agent) dir: tempfile::TempDir,
    pub(in crate::agent) trees: Mutex<Vec<BTreeMap<String, Vec<u8>>>>,
}

impl Desk {
    pub(in crate::agent) fn with(files: &[(&str, &str)]) -> Self {
        let desk = Self { dir: tempfile::tempdir().unwrap(), trees: Mutex::default() };
        for (path, text) in files {
            desk.write(path, text.as_bytes());
        }
        desk.trees.lock().unwrap().push(desk.files());
        desk
    }

    pub(in crate::agent) fn write(&self, path: &str, bytes: &[u8]) {
        let place = self.dir.path().join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, bytes).unwrap();
    }

    pub(in crate::agent) fn read(&self, path: &str) -> Option<String> {
        std::fs::read(self.dir.path().join(path)).ok().map(|bytes| String::from_utf8(bytes).unwrap())
    }

    pub(in crate::agent) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let files = context::files(self.dir.path()).map(|entry| {
            let path = entry.path().strip_prefix(self.dir.path()).unwrap().to_str().unwrap().to_owned();
            (path, std::fs::read(entry.path()).unwrap())
        });
        files.collect()
    }

    pub(in crate::agent) fn tree(&self, tree: &str) -> BTreeMap<String, Vec<u8>> {
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

    fn objection<'a>(&'a self, tree: &'a str) -> Work<'a, Option<String>> {
        let judged = self.tree(tree).get("verdict").map(|bytes| String::from_utf8(bytes.clone()).unwrap());
        Box::pin(async { Ok(judged) })
    }

    fn overview<'a>(&'a self, task: &'a str) -> Work<'a, String> {
        Box::pin(async move { Ok(format!("Of {task}.\n")) })
    }
}

/// Facts in memory; refuses to keep more than `room` of them, as if the process had died there.
#[derive(Debug)]
pub(super) struct Notes {
    pub(super) facts: Mutex<BTreeMap<String, Value>>,
    pub(super) room: usize,
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
pub(super) struct Cash {
    pub(super) left: Mutex<Money>,
}

impl Purse for Cash {
    fn reserve<'a>(&'a self, amount: Money, _: &'a str) -> BoxFuture<'a, Result<Reservation, LedgerError>> {
        let mut left = self.left.lock().unwrap();
        let reserved = if *left < amount {
            let (limit, spent) = (*left, Money::ZERO);
            Err(LedgerError::OverBudget { which: "monthly_budget", limit, spent, asked: amount })
        } else {
            *left = *left - amount;
            Ok(Reservation { purpose: purpose(), amount, day: "2026-11-21".parse().unwrap() })
        };
        Box::pin(async { reserved })
    }

    fn settle(&self, held: Reservation, cost: Money, _: Usage) -> BoxFuture<'_, Result<(), LedgerError>> {
        let mut left = self.left.lock().unwrap();
        *left = *left + held.amount - cost;
        Box::pin(async { Ok(()) })
    }
}

pub(super) type Script = Box<dyn Fn(&Request) -> Result<Answer, PluginError> + Send + Sync>;

/// A model that plays a script and keeps what it was sent. It refuses what a provider would refuse.
pub(super) struct Actor {
    pub(super) script: Script,
    pub(super) requests: Mutex<Vec<Request>>,
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
pub(super) fn check_conversation(request: &Request) {
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

pub(super) fn purpose() -> Purpose {
    let [user, role, repository, workflow, model] =
        ["ada", "development", "acme/shop", "standard-development", "m"].map(str::to_owned);
    Purpose { run: run(), user, role, repository, workflow, model }
}

pub(super) fn run() -> RunId {
    RunId::of(EventId::at(Timestamp::UNIX_EPOCH), "test")
}

/// People who say something to the agent.
#[derive(Debug, Default, Clone)]
pub(super) struct Visitors(Arc<Mutex<Vec<Told>>>);

impl Visitors {
    pub(super) fn say(&self, text: &str) {
        self.0.lock().unwrap().push(Told { by: "ada".to_owned(), text: text.to_owned() });
    }
}

impl Ears for Visitors {
    fn heard(&self) -> BoxFuture<'_, Result<Vec<Told>, AgentError>> {
        Box::pin(std::future::ready(Ok(self.0.lock().unwrap().clone())))
    }
}

/// One agent's world, which outlives the crashes of the agent.
pub(super) struct Stage {
    pub(super) desk: Desk,
    pub(super) notes: Notes,
    pub(super) cash: Cash,
    pub(super) actor: Actor,
    /// Who is asked where that one cannot answer.
    pub(super) others: Vec<Actor>,
    pub(super) visitors: Visitors,
    pub(super) clock: Arc<ManualClock>,
    pub(super) assignment: Assignment,
}

impl Stage {
    pub(super) fn with(
        script: impl Fn(&Request) -> Result<Answer, PluginError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            desk: Desk::with(&[("sum.sh", "echo $((2 - 3))\n"), ("AGENTS.md", "Keep it short.\n")]),
            notes: Notes { facts: Mutex::default(), room: usize::MAX },
            cash: Cash { left: Mutex::new(Money::micros(100_000_000)) },
            actor: Actor { script: Box::new(script), requests: Mutex::default() },
            others: Vec::new(),
            visitors: Visitors::default(),
            clock: Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH)),
            assignment: assignment(),
        }
    }

    pub(super) async fn work(&self) -> Result<Ended, AgentError> {
        self.work_from(&self.cash).await
    }

    pub(super) async fn work_from(&self, purse: &dyn Purse) -> Result<Ended, AgentError> {
        let cancel = CancellationToken::new();
        let candidates = self.candidates();
        let agent = Agent {
            assignment: &self.assignment,
            candidates: &candidates,
            bench: &self.desk,
            memory: &self.notes,
            purse,
            ears: &self.visitors,
            clock: self.clock.as_ref(),
            cancel: &cancel,
            rest: &cancel,
        };
        agent.work().await
    }

    /// Every model costs three dollars for a million tokens.
    pub(super) fn candidates(&self) -> Vec<Candidate<'_>> {
        let rate = Money::micros(3_000_000);
        let price = Price { input: rate, output: rate, cache_write: rate, cache_read: rate };
        let named =
            ["scripted", "second", "third"].into_iter().zip(std::iter::once(&self.actor).chain(&self.others));
        named.map(|(name, provider)| Candidate { name, price, provider }).collect()
    }

    pub(super) fn asked(&self) -> usize {
        self.actor.requests.lock().unwrap().len()
    }
}

pub(super) fn assignment() -> Assignment {
    Assignment {
        model: "scripted".into(),
        limits: Limits {
            steps: 20,
            cost: Money::micros(3_000_000),
            tokens: 50_000,
            seconds: 600,
            max_output_tokens: 1_000,
            context: 1_000_000,
            returns: 2,
        },
        tools: ["bash", "read", "search", "edit", "apply_patch"].map(str::to_owned).to_vec(),
        needs: vec![AnswerField { field: "implementation".into(), members: vec!["pr_description".into()] }],
        brief: Brief { role: "You develop.".into(), prompt: "Make sum.sh add.".into() },
        task: "the task".into(),
        seed: "run/step/1".into(),
        base: "0".into(),
        tree: None,
    }
}

pub(in crate::agent) fn says(stop: Stop, content: Vec<Block>) -> Result<Answer, PluginError> {
    let usage = Usage { input: 100, output: 50, ..Usage::default() };
    Ok(Answer { content, stop, usage, replayed: false })
}

pub(in crate::agent) fn calls(name: &str, input: Value) -> Result<Answer, PluginError> {
    let id = format!("call_{name}");
    says(Stop::ToolUse, vec![Block::Text("Next.".into()), Block::ToolUse { id, name: name.into(), input }])
}

pub(super) fn finishes() -> Result<Answer, PluginError> {
    calls(
        "finish",
        json!({
            "summary": "sum.sh adds", "tests_run": "sh sum.sh: 5", "risk": "low",
            "implementation": {"pr_description": "It subtracted."},
        }),
    )
}

/// How often the model has answered in the conversation that it is shown.
pub(super) fn turn(request: &Request) -> usize {
    request.messages.len() / 2
}

pub(super) fn last_result(request: &Request) -> &str {
    match &request.messages.last().unwrap().content[0] {
        Block::ToolResult { content, .. } | Block::Text(content) => content,
        other => panic!("{other:?}"),
    }
}

/// Reads, repairs what it has read, runs it, and finishes only when it has seen the right sum.
pub(super) fn gold(request: &Request) -> Result<Answer, PluginError> {
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
