//! Scripts: what the model says and does, turn by turn.

use std::collections::BTreeMap;
use std::path::Path;

use regex::Regex;
use rust_embed::RustEmbed;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::request::Request;
use crate::twin::TwinError;

/// What a model does with the conversations that it takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::twin) struct Script {
    /// Its name, for the log.
    pub(super) name: String,
    /// Scripts are asked in the order of their ranks; the first that takes a conversation plays it.
    #[serde(default = "usual")]
    rank: u32,
    /// Matched against the first thing that the user says.
    #[serde(rename = "match", deserialize_with = "regex")]
    pattern: Regex,
    /// The turns; the last one is played for ever.
    pub(super) turns: Vec<Step>,
    /// The fields of the last word, by their names: templates over what was captured.
    #[serde(default)]
    pub(super) answers: BTreeMap<String, String>,
}

fn usual() -> u32 {
    10
}

fn nothing() -> Value {
    Value::Object(Map::new())
}

/// One turn.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    /// What the results of the turn before must match, as a template; named groups are captured. In the first turn
    /// it is what the user says.
    #[serde(default)]
    pub(super) expect: Option<String>,
    /// What they must not match.
    #[serde(default)]
    pub(super) refuse: Option<String>,
    /// What the model says.
    #[serde(default)]
    pub(super) say: Option<String>,
    /// The tools that it calls.
    #[serde(default)]
    pub(super) calls: Vec<ToolCall>,
    /// Whether it has come to the end, and answers.
    #[serde(default)]
    pub(super) finish: bool,
    /// Why the answer ends, where that is not because all was said or tools are wanted: `refusal`, `max_tokens`.
    #[serde(default)]
    pub(super) stop: Option<String>,
}

/// One call of a tool; strings in the input are templates.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToolCall {
    pub(super) tool: String,
    /// An object, unless it is wrong on purpose.
    #[serde(default = "nothing")]
    pub(super) input: Value,
    /// An id in place of one that no other call has, on purpose.
    #[serde(default)]
    pub(super) id: Option<String>,
    /// Whether the tool is one that nobody offers, on purpose.
    #[serde(default)]
    unknown: bool,
}

#[derive(RustEmbed)]
#[folder = "fixtures/models/"]
struct Files;

impl Script {
    /// Whether it plays a conversation: the words are right, and the tools that it needs are offered.
    pub(super) fn takes(&self, request: &Request) -> bool {
        let offered =
            |call: &ToolCall| call.unknown || request.tools.iter().any(|tool| tool.name == call.tool);
        self.turns.iter().flat_map(|turn| &turn.calls).all(offered)
            && self.pattern.is_match(&request.opening())
    }
}

/// The scripts of a directory, or those in the binary, in the order in which they are asked.
pub(in crate::twin) fn scripts(directory: Option<&Path>) -> Result<Vec<Script>, TwinError> {
    let mut scripts = match directory {
        Some(directory) => from_directory(directory)?,
        None => embedded()?,
    };
    scripts.sort_by(|a, b| (a.rank, &a.name).cmp(&(b.rank, &b.name)));
    Ok(scripts)
}

fn embedded() -> Result<Vec<Script>, TwinError> {
    let read = |path: &str| Some((path.to_owned(), Files::get(path)?.data));
    Files::iter().filter_map(|path| read(&path)).map(|(path, bytes)| parse(&path, &bytes)).collect()
}

fn from_directory(directory: &Path) -> Result<Vec<Script>, TwinError> {
    let name = directory.display().to_string();
    let entries = std::fs::read_dir(directory).map_err(TwinError::io(&name))?;
    let mut scripts = Vec::new();
    for entry in entries {
        let path = entry.map_err(TwinError::io(&name))?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let file = path.display().to_string();
            let bytes = std::fs::read(&path).map_err(TwinError::io(&file))?;
            scripts.push(parse(&file, &bytes)?);
        }
    }
    Ok(scripts)
}

fn parse(file: &str, bytes: &[u8]) -> Result<Script, TwinError> {
    let wrong = |message: String| TwinError::Fixture { file: file.to_owned(), message };
    let script: Script = serde_saphyr::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
    if script.turns.is_empty() {
        return Err(wrong("a script without turns".to_owned()));
    }
    Ok(script)
}

fn regex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Regex, D::Error> {
    Regex::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}
