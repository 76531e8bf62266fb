//! What is configured of Anthropic.

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use crate::plugin::client::Rate;

/// The model of roles that name none, where the configuration names none either.
pub const MODEL: &str = "claude-sonnet-4-5";

/// Anthropic's Messages API as the provider of models.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Where the API is.
    pub base_url: Url,
    /// The key.
    #[schemars(with = "Option<String>")]
    pub api_key: Option<SecretString>,
    /// The model of roles that name none.
    pub model: Option<String>,
    /// The API's version. Nothing is sent that a later one has taken away.
    pub version: String,
    /// Requests per second.
    pub rate_per_second: f64,
    /// Requests at once after a pause.
    pub burst: u32,
    /// Seconds that one answer may take.
    pub timeout: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            base_url: Url::parse("https://api.anthropic.com").expect("a constant address"),
            api_key: None,
            model: None,
            version: "2023-06-01".to_owned(),
            rate_per_second: 1.0,
            burst: 5,
            timeout: 600,
        }
    }
}

impl Options {
    pub(super) fn rate(&self) -> Rate {
        Rate { per_second: self.rate_per_second, burst: self.burst }
    }
}
