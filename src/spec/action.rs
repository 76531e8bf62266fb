//! What an action promises: its name, its inputs and outputs with their types, how it may be repeated and
//! how it is undone. Plugins declare these; workflows are checked against them before anything runs.

use serde::{Deserialize, Serialize};

/// One action of a capability, as workflows see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionSpec {
    /// The capability that serves it: `task_management`, `version_control`, ….
    pub capability: String,
    /// Its name: `create_branch`.
    pub name: String,
    /// One line for people.
    pub about: String,
    /// What it takes.
    pub inputs: Vec<Field>,
    /// What it gives.
    pub outputs: Vec<Field>,
    /// How it may be done again after an unknown outcome.
    pub repeat: Repeat,
    /// How it is taken back.
    pub undo: Undo,
    /// Whether it makes the run's work public: the first such action after an agent's work commits and
    /// pushes the gated patch.
    #[serde(default)]
    pub publishes: bool,
}

/// One input or output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Other names that it may be given under.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// What values it takes.
    pub kind: Kind,
    /// Whether it must be given (input) or is always there (output).
    pub required: bool,
}

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Text.
    String,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A list.
    List,
    /// A mapping.
    Object,
    /// Anything.
    Any,
}

/// How an effect may be repeated when its outcome is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    /// It only reads.
    Read,
    /// Doing it twice is doing it once (set semantics).
    Idempotent,
    /// The outside API takes a key and keeps it apart from its repetitions.
    Keyed,
    /// It can be looked for before it is made.
    Findable,
    /// None of these: after an unknown outcome it stops and asks.
    Unrepeatable,
}

/// How an effect is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undo {
    /// There is nothing to take back.
    Nothing,
    /// By doing this to what it made: `close_pull_request`.
    Action(String),
    /// By setting again what was there before.
    Restore,
    /// It cannot be taken back; a person is told.
    Impossible,
}

impl Kind {
    /// Whether a field of this type takes a value of another.
    #[must_use]
    pub fn takes(self, given: Self) -> bool {
        self == given || self == Self::Any || given == Self::Any
    }

    /// What a value of this type is, for people: `a number`.
    #[must_use]
    pub fn article(self) -> &'static str {
        match self {
            Self::String => "text",
            Self::Number => "a number",
            Self::Boolean => "a boolean",
            Self::List => "a list",
            Self::Object => "an object",
            Self::Any => "anything",
        }
    }
}

impl ActionSpec {
    /// An action that only reads, takes nothing and gives nothing: what a declaration begins with.
    #[must_use]
    pub fn reading(capability: &str, name: &str, about: &str) -> Self {
        Self {
            capability: capability.to_owned(),
            name: name.to_owned(),
            about: about.to_owned(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            repeat: Repeat::Read,
            undo: Undo::Nothing,
            publishes: false,
        }
    }

    /// The input that goes by this name or alias.
    #[must_use]
    pub fn input(&self, name: &str) -> Option<&Field> {
        self.inputs.iter().find(|field| field.name == name || field.aliases.iter().any(|alias| alias == name))
    }

    /// The output of this name.
    #[must_use]
    pub fn output(&self, name: &str) -> Option<&Field> {
        self.outputs.iter().find(|field| field.name == name)
    }
}

impl Field {
    /// Texts of these names that are always there.
    #[must_use]
    pub fn texts(names: &[&str]) -> Vec<Self> {
        names.iter().map(|name| Self::required(name, Kind::String)).collect()
    }

    /// A field that must be there.
    #[must_use]
    pub fn required(name: &str, kind: Kind) -> Self {
        Self { name: name.to_owned(), aliases: Vec::new(), kind, required: true }
    }

    /// A field that may be absent.
    #[must_use]
    pub fn optional(name: &str, kind: Kind) -> Self {
        Self { required: false, ..Self::required(name, kind) }
    }

    /// The same field, also under another name.
    #[must_use]
    pub fn or(mut self, alias: &str) -> Self {
        self.aliases.push(alias.to_owned());
        self
    }
}

#[cfg(test)]
pub(super) mod samples;
