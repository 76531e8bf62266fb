//! `${…}` expressions: found by a scanner of our own, evaluated by minijinja, strict and typed.
//!
//! A value that is one expression keeps its type; within text, strings stand as they are and everything else is
//! spelled as JSON. An undefined name is an error that says what is defined; `default` and `is defined` are how
//! to ask for what may be absent. `$${` stands for `${`. `{%`, `{{` and `{#` mean nothing here.

mod functions;
mod scan;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, Expression};
use serde_json::{Map, Value};

pub(super) use self::functions::environment;
use self::scan::{Code, Piece};
use super::near::nearest;

/// An expression that cannot be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`${{{expression}}}`: {message}")]
pub struct ExprError {
    /// The expression, without `${` and `}`.
    pub expression: String,
    /// What is wrong, and what is defined.
    pub message: String,
    /// Where the expression begins in the text that was scanned, in bytes.
    pub offset: usize,
}

/// A name that an expression uses, with the attributes that it asks of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// `["task", "id"]` for `${task.id}`.
    pub path: Vec<String>,
    /// Where it stands in its text, in bytes.
    pub offset: usize,
    /// Whether the expression says what to do where it is absent (`| default(…)`, `is defined`).
    pub optional: bool,
    /// The expression that uses it.
    pub expression: String,
}

impl Use {
    /// The name at the root.
    #[must_use]
    pub fn root(&self) -> &str {
        self.path.first().map_or("", String::as_str)
    }

    /// The whole path with its dots.
    #[must_use]
    pub fn dotted(&self) -> String {
        self.path.join(".")
    }
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

/// Whether a condition holds. The text is one expression, with or without `${` and `}`; only `false`, null, 0, and
/// what is empty do not hold.
///
/// # Errors
/// As [`render`].
pub fn test(condition: &str, names: &Map<String, Value>) -> Result<bool, ExprError> {
    Ok(match evaluate(&scan::condition(condition)?, names)? {
        Value::Null => false,
        Value::Bool(holds) => holds,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    })
}

/// The names at the root of what a value's expressions use: `task` for `${task.id}`.
///
/// # Errors
/// When an expression does not parse.
pub fn roots(value: &Value) -> Result<BTreeSet<String>, ExprError> {
    Ok(paths(value)?.into_iter().map(|used| used.root().to_owned()).collect())
}

/// Everything that a value's expressions use, in the order written. Offsets count within each text of the value.
///
/// # Errors
/// When an expression does not parse or names an unknown filter.
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
        .all(|part| !part.is_empty() && part.bytes().all(is_word) && !part.as_bytes()[0].is_ascii_digit());
    plain.then_some(path)
}

/// Whether a text holds an expression, or would if it were written right.
#[must_use]
pub fn is_dynamic(text: &str) -> bool {
    scan::pieces(text).map_or(true, |pieces| pieces.iter().any(|piece| matches!(piece, Piece::Code(_))))
}

fn render_text(text: &str, names: &Map<String, Value>) -> Result<Value, ExprError> {
    let pieces = scan::pieces(text)?;
    if let [Piece::Code(code)] = pieces.as_slice() {
        return evaluate(code, names);
    }
    let mut rendered = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => rendered.push_str(text),
            Piece::Code(code) => match evaluate(&code, names)? {
                Value::String(text) => rendered.push_str(&text),
                other => rendered.push_str(&other.to_string()),
            },
        }
    }
    Ok(Value::String(rendered))
}

fn evaluate(code: &Code<'_>, names: &Map<String, Value>) -> Result<Value, ExprError> {
    let expression = compile(code)?;
    let uses = uses_within(code, &expression)?;
    let result = expression.eval(minijinja::Value::from(minijinja::value::Serde(&context(&uses, names))));
    let value = result.map_err(|error| explain(code, &error, &uses, names))?;
    if has_undefined(&value) {
        return Err(explain(code, &Error::from(ErrorKind::UndefinedError), &uses, names));
    }
    serde_json::to_value(&value).map_err(|error| code.error(format!("the result is not data: {error}")))
}

fn compile(code: &Code<'_>) -> Result<Expression<'static, 'static>, ExprError> {
    if code.text.is_empty() {
        return Err(code.error("the expression is empty"));
    }
    ENVIRONMENT.compile_expression_owned(code.text.to_owned()).map_err(|error| code.error(sentence(&error)))
}

/// The names that an expression uses. Where it says what to do without a deep name, the levels above are made, since
/// only the last one may be undefined.
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
    uses_within(code, &compile(code)?)
}

fn uses_within(code: &Code<'_>, expression: &Expression<'_, '_>) -> Result<Vec<Use>, ExprError> {
    check_filters(code)?;
    let globals: BTreeSet<&str> = ENVIRONMENT.globals().map(|(name, _)| name).collect();
    let mut uses: Vec<Use> = expression
        .undeclared_variables(true)
        .into_iter()
        .filter(|path| !globals.contains(path.as_str()))
        .map(|path| locate(code, &path))
        .collect();
    uses.sort_by(|a, b| (a.offset, &a.path).cmp(&(b.offset, &b.path)));
    Ok(uses)
}

/// Where a path stands in its expression, and whether it may be absent there.
fn locate(code: &Code<'_>, path: &str) -> Use {
    let places: Vec<usize> = code
        .text
        .match_indices(path)
        .map(|(at, _)| at)
        .filter(|at| stands_alone(code.text, *at, path.len()))
        .collect();
    let optional = !places.is_empty() && places.iter().all(|at| is_optional(&code.text[at + path.len()..]));
    Use {
        path: path.split('.').map(str::to_owned).collect(),
        offset: code.offset + places.first().copied().unwrap_or(0),
        optional,
        expression: code.text.to_owned(),
    }
}

/// Whether `text[at..at + length]` is a whole path: not within a longer word, path or quotes.
fn stands_alone(text: &str, at: usize, length: usize) -> bool {
    let before = text[..at].bytes().next_back();
    let after = text[at + length..].bytes().next();
    let inside = |byte: u8| is_word(byte) || byte == b'.';
    !before.is_some_and(inside) && !after.is_some_and(inside) && !in_quotes(text, at)
}

fn in_quotes(text: &str, end: usize) -> bool {
    let mut quote = None;
    let mut bytes = text.as_bytes()[..end].iter();
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (Some(_), b'\\') => {
                bytes.next();
            }
            (Some(open), _) if open == byte => quote = None,
            (None, b'\'' | b'"') => quote = Some(byte),
            _ => {}
        }
    }
    quote.is_some()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// Whether what follows a path says what to do where it is undefined.
fn is_optional(after: &str) -> bool {
    let after = after.trim_start();
    if let Some(filter) = after.strip_prefix('|') {
        return matches!(first_word(filter.trim_start()), "default" | "d");
    }
    let Some(test) = after.strip_prefix("is ") else { return false };
    let test = test.trim_start();
    let test = test.strip_prefix("not ").unwrap_or(test).trim_start();
    matches!(first_word(test), "defined" | "undefined")
}

fn first_word(text: &str) -> &str {
    &text[..text.bytes().position(|byte| !is_word(byte)).unwrap_or(text.len())]
}

/// minijinja looks filters up only when it comes to them; a misspelt one is to be told before anything runs.
fn check_filters(code: &Code<'_>) -> Result<(), ExprError> {
    for (at, _) in code.text.match_indices('|').filter(|(at, _)| !in_quotes(code.text, *at)) {
        let name = first_word(code.text[at + 1..].trim_start());
        if name.is_empty() || FILTERS.contains(&name) {
            continue;
        }
        let hint = match nearest(name, FILTERS.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", list(FILTERS.iter().copied())),
        };
        return Err(code.error(format!("there is no filter `{name}`; {hint}")));
    }
    Ok(())
}

/// The filters that expressions may use.
const FILTERS: &[&str] = &[
    "abs",
    "attr",
    "batch",
    "bool",
    "capitalize",
    "chain",
    "count",
    "d",
    "default",
    "dictsort",
    "first",
    "float",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "select",
    "selectattr",
    "slice",
    "slug",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "truncate",
    "unique",
    "upper",
    "zip",
];

fn has_undefined(value: &minijinja::Value) -> bool {
    match value.kind() {
        ValueKind::Undefined => true,
        ValueKind::Seq => value.try_iter().is_ok_and(|mut items| items.any(|item| has_undefined(&item))),
        ValueKind::Map => value.try_iter().is_ok_and(|mut keys| {
            keys.any(|key| value.get_item(&key).is_ok_and(|item| has_undefined(&item)))
        }),
        _ => false,
    }
}

/// What went wrong; for an undefined name also what is defined where it was looked for.
fn explain(code: &Code<'_>, error: &Error, uses: &[Use], names: &Map<String, Value>) -> ExprError {
    if error.kind() != ErrorKind::UndefinedError {
        return code.error(sentence(error));
    }
    let missing: Vec<_> =
        uses.iter().filter_map(|used| Some((used.dotted(), missing(&used.path, names)?))).collect();
    // minijinja names what it stumbled over; where several are missing, that is the one to tell of.
    let detail = error.detail().unwrap_or_default();
    let told = missing.iter().find(|(path, _)| detail.contains(&format!("`{path}`")));
    match told.or_else(|| missing.first()) {
        Some((_, message)) => code.error(message.clone()),
        None => code.error(sentence(error)),
    }
}

/// What to say of a path that leads nowhere.
fn missing(path: &[String], names: &Map<String, Value>) -> Option<String> {
    let mut level = names;
    for (depth, part) in path.iter().enumerate() {
        match level.get(part) {
            Some(Value::Object(next)) => level = next,
            Some(_) if depth + 1 == path.len() => return None,
            Some(other) => {
                let (path, next) = (path[..=depth].join("."), &path[depth + 1]);
                return Some(format!("`{path}` is {}, it has no `{next}`", kind_of(other)));
            }
            None => return Some(undefined(&path[..=depth], level.keys().map(String::as_str))),
        }
    }
    None
}

/// The sentence about a path whose last part is not among the names at its level.
pub(super) fn undefined<'a>(path: &[String], defined: impl Iterator<Item = &'a str> + Clone) -> String {
    let (last, above) = path.split_last().map_or(("", &[][..]), |(last, above)| (last.as_str(), above));
    let whole = path.join(".");
    let near =
        nearest(last, defined.clone()).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    let place =
        if above.is_empty() { "defined are".to_owned() } else { format!("`{}` has", above.join(".")) };
    format!("`{whole}` is undefined{near} ({place} {})", list(defined))
}

/// Names for people, the long tail left out.
fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 40;
    let names: Vec<&str> = names.collect();
    match names.len() {
        0 => "nothing".to_owned(),
        all if all > SHOWN => format!("{} and {} more", names[..SHOWN].join(", "), all - SHOWN),
        _ => names.join(", "),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A minijinja error without its place, which would be one in a file that nobody has.
pub(super) fn sentence(error: &Error) -> String {
    match error.detail() {
        Some(detail) if error.kind() == ErrorKind::SyntaxError => detail.to_owned(),
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

#[cfg(test)]
mod tests;
