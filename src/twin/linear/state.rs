//! What Linear knows.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Refusal;
use super::webhook::Webhook;
use crate::id::Digest;
use crate::twin::seed::{LabelSeed, Seed, TeamOfLinearSeed};

/// The statuses of every team, in order.
pub(super) const STATUSES: [Status; 6] = [
    Status { name: "Backlog", kind: "backlog", color: "#bec2c8" },
    Status { name: "Todo", kind: "unstarted", color: "#e2e2e2" },
    Status { name: "In Progress", kind: "started", color: "#f2c94c" },
    Status { name: "In Review", kind: "started", color: "#0f783c" },
    Status { name: "Done", kind: "completed", color: "#5e6ad2" },
    Status { name: "Canceled", kind: "canceled", color: "#95a2b3" },
];

/// The status that an issue begins with, by index.
const FIRST: usize = 1;

/// A status of a team.
#[derive(Debug)]
pub(super) struct Status {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) color: &'static str,
}

/// Everything of Linear.
#[derive(Debug)]
pub(in crate::twin) struct State {
    pub(super) teams: Vec<Team>,
    /// Labels belong to the workspace here.
    pub(super) labels: Vec<LabelSeed>,
    pub(super) issues: BTreeMap<String, Issue>,
    pub(super) hooks: Vec<Webhook>,
    last_id: u64,
}

#[derive(Debug)]
pub(super) struct Team {
    pub(super) key: String,
    pub(super) name: String,
}

/// An issue.
#[derive(Debug, Clone)]
pub(in crate::twin) struct Issue {
    pub(super) id: String,
    pub(super) team: String,
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) description: Option<String>,
    /// One of [`STATUSES`], by index.
    pub(super) status: usize,
    pub(super) labels: Vec<String>,
    /// People are known by their ids.
    pub(super) assignee: Option<String>,
    pub(super) creator: String,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) comments: Vec<Comment>,
    /// What was done to it, oldest first.
    pub(super) history: Vec<Entry>,
    /// Titles by their addresses.
    pub(super) links: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
pub(super) struct Comment {
    pub(super) id: String,
    pub(super) author: String,
    pub(super) body: String,
    pub(super) created: Timestamp,
}

/// What one change did to an issue: as it was, and as it is.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) by: String,
    pub(super) at: Timestamp,
    pub(super) labels: (Vec<String>, Vec<String>),
    pub(super) assignee: (Option<String>, Option<String>),
    pub(super) status: (usize, usize),
    pub(super) title: (String, String),
}

/// An issue that is to be.
#[derive(Debug)]
pub(super) struct NewIssue {
    pub(super) id: Option<String>,
    pub(super) team: String,
    pub(super) number: Option<u64>,
    pub(super) title: String,
    pub(super) description: Option<String>,
    pub(super) labels: Vec<String>,
    pub(super) creator: String,
}

impl Issue {
    pub(super) fn identifier(&self) -> String {
        format!("{}-{}", self.team, self.number)
    }
}

/// The id of something that always has the same.
pub(super) fn id_of(what: &str) -> String {
    let digest = Digest::of(what.as_bytes()).to_string();
    let part = |from: usize, to: usize| &digest[from..to];
    format!("{}-{}-4{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

impl State {
    pub(in crate::twin) fn seeded(seed: &Seed, now: Timestamp) -> Self {
        let mut state = Self {
            teams: Vec::new(),
            labels: seed.labels.clone(),
            issues: BTreeMap::new(),
            hooks: Vec::new(),
            last_id: 0,
        };
        let account = |name: &str| {
            let person = seed.people.iter().find(|person| person.name == name);
            person.map_or_else(String::new, |person| person.linear.clone())
        };
        for TeamOfLinearSeed { key, name, issues } in &seed.teams_of_linear {
            state.teams.push(Team { key: key.clone(), name: name.clone() });
            for issue in issues {
                let new = NewIssue {
                    id: None,
                    team: key.clone(),
                    number: Some(issue.number),
                    title: issue.title.clone(),
                    description: Some(issue.description.clone()),
                    labels: Vec::new(),
                    creator: account(&issue.creator),
                };
                state.add(new, now);
            }
        }
        state
    }

    /// Writes an issue down under its team's next number; gives its identifier.
    pub(super) fn add(&mut self, new: NewIssue, now: Timestamp) -> String {
        let numbers = self.issues.values().filter(|issue| issue.team == new.team).map(|issue| issue.number);
        let number = new.number.unwrap_or(numbers.max().unwrap_or(0) + 1);
        let issue = Issue {
            id: new.id.unwrap_or_else(|| self.next_id()),
            team: new.team,
            number,
            title: new.title,
            description: new.description,
            status: FIRST,
            labels: new.labels,
            assignee: None,
            creator: new.creator,
            created: now,
            updated: now,
            comments: Vec::new(),
            history: Vec::new(),
            links: BTreeMap::new(),
        };
        let identifier = issue.identifier();
        self.issues.insert(identifier.clone(), issue);
        identifier
    }

    /// Lets somebody change an issue, and writes down what that did. Gives it as it was before.
    pub(super) fn alter(
        &mut self,
        key: &str,
        (by, now): (&str, Timestamp),
        change: impl FnOnce(&mut Issue),
    ) -> Result<Issue, Refusal> {
        let id = self.next_id();
        let issue = self.issue_mut(key)?;
        let before = issue.clone();
        change(issue);
        let entry = Entry {
            id,
            by: by.to_owned(),
            at: now,
            labels: (before.labels.clone(), issue.labels.clone()),
            assignee: (before.assignee.clone(), issue.assignee.clone()),
            status: (before.status, issue.status),
            title: (before.title.clone(), issue.title.clone()),
        };
        issue.history.push(entry);
        issue.updated = now;
        Ok(before)
    }

    /// An issue by its identifier or its id.
    pub(super) fn issue(&self, key: &str) -> Result<&Issue, Refusal> {
        let by_id = || self.issues.values().find(|issue| issue.id == key);
        self.issues.get(key).or_else(by_id).ok_or_else(|| Refusal::missing("Issue"))
    }

    pub(super) fn issue_mut(&mut self, key: &str) -> Result<&mut Issue, Refusal> {
        let identifier = self.issue(key)?.identifier();
        self.issues.get_mut(&identifier).ok_or_else(|| Refusal::missing("Issue"))
    }

    pub(super) fn next_id(&mut self) -> String {
        self.last_id += 1;
        id_of(&format!("number {}", self.last_id))
    }
}
