//! What somebody asked of the bot. The grammar is one for comments and slash commands.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A parsed command: `/ostler implement "the totals" --branch fix` has the name `implement`, one argument and one flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Its name, in lower case, with aliases resolved (`help`, `implement`, `fix`, `review`).
    pub name: String,
    /// Its arguments in order, unquoted.
    #[serde(default)]
    pub args: Vec<String>,
    /// Its flags; a flag without a value is `true`.
    #[serde(default)]
    pub flags: BTreeMap<String, String>,
    /// Everything after the name, as written.
    #[serde(default)]
    pub text: String,
}
