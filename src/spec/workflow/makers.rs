//! Which steps make which names, wherever they stand: so that a name which is not there yet is told from one that is
//! nobody's.

use crate::spec::diagnostic::Source;
use crate::spec::scope::Maker;
use crate::spec::yaml::{Entry, Node, Tree};

/// Every name that a step puts somewhere, in the order written.
pub(super) fn makers(node: &Node, source: &Source) -> Vec<Maker> {
    let mut found = Vec::new();
    collect(node, None, source, &mut found);
    found
}

fn collect(node: &Node, within: Option<&str>, source: &Source, found: &mut Vec<Maker>) {
    match &node.value {
        Tree::List(items) => items.iter().for_each(|item| collect(item, within, source, found)),
        Tree::Map(entries) => {
            let name = text(entries, "name");
            if let (Some(step), Some(outputs)) = (name, value(entries, "outputs")) {
                found.extend(made(outputs, step, within, source));
            }
            let is_loop = text(entries, "type") == Some("loop");
            let within = name.filter(|_| is_loop).or(within);
            entries.iter().for_each(|entry| collect(&entry.value, within, source, found));
        }
        _ => {}
    }
}

fn made(outputs: &Node, step: &str, within: Option<&str>, source: &Source) -> Vec<Maker> {
    let Tree::Map(entries) = &outputs.value else { return Vec::new() };
    let maker = |entry: &Entry| {
        let path = entry.value.as_text()?.split('.').map(str::to_owned).collect();
        let (line, _) = source.place(entry.key_span.start);
        Some(Maker { path, step: step.to_owned(), line, within: within.map(str::to_owned) })
    };
    entries.iter().filter_map(maker).collect()
}

fn value<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Node> {
    entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
}

fn text<'a>(entries: &'a [Entry], key: &str) -> Option<&'a str> {
    value(entries, key)?.as_text()
}
