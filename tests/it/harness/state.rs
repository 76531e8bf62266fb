//! What the twins hold, asked in a test's words.

use serde_json::Value;

/// The answer of `GET /twin/state`.
#[derive(Debug)]
pub(crate) struct State(pub(crate) Value);
