//! What is configured of OpenAI, or of a server that speaks as it does.

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use crate::plugin::client::{Rate, given};

/// The model of roles that name none, where the configuration names none either.
pub const MODEL: &str = "gpt-5.1";

/// OpenAI, or a server that speaks as it does (Ollama, vLLM, LM Studio, a gateway), as the provider of models.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Where the API is, its version included.
    pub base_url: Url,
    /// The key. Only `api: compatible` does without.
    #[schemars(with = "Option<String>")]
    pub api_key: Option<SecretString>,
    /// The model of roles that name none.
    pub model: Option<String>,
    /// Which of its APIs is spoken.
    pub api: Api,
    /// The organization that is billed, for keys that belong to several.
    pub organization: Option<String>,
    /// The project that is billed, for keys that belong to several.
    pub project: Option<String>,
    /// How much a model that reasons does so: `low`, `medium`, `high`, as far as the model knows it.
    pub reasoning_effort: Option<String>,
    /// Requests per second.
    pub rate_per_second: f64,
    /// Requests at once after a pause.
    pub burst: u32,
    /// Seconds that one answer may take.
    pub timeout: u64,
}

/// The APIs by which such a model can be asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// Responses: the one that keeps what a model reasoned from turn to turn. Nothing is stored with OpenAI.
    #[default]
    Responses,
    /// Chat Completions, as OpenAI speaks it today.
    Chat,
    /// Chat Completions, as other servers speak it: the answer's length is `max_tokens`, and a key is not needed.
    Compatible,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            base_url: Url::parse("https://api.openai.com/v1").expect("a constant address"),
            api_key: None,
            model: None,
            api: Api::default(),
            organization: None,
            project: None,
            reasoning_effort: None,
            rate_per_second: 1.0,
            burst: 5,
            timeout: 600,
        }
    }
}

impl Options {
    /// Whether nothing is missing that is needed to ask a model.
    #[must_use]
    pub fn suffice(&self) -> bool {
        self.api == Api::Compatible || given(self.api_key.as_ref()).is_some()
    }

    pub(super) fn rate(&self) -> Rate {
        Rate { per_second: self.rate_per_second, burst: self.burst }
    }
}
