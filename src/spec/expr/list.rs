//! What expressions do with lists.

use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};

use super::given::{Given, LONGEST_LIST, defined, list, refuse, shown};
use super::names;
use super::number::order;
use super::object::{at_path, attribute, keys_of};
use super::word::{Answer, MORE, Role, Word};

/// The words of this module.
pub(super) const WORDS: &[Word] = &[
    Word::filter("length", &[], length),
    Word::filter("first", &[], |given| end(given, false)),
    Word::filter("last", &[], |given| end(given, true)),
    Word::filter("reverse", &[], reverse),
    Word::filter("sort", &["reverse", "case_sensitive", "attribute"], sort),
    Word::filter("unique", &["attribute"], unique),
    Word::filter("groupby", &["attribute"], group_by),
    Word::filter("flatten", &["levels"], flatten),
    Word::filter("batch", &["count", "fill"], batch),
    Word::filter("zip", &[MORE], zip),
    Word::calling("map", &["filter", MORE, "attribute", "default"], map),
    Word::calling("select", &["test", MORE], |state, given| select(state, given, None, true)),
    Word::calling("reject", &["test", MORE], |state, given| select(state, given, None, false)),
    Word::calling("selectattr", &["attribute", "test", MORE], |state, given| {
        select(state, given, Some(given.text(1)?), true)
    }),
    Word::calling("rejectattr", &["attribute", "test", MORE], |state, given| {
        select(state, given, Some(given.text(1)?), false)
    }),
    Word::test("contains", &["item"], |given| contains(given, 0, 1)),
    Word::test("in", &["container"], |given| contains(given, 1, 0)),
];

fn length(given: &Given) -> Answer {
    let value = given.value(0)?;
    let counted =
        matches!(value.kind(), ValueKind::String | ValueKind::Map | ValueKind::Seq | ValueKind::Iterable);
    let length = value.len().filter(|_| counted);
    match length {
        Some(length) => Ok(length.into()),
        None => list(value)?
            .map(|items| items.len().into())
            .ok_or_else(|| given.wrong(0, "text, a list or an object")),
    }
}

/// The first or the last; undefined where there is none, so that `default` can say what then.
fn end(given: &Given, last: bool) -> Answer {
    let items = match given.value(0)?.as_str() {
        Some(text) => text.chars().map(Value::from).collect(),
        None => list(given.value(0)?)?.ok_or_else(|| given.wrong(0, "a list or text"))?,
    };
    let item = if last { items.last() } else { items.first() };
    Ok(item.cloned().unwrap_or(Value::UNDEFINED))
}

fn reverse(given: &Given) -> Answer {
    if let Some(text) = given.value(0)?.as_str() {
        return Ok(Value::from(text.chars().rev().collect::<String>()));
    }
    let items = list(given.value(0)?)?.ok_or_else(|| given.wrong(0, "a list or text"))?;
    Ok(items.into_iter().rev().collect())
}

/// Items with what they are told apart by, in the order of that. Those that are equal keep theirs.
fn sorted(given: &Given, items: Vec<Value>, keys: Vec<Value>) -> Result<Vec<(Value, Value)>, Error> {
    for pair in keys.windows(2) {
        order(&given.short(), &pair[0], &pair[1])?;
    }
    let mut keyed: Vec<(Value, Value)> = keys.into_iter().zip(items).collect();
    keyed.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(keyed)
}

fn sort(given: &Given) -> Answer {
    let items = given.list(0)?;
    let mut keys = keys_of(given, &items, 3)?;
    if !given.yes(2)? {
        let folded = |key: &Value| key.as_str().map(str::to_lowercase).map(Value::from);
        keys = keys.into_iter().map(|key| folded(&key).unwrap_or(key)).collect();
    }
    let sorted = sorted(given, items, keys)?.into_iter().map(|(_, item)| item);
    Ok(if given.yes(1)? { sorted.rev().collect() } else { sorted.collect() })
}

fn unique(given: &Given) -> Answer {
    let items = given.list(0)?;
    let keys = keys_of(given, &items, 1)?;
    let mut seen = std::collections::BTreeSet::new();
    let kept = items.into_iter().zip(keys).filter(|(_, key)| seen.insert(key.clone()));
    Ok(kept.map(|(item, _)| item).collect())
}

/// Pairs of what items have in common, and the items, in the order of the former.
fn group_by(given: &Given) -> Answer {
    let items = given.list(0)?;
    let path = given.text(1)?;
    let keys = items.iter().map(|item| attribute(given, item, path)).collect::<Result<_, _>>()?;
    let sorted = sorted(given, items, keys)?;
    let groups = sorted.chunk_by(|(one, _), (other, _)| one == other);
    let pair = |group: &[(Value, Value)]| {
        let items: Value = group.iter().map(|(_, item)| item.clone()).collect();
        Value::from(vec![group[0].0.clone(), items])
    };
    Ok(groups.map(pair).collect())
}

fn flatten(given: &Given) -> Answer {
    let levels = given.maybe(1, |given, at| given.count(at, 64))?.unwrap_or(64);
    let mut flat = Vec::new();
    for item in given.list(0)? {
        spread(&item, levels, &mut flat)?;
    }
    Ok(Value::from(flat))
}

fn spread(item: &Value, levels: usize, flat: &mut Vec<Value>) -> Result<(), Error> {
    match list(item)?.filter(|_| levels > 0) {
        Some(items) => items.iter().try_for_each(|item| spread(item, levels - 1, flat)),
        None if flat.len() == LONGEST_LIST => {
            Err(refuse(format!("a list has more than {LONGEST_LIST} items")))
        }
        None => {
            flat.push(item.clone());
            Ok(())
        }
    }
}

fn batch(given: &Given) -> Answer {
    let items = given.list(0)?;
    let count = given.count(1, LONGEST_LIST)?;
    if count == 0 {
        return Err(given.wrong(1, "a whole number above 0"));
    }
    let fill = given.maybe(2, Given::value)?;
    let filled = |part: &[Value]| {
        let missing = fill.into_iter().cycle().take(count - part.len());
        part.iter().chain(missing).cloned().collect::<Value>()
    };
    Ok(items.chunks(count).map(filled).collect())
}

fn zip(given: &Given) -> Answer {
    let mut lists = vec![given.list(0)?];
    for other in given.more() {
        let items = list(defined(other)?)?;
        lists.push(items.ok_or_else(|| given.refuse(&format!("takes lists, not {}", shown(other))))?);
    }
    let shortest = lists.iter().map(Vec::len).min().unwrap_or_default();
    Ok((0..shortest).map(|at| lists.iter().map(|items| items[at].clone()).collect::<Value>()).collect())
}

/// An attribute of each item, or what a filter makes of it.
fn map(state: &mut State<'_, '_>, given: &Given) -> Answer {
    let items = given.list(0)?;
    if let Some(path) = given.maybe(2, Given::text)? {
        let default = given.maybe(3, Given::value)?;
        let read = |item| match default {
            Some(default) => Ok(at_path(item, path).unwrap_or_else(|| default.clone())),
            None => attribute(given, item, path),
        };
        return items.iter().map(read).collect::<Result<Vec<_>, _>>().map(Value::from);
    }
    let name = given.text(1)?;
    names::known(Role::Filter, name)?;
    let apply = |item| state.apply_filter(name, &with(item, given.more()));
    items.into_iter().map(apply).collect::<Result<Vec<_>, _>>().map(Value::from)
}

fn with(first: Value, more: &[Value]) -> Vec<Value> {
    std::iter::once(first).chain(more.iter().cloned()).collect()
}

/// The items of which a test says `wanted`, or of which their attribute at a path does.
fn select(state: &mut State<'_, '_>, given: &Given, path: Option<&str>, wanted: bool) -> Answer {
    let test = given.maybe(1 + usize::from(path.is_some()), Given::text)?;
    if let Some(test) = test {
        names::known(Role::Test, test)?;
    }
    let mut kept = Vec::new();
    for item in given.list(0)? {
        let tested = match path {
            // Whether something is there may be asked of what is not there.
            Some(path) if matches!(test, Some("defined" | "undefined")) => {
                at_path(&item, path).unwrap_or(Value::UNDEFINED)
            }
            Some(path) => attribute(given, &item, path)?,
            None => item.clone(),
        };
        let holds = match test {
            Some(test) => state.perform_test(test, &with(tested, given.more()))?,
            None => tested.is_true(),
        };
        if holds == wanted {
            kept.push(item);
        }
    }
    Ok(Value::from(kept))
}

/// Whether text holds text, a list an item, or an object a key.
fn contains(given: &Given, container: usize, item: usize) -> Answer {
    let (within, sought) = (given.value(container)?, given.value(item)?);
    let text = || {
        let wrong =
            || format!("`{}` looks for text in {}, not for {}", given.short(), shown(within), shown(sought));
        sought.as_str().ok_or_else(|| refuse(wrong()))
    };
    let holds = match within.kind() {
        ValueKind::String => within.as_str().unwrap_or_default().contains(text()?),
        ValueKind::Map => within.get_attr(text()?).is_ok_and(|held| !held.is_undefined()),
        _ => {
            list(within)?.ok_or_else(|| given.wrong(container, "text, a list or an object"))?.contains(sought)
        }
    };
    Ok(holds.into())
}
