//! The Atlassian document format: Markdown into it, plain text out of it.
//!
//! Jira's third API refuses comments as plain strings. Of Markdown this knows what Ostler and its agents
//! write: paragraphs, headings, lists, code, quotes, emphasis and links; the rest stays as it is written.

use regex::Regex;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// The document of a Markdown text.
pub(super) fn document(markdown: &str) -> Value {
    let lines: Vec<&str> = markdown.lines().collect();
    let mut content = Vec::new();
    let mut rest = lines.as_slice();
    while let Some(line) = rest.first() {
        let (block, used) = match Line::of(line) {
            Line::Blank => (None, 1),
            Line::Fence(language) => fenced(language, rest),
            Line::Heading(level, text) => (Some(heading(level, text)), 1),
            Line::Item(kind, _) => list(kind, rest),
            Line::Quote(_) => quote(rest),
            Line::Text(_) => paragraph(rest),
        };
        content.extend(block);
        rest = &rest[used..];
    }
    // A document without content is refused.
    if content.is_empty() {
        content.push(json!({ "type": "paragraph", "content": [] }));
    }
    json!({ "type": "doc", "version": 1, "content": content })
}

/// A line by how it begins.
enum Line<'a> {
    Blank,
    Fence(&'a str),
    Heading(usize, &'a str),
    Item(ListKind, &'a str),
    Quote(&'a str),
    Text(&'a str),
}

#[derive(Clone, Copy, PartialEq)]
enum ListKind {
    Bullet,
    Ordered,
}

impl<'a> Line<'a> {
    fn of(line: &'a str) -> Self {
        let text = line.trim();
        if text.is_empty() {
            return Self::Blank;
        }
        if let Some(language) = text.strip_prefix("```") {
            return Self::Fence(language.trim());
        }
        let hashes = text.bytes().take_while(|byte| *byte == b'#').count();
        if let Some(title) = text[hashes..].strip_prefix(' ').filter(|_| (1..=6).contains(&hashes)) {
            return Self::Heading(hashes, title.trim());
        }
        if let Some(item) = ["- ", "* ", "+ "].iter().find_map(|mark| text.strip_prefix(mark)) {
            return Self::Item(ListKind::Bullet, item);
        }
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        if let Some(item) = text[digits..].strip_prefix(". ").filter(|_| digits > 0) {
            return Self::Item(ListKind::Ordered, item);
        }
        text.strip_prefix('>').map_or(Self::Text(text), |quoted| Self::Quote(quoted.trim_start()))
    }
}

fn heading(level: usize, text: &str) -> Value {
    json!({ "type": "heading", "attrs": {"level": level}, "content": inline(text) })
}

fn fenced(language: &str, lines: &[&str]) -> (Option<Value>, usize) {
    let body = &lines[1..];
    let end = body.iter().position(|line| line.trim() == "```").unwrap_or(body.len());
    let text = body[..end].join("\n");
    let content = if text.is_empty() { json!([]) } else { json!([{ "type": "text", "text": text }]) };
    let mut block = json!({ "type": "codeBlock", "content": content });
    if !language.is_empty() {
        block["attrs"] = json!({ "language": language });
    }
    (Some(block), (end + 2).min(lines.len()))
}

fn list(kind: ListKind, lines: &[&str]) -> (Option<Value>, usize) {
    let items: Vec<Value> = lines
        .iter()
        .map_while(|line| match Line::of(line) {
            Line::Item(same, text) if same == kind => Some(text),
            _ => None,
        })
        .map(|text| {
            let text = json!({ "type": "paragraph", "content": inline(text) });
            json!({ "type": "listItem", "content": [text] })
        })
        .collect();
    let name = if kind == ListKind::Bullet { "bulletList" } else { "orderedList" };
    let used = items.len();
    (Some(json!({ "type": name, "content": items })), used)
}

fn quote(lines: &[&str]) -> (Option<Value>, usize) {
    let quoted = |line: &&&str| match Line::of(line) {
        Line::Quote(text) => Some(text.to_owned()),
        _ => None,
    };
    let texts: Vec<String> = lines.iter().map_while(|line| quoted(&line)).collect();
    let content = json!({ "type": "paragraph", "content": broken_lines(&texts) });
    (Some(json!({ "type": "blockquote", "content": [content] })), texts.len())
}

fn paragraph(lines: &[&str]) -> (Option<Value>, usize) {
    let plain = |line: &&&str| match Line::of(line) {
        Line::Text(text) => Some(text.to_owned()),
        _ => None,
    };
    let texts: Vec<String> = lines.iter().map_while(|line| plain(&line)).collect();
    let used = texts.len();
    (Some(json!({ "type": "paragraph", "content": broken_lines(&texts) })), used)
}

fn broken_lines(lines: &[String]) -> Vec<Value> {
    let mut content = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            content.push(json!({ "type": "hardBreak" }));
        }
        content.extend(inline(line));
    }
    content
}

static INLINE: LazyLock<Regex> = LazyLock::new(|| {
    let code = r"`(?<code>[^`]+)`";
    let link = r"\[(?<label>[^\]]+)\]\((?<href>https?://[^\s)]+)\)";
    let bare = r"(?<bare>https?://[^\s<>()]*[^\s<>().,;:!?])";
    let strong = r"\*\*(?<strong>[^*]+)\*\*";
    let em = r"\b_(?<em>[^_]+)_\b";
    Regex::new(&[code, link, bare, strong, em].join("|")).expect("a constant pattern")
});

/// A line's text with its marks. Text nodes must not be empty.
fn inline(line: &str) -> Vec<Value> {
    let mut nodes = Vec::new();
    let mut done = 0;
    for found in INLINE.captures_iter(line) {
        let whole = found.get_match();
        nodes.extend(plain(&line[done..whole.start()]));
        done = whole.end();
        let part = |name: &str| found.name(name).map(|part| part.as_str());
        let marked = |text: &str, mark: Value| json!({ "type": "text", "text": text, "marks": [mark] });
        let linked =
            |text: &str, href: &str| marked(text, json!({ "type": "link", "attrs": {"href": href} }));
        nodes.extend(part("code").map(|text| marked(text, json!({ "type": "code" }))));
        nodes.extend(part("label").zip(part("href")).map(|(text, href)| linked(text, href)));
        nodes.extend(part("bare").map(|href| linked(href, href)));
        nodes.extend(part("strong").map(|text| marked(text, json!({ "type": "strong" }))));
        nodes.extend(part("em").map(|text| marked(text, json!({ "type": "em" }))));
    }
    nodes.extend(plain(&line[done..]));
    nodes
}

fn plain(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| json!({ "type": "text", "text": text }))
}

/// A document's text, block by block; a plain string is itself.
pub(super) fn text(document: &Value) -> String {
    let mut out = document.as_str().unwrap_or_default().to_owned();
    write(document, &mut out, 0);
    out.trim().to_owned()
}

/// Documents come from anybody: deeper nesting than any editor makes is not followed.
const DEEPEST: usize = 40;

fn write(node: &Value, out: &mut String, depth: usize) {
    let kind = node["type"].as_str().unwrap_or_default();
    match kind {
        "text" => out.push_str(node["text"].as_str().unwrap_or_default()),
        "hardBreak" => out.push('\n'),
        "mention" | "emoji" | "status" => out.push_str(node["attrs"]["text"].as_str().unwrap_or_default()),
        "inlineCard" | "blockCard" => out.push_str(node["attrs"]["url"].as_str().unwrap_or_default()),
        "listItem" => out.push_str("- "),
        "heading" => {
            let level = node["attrs"]["level"].as_u64().unwrap_or(1).clamp(1, 6);
            (0..level).for_each(|_| out.push('#'));
            out.push(' ');
        }
        "codeBlock" => out.push_str("```\n"),
        _ => {}
    }
    let children = node["content"].as_array().filter(|_| depth < DEEPEST);
    children.into_iter().flatten().for_each(|child| write(child, out, depth + 1));
    match kind {
        "codeBlock" => out.push_str("\n```\n\n"),
        "paragraph" | "heading" => end_block(out, depth),
        "bulletList" | "orderedList" => out.push('\n'),
        _ => {}
    }
}

/// Within a list one line is one item; between blocks there is an empty line.
fn end_block(out: &mut String, depth: usize) {
    out.push('\n');
    if depth <= 1 {
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "# Done\n\nThe fix is in `round.rs`, see [the pull request](https://x/pull/1).\nTests **pass**.\n\n- one\n- two https://x/y.\n\n```rust\nfn main() {}\n\n```\n> quoted";

    #[test]
    fn markdown_becomes_blocks_and_marks() {
        let document = document(SAMPLE);
        let kinds: Vec<&str> = document["content"]
            .as_array()
            .unwrap()
            .iter()
            .map(|block| block["type"].as_str().unwrap())
            .collect();
        assert_eq!(kinds, ["heading", "paragraph", "bulletList", "codeBlock", "blockquote"]);
        let paragraph = &document["content"][1]["content"];
        assert_eq!(paragraph[1], json!({"type": "text", "text": "round.rs", "marks": [{"type": "code"}]}));
        assert_eq!(paragraph[3]["marks"][0]["attrs"]["href"], "https://x/pull/1");
        assert_eq!(paragraph[5]["type"], "hardBreak");
        assert_eq!(document["content"][2]["content"][1]["content"][0]["content"][1]["text"], "https://x/y");
        assert_eq!(document["content"][3]["attrs"]["language"], "rust");
        assert_eq!(document["content"][3]["content"][0]["text"], "fn main() {}\n");
    }

    #[test]
    fn what_is_written_can_be_read() {
        let read = text(&document(SAMPLE));
        let expected = "# Done\n\nThe fix is in round.rs, see the pull request.\nTests pass.\n\n- one\n- two https://x/y.\n\n```\nfn main() {}\n\n```\n\nquoted";
        assert_eq!(read, expected);
        assert_eq!(text(&json!("plain")), "plain");
    }

    #[test]
    fn no_text_node_is_empty_and_no_document_either() {
        for markdown in ["", "\n\n", "```\n```", "`a``b`", "**", "- ", "> "] {
            let document = document(markdown);
            assert!(!document.to_string().contains("\"text\":\"\""), "{markdown}: {document}");
            assert!(!document["content"].as_array().unwrap().is_empty());
        }
    }

    #[test]
    fn nesting_without_end_is_not_followed() {
        let deep =
            (0..100).fold(json!({"type": "text", "text": "x"}), |inner, _| json!({"content": [inner]}));
        assert_eq!(text(&deep), "");
    }
}
