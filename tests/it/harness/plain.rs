//! A bot with a configuration of its own: one source, one trigger, and runs that write nothing outside.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::process::{Process, free_port};
use super::{Admin, Twins};

/// The secret of its one source.
pub(crate) const SECRET: &str = "plain-secret";

/// How long the bot may take to do what is left.
const PATIENCE: Duration = Duration::from_secs(180);

/// A bot whose one trigger takes each push, and whose runs only look at the forge.
#[derive(Debug)]
pub(crate) struct Plain {
    dir: TempDir,
    port: u16,
    process: Option<Process>,
    admin: Admin,
    twins: Twins,
    _twins: Process,
}

impl Plain {
    /// Twins and the bot's directory; the bot itself does not run yet.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (twins_port, port) = (free_port(), free_port());
        let listen = format!("127.0.0.1:{twins_port}");
        let twins =
            Process::start(&["twins", "--listen", &listen, "--hooks", "http://127.0.0.1:9"], dir.path(), &[]);
        let admin = Admin::of(&dir.path().join("data"));
        let plain = Self { dir, port, process: None, admin, twins: Twins::on(twins_port), _twins: twins };
        let off = "{enabled: false, provider: none}";
        let forge = format!(
            "{{provider: github, options: {{token: twin-github-token, rate_per_second: 10000, burst: 10000, \
             base_url: \"http://{listen}/github/api/v3\", git_url: \"http://{listen}/github/git\"}}}}"
        );
        plain.write(
            "ostler.yaml",
            &format!(
                "system: {{max_concurrent_agents: 16}}\n\
                 sources: {{github: {{secrets: [{SECRET}]}}}}\n\
                 security: {{allow: [\"github:ada\"], sandbox: {{minimum: 0}}}}\n\
                 plugins: {{task_management: {off}, version_control: {forge}, communication: {off}}}\n"
            ),
        );
        plain.write(
            "handlers/pushed.yaml",
            "description: Each push.\non: github.push\nbreaker: off\nrun: note\n",
        );
        plain.write(
            "workflows/note.yaml",
            "name: Note\nsteps:\n  - {name: note, type: system, action: log, inputs: {message: \"${event.push.after}\"}}\n",
        );
        plain
    }

    /// Writes a file of the bot's directory.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.dir().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// What a file of the bot's directory holds.
    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.dir().join(path)).unwrap()
    }

    /// The outside world.
    pub(crate) fn twins(&self) -> &Twins {
        &self.twins
    }

    /// The directory that everything lives in.
    pub(crate) fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// Where the bot listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where the bot takes deliveries.
    pub(crate) fn hook(&self) -> String {
        format!("http://127.0.0.1:{}/webhooks/github", self.port)
    }

    /// Where the bot keeps things.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Starts it and waits for nothing.
    pub(crate) fn spawn(&mut self) {
        let (config, data) = (self.dir.path().join("ostler.yaml"), self.data());
        let listen = format!("127.0.0.1:{}", self.port);
        let arguments = ["serve", "--config", config.to_str().unwrap(), "--listen", &listen];
        let arguments = [&arguments[..], &["--data", data.to_str().unwrap()]].concat();
        self.process = Some(Process::spawn(&arguments, self.dir.path(), &[("OSTLER_LOG", "error")]));
    }

    /// The bot's process.
    pub(crate) fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("the bot runs")
    }

    /// Waits until it listens.
    pub(crate) async fn ready(&mut self) {
        while !self.process().listens() {
            let alive = self.process().is_alive();
            assert!(alive, "the bot ended by itself: {}", self.process().log());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until no run is open.
    pub(crate) async fn settle(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let census = self.census().await;
            if census["open_runs"] == 0 {
                return;
            }
            assert!(Instant::now() < deadline, "not settled: {census}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// How much the bot keeps.
    pub(crate) async fn census(&self) -> Value {
        self.ask("census").await
    }

    /// What the bot says on its admin socket.
    pub(crate) async fn ask(&self, path: &str) -> Value {
        self.admin.ask(path).await.unwrap()
    }
}
