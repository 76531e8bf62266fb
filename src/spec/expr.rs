//! `${…}` expressions: found by a scanner of our own, evaluated by minijinja, strict and typed.
//!
//! A value that is one expression keeps its type; within text, strings stand as they are and everything else
//! is spelled as JSON. An undefined name is an error that says what is defined; `default` and `is defined`
//! are how to ask for what may be absent. `$${` stands for `${`. `{%`, `{{` and `{#` mean nothing here.
//!
//! `docs/expressions.md` has every filter, test and function, with examples that are tests.

mod choice;
mod coding;
mod explain;
mod functions;
mod given;
mod list;
mod moment;
mod names;
mod number;
mod object;
mod pattern;
mod scan;
mod strict;
mod template;
mod text;
mod tokens;
pub mod unknown;
mod uses;
mod word;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use minijinja::{Environment, Expression};
use serde_json::{Map, Value};

use self::explain::explain;
pub(super) use self::explain::{sentence, undefined};
pub(super) use self::functions::environment;
use self::scan::{Code, Piece};
pub(super) use self::template::unknown_words;
use self::tokens::{is_word, tokens};
pub use self::uses::Use;
use self::uses::uses_within;

/// An expression that cannot be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{expression}`: {message}")]
pub struct ExprError {
    /// The expression, without `${` and `}`; of a prompt, its path.
    pub expression: String,
    /// What is wrong, and what is defined.
    pub message: String,
    /// Where the expression begins in the text that was scanned, in bytes.
    pub offset: usize,
}

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(environment);

/// Evaluates every expression in a value, however deep.
///
/// # Errors
/// At the first expression that does not parse or uses what is not defined.
pub fn render(value: &Value, names: &Map<String, Value>) -> Result<Value, ExprError> {
    match value {
        Value::String(text) => render_text(text, names),
        Value::Array(items) => items.iter().map(|item| render(item, names)).collect(),
        Value::Object(fields) => {
            let rendered = fields.iter().map(|(key, field)| Ok((key.clone(), render(field, names)?)));
            rendered.collect::<Result<Map<_, _>, _>>().map(Value::Object)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(value.clone()),
    }
}

/// Whether a condition holds. The text is one expression, with or without `${` and `}`; only `false`, null,
/// 0, and what is empty do not hold.
///
/// # Errors
/// As [`render`].
pub fn test(condition: &str, names: &Map<String, Value>) -> Result<bool, ExprError> {
    Ok(match value(condition, names)? {
        Value::Null => false,
        Value::Bool(holds) => holds,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    })
}

/// What a condition comes to whatever the names are: nothing for one that uses any, or does not parse.
#[must_use]
pub fn constant(condition: &str) -> Option<bool> {
    let uses_none = condition_paths(condition).is_ok_and(|uses| uses.is_empty());
    test(condition, &Map::new()).ok().filter(|_| uses_none)
}

/// What a condition comes to, before it is asked whether that holds.
///
/// # Errors
/// As [`render`].
pub fn value(condition: &str, names: &Map<String, Value>) -> Result<Value, ExprError> {
    evaluate(&scan::condition(condition)?, names)
}

/// The names at the root of what a value's expressions use: `task` for `${task.id}`.
///
/// # Errors
/// When an expression does not parse.
pub fn roots(value: &Value) -> Result<BTreeSet<String>, ExprError> {
    Ok(paths(value)?.into_iter().map(|used| used.root().to_owned()).collect())
}

/// Everything that a value's expressions use, in the order written. Offsets count within each text
/// of the value.
///
/// # Errors
/// When an expression does not parse, or names a filter, test or function that is not there.
pub fn paths(value: &Value) -> Result<Vec<Use>, ExprError> {
    let mut uses = Vec::new();
    match value {
        Value::String(text) => {
            for piece in scan::pieces(text)? {
                if let Piece::Code(code) = piece {
                    uses.extend(uses_of(&code)?);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                uses.extend(paths(item)?);
            }
        }
        Value::Object(fields) => {
            for field in fields.values() {
                uses.extend(paths(field)?);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    Ok(uses)
}

/// Everything that a condition uses, in the order written.
///
/// # Errors
/// As [`paths`].
pub fn condition_paths(condition: &str) -> Result<Vec<Use>, ExprError> {
    uses_of(&scan::condition(condition)?)
}

/// The path, where a text is one expression that is nothing but a path: `${plan.steps}`.
#[must_use]
pub fn plain_path(text: &str) -> Option<Vec<String>> {
    let [Piece::Code(code)] = *scan::pieces(text).ok()? else { return None };
    let path: Vec<String> = code.text.split('.').map(str::to_owned).collect();
    let plain = path
        .iter()
        .all(|part| !part.is_empty() && part.chars().all(is_word) && !part.as_bytes()[0].is_ascii_digit());
    plain.then_some(path)
}

/// Whether a text is one expression, so that its value need not be text.
#[must_use]
pub fn is_one(text: &str) -> bool {
    matches!(scan::pieces(text).as_deref(), Ok([Piece::Code(_)]))
}

fn render_text(text: &str, names: &Map<String, Value>) -> Result<Value, ExprError> {
    let pieces = scan::pieces(text)?;
    if let [Piece::Code(code)] = pieces.as_slice() {
        return evaluate(code, names);
    }
    let (mut rendered, mut gap) = (String::new(), None);
    for piece in pieces {
        match piece {
            Piece::Text(text) => rendered.push_str(text),
            Piece::Code(code) => match known(evaluate(&code, names)?, &mut gap, names) {
                Value::String(text) => rendered.push_str(&text),
                other => rendered.push_str(&other.to_string()),
            },
        }
    }
    Ok(match gap {
        Some(from) => unknown::text(rendered, &from),
        None => Value::String(rendered),
    })
}

/// A value as it goes into a text; where it is not known, that text has a gap.
fn known(value: Value, gap: &mut Option<String>, names: &Map<String, Value>) -> Value {
    if !unknown::is_planning(names) {
        return value;
    }
    let from = unknown::source(&value).map(str::to_owned);
    if from.is_none() {
        return value;
    }
    *gap = gap.take().or(from);
    unknown::shown(&value)
}

fn evaluate(code: &Code<'_>, names: &Map<String, Value>) -> Result<Value, ExprError> {
    let expression = compile(code)?;
    let uses = uses_within(code)?;
    if unknown::is_planning(names)
        && let Some(unknown) = unknown::among(&uses, code.text, names)
    {
        return Ok(unknown);
    }
    let result = expression.eval(minijinja::Value::from(minijinja::value::Serde(&context(&uses, names))));
    result.and_then(|value| given::data(&value)).map_err(|error| explain(code, &error, &uses, names))
}

fn compile(code: &Code<'_>) -> Result<Expression<'static, 'static>, ExprError> {
    if code.text.is_empty() {
        let expression = "${}".to_owned();
        return Err(ExprError { expression, ..code.error("the expression is empty") });
    }
    let compile = |text: String| {
        ENVIRONMENT.compile_expression_owned(text).map_err(|error| code.error(sentence(&error)))
    };
    // What does not parse is told of as it was written.
    let expression = compile(code.text.to_owned())?;
    strict::rewritten(&tokens(code.text)).map_or(Ok(expression), compile)
}

/// The names that an expression uses. Where it says what to do without a deep name, the levels above are
/// made, since only the last one may be undefined.
fn context(uses: &[Use], names: &Map<String, Value>) -> Map<String, Value> {
    let mut context = Map::new();
    for used in uses {
        if let Some(value) = names.get(used.root()) {
            context.entry(used.root()).or_insert_with(|| value.clone());
        }
    }
    for used in uses.iter().filter(|used| used.optional) {
        let mut level = &mut context;
        for part in &used.path[..used.path.len() - 1] {
            let Value::Object(next) = level.entry(part.as_str()).or_insert_with(|| Value::Object(Map::new()))
            else {
                break;
            };
            level = next;
        }
    }
    context
}

fn uses_of(code: &Code<'_>) -> Result<Vec<Use>, ExprError> {
    compile(code)?;
    uses_within(code)
}

#[cfg(test)]
mod tests;
