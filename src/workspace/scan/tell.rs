//! A scan in words, for a model or a person.

use std::fmt::{self, Display, Formatter};

use super::{Dependency, Language, Overview, Scan};

/// Dependencies that are named.
const NAMED: usize = 40;

impl Display for Overview {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.scan)?;
        match &self.map {
            Some(map) => write!(f, "\nThe symbols that most others refer to, by file and line:\n{map}"),
            None => Ok(()),
        }
    }
}

impl Display for Scan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let language = |found: &Language| {
            let files = if found.files == 1 { "file" } else { "files" };
            format!("{} {} % ({} {files})", found.name, found.percent, found.files)
        };
        line(f, "Languages", self.languages.iter().map(language).collect())?;
        line(f, "Frameworks", self.frameworks.clone())?;
        line(f, "Dependencies", dependencies(&self.dependencies))?;
        line(f, "Tests", self.test_command.iter().map(|command| format!("`{command}`")).collect())?;
        let check = |said: &super::Command| format!("`{}` ({})", said.command, said.said_by);
        line(f, "Format and checks", self.checks.iter().map(check).collect())?;
        line(f, "Programs begin in", self.entry_points.clone())?;
        line(f, "How it is worked on", self.conventions.clone())
    }
}

/// One line; none where there is nothing to say.
fn line(f: &mut Formatter<'_>, what: &str, items: Vec<String>) -> fmt::Result {
    if items.is_empty() {
        return Ok(());
    }
    // A file may be called anything, also something that begins a line of its own.
    let items: String = items.join(", ").chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    writeln!(f, "{what}: {items}")
}

fn dependencies(all: &[Dependency]) -> Vec<String> {
    let told = |found: &Dependency| format!("{} {}", found.name, found.requirement).trim_end().to_owned();
    let mut names: Vec<String> = Vec::new();
    for name in all.iter().map(told) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    if more > 0 {
        names.push(format!("and {more} more"));
    }
    names
}
