//! Reads who may start a trigger's workflow.

use std::fmt::Display;
use std::str::FromStr;

use crate::event::{Association, Permission};
use crate::spec::diagnostic::Source;
use crate::spec::handler::keys;
use crate::spec::handler::who::Who;
use crate::spec::yaml::{Fields, word};

pub(in crate::spec::handler) const ROLES: &[(&str, Permission)] = &[
    ("read", Permission::Read),
    ("triage", Permission::Triage),
    ("write", Permission::Write),
    ("maintain", Permission::Maintain),
    ("admin", Permission::Admin),
];

pub(in crate::spec::handler) const ASSOCIATIONS: &[(&str, Association)] = &[
    ("owner", Association::Owner),
    ("member", Association::Member),
    ("collaborator", Association::Collaborator),
    ("contributor", Association::Contributor),
];

/// Who may, where the trigger says it.
pub(in crate::spec) fn read(fields: &Fields<'_>, source: &mut Source) -> Option<Who> {
    let node = fields.given("who")?;
    let inner = Fields::of(node, &keys::WHO, source)?;
    let associations = inner.texts("association").into_iter();
    Some(Who {
        role: inner.word("role", ROLES, source),
        association: associations
            .filter_map(|(text, node)| word("association", text, node, ASSOCIATIONS, source))
            .collect(),
        team: each(&inner, "team", source),
        users: each(&inner, "users", source),
    })
}

/// The values of a key, of which each is read by itself.
fn each<T: FromStr<Err: Display>>(fields: &Fields<'_>, key: &str, source: &mut Source) -> Vec<T> {
    let mut values = Vec::new();
    for (text, node) in fields.texts(key) {
        match text.parse() {
            Ok(value) => values.push(value),
            Err(error) => source.fault(node.span.clone(), format!("{error}")),
        }
    }
    values
}
