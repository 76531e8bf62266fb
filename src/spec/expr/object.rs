//! What expressions do with objects, and how attributes are found.

use std::collections::BTreeMap;

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::explain::list as list_of_names;
use super::given::{Given, defined, entries, list, plain, refuse, shown};
use super::word::{Answer, MORE, Word};
use crate::spec::near::nearest;

/// Objects that may stand within each other where they are merged deep.
const DEEPEST: usize = 64;

/// The words of this module.
pub(super) const WORDS: &[Word] = &[
    Word::filter("keys", &[], |given| Ok(given.object(0)?.into_iter().map(|(key, _)| key).collect())),
    Word::filter("values", &[], |given| Ok(given.object(0)?.into_iter().map(|(_, value)| value).collect())),
    Word::filter("items", &[], |given| {
        Ok(given.object(0)?.into_iter().map(|(key, value)| Value::from(vec![key, value])).collect())
    }),
    Word::filter("dict", &[], dict),
    Word::filter("get", &["path", "default"], get),
    Word::filter("merge", &[MORE, "deep"], merge),
    Word::filter("pick", &[MORE], |given| chosen(given, true)),
    Word::filter("omit", &[MORE], |given| chosen(given, false)),
];

/// What is at a dotted path of a value: keys of objects, places in lists.
pub(super) fn at_path(value: &Value, path: &str) -> Option<Value> {
    path.split('.').try_fold(value.clone(), |value, part| step(&value, part))
}

fn step(value: &Value, part: &str) -> Option<Value> {
    let held = match value.kind() {
        ValueKind::Map => value.get_attr(part),
        ValueKind::Seq | ValueKind::Iterable => value.get_item_by_index(part.parse().ok()?),
        _ => return None,
    };
    held.ok().filter(|held| !held.is_undefined())
}

/// An attribute that an item is to have.
pub(super) fn attribute(given: &Given, item: &Value, path: &str) -> Result<Value, Error> {
    at_path(item, path).ok_or_else(|| missing(given, item, path))
}

/// What to say of a path that leads nowhere: how far it leads, and what there is instead.
fn missing(given: &Given, item: &Value, path: &str) -> Error {
    let mut level = item.clone();
    let mut within = String::new();
    for part in path.split('.') {
        let Some(next) = step(&level, part) else {
            let keys = entries(&level).ok().flatten().unwrap_or_default();
            let keys: Vec<&str> = keys.iter().filter_map(|(key, _)| key.as_str()).collect();
            let near = nearest(part, keys.iter().copied());
            let near = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
            let there = match level.kind() {
                ValueKind::Map => format!("there is {}", list_of_names(keys.into_iter())),
                _ => format!("it is looked for in {}", shown(&level)),
            };
            return refuse(format!("`{}` finds no `{within}{part}`; {near}{there}", given.short()));
        };
        level = next;
        within = format!("{within}{part}.");
    }
    given.wrong(0, &format!("what has `{path}`"))
}

/// What items are told apart by: an attribute where a place names one, else the items themselves.
pub(super) fn keys_of(given: &Given, items: &[Value], at: usize) -> Result<Vec<Value>, Error> {
    match given.maybe(at, Given::text)? {
        Some(path) => items.iter().map(|item| attribute(given, item, path)).collect(),
        None => Ok(items.to_vec()),
    }
}

fn get(given: &Given) -> Answer {
    let value = given.value(0)?;
    let path = match list(given.value(1)?)? {
        Some(parts) => parts,
        None => given.text(1)?.split('.').map(Value::from).collect(),
    };
    let found = path.iter().try_fold(value.clone(), |value, part| step(&value, part.as_str()?));
    match (found, given.maybe(2, Given::value)?) {
        (Some(found), _) => Ok(found),
        (None, Some(default)) => Ok(default.clone()),
        (None, None) => {
            let path: Vec<String> = path.iter().map(plain).collect::<Result<_, _>>()?;
            Err(missing(given, value, &path.join(".")))
        }
    }
}

/// An object of pairs, the last of a key counting.
fn dict(given: &Given) -> Answer {
    let mut object = BTreeMap::new();
    for pair in given.list(0)? {
        let Some([key, value]) = list(&pair)?.and_then(|pair| <[Value; 2]>::try_from(pair).ok()) else {
            return Err(given.wrong(0, "a list of pairs"));
        };
        if !matches!(key.kind(), ValueKind::String | ValueKind::Number | ValueKind::Bool) {
            return Err(refuse(format!("`dict` takes text as keys, not {}", shown(&key))));
        }
        object.insert(key.to_string(), value);
    }
    Ok(Value::from(object))
}

fn merge(given: &Given) -> Answer {
    let deep = given.yes(1)?;
    let mut merged = Value::from_pairs(given.object(0)?);
    for other in given.more() {
        merged = merged_with(&merged, defined(other)?, if deep { DEEPEST } else { 1 })?
            .ok_or_else(|| given.refuse(&format!("merges objects, not {}", shown(other))))?;
    }
    Ok(merged)
}

/// Two objects as one, down to a depth; nothing where one of them is none.
fn merged_with(one: &Value, other: &Value, depth: usize) -> Result<Option<Value>, Error> {
    let (Some(one), Some(other)) = (entries(one)?, entries(other)?) else { return Ok(None) };
    let mut merged: BTreeMap<Value, Value> = one.into_iter().collect();
    for (key, value) in other {
        let both = match merged.get(&key).filter(|_| depth > 1) {
            Some(old) => merged_with(old, &value, depth - 1)?,
            None => None,
        };
        merged.insert(key, both.unwrap_or(value));
    }
    Ok(Some(Value::from_pairs(merged)))
}

/// The entries whose keys are named, or all others.
fn chosen(given: &Given, named: bool) -> Answer {
    let mut names = Vec::new();
    for name in given.more() {
        let Some(name) = defined(name)?.as_str() else {
            return Err(given.refuse(&format!("takes keys, not {}", shown(name))));
        };
        names.push(name);
    }
    let entries = given.object(0)?;
    if let Some(missing) =
        names.iter().find(|name| named && !entries.iter().any(|(key, _)| key.as_str() == Some(name)))
    {
        return attribute(given, given.value(0)?, missing);
    }
    let kept =
        entries.into_iter().filter(|(key, _)| key.as_str().is_some_and(|key| names.contains(&key)) == named);
    Ok(Value::from_pairs(kept))
}
