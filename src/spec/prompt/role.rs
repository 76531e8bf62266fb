//! Reads a role: front matter between two lines of `---`, then the prompt.

use std::ops::Range;

use super::keys::{self, TOOLS};
use super::{Role, RoleLimits};
use crate::money::Money;
use crate::spec::diagnostic::Source;
use crate::spec::yaml::{self, Fields, Tree};

/// Reads a role, and says where in the file its prompt is. Whoever calls looks at the source's faults.
pub(in crate::spec) fn read(source: &mut Source, name: &str) -> (Role, Range<usize>) {
    let text = source.text();
    let (front, body) = parts(&text);
    let mut role = Role {
        name: name.to_owned(),
        model: None,
        tools: TOOLS.iter().map(|tool| (*tool).to_owned()).collect(),
        limits: RoleLimits::default(),
        prompt: text[body.clone()].to_owned(),
    };
    match front {
        Some(front) => front_matter(source, front, &mut role),
        None => source.fault_with_help(
            0..text.find('\n').unwrap_or(text.len()),
            "a role begins with front matter",
            "put a line `---` before and after it; it may be empty",
        ),
    }
    if role.prompt.trim().is_empty() {
        source.fault(body.clone(), "a role has a prompt after its front matter");
    }
    (role, body)
}

/// Where the front matter is and where the prompt is.
fn parts(text: &str) -> (Option<Range<usize>>, Range<usize>) {
    let whole = (None, 0..text.len());
    let Some(start) =
        ["---\n", "---\r\n"].iter().find(|line| text.starts_with(**line)).map(|line| line.len())
    else {
        return whole;
    };
    let mut at = start;
    for line in text[start..].split_inclusive('\n') {
        if line.trim_end() == "---" {
            return (Some(start..at), at + line.len()..text.len());
        }
        at += line.len();
    }
    whole
}

fn front_matter(source: &mut Source, front: Range<usize>, role: &mut Role) {
    let Some(node) = yaml::parse_part(source, front) else { return };
    if matches!(node.value, Tree::Null) {
        return;
    }
    let Some(fields) = Fields::of(&node, &keys::ROLE, source) else { return };
    role.model = fields.text("model").map(str::to_owned);
    if fields.get("tools").is_some() {
        role.tools = tools(&fields, source);
    }
    let bounds = fields.given("limits").and_then(|node| Fields::of(node, &keys::LIMITS, source));
    bounds.iter().for_each(|fields| limits(fields, &mut role.limits));
}

fn tools(fields: &Fields<'_>, source: &mut Source) -> Vec<String> {
    let texts = fields.texts("tools");
    for (text, node) in &texts {
        if !TOOLS.contains(text) {
            let message = format!("there is no tool `{text}`");
            source.fault_with_help(node.span.clone(), message, yaml::suggestion(text, TOOLS));
        }
    }
    texts.into_iter().map(|(text, _)| text.to_owned()).collect()
}

fn limits(fields: &Fields<'_>, limits: &mut RoleLimits) {
    let small = |count| u32::try_from(count).unwrap_or(u32::MAX);
    if let Some(steps) = fields.count("steps") {
        limits.steps = small(steps);
    }
    if let Some(tokens) = fields.count("max_output_tokens") {
        limits.max_output_tokens = small(tokens);
    }
    if let Some(tokens) = fields.count("context_tokens") {
        limits.context_tokens = tokens;
    }
    if let Some(times) = fields.count("returns") {
        limits.returns = small(times);
    }
    if let Some(seconds) = fields.count("seconds") {
        limits.seconds = seconds;
    }
    if let Some(cost) = fields.number("cost").and_then(Money::from_dollars) {
        limits.cost = cost;
    }
}
