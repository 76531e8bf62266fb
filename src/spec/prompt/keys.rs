//! Every key of a role's front matter: what it takes and what it means. The reader and the JSON Schema are made from
//! these tables.

use crate::spec::shape::{Key, Shape, Takes};

/// The tools that agents can be offered.
pub(super) const TOOLS: &[&str] = &["bash", "read", "search", "edit", "apply_patch", "finish"];

/// A role's front matter.
pub(in crate::spec) static ROLE: Shape = Shape::new(
    "a role",
    "Who an agent is: the front matter of a file `prompts/agents/ROLE.md`, before its prompt.",
    &[
        Key::new("description", Takes::Text, "What the role is for."),
        Key::new("model", Takes::Text, "The model that it asks for; the configured one unless given."),
        Key::new(
            "tools",
            Takes::Texts(&Takes::Word(&TOOLS)),
            "The tools that it is offered; all of them unless given.",
        )
        .like("[read, search, finish]"),
        Key::new("limits", Takes::Mapping(&LIMITS), "What it may use before it is stopped."),
    ],
);

/// What a role may use.
pub(super) static LIMITS: Shape = Shape::new(
    "`limits`",
    "What a role may use before it is stopped.",
    &[
        Key::new("steps", Takes::Count, "Model calls.").usually("100"),
        Key::new("cost", Takes::Dollars, "Dollars.").usually("3"),
        Key::new("seconds", Takes::Count, "Seconds from the first call to the last.").usually("2700"),
        Key::new("max_output_tokens", Takes::Count, "Tokens that one answer may have.").usually("8192"),
        Key::new(
            "context_tokens",
            Takes::Count,
            "Tokens that the conversation may hold before its older turns give way to an account of them.",
        )
        .usually("120000"),
        Key::new(
            "returns",
            Takes::Count,
            "How often work that it calls finished comes back to it, with what the gate has against it.",
        )
        .usually("2"),
    ],
);
