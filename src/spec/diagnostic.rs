//! What is wrong with the files that people wrote: every fault with its place, all of them at once.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;

/// One fault and its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The file, as people call it: from the project's root.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// The offending text, in bytes from the file's start.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// A file that was read, with the faults found in it so far.
#[derive(Debug, Clone)]
pub struct Source {
    path: String,
    text: Arc<str>,
    found: Vec<Diagnostic>,
}

impl Source {
    /// A file without faults yet.
    #[must_use]
    pub fn new(path: impl Into<String>, text: impl Into<Arc<str>>) -> Self {
        Self { path: path.into(), text: text.into(), found: Vec::new() }
    }

    /// The file's path, from the project's root.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What the file holds.
    #[must_use]
    pub fn text(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }

    /// How many faults were found.
    #[must_use]
    pub fn faults(&self) -> usize {
        self.found.len()
    }

    /// Notes a fault.
    pub fn fault(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.note(span, message.into(), None);
    }

    /// Notes a fault and what to do about it.
    pub fn fault_with_help(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.note(span, message.into(), Some(help.into()));
    }

    fn note(&mut self, span: Range<usize>, message: String, help: Option<String>) {
        let start = self.boundary(span.start);
        let span = start..self.boundary(span.end).max(start);
        let (line, column) = self.place(start);
        self.found.push(Diagnostic { file: self.path.clone(), line, column, span, message, help });
    }

    /// The nearest place at or before an offset where a character begins.
    fn boundary(&self, offset: usize) -> usize {
        self.text.floor_char_boundary(offset.min(self.text.len()))
    }

    /// The line and column of an offset, both from 1.
    pub(in crate::spec) fn place(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..offset];
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        (line, before[start..].chars().count() + 1)
    }
}

/// All faults of all files, by place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics {
    items: Vec<Diagnostic>,
    texts: BTreeMap<String, Arc<str>>,
}

impl Diagnostics {
    /// Takes over what was found in a file.
    pub fn take(&mut self, source: Source) {
        if source.found.is_empty() {
            return;
        }
        self.items.extend(source.found);
        self.items.sort_by(|a, b| {
            (&a.file, a.line, a.column, &a.message).cmp(&(&b.file, b.line, b.column, &b.message))
        });
        self.texts.insert(source.path, source.text);
    }

    /// The faults, by file and place.
    #[must_use]
    pub fn items(&self) -> &[Diagnostic] {
        &self.items
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The faults as text for people, each with the lines it is about.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let rendered: Vec<String> =
            self.items.iter().map(|item| renderer.render(&[self.group(item)])).collect();
        rendered.join("\n\n")
    }

    fn group<'a>(&'a self, item: &'a Diagnostic) -> Group<'a> {
        let text = self.texts.get(&item.file).map_or("", |text| text);
        let snippet = Snippet::source(text)
            .path(item.file.as_str())
            .annotation(AnnotationKind::Primary.span(item.span.clone()));
        let group = Level::ERROR.primary_title(item.message.as_str()).element(snippet);
        match &item.help {
            Some(help) => group.element(Level::HELP.message(help.as_str())),
            None => group,
        }
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

impl Serialize for Diagnostics {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.items.serialize(serializer)
    }
}

#[cfg(test)]
pub(in crate::spec) mod tests {
    use super::*;

    /// A fault without the list of everything that is defined.
    pub(in crate::spec) fn shortened(fault: &str) -> &str {
        let end = [
            " [defined are",
            " defined are",
            " [`",
            " `event` has",
            " `event.repository` has",
            " `left` has",
            " `inputs` has",
        ]
        .iter()
        .filter_map(|mark| fault.find(mark))
        .min();
        &fault[..end.unwrap_or(fault.len())]
    }

    #[test]
    fn faults_are_told_in_the_order_of_their_places() {
        let mut second = Source::new("b.yaml", "é: 1\nname: x\n");
        second.fault_with_help(6..10, "the second", "do this");
        second.fault(0..2, "the first");
        let mut first = Source::new("a.yaml", "x");
        first.fault(7..9, "beyond the end");
        let mut all = Diagnostics::default();
        all.take(second);
        all.take(first);
        all.take(Source::new("c.yaml", "fine"));
        let places: Vec<_> =
            all.items().iter().map(|item| (item.file.as_str(), item.line, item.column)).collect();
        assert_eq!(places, [("a.yaml", 1, 2), ("b.yaml", 1, 1), ("b.yaml", 2, 1)]);
    }

    #[test]
    fn a_fault_is_shown_with_its_line() {
        let mut source = Source::new("handlers/a.yaml", "on: x\nrun: nowhere\n");
        source.fault_with_help(11..18, "there is no workflow `nowhere`", "there is `help`");
        let mut all = Diagnostics::default();
        all.take(source);
        insta::assert_snapshot!(all.render(false), @r"
        error: there is no workflow `nowhere`
         --> handlers/a.yaml:2:6
          |
        2 | run: nowhere
          |      ^^^^^^^
          |
          = help: there is `help`
        ");
        let json = serde_json::to_value(&all).unwrap();
        assert_eq!(json[0]["span"], serde_json::json!({"start": 11, "end": 18}));
        assert_eq!((&json[0]["line"], &json[0]["column"]), (&2.into(), &6.into()));
    }
}
