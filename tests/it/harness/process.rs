//! A process of the real binary.

use std::fs::{DirEntry, OpenOptions};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// How long a process may take until it listens.
const START: Duration = Duration::from_secs(60);

/// A child that dies with its owner.
#[derive(Debug)]
pub(crate) struct Process {
    born: Instant,
    child: Child,
    log: PathBuf,
    listens: Arc<AtomicBool>,
}

impl Process {
    /// Starts `ostler` and waits until it says that it listens.
    pub(crate) fn start(arguments: &[&str], directory: &Path, environment: &[(&str, &str)]) -> Self {
        let mut process = Self::spawn(arguments, directory, environment);
        let deadline = Instant::now() + START;
        while !process.listens() {
            let alive = process.is_alive() && Instant::now() < deadline;
            assert!(alive, "ostler {arguments:?} did not come up\n{}", process.log());
            std::thread::sleep(Duration::from_millis(5));
        }
        process
    }

    /// Starts `ostler` and waits for nothing.
    pub(crate) fn spawn(arguments: &[&str], directory: &Path, environment: &[(&str, &str)]) -> Self {
        let log = directory.join(format!("{}.log", arguments[0]));
        let mut command = Command::new(env!("CARGO_BIN_EXE_ostler"));
        command.args(arguments).current_dir(directory).envs(environment.iter().copied());
        let errors = OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let born = Instant::now();
        let mut child = command.stdout(Stdio::piped()).stderr(errors).spawn().unwrap();
        let listens = Arc::new(AtomicBool::new(false));
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // The pipe must stay open and empty, or a later line would end the process.
        std::thread::spawn({
            let listens = Arc::clone(&listens);
            move || {
                for line in lines.map_while(Result::ok) {
                    listens.fetch_or(line.contains("http://"), Ordering::Release);
                }
            }
        });
        Self { born, child, log, listens }
    }

    /// Whether it has said that it listens.
    pub(crate) fn listens(&self) -> bool {
        self.listens.load(Ordering::Acquire)
    }

    /// How many milliseconds the first bot of a directory needs from its birth until it knows its sandbox, without
    /// which no step is done, here and now: a run that is taken up ten times in lives that are shorter is rightly
    /// taken for poison.
    pub(crate) async fn millis_to_come_up(&self) -> u64 {
        while !self.log().contains("sandbox: level") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        u64::try_from(self.born.elapsed().as_millis()).unwrap()
    }

    /// Whether it has not ended.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// The number by which the system knows it.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What each of its threads is at: its name, its state, the processor's time that it had, and where it waits. For
    /// people who wonder why nothing goes on.
    pub(crate) fn threads(&self) -> String {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id()));
        let read = |task: std::io::Result<DirEntry>| {
            let read = |file| std::fs::read_to_string(task.as_ref().ok()?.path().join(file)).ok();
            let (stat, wchan) = (read("stat")?, read("wchan")?);
            let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
            let fields: Vec<&str> = rest.split_whitespace().collect();
            Some(format!("{name}: {} {}+{} {wchan}\n", fields.first()?, fields.get(11)?, fields.get(12)?))
        };
        tasks.into_iter().flatten().filter_map(read).collect()
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and waits for it.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.ended()
    }

    /// Waits for its end, which may be past.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A port that was free a moment ago, and is none of those that the system gives to outgoing connections:
/// such a port may be gone when the process that had it is started again.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + u16::try_from(std::process::id() % 220).unwrap() * 100;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 1_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
