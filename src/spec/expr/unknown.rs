//! What is not known: what a step would give that was not performed.
//!
//! A run that is only planned has values of this sort among its names. An expression that uses one is not known either,
//! whatever it would make of it: nothing is guessed. Runs that are performed have none, and do not look for any.

use serde_json::{Map, Value, json};

use super::Use;

/// The name that is there where a run is only planned. No expression can say it.
pub const PLANNING: &str = "@planning";
/// Where what is not known comes from, in a value that stands for it. Fields beside it are known all the same.
const FROM: &str = "@unknown";
/// The text that it is, as far as that is known.
const TEXT: &str = "@text";

/// A value that is not known: it comes from there.
#[must_use]
pub fn unknown(from: &str) -> Value {
    json!({ FROM: from })
}

/// The same value, of which only these fields are known.
#[must_use]
pub fn all_but(known: Map<String, Value>, from: &str) -> Value {
    let mut known: Map<String, Value> = known.into_iter().filter(|(_, value)| !value.is_null()).collect();
    known.insert(FROM.to_owned(), from.into());
    Value::Object(known)
}

/// Where what is not known of a value comes from; nothing where all of it is known.
#[must_use]
pub fn source(value: &Value) -> Option<&str> {
    match value {
        Value::Object(fields) => {
            fields.get(FROM).and_then(Value::as_str).or_else(|| fields.values().find_map(source))
        }
        Value::Array(items) => items.iter().find_map(source),
        _ => None,
    }
}

/// A value as people read it: what is not known says where it comes from.
#[must_use]
pub fn shown(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(shown).collect(),
        Value::Object(fields) => {
            let Some(from) = fields.get(FROM).and_then(Value::as_str) else {
                return fields.iter().map(|(name, field)| (name.clone(), shown(field))).collect();
            };
            let known = fields.iter().filter(|(name, _)| ![FROM, TEXT].contains(&name.as_str()));
            let mut known: Map<String, Value> =
                known.map(|(name, field)| (name.clone(), shown(field))).collect();
            if known.is_empty() {
                return fields.get(TEXT).cloned().unwrap_or_else(|| Value::from(label(from)));
            }
            known.insert("…".to_owned(), label(from).into());
            Value::Object(known)
        }
        other => other.clone(),
    }
}

fn label(from: &str) -> String {
    format!("<from {from}>")
}

/// A text of which a part is not known.
pub(super) fn text(text: String, from: &str) -> Value {
    json!({ FROM: from, TEXT: text })
}

/// Whether a run with these names is only planned.
pub(super) fn is_planning(names: &Map<String, Value>) -> bool {
    names.contains_key(PLANNING)
}

/// What an expression that uses these names is, if one of them is not known: the value itself where it is nothing else.
pub(super) fn among(uses: &[Use], whole: &str, names: &Map<String, Value>) -> Option<Value> {
    uses.iter().find_map(|used| {
        let found = at(&used.path, names)?;
        let from = source(&found)?.to_owned();
        Some(if used.dotted() == whole { found } else { unknown(&from) })
    })
}

/// The value at a path; what is not known has every field, and knows none of them.
fn at(path: &[String], names: &Map<String, Value>) -> Option<Value> {
    let (root, rest) = path.split_first()?;
    let mut value = names.get(root)?;
    for part in rest {
        let fields = value.as_object()?;
        match (fields.get(part), fields.get(FROM)) {
            (Some(field), _) => value = field,
            (None, Some(from)) => return from.as_str().map(unknown),
            (None, None) => return None,
        }
    }
    Some(value.clone())
}

#[cfg(test)]
mod tests {
    use super::super::{render, value};
    use super::*;

    fn names() -> Map<String, Value> {
        let task = all_but(json!({"id": "SHOP-7"}).as_object().cloned().unwrap(), "the start");
        let names =
            json!({PLANNING: true, "pr": unknown("step open"), "task": task, "list": [1, unknown("x")]});
        names.as_object().cloned().unwrap()
    }

    fn told(text: &str) -> Value {
        shown(&render(&json!(text), &names()).unwrap_or_else(|error| panic!("{error}")))
    }

    #[test]
    fn what_uses_something_unknown_is_unknown_and_the_rest_is_evaluated() {
        assert_eq!(told("${pr.url}"), json!("<from step open>"));
        assert_eq!(told("Fixes ${task.id}: ${pr.url}!"), json!("Fixes SHOP-7: <from step open>!"));
        assert_eq!(told("${task.id}"), json!("SHOP-7"));
        assert_eq!(told("${task.title}"), json!("<from the start>"));
        assert_eq!(told("${task.title | default('none')}"), json!("<from the start>"));
        assert_eq!(told("${pr.number == 7}"), json!("<from step open>"));
        assert_eq!(told("${list | length}"), json!("<from x>"));
    }

    #[test]
    fn a_text_with_a_gap_stays_unknown_wherever_it_goes() {
        let branch = render(&json!("fix/${pr.number}"), &names()).unwrap();
        let mut names = names();
        names.insert("branch".to_owned(), branch);
        let same = value("branch == 'fix/7'", &names).unwrap();
        assert_eq!(source(&same), Some("step open"));
        assert_eq!(shown(&render(&json!("on ${branch}"), &names).unwrap()), json!("on fix/<from step open>"));
    }

    #[test]
    fn names_that_do_not_exist_are_an_error_all_the_same() {
        assert!(render(&json!("${nothing.here}"), &names()).is_err());
    }

    #[test]
    fn a_run_that_is_performed_takes_such_a_value_for_what_it_is() {
        let mut names = names();
        names.remove(PLANNING);
        assert!(render(&json!("${pr.url}"), &names).is_err());
    }
}
