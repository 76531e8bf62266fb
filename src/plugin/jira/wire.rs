//! Jira's own shapes, as far as Ostler reads them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::plugin::client::Dialect;

#[derive(Debug, Deserialize)]
pub(super) struct Issue {
    pub(super) key: String,
    pub(super) fields: IssueFields,
}

#[derive(Debug, Deserialize)]
pub(super) struct IssueFields {
    #[serde(default)]
    pub(super) summary: String,
    pub(super) description: Option<Value>,
    pub(super) status: StatusName,
    pub(super) issuetype: Option<Named>,
    #[serde(default)]
    pub(super) labels: Vec<String>,
    pub(super) assignee: Option<User>,
    /// The custom fields that were asked for.
    #[serde(flatten)]
    pub(super) others: Map<String, Value>,
}

/// What the account may do.
#[derive(Debug, Deserialize)]
pub(super) struct Permissions {
    pub(super) permissions: BTreeMap<String, Held>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Held {
    #[serde(default)]
    pub(super) have_permission: bool,
}

/// An admin webhook.
#[derive(Debug, Deserialize)]
pub(super) struct Hook {
    /// Its own address, which ends in its id.
    #[serde(rename = "self")]
    own: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) url: String,
    #[serde(default)]
    pub(super) events: Vec<String>,
    #[serde(default)]
    pub(super) enabled: bool,
    /// Which issues it tells of, where not of all.
    pub(super) filters: Option<Value>,
}

impl Hook {
    /// What it is changed under.
    pub(super) fn id(&self) -> Option<&str> {
        self.own.rsplit('/').next().filter(|id| !id.is_empty())
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct OnlyStatus {
    pub(super) fields: StatusField,
}

#[derive(Debug, Deserialize)]
pub(super) struct StatusField {
    pub(super) status: StatusName,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StatusName {
    pub(super) name: String,
    pub(super) status_category: Option<Category>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Category {
    pub(super) key: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Named {
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct User {
    pub(super) account_id: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Transitions {
    pub(super) transitions: Vec<Transition>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Transition {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) to: StatusName,
}

/// A link to a page elsewhere.
#[derive(Debug, Deserialize)]
pub(super) struct RemoteLink {
    pub(super) object: LinkedPage,
}

#[derive(Debug, Deserialize)]
pub(super) struct LinkedPage {
    pub(super) title: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Comments {
    pub(super) comments: Vec<Comment>,
    #[serde(default)]
    pub(super) total: usize,
}

#[derive(Debug, Deserialize)]
pub(super) struct Comment {
    pub(super) id: String,
    pub(super) author: Option<User>,
    #[serde(default)]
    pub(super) properties: Vec<Property>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Property {
    pub(super) key: String,
    #[serde(default)]
    pub(super) value: Value,
}

#[derive(Debug, Deserialize)]
pub(super) struct Created {
    pub(super) key: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Found {
    pub(super) issues: Vec<FoundIssue>,
}

#[derive(Debug, Deserialize)]
pub(super) struct FoundIssue {
    pub(super) key: String,
    pub(super) fields: FoundFields,
}

#[derive(Debug, Deserialize)]
pub(super) struct FoundFields {
    pub(super) creator: Option<User>,
}

/// A page of a search for what changed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChangedPage {
    pub(super) issues: Vec<Changed>,
    pub(super) next_page_token: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Changed {
    pub(super) id: String,
    pub(super) fields: ChangedFields,
}

#[derive(Debug, Deserialize)]
pub(super) struct ChangedFields {
    #[serde(deserialize_with = "moment")]
    pub(super) updated: Timestamp,
}

/// A page of an issue's change log.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChangeLog {
    pub(super) values: Vec<Change>,
    #[serde(default)]
    pub(super) is_last: bool,
}

/// Several fields changed at once.
#[derive(Debug, Deserialize)]
pub(super) struct Change {
    pub(super) id: String,
    #[serde(default)]
    pub(super) author: Value,
    #[serde(deserialize_with = "moment")]
    pub(super) created: Timestamp,
    #[serde(default)]
    pub(super) items: Vec<Value>,
}

/// A page of an issue's comments.
#[derive(Debug, Deserialize)]
pub(super) struct Said {
    pub(super) comments: Vec<Words>,
    #[serde(default)]
    pub(super) total: usize,
}

/// A comment, with all that it consists of.
#[derive(Debug, Deserialize)]
pub(super) struct Words {
    pub(super) id: String,
    #[serde(deserialize_with = "moment")]
    pub(super) created: Timestamp,
    #[serde(flatten)]
    pub(super) others: Map<String, Value>,
}

/// How Jira writes a moment.
const TIME: &str = "%Y-%m-%dT%H:%M:%S%.f%z";

/// A moment as Jira writes it.
pub(super) fn read_moment(text: &str) -> Option<Timestamp> {
    Timestamp::strptime(TIME, text).ok()
}

/// As Jira would write a moment.
pub(super) fn write_moment(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string()
}

fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    read_moment(&text).ok_or_else(|| serde::de::Error::custom("a moment is not written as Jira does"))
}

/// How Jira says what went wrong.
pub(super) const DIALECT: Dialect = Dialect { message, problem: |_| None };

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Failure {
    error_messages: Vec<String>,
    errors: Map<String, Value>,
    /// What the gateway in front of Jira says.
    message: String,
}

fn message(body: &[u8]) -> Option<String> {
    let failure: Failure = serde_json::from_slice(body).ok()?;
    let fields = failure.errors.iter().filter_map(|(field, why)| Some(format!("{field}: {}", why.as_str()?)));
    let parts = failure.error_messages.into_iter().chain(fields).chain([failure.message]);
    let said = parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
    (!said.is_empty()).then_some(said)
}
