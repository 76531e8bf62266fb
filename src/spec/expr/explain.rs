//! What to say of an expression that cannot be evaluated.

use minijinja::{Error, ErrorKind};
use serde_json::{Map, Value};

use super::scan::Code;
use super::{ExprError, Use};
use crate::spec::near::nearest;

/// What to say of a value that is not there, where no path is to blame.
const NOTHING: &str = "the value that it asks for is not there: an empty list has no first item, an object \
                       not every key; `default(…)` says what to take instead";

/// What went wrong; for an undefined name also what is defined where it was looked for.
pub(super) fn explain(code: &Code<'_>, error: &Error, uses: &[Use], names: &Map<String, Value>) -> ExprError {
    if error.kind() != ErrorKind::UndefinedError {
        return code.error(sentence(error));
    }
    let needed = uses.iter().filter(|used| !used.optional);
    let missing: Vec<_> =
        needed.filter_map(|used| Some((used.dotted(), missing(&used.path, names)?))).collect();
    // minijinja names what it stumbled over; where several are missing, that is the one to tell of.
    let detail = error.detail().unwrap_or_default();
    let told = missing.iter().find(|(path, _)| detail.contains(&format!("`{path}`")));
    match told.or_else(|| missing.first()) {
        Some((_, message)) => code.error(message.clone()),
        None => code.error(NOTHING),
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
            None => {
                let (fact, hint) = undefined(&path[..=depth], level.keys().map(String::as_str));
                return Some(format!("{fact}; {hint}"));
            }
        }
    }
    None
}

/// What to say of a path whose last part is not among the names at its level: the fact, and what
/// there is instead.
pub(in crate::spec) fn undefined<'a>(
    path: &[String],
    defined: impl Iterator<Item = &'a str> + Clone,
) -> (String, String) {
    let (last, above) = path.split_last().map_or(("", &[][..]), |(last, above)| (last.as_str(), above));
    let near =
        nearest(last, defined.clone()).map_or_else(String::new, |near| format!("did you mean `{near}`? "));
    let place =
        if above.is_empty() { "defined are".to_owned() } else { format!("`{}` has", above.join(".")) };
    (format!("`{}` is undefined", path.join(".")), format!("{near}{place} {}", list(defined)))
}

/// Names for people, the long tail left out.
pub(super) fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 40;
    let names: Vec<&str> = names.collect();
    match names.len() {
        0 => "nothing".to_owned(),
        all if all > SHOWN => format!("{} and {} more", names[..SHOWN].join(", "), all - SHOWN),
        _ => names.join(", "),
    }
}

/// What a value is, for people.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// What minijinja says of an operator between types that it does not go with, in the words of the rest.
fn operator(detail: &str) -> Option<String> {
    let (sign, kinds) =
        detail.strip_prefix("tried to use ")?.split_once(" operator on unsupported types ")?;
    let (left, right) = kinds.split_once(" and ")?;
    let kind = |kind: &str| match kind {
        "string" => "text",
        "number" => "a number",
        "bool" => "a boolean",
        "none" => "null",
        "sequence" | "iterator" => "a list",
        "map" => "an object",
        _ => "what is no data",
    };
    Some(format!("`{sign}` does not take {} and {}", kind(left), kind(right)))
}

fn says_all(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::SyntaxError | ErrorKind::InvalidOperation)
}

/// A minijinja error without its place, which would be one in a file that nobody has.
pub(in crate::spec) fn sentence(error: &Error) -> String {
    let detail = error.detail();
    if let Some(operator) = detail.and_then(operator) {
        return operator;
    }
    match detail {
        Some(detail) if says_all(error.kind()) => detail.to_owned(),
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}
