//! As much of JQL as a bot writes: conditions joined by `AND`, then `ORDER BY`.

use jiff::{SignedDuration, Timestamp};
use regex::Regex;
use serde_json::Value;

use super::adf;
use super::state::{STATUSES, TYPES, Ticket};

/// A query.
#[derive(Debug)]
pub(super) struct Query {
    conditions: Vec<Condition>,
    /// Whether it wants what changed last first, instead of what was made last.
    by_change: bool,
}

#[derive(Debug)]
struct Condition {
    field: String,
    operator: Operator,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Is,
    IsNot,
    Contains,
    /// A time that is no earlier than so long ago.
    Since(Timestamp),
    /// Any other comparison of times, which this twin takes as true: everything in it is recent.
    Recent,
}

/// The fields that may be asked for besides `issue.property[…]`.
const FIELDS: [&str; 14] = [
    "project",
    "key",
    "issuekey",
    "id",
    "labels",
    "status",
    "statuscategory",
    "assignee",
    "reporter",
    "issuetype",
    "summary",
    "text",
    "updated",
    "created",
];

impl Query {
    /// Reads a query; the error is the sentence that Jira would say.
    pub(super) fn read(text: &str, now: Timestamp) -> Result<Self, String> {
        let order = Regex::new(r"(?i)\s*\border\s+by\b.*$").map_err(|error| error.to_string())?;
        let by_change = text.to_lowercase().ends_with("order by updated desc");
        let text = order.replace(text, "");
        if text.trim().is_empty() {
            return Err(
                "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
                    .into(),
            );
        }
        let join = Regex::new(r"(?i)\s+and\s+").map_err(|error| error.to_string())?;
        let conditions = join.split(text.trim()).map(|text| Condition::read(text, now));
        let conditions = conditions.collect::<Result<_, _>>()?;
        Ok(Self { conditions, by_change })
    }

    pub(super) fn sort(&self, found: &mut [&Ticket]) {
        found.sort_by_key(|ticket| {
            let changed = self.by_change.then_some(ticket.updated);
            std::cmp::Reverse((changed, ticket.id))
        });
    }

    pub(super) fn takes(&self, ticket: &Ticket) -> bool {
        self.conditions.iter().all(|condition| condition.takes(ticket))
    }
}

impl Condition {
    fn read(text: &str, now: Timestamp) -> Result<Self, String> {
        let wrong = || format!("Error in the JQL Query: `{text}` cannot be read here.");
        let parts = Regex::new(
            r#"(?ix) ^ (?<field> "[^"]+" | [\w.]+ (?:\[[^\]]+\])? (?:\.[\w.]+)?) \s*
               (?<operator> != | >= | <= | = | ~ | > | < | \bnot\s+in\b | \bin\b | \bis\s+not\b | \bis\b ) \s* (?<value> .+) $"#,
        );
        let parts = parts.map_err(|error| error.to_string())?;
        let inner = text.trim().strip_prefix('(').and_then(|text| text.strip_suffix(')'));
        let found = parts.captures(inner.unwrap_or(text.trim())).ok_or_else(wrong)?;
        let field = found["field"].trim_matches('"').to_lowercase();
        if !FIELDS.contains(&field.as_str()) && !field.starts_with("issue.property[") {
            return Err(format!("Field '{field}' does not exist or you do not have permission to view it."));
        }
        let operator = match found["operator"].to_lowercase().as_str() {
            "=" | "in" | "is" => Operator::Is,
            "~" => Operator::Contains,
            ">=" => ago(&found["value"], now).map_or(Operator::Recent, Operator::Since),
            "<=" | ">" | "<" => Operator::Recent,
            _ => Operator::IsNot,
        };
        let value = found["value"].trim().trim_start_matches('(').trim_end_matches(')');
        let values = value.split(',').map(|value| value.trim().trim_matches(['"', '\'']).to_owned());
        // `currentUser()` lost its parentheses' end above.
        let values = values.map(|value| value.trim_end_matches("()").trim_end_matches('(').to_owned());
        Ok(Self { field, operator, values: values.collect() })
    }

    fn takes(&self, ticket: &Ticket) -> bool {
        let has = self.facts(ticket);
        let same = |value: &String| match value.to_lowercase().as_str() {
            "empty" | "null" => has.is_empty(),
            wanted => has.iter().any(|fact| fact.to_lowercase() == wanted),
        };
        match self.operator {
            Operator::Recent => true,
            Operator::Since(moment) if self.field == "created" => ticket.created >= moment,
            Operator::Since(moment) => ticket.updated >= moment,
            Operator::Is => self.values.iter().any(same),
            Operator::IsNot => !self.values.iter().any(same),
            Operator::Contains => self.values.iter().any(|value| {
                let wanted = value.to_lowercase();
                has.iter().any(|fact| fact.to_lowercase().contains(wanted.trim_matches(['"', '\\', '*'])))
            }),
        }
    }

    /// What the ticket says of the field.
    fn facts(&self, ticket: &Ticket) -> Vec<String> {
        let status = &STATUSES[ticket.status];
        match self.field.as_str() {
            "project" => vec![ticket.project().to_owned()],
            "key" | "issuekey" | "id" => vec![ticket.key.clone(), ticket.id.to_string()],
            "labels" => ticket.labels.clone(),
            "status" => vec![status.name.to_owned(), status.id.to_owned()],
            "statuscategory" => vec![status.category.0.to_owned(), status.category.2.to_owned()],
            "assignee" => ticket.assignee.iter().cloned().collect(),
            "reporter" => vec![ticket.reporter.clone()],
            "issuetype" => vec![TYPES[ticket.kind].1.to_owned()],
            "summary" => vec![ticket.summary.clone()],
            "text" => {
                let comments = ticket.comments.iter().map(|comment| adf::text(&comment.body));
                let own = [ticket.summary.clone(), adf::text(&ticket.description)];
                own.into_iter().chain(comments).collect()
            }
            field => property(field, ticket),
        }
    }
}

/// So many minutes ago, as `-5m` says it.
fn ago(text: &str, now: Timestamp) -> Option<Timestamp> {
    let minutes = text.trim().trim_matches('"').strip_prefix('-')?.strip_suffix('m')?.parse().ok()?;
    now.checked_sub(SignedDuration::from_mins(minutes)).ok()
}

/// The value that `issue.property[name].path` leads to.
fn property(field: &str, ticket: &Ticket) -> Vec<String> {
    let Some((name, path)) = field.strip_prefix("issue.property[").and_then(|rest| rest.split_once(']'))
    else {
        return Vec::new();
    };
    let stored = ticket.properties.iter().find(|(key, _)| key.eq_ignore_ascii_case(name.trim_matches('"')));
    let value = stored.and_then(|(_, value)| {
        path.split('.').filter(|part| !part.is_empty()).try_fold(value, |value, part| {
            value.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(part)).map(|(_, value)| value)
        })
    });
    match value {
        None => Vec::new(),
        Some(Value::String(text)) => vec![text.clone()],
        Some(other) => vec![other.to_string()],
    }
}
