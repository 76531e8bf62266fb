//! What is configured of Slack.

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use crate::plugin::client::Rate;

/// Slack as the place where a team talks.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Where the Web API is.
    pub base_url: Url,
    /// The bot's token.
    #[schemars(with = "Option<String>")]
    pub token: Option<SecretString>,
    /// The channel of messages that name none.
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
        Self {
            base_url: Url::parse("https://slack.com/api").expect("a constant address"),
            token: None,
            default_channel: None,
            rate_per_second: 10.0,
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
