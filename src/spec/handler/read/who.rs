//! Reads who may start a trigger's workflow.

use std::fmt::Display;
use std::str::FromStr;

use crate::event::{Association, Permission};
use crate::spec::diagnostic::Source;
use crate::spec::handler::who::Who;
use crate::spec::yaml::{Fields, word};

const KEYS: &[&str] = &["role", "association", "team", "users"];

const ROLES: &[(&str, Permission)] = &[
    ("read", Permission::Read),
    ("triage", Permission::Triage),
    ("write", Permission::Write),
    ("maintain", Permission::Maintain),
    ("admin", Permission::Admin),
];

const ASSOCIATIONS: &[(&str, Association)] = &[
    ("owner", Association::Owner),
    ("member", Association::Member),
    ("collaborator", Association::Collaborator),
    ("contributor", Association::Contributor),
];

/// Who may, where the trigger says it.
pub(in crate::spec) fn read(fields: &Fields<'_>, source: &mut Source) -> Option<Who> {
    let node = fields.get("who").map(|entry| &entry.value)?;
    let inner = Fields::of(node, "`who`", KEYS, source)?;
    let associations = inner.texts("association", source).into_iter();
    let who = Who {
        role: inner.word("role", ROLES, source),
        association: associations
            .filter_map(|(text, node)| word("association", text, node, ASSOCIATIONS, source))
            .collect(),
        team: each(&inner, "team", source),
        users: each(&inner, "users", source),
    };
    // Nobody is hardly what is meant, and everybody must not be.
    if KEYS.iter().all(|key| inner.value(key).is_none()) {
        source.fault(node.span.clone(), "`who` needs one of `role`, `association`, `team`, `users`");
    }
    Some(who)
}

/// The values of a key, of which each is read by itself.
fn each<T: FromStr<Err: Display>>(fields: &Fields<'_>, key: &str, source: &mut Source) -> Vec<T> {
    let mut values = Vec::new();
    for (text, node) in fields.texts(key, source) {
        match text.parse() {
            Ok(value) => values.push(value),
            Err(error) => source.fault(node.span.clone(), format!("{error}")),
        }
    }
    values
}
