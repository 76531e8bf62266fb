//! What Jira knows.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::webhook::Webhook;
use super::{Refusal, adf};
use crate::twin::seed::Seed;

/// The workflow's statuses, in order; each can be reached from every other.
pub(in crate::twin) const STATUSES: [Status; 4] = [
    Status { id: "10000", transition: "11", name: "To Do", category: ("new", 2, "To Do") },
    Status {
        id: "10001",
        transition: "21",
        name: "In Progress",
        category: ("indeterminate", 4, "In Progress"),
    },
    Status {
        id: "10002",
        transition: "31",
        name: "In Review",
        category: ("indeterminate", 4, "In Progress"),
    },
    Status { id: "10003", transition: "41", name: "Done", category: ("done", 3, "Done") },
];

/// The types of tickets, with their ids.
pub(super) const TYPES: [(&str, &str); 5] =
    [("10010", "Story"), ("10011", "Task"), ("10012", "Bug"), ("10013", "Epic"), ("10014", "Sub-task")];

/// A status of the workflow.
#[derive(Debug)]
pub(in crate::twin) struct Status {
    pub(super) id: &'static str,
    /// The id of the transition that leads to it.
    pub(super) transition: &'static str,
    pub(in crate::twin) name: &'static str,
    /// Key, id and name.
    pub(super) category: (&'static str, u8, &'static str),
}

/// Everything of Jira.
#[derive(Debug)]
pub(in crate::twin) struct State {
    pub(super) projects: BTreeMap<String, Project>,
    pub(in crate::twin) tickets: BTreeMap<String, Ticket>,
    pub(super) hooks: Vec<Webhook>,
    last_id: u64,
}

#[derive(Debug)]
pub(super) struct Project {
    pub(super) id: u64,
    pub(super) name: String,
}

/// A ticket.
#[derive(Debug, Clone)]
pub(in crate::twin) struct Ticket {
    pub(super) id: u64,
    pub(in crate::twin) key: String,
    /// One of [`TYPES`], by index.
    pub(super) kind: usize,
    /// One of [`STATUSES`], by index.
    pub(in crate::twin) status: usize,
    pub(in crate::twin) summary: String,
    pub(in crate::twin) description: Value,
    pub(super) labels: Vec<String>,
    /// People are known by their account ids.
    pub(super) assignee: Option<String>,
    pub(super) reporter: String,
    /// Fields that the twin keeps without knowing what they mean.
    pub(super) custom: Map<String, Value>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) comments: Vec<Comment>,
    /// What was changed, oldest first.
    pub(super) changes: Vec<Change>,
    pub(super) links: Vec<Link>,
    pub(super) properties: BTreeMap<String, Value>,
}

#[derive(Debug, Clone)]
pub(super) struct Comment {
    pub(super) id: u64,
    pub(super) author: String,
    pub(super) body: Value,
    /// Pairs of key and value, as they came.
    pub(super) properties: Vec<Value>,
    pub(super) created: Timestamp,
}

/// A change of some fields at once.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) id: u64,
    pub(super) author: String,
    pub(super) items: Vec<Value>,
    pub(super) created: Timestamp,
}

/// A link to a page elsewhere.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) id: u64,
    pub(super) global_id: Option<String>,
    pub(super) object: Value,
}

/// A ticket that is to be.
#[derive(Debug)]
pub(super) struct NewTicket {
    pub(super) number: Option<u64>,
    pub(super) kind: usize,
    pub(super) summary: String,
    pub(super) description: Value,
    pub(super) reporter: String,
}

impl State {
    pub(in crate::twin) fn seeded(seed: &Seed, now: Timestamp) -> Self {
        let mut state =
            Self { projects: BTreeMap::new(), tickets: BTreeMap::new(), hooks: Vec::new(), last_id: 20_000 };
        let account = |name: &str| {
            let person = seed.people.iter().find(|person| person.name == name);
            person.map_or_else(String::new, |person| person.jira.clone())
        };
        for project in &seed.projects {
            let id = state.next_id();
            state.projects.insert(project.key.clone(), Project { id, name: project.name.clone() });
            for wanted in &project.tickets {
                let new = NewTicket {
                    number: Some(wanted.number),
                    kind: kind(&wanted.kind).unwrap_or(0),
                    summary: wanted.summary.clone(),
                    description: adf::document(&wanted.description),
                    reporter: account(&wanted.reporter),
                };
                let key = state.add(&project.key, new, now).key.clone();
                if let Some(ticket) = state.tickets.get_mut(&key) {
                    ticket.labels.clone_from(&wanted.labels);
                }
            }
        }
        state
    }

    /// Writes a ticket down under its project's next number.
    pub(super) fn add(&mut self, project: &str, new: NewTicket, now: Timestamp) -> &mut Ticket {
        let id = self.next_id();
        let prefix = format!("{project}-");
        let numbers = self.tickets.keys().filter_map(|key| key.strip_prefix(&prefix)?.parse::<u64>().ok());
        let next = numbers.max().unwrap_or(0) + 1;
        let key = format!("{prefix}{}", new.number.unwrap_or(next));
        let ticket = Ticket {
            id,
            key: key.clone(),
            kind: new.kind,
            status: 0,
            summary: new.summary,
            description: new.description,
            labels: Vec::new(),
            assignee: None,
            reporter: new.reporter,
            custom: Map::new(),
            created: now,
            updated: now,
            comments: Vec::new(),
            changes: Vec::new(),
            links: Vec::new(),
            properties: BTreeMap::new(),
        };
        self.tickets.entry(key).or_insert(ticket)
    }

    /// The ticket of this key or id.
    pub(in crate::twin) fn ticket(&self, key: &str) -> Result<&Ticket, Refusal> {
        let named = |ticket: &&Ticket| ticket.key.eq_ignore_ascii_case(key) || ticket.id.to_string() == key;
        self.tickets.values().find(named).ok_or_else(Refusal::no_issue)
    }

    pub(super) fn ticket_mut(&mut self, key: &str) -> Result<&mut Ticket, Refusal> {
        let key = self.ticket(key)?.key.clone();
        self.tickets.get_mut(&key).ok_or_else(Refusal::no_issue)
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

impl Ticket {
    /// The key of its project.
    pub(super) fn project(&self) -> &str {
        self.key.rsplit_once('-').map_or(&self.key, |(project, _)| project)
    }
}

/// The index of a type, by its name or id.
pub(super) fn kind(name: &str) -> Option<usize> {
    TYPES.iter().position(|(id, known)| *id == name || known.eq_ignore_ascii_case(name))
}
