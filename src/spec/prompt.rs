//! Prompts and roles: text files that agents are made of.

use serde::{Deserialize, Serialize};

use crate::money::Money;

/// A role: who an agent is, with what tools and within what limits. A file `prompts/agents/<name>.md`:
/// front matter, then the prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// Its name: the file's stem.
    pub name: String,
    /// The model it asks for; the configured one unless given.
    #[serde(default)]
    pub model: Option<String>,
    /// The tools it is offered.
    pub tools: Vec<String>,
    /// What it may use.
    pub limits: RoleLimits,
    /// Its system prompt: a minijinja template.
    pub prompt: String,
}

/// What one agent may use before it is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoleLimits {
    /// Model calls.
    pub steps: u32,
    /// Dollars.
    pub cost: Money,
    /// Seconds from first call to last.
    pub seconds: u64,
    /// Tokens that one answer may have.
    pub max_output_tokens: u32,
}

impl Default for RoleLimits {
    fn default() -> Self {
        Self { steps: 100, cost: Money::micros(3_000_000), seconds: 2_700, max_output_tokens: 8_192 }
    }
}

/// Renders a prompt: a minijinja template that may include the others by path.
///
/// # Errors
/// When the template does not parse or uses what is not defined.
pub fn render(
    path: &str,
    prompts: &std::collections::BTreeMap<String, String>,
    values: &serde_json::Value,
) -> Result<String, super::expr::ExprError> {
    let _ = (path, prompts, values);
    unimplemented!("owner: spec")
}
