//! What is configured of Jira.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use crate::plugin::client::Rate;
use crate::plugin::tracker::Status;

/// Jira Cloud as tracker.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// The site (`https://SITE.atlassian.net`), or `https://api.atlassian.com/ex/jira/CLOUDID` for
    /// scoped tokens.
    pub base_url: Option<Url>,
    /// Where people look at issues, where that is not the base address.
    pub site_url: Option<Url>,
    /// The account of the API token.
    pub email: Option<String>,
    /// The API token of that account.
    #[schemars(with = "Option<String>")]
    pub api_token: Option<SecretString>,
    /// A bearer token; the alternative to account and API token.
    #[schemars(with = "Option<String>")]
    pub token: Option<SecretString>,
    /// The names of the site's statuses by what they mean; what is not named goes by its category.
    pub statuses: BTreeMap<Status, Vec<String>>,
    /// What an issue type is called in workflows.
    pub types: BTreeMap<String, String>,
    /// The issue type that a new task of a kind gets.
    pub issue_types: BTreeMap<String, String>,
    /// Custom fields that hold what Ostler needs.
    pub fields: Fields,
    /// The project of new tasks that name none.
    pub default_project: Option<String>,
    /// Where teams talk about issues whose field does not say so.
    pub default_channel: Option<String>,
    /// Requests per second.
    pub rate_per_second: f64,
    /// Requests at once after a pause.
    pub burst: u32,
    /// Seconds that one request may take.
    pub timeout: u64,
}

/// The ids of custom fields (`customfield_10042`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Fields {
    /// The repository that an issue is about, as `owner/name` or an address.
    pub repository: Option<String>,
    /// The channel of the issue's team.
    pub team_channel: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        let pairs = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
        };
        Self {
            base_url: None,
            site_url: None,
            email: None,
            api_token: None,
            token: None,
            statuses: BTreeMap::new(),
            types: pairs(&[
                ("Bug", "bug"),
                ("Story", "feature"),
                ("Task", "feature"),
                ("New Feature", "feature"),
            ]),
            issue_types: pairs(&[("bug", "Bug"), ("feature", "Task")]),
            fields: Fields::default(),
            default_project: None,
            default_channel: None,
            rate_per_second: 2.0,
            burst: 10,
            timeout: 30,
        }
    }
}

impl Options {
    pub(super) fn rate(&self) -> Rate {
        Rate { per_second: self.rate_per_second, burst: self.burst }
    }
}
