//! `bash`: one command in the sandbox.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Given, Room};
use crate::workspace::Output;

/// A command.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bash {
    /// The command, as for `sh -c`.
    cmd: String,
    /// Seconds that it may take; 120 unless given.
    #[serde(default)]
    #[schemars(range(min = 1, max = MOST_SECONDS))]
    timeout: Option<u64>,
}

pub(super) const ABOUT: &str = "Runs one shell command in the repository's root, in a sandbox without \
    network, and gives its exit code and output. Each command is a process of its own: directory and \
    variables do not last.";

/// Seconds that a command may take unless it says otherwise.
const USUAL_SECONDS: u64 = 120;
/// Seconds that a command may ask for.
const MOST_SECONDS: u64 = 600;

impl Bash {
    pub(super) async fn run(self, room: &Room<'_>) -> Given {
        let asked = self.timeout.unwrap_or(USUAL_SECONDS).clamp(1, MOST_SECONDS);
        let limit = Duration::from_secs(asked).min(room.left).max(Duration::from_secs(1));
        let output = room.bench.shell(&self.cmd, limit).await?;
        Ok(told(&output, limit))
    }
}

fn told(output: &Output, limit: Duration) -> String {
    let ending = match output.code {
        _ if output.timed_out => format!("stopped after {} s", limit.as_secs()),
        Some(code) => format!("exit code {code}"),
        None => "ended by a signal".to_owned(),
    };
    if output.text.trim().is_empty() {
        return format!("[{ending}, no output]");
    }
    format!("[{ending}]\n{}", output.text)
}
