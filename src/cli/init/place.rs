//! Writing files: all of them or none, never over what is there.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde::Serialize;
use similar::TextDiff;

use super::plan::File;
use crate::config::SECRETS;
use crate::config::environment::variables;

/// A file that is now there.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Written {
    pub(super) file: String,
    /// `written`, `completed` or `unchanged`.
    pub(super) how: &'static str,
}

/// What is to become of a file.
struct Step {
    file: File,
    how: &'static str,
    /// What would be lost, for people.
    loses: Option<String>,
}

/// The secrets that a project keeps already.
pub(super) fn kept_secrets(dir: &Path) -> BTreeMap<String, String> {
    fs::read_to_string(dir.join(SECRETS)).map(|text| variables(&text)).unwrap_or_default()
}

/// Writes the files; where one is there and differs, none of them, unless that is wanted.
pub(super) fn write(dir: &Path, files: Vec<File>, force: bool) -> anyhow::Result<Vec<Written>> {
    let steps: Vec<_> = files.into_iter().map(|file| step(dir, file)).collect::<anyhow::Result<_>>()?;
    let lost: Vec<_> = steps.iter().filter_map(|step| step.loses.as_deref()).collect();
    if !lost.is_empty() && !force {
        bail!(
            "nothing was written, for this is there and differs (--force writes over it):\n{}",
            lost.join("\n")
        );
    }
    let mut written = Vec::new();
    for step in steps {
        if step.how != UNCHANGED {
            put(dir, &step.file)?;
        }
        written.push(Written { file: step.file.name, how: step.how });
    }
    Ok(written)
}

/// Makes sure that none of these files is there, before something is made that can be made once only.
pub(super) fn expect_free(dir: &Path, names: &[&str], force: bool) -> anyhow::Result<()> {
    let there = names.iter().find(|name| !force && dir.join(name).exists());
    there.map_or(Ok(()), |name| bail!("{} is there (--force writes over it)", dir.join(name).display()))
}

const UNCHANGED: &str = "unchanged";

fn step(dir: &Path, mut file: File) -> anyhow::Result<Step> {
    let path = dir.join(&file.name);
    let there = match fs::read_to_string(&path) {
        Ok(there) => there,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Step { file, how: "written", loses: None });
        }
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    if file.name == SECRETS {
        let changed = changed(&there, &file.text);
        file.text = completed(&there, &file.text);
        let loses = (!changed.is_empty()).then(|| format!("{}: {}", path.display(), changed.join(", ")));
        let how = if file.text == there && is_private(&path) { UNCHANGED } else { "completed" };
        return Ok(Step { file, how, loses });
    }
    // Somebody's own list of what is ignored is theirs.
    if there == file.text || file.name == ".gitignore" {
        return Ok(Step { file, how: UNCHANGED, loses: None });
    }
    if file.made {
        return Ok(Step { file, how: "written", loses: None });
    }
    let shown = path.display().to_string();
    let diff = TextDiff::from_lines(&there, &file.text);
    let diff = diff.unified_diff().header(&shown, "as it would be written").to_string();
    Ok(Step { file, how: "written", loses: Some(diff) })
}

/// The variables that are there with another value: their names, for the values are secrets.
fn changed(there: &str, wanted: &str) -> Vec<String> {
    let (there, wanted) = (variables(there), variables(wanted));
    let differs = |(name, value): &(&String, &String)| {
        there.get(*name).is_some_and(|kept| !kept.is_empty() && kept != *value)
    };
    wanted.iter().filter(differs).map(|(name, _)| name.clone()).collect()
}

/// The file that is there, with the values that are wanted, and what it lacks at its end.
fn completed(there: &str, wanted: &str) -> String {
    let values = variables(wanted);
    let name_of = |line: &str| variables(line).into_keys().next();
    let mut text = String::new();
    for line in there.lines() {
        match name_of(line).and_then(|name| values.get_key_value(&name)) {
            Some((name, value)) if variables(line).get(name) != Some(value) => {
                text.push_str(&format!("{name}='{value}'"));
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    let known = variables(there);
    let lacking = wanted.lines().filter(|line| name_of(line).is_some_and(|name| !known.contains_key(&name)));
    text.extend(lacking.flat_map(|line| [line, "\n"]));
    text
}

fn is_private(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 == 0)
}

/// Writes a file whole: beside its place, then into it, so that nobody sees half of it, or a secret before its
/// rights are set.
fn put(dir: &Path, file: &File) -> anyhow::Result<()> {
    let path = dir.join(&file.name);
    let shown = || path.display().to_string();
    let parent = path.parent().unwrap_or(dir);
    fs::create_dir_all(parent).with_context(shown)?;
    let mut fresh = tempfile::NamedTempFile::new_in(parent).with_context(shown)?;
    fresh.write_all(file.text.as_bytes()).with_context(shown)?;
    let mode = if file.private { 0o600 } else { 0o644 };
    fresh.as_file().set_permissions(Permissions::from_mode(mode)).with_context(shown)?;
    fresh.persist(&path).with_context(shown)?;
    Ok(())
}
