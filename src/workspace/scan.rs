//! What kind of repository this is: its languages, what it stands on, how it tests and checks itself, and which of
//! its symbols matter.
//!
//! Everything is read from the base commit. What an agent changed decides nothing here, and the same base and task
//! give the same bytes: a conversation begins with them.

mod base;
mod command;
mod framework;
mod landmark;
mod language;
mod manifest;
#[cfg(feature = "symbols")]
mod symbol;
mod tell;

use serde::{Deserialize, Serialize};

use self::base::BaseFile;
use super::{Workspace, WorkspaceError};

/// What kind of repository this is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    /// How many files of its own it has.
    pub files: usize,
    /// Its languages, the one with most bytes first.
    pub languages: Vec<Language>,
    /// The frameworks that its dependencies tell of.
    pub frameworks: Vec<String>,
    /// What its manifests ask for.
    pub dependencies: Vec<Dependency>,
    /// The command that runs its tests: the one by which the gate judges.
    pub test_command: Option<String>,
    /// The commands that format and check it.
    pub checks: Vec<Command>,
    /// The files in which its programs begin.
    pub entry_points: Vec<String>,
    /// The files that say how it is worked on.
    pub conventions: Vec<String>,
}

/// A language of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Language {
    /// Its name.
    pub name: String,
    /// How many files are written in it.
    pub files: usize,
    /// How many bytes they have.
    pub bytes: u64,
    /// Its share of the bytes of all languages, in percent, rounded down.
    pub percent: u64,
}

/// Something that a manifest asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dependency {
    /// Its name.
    pub name: String,
    /// The version that is asked for; empty where none is, or where it is more than a version.
    pub requirement: String,
    /// The manifest.
    pub manifest: String,
}

/// A command that a repository is worked on with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The command.
    pub command: String,
    /// The file that says so.
    pub said_by: String,
}

/// What is known of a repository before anybody has looked into it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overview {
    /// What kind of repository it is.
    pub scan: Scan,
    /// Its symbols, those that matter most: none where no file could be read, or this build reads none.
    pub map: Option<String>,
}

/// Tokens of a map.
#[cfg(feature = "symbols")]
const MAP_TOKENS: usize = 2_000;
/// Manifests that are read.
const MOST_MANIFESTS: usize = 40;
/// Bytes of a manifest.
const MANIFEST_BYTES: u64 = 512 << 10;
/// Files at the root that say how the repository is worked on, besides its manifests.
const SAYING: &[&str] = &["Makefile", "justfile", "package.json", "pyproject.toml"];

impl Workspace {
    /// The command that runs the repository's own tests, as its base says it.
    ///
    /// # Errors
    /// When git fails.
    pub async fn test_command(&self) -> Result<Option<String>, WorkspaceError> {
        let paths = self.paths(&self.base).await?;
        let mut texts = Vec::new();
        for name in SAYING {
            if let Some(text) = self.text_in(&self.base, name).await {
                texts.push(((*name).to_owned(), text));
            }
        }
        Ok(command::test_command(&paths, |name| named(&texts, name)).map(str::to_owned))
    }

    /// What is known of the repository before anybody has looked into it. The words of a task say which of its
    /// symbols matter most.
    ///
    /// # Errors
    /// When git fails.
    pub async fn overview(&self, task: &str) -> Result<Overview, WorkspaceError> {
        let all = self.base_files().await?;
        let scan = self.scan(&all).await?;
        let map = self.map(&all, task).await?;
        Ok(Overview { scan, map })
    }

    async fn scan(&self, all: &[BaseFile]) -> Result<Scan, WorkspaceError> {
        let own: Vec<&BaseFile> = all.iter().filter(|file| !base::is_foreign(&file.path)).collect();
        let read = |file: &&&BaseFile| {
            let is_said = SAYING.contains(&file.path.as_str());
            (is_said || manifest::is_manifest(&file.path)) && file.bytes <= MANIFEST_BYTES
        };
        let mut wanted: Vec<&BaseFile> = own.iter().filter(read).copied().collect();
        wanted.sort_by_key(|file| (file.path.matches('/').count(), &file.path));
        wanted.truncate(MOST_MANIFESTS);
        let texts = self.texts(&wanted).await?;
        let paths: Vec<String> = all.iter().map(|file| file.path.clone()).collect();
        let dependencies = manifest::dependencies(&texts);
        let own_paths: Vec<&str> = own.iter().map(|file| file.path.as_str()).collect();
        Ok(Scan {
            files: own.len(),
            languages: language::shares(&own),
            frameworks: framework::of(&dependencies),
            dependencies,
            test_command: command::test_command(&paths, |name| named(&texts, name)).map(str::to_owned),
            checks: command::checks(&paths, |name| named(&texts, name)),
            entry_points: landmark::entry_points(&own_paths),
            conventions: landmark::conventions(&own_paths),
        })
    }

    #[cfg(feature = "symbols")]
    async fn map(&self, all: &[BaseFile], task: &str) -> Result<Option<String>, WorkspaceError> {
        let texts = self.texts(&symbol::wanted(all)).await?;
        let task = task.to_owned();
        let mapped = tokio::task::spawn_blocking(move || symbol::map(&texts, &task, MAP_TOKENS)).await;
        // Nobody needs a map so much that the work should fail for it.
        Ok(mapped.unwrap_or_default())
    }

    #[cfg(not(feature = "symbols"))]
    async fn map(&self, _: &[BaseFile], _: &str) -> Result<Option<String>, WorkspaceError> {
        Ok(None)
    }
}

fn named<'a>(texts: &'a [(String, String)], name: &str) -> Option<&'a str> {
    texts.iter().find(|(path, _)| path == name).map(|(_, text)| text.as_str())
}

#[cfg(test)]
mod tests;
