//! The tasks: `fixtures/tasks`, which is in the binary.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use rust_embed::RustEmbed;
use serde::Deserialize;

use crate::twin::SeedFile;

#[derive(RustEmbed)]
#[folder = "fixtures/tasks/"]
struct Files;

/// A fault in a small repository, and what is to come of it.
#[derive(Debug, Clone)]
pub(super) struct Task {
    /// Its name: that of its folder.
    pub(super) name: String,
    /// What it says of itself.
    pub(super) about: About,
    /// The repository, some of whose tests are red.
    pub(super) base: Vec<SeedFile>,
    /// The tests that nobody sees who works on it.
    pub(super) hidden: Vec<SeedFile>,
    /// What models do to the repository, by the models' names.
    pub(super) patches: BTreeMap<String, String>,
}

/// `task.yaml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct About {
    /// What it is written in.
    pub(super) language: String,
    /// The programs that the sandbox must have.
    pub(super) needs: Vec<String>,
    /// How its README says that its tests are run.
    pub(super) test: String,
    /// The file that holds the red tests.
    pub(super) red: String,
    /// Runs the hidden tests, which lie in `.acceptance`; succeeds and writes `accepted` where all pass.
    pub(super) accept: String,
    /// The issue's title.
    pub(super) title: String,
    /// The issue.
    pub(super) issue: String,
}

impl Task {
    /// All tasks, by their names.
    pub(super) fn all() -> anyhow::Result<Vec<Self>> {
        let folders = Files::iter().filter_map(|path| Some(path.split_once('/')?.0.to_owned()));
        folders
            .collect::<BTreeSet<_>>()
            .into_iter()
            .map(|name| Self::read(name.clone()).context(name))
            .collect()
    }

    fn read(name: String) -> anyhow::Result<Self> {
        let about = Files::get(&format!("{name}/task.yaml")).context("it has no `task.yaml`")?;
        let patches = within(&format!("{name}/")).into_iter().filter_map(|file| {
            let model = file.path.strip_suffix(".patch").filter(|path| !path.contains('/'))?;
            Some((model.to_owned(), String::from_utf8(file.bytes).ok()?))
        });
        Ok(Self {
            about: serde_saphyr::from_slice(&about.data)?,
            base: within(&format!("{name}/base/")),
            hidden: within(&format!("{name}/hidden/")),
            patches: patches.collect(),
            name,
        })
    }
}

/// The files below a place, their paths from there.
fn within(prefix: &str) -> Vec<SeedFile> {
    let below = |path: &str| {
        let bytes = Files::get(path)?.data.into_owned();
        Some(SeedFile { path: path.strip_prefix(prefix)?.to_owned(), bytes })
    };
    Files::iter().filter_map(|path| below(&path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_whole_and_five_languages_are_there() {
        let tasks = Task::all().unwrap();
        let languages: BTreeSet<_> = tasks.iter().map(|task| task.about.language.clone()).collect();
        assert!(tasks.len() >= 6 && languages.len() >= 5, "{languages:?}");
        for task in &tasks {
            assert!(task.patches.contains_key("gold") && task.patches.contains_key("wrong"), "{}", task.name);
            assert!(task.base.iter().any(|file| file.path == task.about.red), "{}: no red tests", task.name);
            assert!(!task.hidden.is_empty(), "{}: nothing hidden", task.name);
            let shown =
                task.base.iter().any(|file| task.hidden.iter().any(|hidden| hidden.bytes == file.bytes));
            assert!(!shown, "{}: what is hidden is shown", task.name);
        }
    }
}
