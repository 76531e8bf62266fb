//! Which names an expression may use where it stands, and what is known of their values.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::diagnostic::Source;
use super::expr::{self, ExprError, Use};
use super::yaml::Node;
use super::{Field, Kind};

/// What is known of a name.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Known {
    /// A value of this type; what is inside it is not known.
    Value(Kind),
    /// A value with these names in it and no others.
    Names(BTreeMap<String, Self>),
}

/// The names that are defined at a place.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Scope {
    names: BTreeMap<String, Known>,
    /// What steps make, wherever they stand.
    makers: Arc<[Maker]>,
}

/// A step that makes a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Maker {
    /// The name, with what stands above it.
    pub(super) path: Vec<String>,
    /// The step.
    pub(super) step: String,
    /// The line in which it says so, from 1.
    pub(super) line: usize,
    /// The loop that it stands in.
    pub(super) within: Option<String>,
}

impl Scope {
    /// Defines a path, making the levels above it. What it was before is forgotten.
    pub(super) fn define(&mut self, path: &[&str], known: Known) {
        let Some((last, above)) = path.split_last() else { return };
        let mut level = &mut self.names;
        for part in above {
            let next = level.entry((*part).to_owned()).or_insert_with(|| Known::Names(BTreeMap::new()));
            if matches!(next, Known::Value(_)) {
                *next = Known::Names(BTreeMap::new());
            }
            let Known::Names(names) = next else { return };
            level = names;
        }
        level.insert((*last).to_owned(), known);
    }

    /// Learns which steps make which names, whether or not that is done where the scope is.
    pub(super) fn made_by(&mut self, makers: Vec<Maker>) {
        self.makers = makers.into();
    }

    /// Who makes what is not there, in a sentence.
    fn maker(&self, path: &[String]) -> Option<String> {
        let made = |maker: &&Maker| path.starts_with(&maker.path) || maker.path.starts_with(path);
        let Maker { step, line, within, .. } = self.makers.iter().find(made)?;
        Some(match within {
            Some(each) => {
                format!(
                    "the step `{step}` makes it in line {line}, for its item of the loop `{each}` and no further"
                )
            }
            None => format!("the step `{step}` makes it in line {line}, which is not done where this stands"),
        })
    }

    /// Adds what another place defines, as where two branches meet.
    pub(super) fn join(&mut self, other: Self) {
        join(&mut self.names, other.names);
    }

    /// What is known of the value at a path, or why there is none and what there is instead.
    pub(super) fn resolve(&self, path: &[String]) -> Result<Kind, (String, String)> {
        let mut level = &self.names;
        for (depth, part) in path.iter().enumerate() {
            match level.get(part) {
                Some(Known::Names(names)) => level = names,
                Some(Known::Value(kind)) if depth + 1 == path.len() => return Ok(*kind),
                Some(Known::Value(Kind::Any | Kind::Object)) => return Ok(Kind::Any),
                Some(Known::Value(kind)) => {
                    let (whole, next) = (path[..=depth].join("."), &path[depth + 1]);
                    return Err((
                        format!("`{whole}.{next}` is undefined"),
                        format!("`{whole}` is {}", kind.article()),
                    ));
                }
                None => return Err(expr::undefined(&path[..=depth], level.keys().map(String::as_str))),
            }
        }
        Ok(Kind::Object)
    }

    /// Tells of every expression in a value that does not parse or uses what is not defined.
    pub(super) fn check(&self, node: &Node, source: &mut Source) {
        let mut found = Vec::new();
        node.each_text(&mut |text_node, text| {
            let uses = expr::paths(&Value::String(text.to_owned()));
            found.push((text_node.clone(), uses));
        });
        for (text_node, uses) in found {
            self.check_uses(&text_node, uses, source);
        }
    }

    /// Tells of what is wrong with a condition.
    pub(super) fn check_condition(&self, node: &Node, text: &str, source: &mut Source) {
        self.check_uses(node, expr::condition_paths(text), source);
    }

    fn check_uses(&self, node: &Node, uses: Result<Vec<Use>, ExprError>, source: &mut Source) {
        let uses = match uses {
            Ok(uses) => uses,
            Err(error) => {
                let span = node.span_of(source, &error.expression, error.offset);
                return source.fault(span, error.to_string());
            }
        };
        for used in uses.iter().filter(|used| !used.optional) {
            if let Err((fact, hint)) = self.resolve(&used.path) {
                let span = node.span_of(source, &used.dotted(), used.offset);
                source.fault_with_help(span, fact, self.maker(&used.path).unwrap_or(hint));
            }
        }
    }

    /// Tells of a value that its field does not take. Expressions count only where their type is known.
    pub(super) fn check_kind(&self, field: &Field, node: &Node, source: &mut Source) {
        let value = node.to_json();
        let Some(kind) = self.kind_of(&value) else { return };
        if !field.kind.takes(kind) {
            let message = format!("`{}` takes {}, not {}", field.name, field.kind.article(), kind.article());
            match kind {
                Kind::Number | Kind::Boolean if field.kind == Kind::String && !value.is_string() => {
                    source.fault_with_help(node.span.clone(), message, "put it in quotes");
                }
                _ => match value.as_str().and_then(expr::plain_path) {
                    Some(path) => {
                        let help = converted(&path.join("."), kind, field.kind);
                        source.fault_with_help(node.span.clone(), message, help);
                    }
                    None => source.fault(node.span.clone(), message),
                },
            }
        }
    }

    /// The type of a value, as far as it is known.
    pub(super) fn kind_of(&self, value: &Value) -> Option<Kind> {
        match value {
            Value::Null => None,
            Value::Bool(_) => Some(Kind::Boolean),
            Value::Number(_) => Some(Kind::Number),
            Value::Array(_) => Some(Kind::List),
            Value::Object(_) => Some(Kind::Object),
            Value::String(text) => match expr::plain_path(text) {
                Some(path) => self.resolve(&path).ok(),
                None if expr::is_one(text) => None,
                None => Some(Kind::String),
            },
        }
    }
}

/// What a path leads to instead of what is wanted, and how that is made of it.
fn converted(path: &str, given: Kind, wanted: Kind) -> String {
    let is = format!("`{path}` is {}", given.article());
    let how = match (given, wanted) {
        (Kind::List, Kind::String) => "join(', ')",
        (Kind::Object, Kind::String) => "tojson",
        (Kind::Number | Kind::Boolean, Kind::String) => "string",
        (Kind::String, Kind::Number) => "int",
        (Kind::String, Kind::List) => "lines",
        _ => return is,
    };
    format!("{is}; `${{{path} | {how}}}` makes {} of it", wanted.article())
}

fn join(into: &mut BTreeMap<String, Known>, from: BTreeMap<String, Known>) {
    for (name, known) in from {
        match (into.get_mut(&name), known) {
            (Some(Known::Names(ours)), Known::Names(theirs)) => join(ours, theirs),
            (Some(ours), theirs) if *ours != theirs => *ours = Known::Value(Kind::Any),
            (Some(_), _) => {}
            (None, theirs) => {
                into.insert(name, theirs);
            }
        }
    }
}

impl Known {
    /// What a value of this shape looks like, down to its leaves.
    pub(super) fn shape(value: &Value) -> Self {
        match value {
            Value::Object(fields) => {
                Self::Names(fields.iter().map(|(name, field)| (name.clone(), Self::shape(field))).collect())
            }
            Value::Null => Self::Value(Kind::Any),
            Value::Bool(_) => Self::Value(Kind::Boolean),
            Value::Number(_) => Self::Value(Kind::Number),
            Value::String(_) => Self::Value(Kind::String),
            Value::Array(_) => Self::Value(Kind::List),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('.').map(str::to_owned).collect()
    }

    #[test]
    fn a_path_leads_as_far_as_is_known() {
        let mut scope = Scope::default();
        scope.define(&["branch", "url"], Known::Value(Kind::String));
        scope.define(&["plan"], Known::Value(Kind::Any));
        assert_eq!(scope.resolve(&path("branch")), Ok(Kind::Object));
        assert_eq!(scope.resolve(&path("branch.url")), Ok(Kind::String));
        assert_eq!(scope.resolve(&path("plan.any.thing")), Ok(Kind::Any));
        assert!(scope.resolve(&path("branch.ulr")).unwrap_err().1.contains("did you mean `url`?"));
        assert!(scope.resolve(&path("branch.url.host")).unwrap_err().1.contains("is text"));
        assert!(scope.resolve(&path("plans")).unwrap_err().1.contains("did you mean `plan`?"));
    }

    #[test]
    fn where_two_branches_meet_both_are_known() {
        let (mut one, mut other) = (Scope::default(), Scope::default());
        one.define(&["a", "b"], Known::Value(Kind::String));
        one.define(&["c"], Known::Value(Kind::String));
        other.define(&["a", "d"], Known::Value(Kind::Number));
        other.define(&["c"], Known::Value(Kind::Number));
        one.join(other);
        assert_eq!(one.resolve(&path("a.b")), Ok(Kind::String));
        assert_eq!(one.resolve(&path("a.d")), Ok(Kind::Number));
        assert_eq!(one.resolve(&path("c")), Ok(Kind::Any));
    }
}
