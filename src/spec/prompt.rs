//! Prompts and roles: text files that agents are made of.

pub(super) mod keys;
mod role;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, ErrorKind, Output, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(super) use self::role::read as read_role;
use super::diagnostic::Source;
use super::expr::{self, ExprError};
use super::yaml;
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
    /// Tokens that the conversation may hold before its older turns are condensed.
    pub context_tokens: u64,
    /// How often the gate may give finished work back.
    pub returns: u32,
}

impl Default for RoleLimits {
    fn default() -> Self {
        Self {
            steps: 100,
            cost: Money::micros(3_000_000),
            seconds: 2_700,
            max_output_tokens: 8_192,
            context_tokens: 120_000,
            returns: 2,
        }
    }
}

/// Renders a prompt: a minijinja template that may include the others by path.
///
/// Text stands as it is, everything else is spelled as JSON. What is undefined is an error. The result ends
/// with one line break, however its files end.
///
/// # Errors
/// When the template does not parse or uses what is not defined.
pub fn render(path: &str, prompts: &BTreeMap<String, String>, values: &Value) -> Result<String, ExprError> {
    let environment = environment(prompts);
    let rendered = environment.get_template(path).and_then(|template| template.render(Serde(values)));
    let mut text = rendered.map_err(|error| failed(path, &error))?;
    text.truncate(text.trim_end().len());
    text.push('\n');
    Ok(text)
}

/// The error about a prompt, with the line of the file where it happened.
fn failed(path: &str, error: &minijinja::Error) -> ExprError {
    // An included file fails inside the one that includes it; the innermost says what happened.
    let mut inner = error;
    while let Some(next) = std::error::Error::source(inner).and_then(|next| next.downcast_ref()) {
        inner = next;
    }
    let file = inner.name().unwrap_or(path);
    let place = inner.line().map_or_else(|| file.to_owned(), |line| format!("{file}:{line}"));
    ExprError {
        expression: place,
        message: expr::sentence(inner),
        offset: inner.range().map_or(0, |range| range.start),
    }
}

fn environment(prompts: &BTreeMap<String, String>) -> Environment<'static> {
    let mut environment = expr::environment();
    let mut syntax = environment.syntax().to_builder();
    syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    environment.set_syntax(syntax.build().expect("only the treatment of blanks was changed"));
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_formatter(write_plainly);
    let prompts = prompts.clone();
    environment.set_loader(move |path| Ok(prompts.get(path.strip_prefix("./").unwrap_or(path)).cloned()));
    environment
}

/// Strings as they are, everything else as JSON: a model reads `true` and `["a"]`, not `True` and `['a']`.
fn write_plainly(
    out: &mut Output<'_>,
    _: &mut State<'_, '_>,
    value: &minijinja::Value,
) -> Result<(), minijinja::Error> {
    Ok(out.write_str(&plain(value)?)?)
}

fn plain(value: &minijinja::Value) -> Result<Cow<'_, str>, minijinja::Error> {
    if value.is_undefined() {
        return Err(minijinja::Error::from(ErrorKind::UndefinedError));
    }
    if let Some(text) = value.as_str() {
        return Ok(Cow::Borrowed(text));
    }
    let json = serde_json::to_string(value).map_err(|error| {
        minijinja::Error::new(ErrorKind::BadSerialization, "this value is no data").with_source(error)
    })?;
    Ok(Cow::Owned(json))
}

/// Tells of a template that does not parse, uses a filter or test that is not there, or includes one that is not.
pub(super) fn check(source: &mut Source, body: Range<usize>, prompts: &BTreeMap<String, String>) {
    let text = source.text();
    let Some(part) = text.get(body.clone()) else { return };
    if let Err(error) = environment(prompts).template_from_named_str("prompt", part) {
        let range = error.range().unwrap_or(0..0);
        let span = body.start + range.start..body.start + range.end;
        return source.fault(span, format!("this prompt does not parse: {}", expr::sentence(&error)));
    }
    for (place, message) in expr::unknown_words(part) {
        source.fault(body.start + place.start..body.start + place.end, message);
    }
    for (path, at) in includes(part) {
        if !prompts.contains_key(path.strip_prefix("./").unwrap_or(path)) {
            let span = body.start + at..body.start + at + path.len();
            let known: Vec<&str> = prompts.keys().map(String::as_str).collect();
            source.fault_with_help(
                span,
                format!("there is no prompt `{path}`"),
                yaml::suggestion(path, &known),
            );
        }
    }
}

/// The paths that a template includes, with their places.
fn includes(text: &str) -> Vec<(&str, usize)> {
    let mut found = Vec::new();
    for (tag, _) in text.match_indices("{%") {
        let rest = text[tag + 2..].trim_start_matches(['-', '+']).trim_start();
        let Some(rest) = rest.strip_prefix("include").map(str::trim_start) else { continue };
        let Some(quote) = rest.chars().next().filter(|letter| matches!(letter, '"' | '\'')) else { continue };
        if let Some(end) = rest[1..].find(quote) {
            found.push((&rest[1..=end], text.len() - rest.len() + 1));
        }
    }
    found
}

#[cfg(test)]
mod tests;
