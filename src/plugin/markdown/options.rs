//! What is configured of Markdown pages.

use schemars::JsonSchema;
use serde::Deserialize;

/// Documentation as Markdown files in the repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// The directory of the pages, from the repository's root.
    pub directory: String,
}

impl Default for Options {
    fn default() -> Self {
        Self { directory: "docs".to_owned() }
    }
}
