//! What is configured of GitLab.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use crate::plugin::client::Rate;

/// GitLab as forge and tracker: gitlab.com, a server of one's own, or a twin.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// The server's own address, under which its API, its repositories and its pages are.
    pub base_url: Url,
    /// A personal, group or project access token with the scopes `api` and `write_repository`.
    #[schemars(with = "Option<String>")]
    pub token: Option<SecretString>,
    /// The labels that say where an open issue stands.
    pub statuses: StatusLabels,
    /// What type a label says an issue is of; an issue without any is a feature.
    pub types: BTreeMap<String, String>,
    /// Where teams talk about issues: GitLab does not know.
    pub default_channel: Option<String>,
    /// Requests per second.
    pub rate_per_second: f64,
    /// Requests at once after a pause.
    pub burst: u32,
    /// Seconds that one request may take.
    pub timeout: u64,
}

/// The labels that say where an open issue stands; without any it is yet to be done, closed it is done. Of
/// scoped labels (`status::…`) an issue has one at a time, by GitLab's own doing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StatusLabels {
    /// Somebody works on it.
    pub in_progress: String,
    /// The work waits for a look.
    pub in_review: String,
}

impl Default for StatusLabels {
    fn default() -> Self {
        Self { in_progress: "status::in progress".to_owned(), in_review: "status::in review".to_owned() }
    }
}

impl Default for Options {
    fn default() -> Self {
        let types = [("bug", "bug"), ("enhancement", "feature")];
        Self {
            base_url: Url::parse("https://gitlab.com").expect("a constant address"),
            token: None,
            statuses: StatusLabels::default(),
            types: types.map(|(label, kind)| (label.to_owned(), kind.to_owned())).into(),
            default_channel: None,
            rate_per_second: 5.0,
            burst: 20,
            timeout: 30,
        }
    }
}

impl Options {
    pub(super) fn rate(&self) -> Rate {
        Rate { per_second: self.rate_per_second, burst: self.burst }
    }
}
