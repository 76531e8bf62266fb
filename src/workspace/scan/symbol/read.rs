//! Definitions and mentions, read out of a file's tree.

use tree_sitter::Node;

use super::{Definition, Source};
use crate::workspace::grammar::Grammar;

/// Definitions of one file that are kept.
const MOST_DEFINITIONS: usize = 1_000;
/// Bytes of a head.
const HEAD: usize = 110;
/// Letters that a name has at least, and at most.
const NAME: std::ops::RangeInclusive<usize> = 2..=80;

/// A file's symbols; none where it cannot be read.
pub(super) fn source(path: &str, text: &str) -> Option<Source> {
    let grammar = Grammar::of(path)?;
    let tree = grammar.parse(text)?;
    let mut source = Source { path: path.to_owned(), ..Source::default() };
    let mut cursor = tree.walk();
    // Without recursion: a tree may be deeper than a stack.
    loop {
        visit(cursor.node(), grammar, text, &mut source);
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return Some(source);
            }
        }
    }
}

fn visit(node: Node<'_>, grammar: &Grammar, text: &str, source: &mut Source) {
    let kind = node.kind();
    if grammar.defining.contains(&kind) && source.definitions.len() < MOST_DEFINITIONS {
        source.definitions.extend(definition(node, text));
    } else if kind.ends_with("identifier") && node.child_count() == 0 && !names_a_definition(node, grammar) {
        let name = &text[node.byte_range()];
        if NAME.contains(&name.len()) {
            *source.mentions.entry(name.to_owned()).or_default() += 1;
        }
    }
}

/// Whether an identifier is the name under which its parent is defined.
fn names_a_definition(node: Node<'_>, grammar: &Grammar) -> bool {
    let parent = node.parent().filter(|parent| grammar.defining.contains(&parent.kind()));
    parent.is_some_and(|parent| parent.child_by_field_name("name") == Some(node))
}

fn definition(node: Node<'_>, text: &str) -> Option<Definition> {
    if !is_worth_naming(node) {
        return None;
    }
    let name = &text[name(node)?.byte_range()];
    if !NAME.contains(&name.len()) {
        return None;
    }
    let head = format!("{}{}", lead(node), head(node, text));
    Some(Definition { name: name.to_owned(), line: node.start_position().row + 1, head })
}

/// Variables only where they hold functions or stand at the top, C's structures only where they have a body, and Rust's
/// types not where a trait asks for them.
fn is_worth_naming(node: Node<'_>) -> bool {
    let field = |name: &str| node.child_by_field_name(name);
    let above = node.parent().and_then(|parent| parent.parent());
    match node.kind() {
        "variable_declarator" => field("value")
            .is_some_and(|value| matches!(value.kind(), "arrow_function" | "function_expression")),
        "struct_specifier" | "union_specifier" | "enum_specifier" => field("body").is_some(),
        "type_item" => above.is_none_or(|above| above.kind() != "impl_item"),
        "const_spec" | "var_spec" => above.is_some_and(|above| above.kind() == "source_file"),
        _ => true,
    }
}

/// The node of a definition's name: a field of it, or in C what is left when a declarator is unwrapped.
fn name(node: Node<'_>) -> Option<Node<'_>> {
    let mut at = node.child_by_field_name("name").or_else(|| node.child_by_field_name("declarator"))?;
    while let Some(inner) = at.child_by_field_name("declarator") {
        at = inner;
    }
    at.kind().ends_with("identifier").then_some(at)
}

/// The word that stands before a head whose own text does not begin with one.
fn lead(node: Node<'_>) -> &'static str {
    match node.kind() {
        "type_spec" | "type_alias" => "type ",
        "const_spec" => "const ",
        "var_spec" => "var ",
        _ => "",
    }
}

/// A definition's text up to its body, on one line.
fn head(node: Node<'_>, text: &str) -> String {
    let of_value = || node.child_by_field_name("value")?.child_by_field_name("body");
    let body = node.child_by_field_name("body").or_else(of_value);
    let whole = &text[node.byte_range()];
    let head = match body {
        Some(body) => &text[node.start_byte()..body.start_byte()],
        None => whole.lines().next().unwrap_or_default(),
    };
    let words = head.split_whitespace().collect::<Vec<_>>().join(" ");
    let ends = ["=>", "=", "{", ":", ";"];
    let bare = ends.iter().fold(words.as_str(), |head, end| head.trim_end_matches(end).trim_end());
    if bare.len() <= HEAD {
        return bare.to_owned();
    }
    format!("{}…", &bare[..bare.floor_char_boundary(HEAD)])
}
