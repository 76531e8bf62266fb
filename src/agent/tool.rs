//! The six tools: what the model sees of them, and running a call.
//!
//! A call that names no offered tool or whose arguments do not fit is answered with an error and never
//! executed. There is no tool for the network, for pushing or for pull requests: those are workflow steps.

pub mod apply_patch;
pub mod bash;
pub mod document;
pub mod edit;
pub mod finish;
pub mod read;
mod schema;
pub mod search;
pub mod seek;

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use self::apply_patch::ApplyPatch;
use self::bash::Bash;
use self::edit::Edit;
use self::finish::Finish;
use self::read::Read;
use self::search::Search;
use super::bench::Bench;
use super::turn::{ToolCall, ToolResult};
use crate::plugin::model::Tool as Offer;
use crate::spec::workflow::AnswerField;
use crate::workspace::WorkspaceError;
use crate::workspace::guard::{hidden, secrets};

/// What a tool may use.
#[derive(Debug)]
pub struct Room<'a> {
    /// The checkout.
    pub bench: &'a dyn Bench,
    /// The fields that the answer must have.
    pub needs: &'a [AnswerField],
    /// The tools that are offered; `finish` always is.
    pub offered: &'a [String],
    /// How long the agent may still work.
    pub left: Duration,
}

/// Why a tool gave no result.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The model is told, and goes on.
    #[error("{0}")]
    Told(String),
    /// The call is not one that can be run; the model is told, and it counts against it.
    #[error("{0}")]
    Malformed(String),
    /// The workspace is broken; no tool can be run.
    #[error(transparent)]
    Broken(#[from] WorkspaceError),
}

/// What a tool gives the model to read.
pub type Given = Result<String, ToolError>;

/// A call whose tool is known and whose arguments fit.
#[derive(Debug)]
enum Tool {
    Bash(Bash),
    Read(Read),
    Search(Search),
    Edit(Edit),
    ApplyPatch(ApplyPatch),
    Finish(Finish),
}

/// Bytes of a result that the model is given.
pub const RESULT_BYTES: usize = 10_000;

/// The tools as the model sees them, in an order that never changes.
#[must_use]
pub fn offered(names: &[String], needs: &[AnswerField]) -> Vec<Offer> {
    let all = [
        ("bash", bash::ABOUT, schema::of::<Bash>()),
        ("read", read::ABOUT, schema::of::<Read>()),
        ("search", search::ABOUT, schema::of::<Search>()),
        ("edit", edit::ABOUT, schema::of::<Edit>()),
        ("apply_patch", apply_patch::ABOUT, schema::of::<ApplyPatch>()),
        (finish::NAME, finish::ABOUT, finish::schema(needs)),
    ];
    let offered = all.into_iter().filter(|(name, ..)| is_offered(name, names));
    let offered = offered.map(|(name, about, input_schema)| Offer {
        name: name.to_owned(),
        description: about.to_owned(),
        input_schema,
    });
    offered.collect()
}

fn is_offered(name: &str, names: &[String]) -> bool {
    name == finish::NAME || names.iter().any(|offered| offered == name)
}

/// Runs one call. An agent cannot finish in a turn in which an earlier call failed: it has not seen that yet.
///
/// # Errors
/// When the workspace is broken.
pub async fn run(room: &Room<'_>, call: ToolCall, failed_before: bool) -> Result<ToolResult, WorkspaceError> {
    let id = call.id.clone();
    let answered = |content: &str, is_error, malformed| ToolResult {
        id: id.clone(),
        content: clip(&shown(content), RESULT_BYTES),
        is_error,
        malformed,
        answer: None,
    };
    let tool = match Tool::parse(room, call) {
        Ok(Tool::Finish(_)) if failed_before => {
            return Ok(answered("A call before this one failed. Read its result first.", true, false));
        }
        Ok(Tool::Finish(finish)) => {
            return Ok(ToolResult { answer: Some(finish.answer), ..answered("Finished.", false, false) });
        }
        Ok(tool) => tool.run(room).await,
        Err(error) => Err(error),
    };
    match tool {
        Ok(content) => Ok(answered(&content, false, false)),
        Err(ToolError::Told(message)) => Ok(answered(&message, true, false)),
        Err(ToolError::Malformed(message)) => Ok(answered(&message, true, true)),
        Err(ToolError::Broken(error)) => Err(error),
    }
}

impl Tool {
    fn parse(room: &Room<'_>, call: ToolCall) -> Result<Self, ToolError> {
        let ToolCall { name, input, .. } = call;
        if !is_offered(&name, room.offered) {
            let names: Vec<_> = offered(room.offered, &[]).into_iter().map(|tool| tool.name).collect();
            return Err(ToolError::Malformed(format!("There is no tool `{name}`; there are {names:?}.")));
        }
        match name.as_str() {
            "bash" => arguments(input).map(Self::Bash),
            "read" => arguments(input).map(Self::Read),
            "search" => arguments(input).map(Self::Search),
            "edit" => arguments(input).map(Self::Edit),
            "apply_patch" => arguments(input).map(Self::ApplyPatch),
            finish::NAME => Finish::parse(input, room.needs).map(Self::Finish),
            unknown => Err(ToolError::Malformed(format!("There is no tool `{unknown}`."))),
        }
    }

    async fn run(self, room: &Room<'_>) -> Given {
        match self {
            Self::Bash(bash) => bash.run(room).await,
            Self::Read(read) => read.run(room.bench),
            Self::Search(search) => {
                let root = room.bench.root().to_owned();
                let searched = tokio::task::spawn_blocking(move || search.run(&root)).await;
                searched.unwrap_or_else(|error| Err(ToolError::Told(format!("The search failed: {error}."))))
            }
            Self::Edit(edit) => edit.run(room.bench),
            Self::ApplyPatch(patch) => patch.run(room.bench),
            Self::Finish(_) => Ok(String::new()),
        }
    }
}

fn arguments<T: DeserializeOwned>(input: Value) -> Result<T, ToolError> {
    serde_json::from_value(input).map_err(|error| ToolError::Malformed(format!("Bad arguments: {error}.")))
}

/// A path as the tools take it, from the checkout's root: relative, or under the virtual root `/workspace`.
fn local(path: &str) -> &str {
    let path = path
        .strip_prefix("/workspace")
        .filter(|rest| rest.is_empty() || rest.starts_with('/'))
        .map_or(path, |rest| rest.trim_start_matches('/'));
    path.trim_start_matches("./")
}

/// A text of a repository or command as it may be journalled, exported and sent to a provider: without its secrets,
/// and with the letters that nobody sees written out.
pub(super) fn shown(text: &str) -> String {
    hidden::shown(&secrets::redacted(text)).into_owned()
}

/// The text, its middle cut where it is longer than so many bytes, with a note of how much is missing.
#[must_use]
pub fn clip(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let head = &text[..text.floor_char_boundary(bytes / 2)];
    let tail = &text[text.ceil_char_boundary(text.len() - bytes / 2)..];
    let missing = text.len() - head.len() - tail.len();
    format!("{head}\n[… {missing} bytes left out …]\n{tail}")
}

#[cfg(test)]
mod tests;
