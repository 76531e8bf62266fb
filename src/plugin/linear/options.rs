//! What is configured of Linear.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use crate::plugin::client::Rate;
use crate::plugin::tracker::Status;

/// Linear as tracker.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Where the API is: `/graphql` is behind it.
    pub base_url: Url,
    /// A personal API key (`lin_api_…`) of an account that belongs to Ostler alone.
    #[schemars(with = "Option<String>")]
    pub api_key: Option<SecretString>,
    /// An OAuth access token; the alternative to the key.
    #[schemars(with = "Option<String>")]
    pub token: Option<SecretString>,
    /// The names of the teams' statuses by what they mean; what is not named goes by its type.
    pub statuses: BTreeMap<Status, Vec<String>>,
    /// What type a label says an issue is of; an issue without any is a feature.
    pub types: BTreeMap<String, String>,
    /// The key of the team that gets new issues which name none.
    pub default_project: Option<String>,
    /// Where teams talk about issues: Linear does not know.
    pub default_channel: Option<String>,
    /// Requests per second.
    pub rate_per_second: f64,
    /// Requests at once after a pause.
    pub burst: u32,
    /// Seconds that one request may take.
    pub timeout: u64,
}

impl Default for Options {
    fn default() -> Self {
        let types = [("Bug", "bug"), ("Feature", "feature"), ("Improvement", "feature")];
        Self {
            base_url: Url::parse("https://api.linear.app").expect("a constant address"),
            api_key: None,
            token: None,
            statuses: BTreeMap::new(),
            types: types.map(|(label, kind)| (label.to_owned(), kind.to_owned())).into(),
            default_project: None,
            default_channel: None,
            // Linear takes some thousands an hour.
            rate_per_second: 1.0,
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
