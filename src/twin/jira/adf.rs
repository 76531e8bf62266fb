//! The Atlassian Document Format: what Jira takes for text, and the plain text in it.

use serde_json::{Value, json};

/// The most characters that a field or comment may have.
const LIMIT: usize = 32_767;

/// The document of some paragraphs of plain text.
pub(super) fn document(text: &str) -> Value {
    let paragraphs = text.split("\n\n").filter(|text| !text.trim().is_empty());
    let paragraph =
        |text: &str| json!({"type": "paragraph", "content": [{"type": "text", "text": text.trim()}]});
    json!({"type": "doc", "version": 1, "content": paragraphs.map(paragraph).collect::<Vec<_>>()})
}

/// Says what is wrong with a document, as far as Jira would refuse it.
pub(super) fn check(document: &Value) -> Result<(), String> {
    let refused = |why: &str| Err(format!("Comment body is not valid! {why}"));
    if document["type"] != "doc" || document["version"] != 1 || !document["content"].is_array() {
        return refused("an Atlassian Document (type `doc`, version 1, content) is wanted");
    }
    if text(document).chars().count() > LIMIT {
        return refused("The entered text is too long.");
    }
    children(document).try_for_each(|node| block(node, true)).or_else(|why| refused(&why))
}

fn children(node: &Value) -> impl Iterator<Item = &Value> {
    node["content"].as_array().into_iter().flatten()
}

/// Checks a node that stands on lines of its own.
fn block(node: &Value, at_top: bool) -> Result<(), String> {
    let kind = node["type"].as_str().unwrap_or_default();
    let wrong_place = || Err(format!("`{kind}` cannot stand here"));
    match kind {
        "paragraph" => children(node).try_for_each(inline),
        "heading" => match node["attrs"]["level"].as_u64() {
            Some(1..=6) => children(node).try_for_each(inline),
            _ => Err("a heading's level is 1 to 6".to_owned()),
        },
        "codeBlock" => children(node).try_for_each(|node| match node["marks"].as_array() {
            Some(marks) if !marks.is_empty() => Err("a code block holds plain text".to_owned()),
            _ => inline(node),
        }),
        "bulletList" | "orderedList" => children(node).try_for_each(|item| match item["type"].as_str() {
            Some("listItem") => children(item).try_for_each(|node| block(node, false)),
            _ => Err("a list holds list items".to_owned()),
        }),
        "blockquote" | "panel" | "expand" => children(node).try_for_each(|node| block(node, false)),
        "rule" | "mediaSingle" | "table" | "taskList" => at_top.then_some(()).map_or_else(wrong_place, Ok),
        other => Err(format!("`{other}` is not a block")),
    }
}

fn inline(node: &Value) -> Result<(), String> {
    let has = |member: &str| node["attrs"][member].is_string();
    match node["type"].as_str().unwrap_or_default() {
        "text" => match node["text"].as_str() {
            Some(text) if !text.is_empty() => marks(node),
            _ => Err("a text node must not be empty".to_owned()),
        },
        "hardBreak" => Ok(()),
        "mention" if has("id") => Ok(()),
        "inlineCard" if has("url") => Ok(()),
        "emoji" if has("shortName") => Ok(()),
        "status" if has("text") => Ok(()),
        other => Err(format!("`{other}` is not an inline node, or its attributes are missing")),
    }
}

fn marks(node: &Value) -> Result<(), String> {
    let known = ["strong", "em", "code", "link", "strike", "underline", "textColor", "subsup"];
    let marks: Vec<_> = node["marks"].as_array().into_iter().flatten().collect();
    let kinds: Vec<_> = marks.iter().map(|mark| mark["type"].as_str().unwrap_or_default()).collect();
    if let Some(unknown) = kinds.iter().find(|kind| !known.contains(kind)) {
        return Err(format!("`{unknown}` is not a mark"));
    }
    if kinds.contains(&"code") && kinds.iter().any(|kind| !["code", "link"].contains(kind)) {
        return Err("`code` goes with no mark but `link`".to_owned());
    }
    let linked = |mark: &&&Value| mark["type"] == "link" && !mark["attrs"]["href"].is_string();
    marks.iter().find(linked).map_or(Ok(()), |_| Err("a link needs its href".to_owned()))
}

/// The plain text of a document, a line a block.
pub(in crate::twin) fn text(document: &Value) -> String {
    let mut text = String::new();
    write(document, &mut text);
    text.trim_end().to_owned()
}

fn write(node: &Value, into: &mut String) {
    match node["type"].as_str().unwrap_or_default() {
        "text" => into.push_str(node["text"].as_str().unwrap_or_default()),
        "hardBreak" => into.push('\n'),
        "mention" | "status" => into.push_str(node["attrs"]["text"].as_str().unwrap_or_default()),
        "inlineCard" => into.push_str(node["attrs"]["url"].as_str().unwrap_or_default()),
        kind => {
            children(node).for_each(|child| write(child, into));
            if ["paragraph", "heading", "codeBlock"].contains(&kind) {
                into.push('\n');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_keeps_its_text_and_strings_are_refused() {
        let made = document("One.\n\nTwo.");
        assert_eq!(check(&made), Ok(()));
        assert_eq!(text(&made), "One.\nTwo.");
        assert!(check(&json!("One.")).is_err());
    }

    #[test]
    fn what_jira_refuses_is_refused() {
        let doc = |content: Value| json!({"type": "doc", "version": 1, "content": content});
        let paragraph = |node: Value| doc(json!([{"type": "paragraph", "content": [node]}]));
        assert!(check(&paragraph(json!({"type": "text", "text": ""}))).is_err());
        assert!(
            check(&paragraph(json!({"type": "text", "text": "x", "marks": [{"type": "link"}]}))).is_err()
        );
        assert!(
            check(&paragraph(
                json!({"type": "text", "text": "x", "marks": [{"type": "code"}, {"type": "strong"}]})
            ))
            .is_err()
        );
        assert!(check(&doc(json!([{"type": "text", "text": "x"}]))).is_err());
        assert!(check(&doc(json!([{"type": "heading", "attrs": {"level": 7}, "content": []}]))).is_err());
        let link = json!({"type": "link", "attrs": {"href": "http://example.org"}});
        assert_eq!(check(&paragraph(json!({"type": "text", "text": "x", "marks": [link]}))), Ok(()));
    }
}
