//! What is configured of GitHub.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use crate::plugin::client::Rate;

/// GitHub as forge and tracker: github.com, an Enterprise server, or a twin.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Where the REST API is (Enterprise: `https://HOST/api/v3`).
    pub base_url: Url,
    /// Where repositories are cloned from and looked at.
    pub git_url: Url,
    /// A personal access token; the alternative to an App.
    #[schemars(with = "Option<String>")]
    pub token: Option<SecretString>,
    /// The App's id.
    pub app_id: Option<u64>,
    /// The file that holds the App's private key (PEM).
    pub private_key_file: Option<PathBuf>,
    /// The labels that say where an open issue stands.
    pub statuses: StatusLabels,
    /// What type a label says an issue is of; an issue without any is a feature.
    pub types: BTreeMap<String, String>,
    /// Where teams talk about issues: GitHub does not know.
    pub default_channel: Option<String>,
    /// Requests per second.
    pub rate_per_second: f64,
    /// Requests at once after a pause.
    pub burst: u32,
    /// Seconds that one request may take.
    pub timeout: u64,
}

/// The labels that say where an open issue stands; without any it is yet to be done, closed it is done.
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
        Self { in_progress: "status: in progress".to_owned(), in_review: "status: in review".to_owned() }
    }
}

impl Default for Options {
    fn default() -> Self {
        let types = [("bug", "bug"), ("enhancement", "feature")];
        Self {
            base_url: Url::parse("https://api.github.com").expect("a constant address"),
            git_url: Url::parse("https://github.com").expect("a constant address"),
            token: None,
            app_id: None,
            private_key_file: None,
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
