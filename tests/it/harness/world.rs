//! Twins and a bot, and what can be done to them.

use std::time::{Duration, Instant};

use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::process::{Process, free_port};
use super::sign::Delivery;
use super::state::State;

/// The twins, a bot that is set up for them, and a directory that both live in.
#[derive(Debug)]
pub(crate) struct World {
    dir: TempDir,
    twins_port: u16,
    bot_port: u16,
    environment: Vec<(&'static str, String)>,
    _twins: Process,
    bot: Option<Process>,
    client: Client,
}

impl World {
    /// Starts the twins and the bot.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts the twins and the bot, the bot with these environment variables besides.
    pub(crate) async fn start_with(environment: &[(&'static str, &str)]) -> Self {
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
        // A connection that is kept would be one to a process that was killed since.
        let client = Client::builder().timeout(Duration::from_secs(60)).pool_max_idle_per_host(0);
        let client = client.build().unwrap();
        let mut world =
            Self { dir, twins_port, bot_port, environment: variables, _twins: twins, bot: None, client };
        world.restart();
        world
    }

    /// The directory that everything lives in; the bot's is `data` in it.
    pub(crate) fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// Starts the bot on the data that is there.
    pub(crate) fn restart(&mut self) {
        let config = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/twins.yaml");
        let listen = format!("127.0.0.1:{}", self.bot_port);
        let data = self.dir.path().join("data");
        let arguments = ["serve", "--config", config, "--listen", &listen, "--data", data.to_str().unwrap()];
        let environment: Vec<(&str, &str)> =
            self.environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.bot = Some(Process::start(&arguments, self.dir.path(), &environment));
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
    pub(crate) fn terminate(&mut self) -> std::process::ExitStatus {
        self.bot.take().expect("the bot runs").terminate()
    }

    /// Whether the bot's process is still there.
    pub(crate) fn is_alive(&self) -> bool {
        let id = self.bot.as_ref().map(Process::id);
        id.is_some_and(|id| {
            std::fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
        })
    }

    /// Lets a person act; gives what the twins say of it.
    pub(crate) async fn act(&self, act: Value) -> Value {
        self.twin("act", &act).await
    }

    /// Breaks something in the outside world.
    pub(crate) async fn fault(&self, fault: Value) {
        self.twin("faults", &fault).await;
    }

    /// Sends every delivery again that has not been answered 2xx.
    pub(crate) async fn redeliver(&self) -> Value {
        self.twin("redeliver", &json!({})).await
    }

    async fn twin(&self, what: &str, body: &Value) -> Value {
        let url = format!("http://127.0.0.1:{}/twin/{what}", self.twins_port);
        let answer = self.client.post(url).json(body).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{what} {body}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Everything that the outside world holds.
    pub(crate) async fn state(&self) -> State {
        let url = format!("http://127.0.0.1:{}/twin/state", self.twins_port);
        State(self.client.get(url).send().await.unwrap().json().await.unwrap())
    }

    /// Sends a delivery to the bot.
    pub(crate) async fn deliver(&self, delivery: &Delivery) -> Response {
        let url = format!("http://127.0.0.1:{}{}", self.bot_port, delivery.path);
        let request = self.client.post(url).headers(delivery.headers.clone()).body(delivery.body.clone());
        request.send().await.unwrap()
    }

    /// Sends a delivery and gives the answer's status and JSON.
    pub(crate) async fn answer(&self, delivery: &Delivery) -> (StatusCode, Value) {
        let answer = self.deliver(delivery).await;
        let status = answer.status();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or(Value::Null))
    }

    /// What the bot keeps, by its admin socket.
    pub(crate) async fn ask(&self, path: &str) -> Value {
        let socket = self.dir.path().join("data/admin.sock");
        let client = Client::builder().unix_socket(socket).build().unwrap();
        client.get(format!("http://ostler/api/v1/{path}")).send().await.unwrap().json().await.unwrap()
    }

    /// The bot's runs, newest first.
    pub(crate) async fn runs(&self) -> Vec<Value> {
        self.ask("runs").await["runs"].as_array().cloned().unwrap_or_default()
    }

    /// Waits until there are `count` runs and none is open, and gives them.
    pub(crate) async fn settle(&self, count: usize) -> Vec<Value> {
        let deadline = Instant::now() + Duration::from_secs(180);
        loop {
            let runs = self.runs().await;
            if runs.len() >= count && runs.iter().all(|run| run["status"] != "open") {
                return runs;
            }
            assert!(Instant::now() < deadline, "not settled: {runs:#?}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The end of what the bot logged.
    pub(crate) fn log(&self) -> String {
        let log = std::fs::read_to_string(self.dir.path().join("serve.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }
}
