//! Reading a patch in the V4A format.

use std::iter::Peekable;
use std::str::Lines;

/// What a patch does to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FileChange {
    /// Makes it.
    Add { path: String, text: String },
    /// Deletes it.
    Delete { path: String },
    /// Changes it.
    Update { path: String, hunks: Vec<Hunk> },
}

/// A change within a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Hunk {
    /// Lines above it, outermost first.
    pub(super) anchors: Vec<String>,
    /// Its lines.
    pub(super) lines: Vec<Line>,
    /// Whether it is at the file's end.
    pub(super) at_end: bool,
}

/// A line of a hunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// It stays.
    Keep(String),
    /// It goes.
    Cut(String),
    /// It comes.
    Put(String),
}

/// A text that is not a patch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The patch cannot be read: {0}. Nothing was changed.")]
pub(super) struct BadPatch(String);

impl Hunk {
    /// The lines that must be in the file.
    pub(super) fn old(&self) -> Vec<&str> {
        let old = self.lines.iter().filter_map(|line| match line {
            Line::Keep(text) | Line::Cut(text) => Some(text.as_str()),
            Line::Put(_) => None,
        });
        old.collect()
    }

    fn changes_something(&self) -> bool {
        self.lines.iter().any(|line| !matches!(line, Line::Keep(_)))
    }
}

const BEGIN: &str = "*** Begin Patch";
const END: &str = "*** End Patch";
const END_OF_FILE: &str = "*** End of File";

/// The changes that a patch makes, one for each file.
///
/// # Errors
/// When it is not a patch, is empty, or names a file twice.
pub(super) fn parse(patch: &str) -> Result<Vec<FileChange>, BadPatch> {
    let inner = patch.trim().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
    let inner =
        inner.ok_or_else(|| BadPatch(format!("it must begin with `{BEGIN}` and end with `{END}`")))?;
    let mut lines = inner.lines().peekable();
    let mut changes: Vec<FileChange> = Vec::new();
    while let Some(line) = lines.next() {
        if line.trim().is_empty() {
            continue;
        }
        let change = file(line.trim_end(), &mut lines)?;
        if changes.iter().any(|earlier| earlier.path() == change.path()) {
            return Err(BadPatch(format!("`{}` is named twice", change.path())));
        }
        changes.push(change);
    }
    if changes.is_empty() {
        return Err(BadPatch("it changes nothing".to_owned()));
    }
    Ok(changes)
}

impl FileChange {
    fn path(&self) -> &str {
        match self {
            Self::Add { path, .. } | Self::Delete { path } | Self::Update { path, .. } => path,
        }
    }
}

fn file(head: &str, lines: &mut Peekable<Lines<'_>>) -> Result<FileChange, BadPatch> {
    let named = |what: &str| head.strip_prefix(what).map(|path| path.trim().to_owned());
    if let Some(path) = named("*** Add File: ") {
        return Ok(FileChange::Add { text: added(&path, lines)?, path });
    }
    if let Some(path) = named("*** Delete File: ") {
        return Ok(FileChange::Delete { path });
    }
    if let Some(path) = named("*** Update File: ") {
        return Ok(FileChange::Update { hunks: hunks(&path, lines)?, path });
    }
    Err(BadPatch(format!("`{head}` is not `*** Add File: `, `*** Update File: ` or `*** Delete File: `")))
}

fn is_head(line: &str) -> bool {
    line.starts_with("*** ") && line.trim_end() != END_OF_FILE
}

fn added(path: &str, lines: &mut Peekable<Lines<'_>>) -> Result<String, BadPatch> {
    let mut text = String::new();
    while let Some(line) = lines.next_if(|line| !is_head(line)) {
        match line.strip_prefix('+') {
            Some(line) => {
                text.push_str(line);
                text.push('\n');
            }
            None if line.trim().is_empty() => {}
            None => return Err(BadPatch(format!("`{path}` is new: `{line}` must begin with `+`"))),
        }
    }
    Ok(text)
}

fn hunks(path: &str, lines: &mut Peekable<Lines<'_>>) -> Result<Vec<Hunk>, BadPatch> {
    let mut hunks = Vec::new();
    let mut hunk = Hunk::default();
    while let Some(line) = lines.next_if(|line| !is_head(line)) {
        if let Some(anchor) = line.strip_prefix("@@") {
            // Several `@@` lines in a row narrow the place down; one after lines begins the next hunk.
            if !hunk.lines.is_empty() {
                hunks.push(std::mem::take(&mut hunk));
            }
            hunk.anchors.extend(Some(anchor.trim_start().to_owned()).filter(|anchor| !anchor.is_empty()));
        } else if line.trim_end() == END_OF_FILE {
            hunk.at_end = true;
            hunks.push(std::mem::take(&mut hunk));
        } else {
            hunk.lines.push(hunk_line(line)?);
        }
    }
    if hunk != Hunk::default() {
        hunks.push(hunk);
    }
    match hunks.iter().all(Hunk::changes_something) && !hunks.is_empty() {
        true => Ok(hunks),
        false => Err(BadPatch(format!("`{path}` has a hunk that changes nothing"))),
    }
}

fn hunk_line(line: &str) -> Result<Line, BadPatch> {
    let mut letters = line.chars();
    let first = letters.next();
    let rest = letters.as_str().to_owned();
    match first {
        // Models leave out the space before an empty line.
        None | Some(' ') => Ok(Line::Keep(rest)),
        Some('-') => Ok(Line::Cut(rest)),
        Some('+') => Ok(Line::Put(rest)),
        Some(_) => Err(BadPatch(format!("`{line}` must begin with a space, `-`, `+` or `@@`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_is_read_file_by_file() {
        let patch = "*** Begin Patch\n*** Add File: a\n+one\n+\n*** Delete File: b\n*** Update File: c\n\
                     @@ fn x\n@@ inner\n keep\n-cut\n+put\n@@\n+end\n*** End of File\n*** End Patch\n";
        let hunks = vec![
            Hunk {
                anchors: vec!["fn x".into(), "inner".into()],
                lines: vec![Line::Keep("keep".into()), Line::Cut("cut".into()), Line::Put("put".into())],
                at_end: false,
            },
            Hunk { anchors: vec![], lines: vec![Line::Put("end".into())], at_end: true },
        ];
        assert_eq!(
            parse(patch),
            Ok(vec![
                FileChange::Add { path: "a".into(), text: "one\n\n".into() },
                FileChange::Delete { path: "b".into() },
                FileChange::Update { path: "c".into(), hunks },
            ])
        );
    }

    #[test]
    fn what_is_not_a_patch_is_refused() {
        for text in [
            "",
            "*** Begin Patch\n*** End Patch",
            "*** Begin Patch\n*** Move File: a\n*** End Patch",
            "*** Begin Patch\n*** Add File: a\nno plus\n*** End Patch",
            "*** Begin Patch\n*** Update File: a\n keep\n*** End Patch",
            "*** Begin Patch\n*** Update File: a\n*** End Patch",
            "*** Begin Patch\n*** Delete File: a\n*** Delete File: a\n*** End Patch",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
