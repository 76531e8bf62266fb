//! What a review says at single lines: only where the diff shows them; the rest stands in its text.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::plugin::forge::{ChangedFile, LineComment, shown_lines};
use crate::step::words;

/// As many as people read. What a reviewer finds first comes first.
const MOST: usize = 10;
/// The words for how bad something is.
const SEVERITIES: [&str; 4] = ["critical", "high", "medium", "low"];

/// A finding of a reviewer.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    path: String,
    line: Option<u64>,
    text: String,
}

/// The comments at lines of what an action was given, and a text of those that can stand at none. Models are not always
/// exact: what is no list is one finding.
pub(super) fn placed(given: &Value, files: &[ChangedFile]) -> (Vec<LineComment>, String) {
    let findings: Vec<Finding> = match given {
        Value::Array(given) => given.iter().filter_map(read).collect(),
        one => read(one).into_iter().collect(),
    };
    sort(&findings, files)
}

/// A finding, if it says something.
fn read(value: &Value) -> Option<Finding> {
    let text = |names: &[&str]| {
        let found = names.iter().find_map(|name| value[*name].as_str());
        found.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let said = value.as_str().map(str::to_owned).or_else(|| text(&["body", "text", "message", "problem"]))?;
    let severity = text(&["severity"]).map(|word| word.to_lowercase());
    let severity = severity.filter(|word| SEVERITIES.contains(&word.as_str()));
    let said = words::outgoing(&said);
    let line = number(&value["line"]);
    Some(Finding {
        path: text(&["path", "file"])
            .map(|path| path.trim_start_matches("./").to_owned())
            .unwrap_or_default(),
        line: line.filter(|line| *line > 0),
        text: severity.map(|word| format!("**{word}**: {said}")).unwrap_or(said),
    })
}

/// Those at lines that the diff shows, each place once, and the text of all others.
fn sort(findings: &[Finding], files: &[ChangedFile]) -> (Vec<LineComment>, String) {
    let shown: BTreeMap<&str, BTreeSet<u64>> = files
        .iter()
        .map(|file| (file.path.as_str(), file.patch.as_deref().map(shown_lines).unwrap_or_default()))
        .collect();
    let (mut comments, mut rest): (Vec<LineComment>, Vec<String>) = (Vec::new(), Vec::new());
    for Finding { path, line, text } in findings {
        let at = line.filter(|line| shown.get(path.as_str()).is_some_and(|lines| lines.contains(line)));
        let same = comments.iter().position(|comment| at.is_some() && comment.is_at(path, at));
        match (at, same) {
            (Some(_), Some(same)) => {
                let body = &mut comments[same].body;
                *body = format!("{body}\n\n{text}");
            }
            (Some(_), None) if comments.len() < MOST => {
                comments.push(LineComment {
                    path: Some(path.clone()),
                    line: at,
                    body: text.clone(),
                    thread: None,
                });
            }
            _ => rest.push(item(&place(path, *line), text)),
        }
    }
    (comments, rest.join("\n"))
}

fn place(path: &str, line: Option<u64>) -> String {
    match line {
        _ if path.is_empty() => String::new(),
        Some(line) => format!("`{path}`, line {line}: "),
        None => format!("`{path}`: "),
    }
}

/// One item of a list in Markdown.
pub(super) fn item(place: &str, text: &str) -> String {
    format!("- {place}{}", text.replace('\n', "\n  "))
}

/// A whole number as models write it: as one, or as a text of one.
pub(super) fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plugin::forge::FileChange;

    fn file(path: &str, patch: &str) -> ChangedFile {
        let change = FileChange::Modified;
        ChangedFile { path: path.to_owned(), previous: None, change, patch: Some(patch.to_owned()) }
    }

    fn sorted(given: &Value) -> (Vec<(String, u64, String)>, String) {
        let files = [file("a.sh", "@@ -1,2 +1,3 @@\n a\n+b\n c\n")];
        let findings: Vec<_> = given.as_array().unwrap().iter().filter_map(read).collect();
        let (comments, rest) = sort(&findings, &files);
        let plain = |comment: LineComment| (comment.path.unwrap(), comment.line.unwrap(), comment.body);
        (comments.into_iter().map(plain).collect(), rest)
    }

    #[test]
    fn only_what_the_diff_shows_is_said_at_its_line() {
        let (comments, rest) = sorted(&json!([
            {"path": "./a.sh", "line": 2, "severity": "High", "body": "Wrong, @ada."},
            {"file": "a.sh", "line": "2", "problem": "And slow."},
            {"path": "a.sh", "line": 9, "severity": "awful", "body": "Not in the diff."},
            {"path": "b.sh", "line": 1, "body": "Another\nfile."},
            {"path": "b.sh", "body": "No line."},
            "Only words.",
            {"path": "a.sh", "line": 1},
            7,
        ]));
        let said = "**high**: Wrong, @\u{200b}ada.\n\nAnd slow.".to_owned();
        assert_eq!(comments, [("a.sh".to_owned(), 2, said)]);
        assert_eq!(
            rest,
            "- `a.sh`, line 9: Not in the diff.\n- `b.sh`, line 1: Another\n  file.\n- `b.sh`: No line.\n- Only words."
        );
    }

    #[test]
    fn no_more_are_said_at_lines_than_people_read() {
        let patch: String = (0..30).map(|line| format!("+{line}\n")).collect();
        let files = [file("a.sh", &format!("@@ -0,0 +1,30 @@\n{patch}"))];
        let finding = |line| Finding { path: "a.sh".to_owned(), line: Some(line), text: "x".to_owned() };
        let (comments, rest) = sort(&(1..=12).map(finding).collect::<Vec<_>>(), &files);
        assert_eq!((comments.len(), rest.lines().count()), (MOST, 2));
    }
}
