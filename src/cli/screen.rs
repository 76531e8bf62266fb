//! Writing to a terminal: colour where there is one, plain lines elsewhere, and the log.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use tracing_subscriber::EnvFilter;

/// The terminal.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    terminal: bool,
}

/// Good news.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Bad news.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// News to think about.
pub const NOTED: Style = AnsiColor::Yellow.on_default();
/// What matters less.
pub const DIM: Style = Style::new().dimmed();
/// Headings.
pub const BOLD: Style = Style::new().bold();

impl Screen {
    /// The process's own terminal.
    #[must_use]
    pub fn new() -> Self {
        Self { terminal: std::io::stdout().is_terminal() }
    }

    /// Whether a person looks on.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Writes a line to standard output. A closed pipe is the reader's choice, not an error.
    pub fn line(&self, text: impl Display) {
        drop(writeln!(anstream::stdout(), "{text}"));
    }

    /// Writes an error with its causes to standard error.
    pub fn error(&self, error: &anyhow::Error) {
        drop(writeln!(anstream::stderr(), "{BAD}error{BAD:#}: {error:#}"));
    }

    /// Writes a remark to standard error.
    pub fn note(&self, text: impl Display) {
        drop(writeln!(anstream::stderr(), "{DIM}{text}{DIM:#}"));
    }
}

impl Default for Screen {
    fn default() -> Self {
        Self::new()
    }
}

/// Starts the log on standard error, filtered as asked (`debug`, `ostler::engine=trace`); it is JSON where
/// standard error is not a terminal.
pub(super) fn start_log(filter: &str) {
    let filter = EnvFilter::new(filter);
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if std::io::stderr().is_terminal() { log.try_init() } else { log.json().try_init() };
    // A log that is there already (a second start in one process) stays.
    drop(started);
}
