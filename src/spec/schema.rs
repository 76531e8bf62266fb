//! JSON Schemas (2020-12) of what people write, for their editors: drawn from the tables by which it is read.
//!
//! What `ostler check` takes a schema takes as well. The other way round a schema knows nothing of other files, nor of
//! what an expression uses.

mod draw;
mod step;

use serde_json::{Value, json};

use self::draw::Drawing;
use super::{Vocabulary, case, handler, prompt, workflow};

/// Files that have a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    /// `workflows/*.yaml`.
    Workflow,
    /// `handlers/*.yaml`.
    Handler,
    /// `handlers/*.test.yaml`.
    Cases,
    /// The front matter of `prompts/agents/*.md`.
    Role,
}

/// The schema of a kind of file, where plugins offer this.
#[must_use]
pub fn of(file: File, words: &Vocabulary) -> Value {
    let mut drawing = Drawing::new(words);
    match file {
        File::Workflow => {
            let whole = drawing.mapping(&workflow::keys::WORKFLOW);
            drawing.document("An Ostler workflow", whole)
        }
        File::Handler => {
            let (one, several) =
                (drawing.mapping(&handler::keys::TRIGGER), drawing.mapping(&handler::keys::FILE));
            let either = json!({ "if": { "required": ["triggers"] }, "then": several, "else": one });
            drawing.document("An Ostler handler", either)
        }
        File::Cases => {
            let whole = drawing.mapping(&case::keys::FILE);
            drawing.document("Cases of `ostler test`", whole)
        }
        File::Role => {
            let whole = drawing.mapping(&prompt::keys::ROLE);
            drawing.document(
                "The front matter of an Ostler role",
                json!({ "anyOf": [whole, { "type": "null" }] }),
            )
        }
    }
}
