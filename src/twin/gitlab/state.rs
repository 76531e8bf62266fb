//! What GitLab knows besides what is in git.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Refusal;
use super::event::{self, Event};
use super::webhook::Webhook;
use crate::twin::TwinError;
use crate::twin::git::Repositories;
use crate::twin::seed::{PullSeed, RepositorySeed, Seed};

/// Everything of GitLab that is not in git.
#[derive(Debug, Default)]
pub(in crate::twin) struct State {
    pub(super) projects: BTreeMap<String, Project>,
    last_id: u64,
}

/// A project.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) id: u64,
    /// Its path with those of the groups that it is in.
    pub(super) path: String,
    pub(super) description: String,
    /// Who has the role Developer in it.
    pub(super) developers: Vec<String>,
    pub(super) issues: BTreeMap<u64, Item>,
    /// Merge requests count for themselves.
    pub(super) changes: BTreeMap<u64, Item>,
    pub(super) hooks: Vec<Webhook>,
}

/// Where an issue or a merge request is.
#[derive(Debug, Clone)]
pub(in crate::twin) struct Place {
    /// The project's path.
    pub(in crate::twin) project: String,
    /// Whether it is a merge request.
    pub(in crate::twin) change: bool,
    /// Its number in the project.
    pub(in crate::twin) iid: u64,
}

impl Place {
    /// What the API and the pages call its kind.
    pub(super) fn kind(&self) -> &'static str {
        if self.change { "merge_requests" } else { "issues" }
    }

    /// What events and notes call its kind.
    pub(super) fn noteable(&self) -> &'static str {
        if self.change { "MergeRequest" } else { "Issue" }
    }
}

/// An issue or a merge request.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) id: u64,
    pub(super) iid: u64,
    pub(super) title: String,
    pub(super) description: Option<String>,
    pub(super) author: String,
    pub(super) labels: Vec<String>,
    pub(super) open: bool,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) notes: Vec<Note>,
    /// What was done to its labels and its state.
    pub(super) events: Vec<Event>,
    /// What makes it a merge request.
    pub(super) change: Option<Change>,
}

impl Item {
    /// GitLab's word for whether it is open.
    pub(super) fn state(&self) -> &'static str {
        if self.open { "opened" } else { "closed" }
    }
}

/// What a merge request wants to bring where.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) source: String,
    pub(super) sha: String,
    pub(super) target: String,
    pub(super) base: String,
}

/// A comment.
#[derive(Debug, Clone)]
pub(super) struct Note {
    pub(super) id: u64,
    pub(super) author: String,
    pub(super) body: String,
    pub(super) created: Timestamp,
}

/// An issue or a merge request that is to be.
#[derive(Debug)]
pub(super) struct New {
    pub(super) title: String,
    pub(super) description: Option<String>,
    pub(super) author: String,
    pub(super) labels: Vec<String>,
    pub(super) change: Option<Change>,
}

impl State {
    pub(in crate::twin) async fn seeded(
        seed: &Seed,
        repositories: &Repositories,
        now: Timestamp,
    ) -> Result<Self, TwinError> {
        let mut state = Self { last_id: 7_000, ..Self::default() };
        for wanted in &seed.projects_of_gitlab {
            state.add_project(wanted);
            for issue in &wanted.issues {
                let (title, description) = (issue.title.clone(), Some(issue.body.clone()));
                let author = issue.author.clone();
                let new = New { title, description, author, labels: Vec::new(), change: None };
                state.add(&wanted.name, new, now);
            }
            for pull in &wanted.pulls {
                let new = seeded_change(repositories, &wanted.name, pull).await?;
                state.add(&wanted.name, new, now);
            }
        }
        Ok(state)
    }

    fn add_project(&mut self, wanted: &RepositorySeed) {
        let project = Project {
            id: self.next_id(),
            path: wanted.name.clone(),
            description: wanted.description.clone(),
            developers: wanted.writers.clone(),
            issues: BTreeMap::new(),
            changes: BTreeMap::new(),
            hooks: Vec::new(),
        };
        self.projects.insert(wanted.name.clone(), project);
    }

    /// Writes an issue or a merge request down under the next number of its kind.
    pub(super) fn add(&mut self, project: &str, new: New, now: Timestamp) -> Option<Item> {
        let id = self.next_id();
        let made_with = event::between((&[], true), (&new.labels, true), (&new.author, now));
        let events = self.numbered(made_with);
        let project = self.projects.get_mut(project)?;
        let all = if new.change.is_some() { &mut project.changes } else { &mut project.issues };
        let iid = all.keys().last().map_or(1, |last| last + 1);
        let item = Item {
            id,
            iid,
            title: new.title,
            description: new.description,
            author: new.author,
            labels: new.labels,
            open: true,
            created: now,
            updated: now,
            notes: Vec::new(),
            events,
            change: new.change,
        };
        all.insert(iid, item.clone());
        Some(item)
    }

    /// Lets somebody change an issue or a merge request, and writes down what that did to its labels and its state.
    /// Gives it as it was before.
    pub(super) fn alter(
        &mut self,
        place: &Place,
        (by, now): (&str, Timestamp),
        change: impl FnOnce(&mut Item) -> Result<(), Refusal>,
    ) -> Result<Item, Refusal> {
        let before = self.item(place)?.clone();
        let mut after = before.clone();
        change(&mut after)?;
        let done = event::between((&before.labels, before.open), (&after.labels, after.open), (by, now));
        after.events.extend(self.numbered(done));
        after.updated = now;
        *self.item_mut(place)? = after;
        Ok(before)
    }

    fn numbered(&mut self, events: Vec<Event>) -> Vec<Event> {
        events.into_iter().map(|event| event.numbered(self.next_id())).collect()
    }

    /// Writes a comment down.
    pub(super) fn add_note(
        &mut self,
        place: &Place,
        (body, author): (&str, &str),
        now: Timestamp,
    ) -> Result<Note, Refusal> {
        let id = self.next_id();
        let note = Note { id, author: author.to_owned(), body: body.to_owned(), created: now };
        let item = self.item_mut(place)?;
        item.notes.push(note.clone());
        item.updated = now;
        Ok(note)
    }

    /// A project by its path or its number.
    pub(super) fn project(&self, id: &str) -> Result<&Project, Refusal> {
        let by_number = || self.projects.values().find(|project| project.id.to_string() == id);
        self.projects.get(id).or_else(by_number).ok_or_else(|| Refusal::missing("Project"))
    }

    pub(super) fn project_mut(&mut self, id: &str) -> Result<&mut Project, Refusal> {
        let path = self.project(id)?.path.clone();
        self.projects.get_mut(&path).ok_or_else(|| Refusal::missing("Project"))
    }

    pub(super) fn item(&self, place: &Place) -> Result<&Item, Refusal> {
        let project = self.project(&place.project)?;
        let all = if place.change { &project.changes } else { &project.issues };
        all.get(&place.iid).ok_or_else(|| Refusal::missing(""))
    }

    pub(super) fn item_mut(&mut self, place: &Place) -> Result<&mut Item, Refusal> {
        let project = self.project_mut(&place.project)?;
        let all = if place.change { &mut project.changes } else { &mut project.issues };
        all.get_mut(&place.iid).ok_or_else(|| Refusal::missing(""))
    }

    /// Takes a push into account: the open merge requests of a branch stand at its new commit, and are closed where
    /// there is none.
    pub(super) fn branch_moved(&mut self, project: &str, branch: &str, sha: Option<&str>) -> Vec<u64> {
        let Some(project) = self.projects.get_mut(project) else { return Vec::new() };
        let mut moved = Vec::new();
        for item in project.changes.values_mut().filter(|item| item.open) {
            if let Some(change) = item.change.as_mut().filter(|change| change.source == branch) {
                match sha {
                    Some(sha) => sha.clone_into(&mut change.sha),
                    None => item.open = false,
                }
                moved.push(item.iid);
            }
        }
        moved
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

async fn seeded_change(
    repositories: &Repositories,
    project: &str,
    pull: &PullSeed,
) -> Result<New, TwinError> {
    let heads = repositories.heads(project).await?;
    let head = |branch: &str| {
        let message = format!("{project} has no branch {branch}");
        let wrong = || TwinError::Fixture { file: "fixtures/world.yaml".into(), message };
        heads.get(branch).cloned().ok_or_else(wrong)
    };
    let (sha, base) = (head(&pull.head)?, head("main")?);
    let change = Change { source: pull.head.clone(), sha, target: "main".to_owned(), base };
    let (title, description) = (pull.title.clone(), Some(pull.body.clone()));
    let author = pull.author.clone();
    Ok(New { title, description, author, labels: Vec::new(), change: Some(change) })
}
