//! Twins and a bot, and what can be done to them.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use ostler::id::RunId;
use ostler::run::{Entry, Record};
use ostler::store::{Found, Query};
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

use super::Admin;
use super::look::{Said, ostler_with};
use super::process::{Process, free_port};
use super::sign::Delivery;
use super::state::State;
use super::twins::{self, Twins};

/// The configuration for the twins.
const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/twins.yaml");

/// How long runs may take to come to their end.
const PATIENCE: Duration = Duration::from_secs(180);

/// The twins, a bot that is set up for them, and a directory that both live in.
#[derive(Debug)]
pub(crate) struct World {
    dir: TempDir,
    config: PathBuf,
    bot_port: u16,
    environment: Vec<(&'static str, String)>,
    pub(crate) twins: Twins,
    _twins: Process,
    bot: Option<Process>,
    pub(crate) admin: Admin,
    client: Client,
}

impl World {
    /// Starts the twins and the bot.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts the twins and the bot, the bot with these environment variables besides.
    pub(crate) async fn start_with(environment: &[(&'static str, &str)]) -> Self {
        let mut world = Self::without_bot(environment);
        world.restart();
        world
    }

    /// Starts the twins only; the bot's starts will have these environment variables besides.
    pub(crate) fn without_bot(environment: &[(&'static str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (twins_port, bot_port) = (free_port(), free_port());
        let listen = format!("127.0.0.1:{twins_port}");
        let hooks = format!("http://127.0.0.1:{bot_port}");
        let twins = Process::start(&["twins", "--listen", &listen, "--hooks", &hooks], dir.path(), &[]);
        let mut variables = vec![
            ("OSTLER_TWINS", format!("http://127.0.0.1:{twins_port}")),
            ("OSTLER_PUBLIC_URL", hooks),
            ("OSTLER_LOG", "warn,ostler=debug".to_owned()),
        ];
        variables.extend(environment.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let admin = Admin::of(&dir.path().join("data"));
        Self {
            dir,
            admin,
            config: PathBuf::from(CONFIG),
            bot_port,
            environment: variables,
            twins: Twins::on(twins_port),
            _twins: twins,
            bot: None,
            client: twins::client(),
        }
    }

    /// Gives the bot's next start a configuration of its own, which lies in the world's directory, with handlers
    /// beside it.
    pub(crate) fn configure(&mut self, change: impl FnOnce(String) -> String, handlers: &[(&str, &str)]) {
        self.config = self.dir.path().join("ostler.yaml");
        std::fs::write(&self.config, change(std::fs::read_to_string(CONFIG).unwrap())).unwrap();
        let place = self.dir.path().join("handlers");
        std::fs::create_dir_all(&place).unwrap();
        for (name, text) in handlers {
            std::fs::write(place.join(format!("{name}.yaml")), text).unwrap();
        }
    }

    /// Gives the bot's next start a workflow of its own, beside its configuration.
    pub(crate) fn write_workflow(&self, name: &str, text: &str) {
        let place = self.dir().join("workflows");
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join(format!("{name}.yaml")), text).unwrap();
    }

    /// Where the bot listens.
    pub(crate) fn port(&self) -> u16 {
        self.bot_port
    }

    /// The directory that everything lives in; the bot's is `data` in it.
    pub(crate) fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// Starts the bot on the data that is there, and waits until it listens.
    pub(crate) fn restart(&mut self) {
        self.start_bot(Process::start);
    }

    /// Starts the bot on the data that is there, and waits for nothing.
    pub(crate) fn spawn(&mut self) {
        self.start_bot(Process::spawn);
    }

    fn start_bot(&mut self, start: impl FnOnce(&[&str], &std::path::Path, &[(&str, &str)]) -> Process) {
        let listen = format!("127.0.0.1:{}", self.bot_port);
        let data = self.data();
        let arguments = [
            "serve",
            "--config",
            self.config.to_str().unwrap(),
            "--listen",
            &listen,
            "--data",
            data.to_str().unwrap(),
        ];
        let environment: Vec<(&str, &str)> =
            self.environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.bot = Some(start(&arguments, self.dir.path(), &environment));
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(crate) fn bot(&mut self) -> &mut Process {
        self.bot.as_mut().expect("the bot runs")
    }

    /// Sets a variable for the bot's next start.
    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.environment.retain(|(known, _)| *known != name);
        self.environment.push((name, value.to_owned()));
    }

    /// `kill -9` of the bot.
    pub(crate) fn kill(&mut self) {
        self.bot.take().expect("the bot runs").kill();
    }

    /// SIGTERM to the bot.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.bot.take().expect("the bot runs").terminate()
    }

    /// How the bot ended.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        self.bot.take().expect("the bot ran").ended()
    }

    /// Another signal to the bot.
    pub(crate) fn signal(&mut self, name: &str) {
        self.bot().signal(name);
    }

    /// Whether the bot's process is still there.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.bot.as_mut().is_some_and(Process::is_alive)
    }

    /// Waits until the bot listens; whether it does, and did not end before.
    pub(crate) async fn ready(&mut self) -> bool {
        while !self.bot().listens() {
            if !self.is_alive() {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        true
    }

    /// Lets a person act; gives what the twins say of it.
    pub(crate) async fn act(&self, act: Value) -> Value {
        self.twins.act(act).await
    }

    /// Breaks something in the outside world.
    pub(crate) async fn fault(&self, fault: Value) {
        self.twins.fault(fault).await;
    }

    /// Sends every delivery again that has not been answered 2xx.
    pub(crate) async fn redeliver(&self) -> Value {
        self.twins.redeliver().await
    }

    /// Everything that the outside world holds.
    pub(crate) async fn state(&self) -> State {
        self.twins.state().await
    }

    /// Waits until something holds in the outside world; gives the world in which it does.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&State) -> bool) -> State {
        for _ in 0..300 {
            let state = self.state().await;
            if holds(&state) {
                return state;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("it never came to this: {what}; {:#?}; {}", self.runs().await, self.log());
    }

    /// Sends a delivery to the bot.
    pub(crate) async fn deliver(&self, delivery: &Delivery) -> Response {
        let url = format!("http://127.0.0.1:{}{}", self.bot_port, delivery.path);
        let request = self.client.post(url).headers(delivery.headers.clone()).body(delivery.body.clone());
        request.send().await.unwrap()
    }

    /// Sends a delivery to a bot that may be gone; whether it was answered.
    pub(crate) async fn try_deliver(&self, delivery: &Delivery) -> bool {
        let url = format!("http://127.0.0.1:{}{}", self.bot_port, delivery.path);
        let request = self.client.post(url).headers(delivery.headers.clone()).body(delivery.body.clone());
        request.send().await.is_ok()
    }

    /// Sends a delivery and gives the answer's status and JSON.
    pub(crate) async fn answer(&self, delivery: &Delivery) -> (StatusCode, Value) {
        let answer = self.deliver(delivery).await;
        let status = answer.status();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or(Value::Null))
    }

    /// What the bot keeps, by its admin socket.
    pub(crate) async fn ask(&self, path: &str) -> Value {
        self.admin.ask(path).await.unwrap()
    }

    /// Waits until a way of asking a source has been gone to its end since the start, and gives how that went.
    pub(crate) async fn asked(&self, way: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let said = self.admin.ask("catch-up").await.unwrap_or_default();
            let accounts = said["ways"].as_array().cloned().unwrap_or_default();
            let found = accounts.into_iter().find(|account| account["way"] == way);
            if let Some(found) = found.filter(|found| found["last"].is_string()) {
                assert_eq!(found["error"], Value::Null, "{found}");
                return found;
            }
            assert!(Instant::now() < deadline, "{way} was not asked: {said}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Runs a command to its end, with the bot's own environment.
    pub(crate) fn ostler(&self, arguments: &[&str]) -> Said {
        ostler_with(self.dir(), arguments, &self.environment)
    }

    /// The bot's runs, newest first.
    pub(crate) async fn runs(&self) -> Vec<Value> {
        self.try_runs().await.unwrap()
    }

    /// The bot's runs, if it answers.
    pub(crate) async fn try_runs(&self) -> reqwest::Result<Vec<Value>> {
        let (mut runs, mut path) = (Vec::new(), "runs".to_owned());
        loop {
            let page = self.admin.ask(&path).await?;
            runs.extend(page["runs"].as_array().cloned().unwrap_or_default());
            let Some(next) = page["next"].as_str() else { return Ok(runs) };
            path = format!("runs?before={next}");
        }
    }

    /// Waits until there are `count` runs and none is open, and gives them.
    pub(crate) async fn settle(&self, count: usize) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(runs) = self.settled(count, deadline).await {
                return runs;
            }
        }
    }

    /// The same, or nothing if the bot's process ends before.
    pub(crate) async fn settle_or_die(&mut self, count: usize) -> Option<Vec<Value>> {
        let deadline = Instant::now() + PATIENCE;
        while self.is_alive() {
            if let Some(runs) = self.settled(count, deadline).await {
                return Some(runs);
            }
        }
        None
    }

    /// Waits until a run waits for a decision; false if the bot's process ends before.
    pub(crate) async fn asks(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while self.is_alive() {
            let runs = self.try_runs().await.unwrap_or_default();
            for run in runs.iter().filter(|run| run["status"] == "open") {
                let whole = self.admin.ask(&format!("runs/{}", run["id"].as_str().unwrap())).await;
                if whole.unwrap_or_default().to_string().contains("it waits for a decision") {
                    return true;
                }
            }
            assert!(Instant::now() < deadline, "nobody is asked: {runs:#?}\n{}", self.stuck());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }

    /// The runs, if there are so many and none is open; nothing a little later.
    async fn settled(&self, count: usize, deadline: Instant) -> Option<Vec<Value>> {
        let asked = self.try_runs().await;
        if let Ok(runs) = &asked
            && runs.len() >= count
            && runs.iter().all(|run| run["status"] != "open")
        {
            return asked.ok();
        }
        assert!(Instant::now() < deadline, "not settled: {asked:#?}\n{}", self.stuck());
        tokio::time::sleep(Duration::from_millis(50)).await;
        None
    }

    /// Every run's journal, read from the bot's own store once the bot is gone.
    pub(crate) async fn journals(&self, runs: &[Value]) -> Vec<Vec<Entry>> {
        assert!(self.bot.is_none(), "only one process can have the store open");
        let store = ostler::store::open(&format!("sled://{}", self.data().display())).unwrap();
        let mut journals = Vec::new();
        for run in runs {
            let id: RunId = run["id"].as_str().unwrap().parse().unwrap();
            journals.push(store.load(id).await.unwrap().expect("a run has a journal").entries);
        }
        journals
    }

    /// How many records all journals hold that bring their run any further, read as [`World::journals`] does.
    pub(crate) async fn records(&self) -> usize {
        assert!(self.bot.is_none(), "only one process can have the store open");
        let store = ostler::store::open(&format!("sled://{}", self.data().display())).unwrap();
        let Ok(Found::Runs(runs)) = store.query(Query::Runs { before: None, limit: 100 }).await else {
            panic!("the store does not say which runs there are");
        };
        let mut records = 0;
        for run in runs {
            let journal = store.load(run.id).await.unwrap().expect("a run has a journal");
            let is_news =
                |entry: &&Entry| !matches!(&entry.record, Record::Fact { name, .. } if name.starts_with('@'));
            records += journal.entries.iter().filter(is_news).count();
        }
        records
    }

    /// The end of what the bot logged, and what it is at.
    fn stuck(&self) -> String {
        let threads = self.bot.as_ref().map(Process::threads).unwrap_or_default();
        format!("{}\n{threads}", self.log())
    }

    /// The end of what the bot logged.
    pub(crate) fn log(&self) -> String {
        let log = std::fs::read_to_string(self.dir.path().join("serve.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }
}
