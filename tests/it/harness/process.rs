//! A process of the real binary.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A child that dies with its owner.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// Starts `ostler` and waits until it says that it listens.
    pub(crate) fn start(arguments: &[&str], directory: &Path, environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ostler"));
        command.args(arguments).current_dir(directory).envs(environment.iter().copied());
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(directory.join(format!("{}.log", arguments[0])));
        let mut child = command.stdout(Stdio::piped()).stderr(log.unwrap()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        match lines.next() {
            Some(Ok(line)) if line.contains("http://") => {}
            other => {
                let log = std::fs::read_to_string(directory.join(format!("{}.log", arguments[0])));
                panic!("ostler {arguments:?} did not come up: {other:?}\n{}", log.unwrap_or_default());
            }
        }
        // The pipe must stay open and empty, or a later line would end the process.
        std::thread::spawn(move || lines.for_each(drop));
        Self(child)
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Asks it to end, and waits for it.
    pub(crate) fn terminate(&mut self) -> std::process::ExitStatus {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.0.wait().unwrap()
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
