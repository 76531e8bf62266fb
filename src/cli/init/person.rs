//! Whoever answers questions: a person at a terminal, or nobody.

use std::io::{self, IsTerminal as _};

use console::Term;

/// Somebody who can be asked.
pub(super) trait Person {
    /// Whether anybody is there.
    fn is_there(&self) -> bool;

    /// Asks; an empty answer takes what is usual. A secret is not shown while it is typed.
    fn ask(&self, question: &str, usual: Option<&str>, secret: bool) -> io::Result<String>;
}

/// Nobody: every question must be answered beforehand.
#[derive(Debug)]
pub(super) struct Nobody;

impl Person for Nobody {
    fn is_there(&self) -> bool {
        false
    }

    fn ask(&self, _: &str, usual: Option<&str>, _: bool) -> io::Result<String> {
        Ok(usual.unwrap_or_default().to_owned())
    }
}

/// A person at a terminal. Questions go to standard error.
#[derive(Debug)]
pub(super) struct Terminal(Term);

impl Terminal {
    pub(super) fn new() -> Self {
        Self(Term::stderr())
    }

    /// Whether questions can be shown and answered.
    pub(super) fn is_there() -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }
}

impl Person for Terminal {
    fn is_there(&self) -> bool {
        true
    }

    fn ask(&self, question: &str, usual: Option<&str>, secret: bool) -> io::Result<String> {
        let hint = usual.filter(|usual| !usual.is_empty()).map(|usual| format!(" [{usual}]"));
        self.0.write_str(&format!("{question}{}: ", hint.unwrap_or_default()))?;
        let typed = if secret { self.0.read_secure_line()? } else { self.0.read_line()? };
        let typed = typed.trim();
        Ok(if typed.is_empty() { usual.unwrap_or_default() } else { typed }.to_owned())
    }
}
