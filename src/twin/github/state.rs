//! What GitHub knows besides what is in git.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::Refusal;
use super::app::Pending;
use super::check::Check;
use super::review::Review;
use super::webhook::Webhook;
use crate::twin::TwinError;
use crate::twin::git::Repositories;
use crate::twin::seed::{LabelSeed, PullSeed, RepositorySeed, Seed};

/// Everything of GitHub that is not in git.
#[derive(Debug, Default)]
pub(in crate::twin) struct State {
    pub(in crate::twin) repositories: BTreeMap<String, Repository>,
    pub(super) pending_apps: Vec<Pending>,
    last_id: u64,
}

/// A repository.
#[derive(Debug)]
pub(in crate::twin) struct Repository {
    pub(super) id: u64,
    /// `owner/name`.
    pub(super) name: String,
    pub(super) description: String,
    pub(super) writers: Vec<String>,
    pub(super) labels: Vec<Label>,
    /// Issues and pull requests share their numbers.
    pub(in crate::twin) issues: BTreeMap<u64, Issue>,
    pub(super) hooks: Vec<Webhook>,
    /// What happened to issues and pull requests, oldest first.
    pub(super) events: Vec<Event>,
    /// What checks said of commits, oldest first.
    pub(super) checks: Vec<Check>,
    pub(super) created: Timestamp,
}

/// A label that a repository has.
#[derive(Debug, Clone)]
pub(super) struct Label {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) color: String,
    pub(super) description: String,
}

/// An issue; a pull request is one too.
#[derive(Debug, Clone)]
pub(in crate::twin) struct Issue {
    pub(super) id: u64,
    pub(in crate::twin) number: u64,
    pub(in crate::twin) title: String,
    pub(in crate::twin) body: Option<String>,
    pub(in crate::twin) author: String,
    pub(super) labels: Vec<String>,
    pub(super) assignees: Vec<String>,
    pub(super) open: bool,
    /// Why it was closed, or opened again.
    pub(super) reason: Option<String>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) comments: Vec<Comment>,
    pub(super) reviews: Vec<Review>,
    pub(in crate::twin) pull: Option<Pull>,
}

/// What makes an issue a pull request.
#[derive(Debug, Clone)]
pub(in crate::twin) struct Pull {
    pub(super) head: String,
    pub(in crate::twin) head_sha: String,
    pub(super) base: String,
    pub(in crate::twin) base_sha: String,
    pub(super) draft: bool,
    /// When it was merged.
    pub(super) merged: Option<Timestamp>,
}

/// A comment in a conversation.
#[derive(Debug, Clone)]
pub(in crate::twin) struct Comment {
    pub(super) id: u64,
    pub(super) author: String,
    pub(super) body: String,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
}

/// Something that happened to an issue or a pull request.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) id: u64,
    pub(super) number: u64,
    /// `labeled`, `assigned`, …
    pub(super) action: String,
    pub(super) by: String,
    /// What is particular to the action.
    pub(super) more: Value,
    pub(super) created: Timestamp,
}

/// An issue that is to be.
#[derive(Debug)]
pub(super) struct NewIssue {
    pub(super) title: String,
    pub(super) body: Option<String>,
    pub(super) author: String,
    pub(super) pull: Option<Pull>,
}

impl State {
    pub(in crate::twin) async fn seeded(
        seed: &Seed,
        repositories: &Repositories,
        now: Timestamp,
    ) -> Result<Self, TwinError> {
        let mut state = Self { last_id: 5_000, ..Self::default() };
        for wanted in &seed.repositories {
            state.add_repository(wanted, &seed.labels, now);
            for issue in &wanted.issues {
                let (title, body) = (issue.title.clone(), Some(issue.body.clone()));
                let new = NewIssue { title, body, author: issue.author.clone(), pull: None };
                state.add_issue(&wanted.name, new, now);
            }
            for pull in &wanted.pulls {
                let new = seeded_pull(repositories, &wanted.name, pull).await?;
                state.add_issue(&wanted.name, new, now);
            }
        }
        Ok(state)
    }

    fn add_repository(&mut self, wanted: &RepositorySeed, labels: &[LabelSeed], now: Timestamp) {
        let labels = labels.iter().map(|label| Label {
            id: self.next_id(),
            name: label.name.clone(),
            color: label.color.clone(),
            description: label.description.clone(),
        });
        let labels = labels.collect();
        let repository = Repository {
            id: self.next_id(),
            name: wanted.name.clone(),
            description: wanted.description.clone(),
            writers: wanted.writers.clone(),
            labels,
            issues: BTreeMap::new(),
            hooks: Vec::new(),
            events: Vec::new(),
            checks: Vec::new(),
            created: now,
        };
        self.repositories.insert(wanted.name.clone(), repository);
    }

    /// Writes an issue or a pull request down under the repository's next number.
    pub(super) fn add_issue(&mut self, repository: &str, new: NewIssue, now: Timestamp) -> Option<Issue> {
        let id = self.next_id();
        let repository = self.repositories.get_mut(repository)?;
        let number = repository.issues.keys().last().map_or(1, |last| last + 1);
        let issue = Issue {
            id,
            number,
            title: new.title,
            body: new.body,
            author: new.author,
            labels: Vec::new(),
            assignees: Vec::new(),
            open: true,
            reason: None,
            created: now,
            updated: now,
            comments: Vec::new(),
            reviews: Vec::new(),
            pull: new.pull,
        };
        repository.issues.insert(number, issue.clone());
        Some(issue)
    }

    /// Writes a comment down.
    pub(super) fn add_comment(
        &mut self,
        (repository, number): (&str, u64),
        author: &str,
        body: &str,
        now: Timestamp,
    ) -> Result<Comment, Refusal> {
        let id = self.next_id();
        let comment =
            Comment { id, author: author.to_owned(), body: body.to_owned(), created: now, updated: now };
        let issue = self.issue_mut(repository, number)?;
        issue.comments.push(comment.clone());
        issue.updated = now;
        Ok(comment)
    }

    /// The label of this name in a repository, made if it is not there.
    pub(super) fn label(&mut self, repository: &str, name: &str) -> Result<Label, Refusal> {
        let id = self.next_id();
        let repository = self.repositories.get_mut(repository).ok_or_else(Refusal::missing)?;
        if let Some(label) = repository.labels.iter().find(|label| label.name.eq_ignore_ascii_case(name)) {
            return Ok(label.clone());
        }
        let label = Label { id, name: name.to_owned(), color: "ededed".into(), description: String::new() };
        repository.labels.push(label.clone());
        Ok(label)
    }

    pub(in crate::twin) fn repository(&self, name: &str) -> Result<&Repository, Refusal> {
        self.repositories.get(name).ok_or_else(Refusal::missing)
    }

    pub(super) fn repository_mut(&mut self, name: &str) -> Result<&mut Repository, Refusal> {
        self.repositories.get_mut(name).ok_or_else(Refusal::missing)
    }

    pub(in crate::twin) fn issue(&self, repository: &str, number: u64) -> Result<&Issue, Refusal> {
        self.repository(repository)?.issues.get(&number).ok_or_else(Refusal::missing)
    }

    pub(super) fn issue_mut(&mut self, repository: &str, number: u64) -> Result<&mut Issue, Refusal> {
        let repository = self.repositories.get_mut(repository).ok_or_else(Refusal::missing)?;
        repository.issues.get_mut(&number).ok_or_else(Refusal::missing)
    }

    /// The number of the issue under which a comment stands.
    pub(super) fn commented(&self, repository: &str, id: u64) -> Result<u64, Refusal> {
        let has = |issue: &&Issue| issue.comments.iter().any(|comment| comment.id == id);
        let found = self.repository(repository)?.issues.values().find(has);
        Ok(found.ok_or_else(Refusal::missing)?.number)
    }

    /// Takes a push into account: the open pull requests of a branch stand at its new commit, and are closed where
    /// there is none.
    pub(super) fn branch_moved(&mut self, repository: &str, branch: &str, sha: Option<&str>) -> Vec<u64> {
        let Some(repository) = self.repositories.get_mut(repository) else { return Vec::new() };
        let mut moved = Vec::new();
        for issue in repository.issues.values_mut().filter(|issue| issue.open) {
            if let Some(pull) = issue.pull.as_mut().filter(|pull| pull.head == branch) {
                match sha {
                    Some(sha) => sha.clone_into(&mut pull.head_sha),
                    None => issue.open = false,
                }
                moved.push(issue.number);
            }
        }
        moved
    }

    /// Writes down what happened to an issue.
    pub(super) fn note(
        &mut self,
        (repository, number): (&str, u64),
        (action, by): (&str, &str),
        more: &Value,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let id = self.next_id();
        self.issue_mut(repository, number)?.updated = now;
        let (action, by, more) = (action.to_owned(), by.to_owned(), more.clone());
        let event = Event { id, number, action, by, more, created: now };
        self.repository_mut(repository)?.events.push(event);
        Ok(())
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

async fn seeded_pull(
    repositories: &Repositories,
    repository: &str,
    pull: &PullSeed,
) -> Result<NewIssue, TwinError> {
    let heads = repositories.heads(repository).await?;
    let head = |branch: &str| {
        let message = format!("{repository} has no branch {branch}");
        let wrong = || TwinError::Fixture { file: "fixtures/world.yaml".into(), message };
        heads.get(branch).cloned().ok_or_else(wrong)
    };
    let (head_sha, base_sha) = (head(&pull.head)?, head("main")?);
    let place = Pull {
        head: pull.head.clone(),
        head_sha,
        base: "main".to_owned(),
        base_sha,
        draft: false,
        merged: None,
    };
    let (title, body) = (pull.title.clone(), Some(pull.body.clone()));
    Ok(NewIssue { title, body, author: pull.author.clone(), pull: Some(place) })
}
