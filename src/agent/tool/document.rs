//! A text file as the editing tools see it, and writing several files as one.
//!
//! Tools work on plain lines; byte order mark, line ends, final newline and permissions stay what they were.

use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;

use super::ToolError;
use crate::agent::bench::Bench;
use crate::workspace::inside::{Spot, Staged};
use crate::workspace::syntax::{self, Fault};

/// A text file that was read.
#[derive(Debug)]
pub struct Document {
    /// Its text, lines ended by `\n`, without byte order mark.
    pub text: String,
    path: String,
    spot: Spot,
    bytes: Vec<u8>,
    mode: u32,
    has_bom: bool,
    is_crlf: bool,
}

/// A file to write or delete.
#[derive(Debug)]
pub struct Change {
    path: String,
    spot: Spot,
    before: Option<(Vec<u8>, u32)>,
    after: Option<Vec<u8>>,
}

const BOM: &str = "\u{feff}";
/// Larger files are not read into a conversation.
const MOST_BYTES: u64 = 4_000_000;

impl Document {
    /// Reads a file, given by its path from the checkout's root.
    ///
    /// # Errors
    /// When there is no such regular text file where tools may work.
    pub fn open(bench: &dyn Bench, path: &str) -> Result<Self, ToolError> {
        let path = super::local(path).to_owned();
        let spot = spot(bench, &path)?;
        let told = |what: &str| ToolError::Told(format!("`{path}` {what}."));
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => told("does not exist"),
            _ => told(&format!("cannot be read: {error}")),
        };
        let file = spot.open().map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.permissions().mode();
        let mut bytes = Vec::new();
        file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(told("is too large"));
        }
        let text = std::str::from_utf8(&bytes).ok().filter(|text| !text.contains('\0'));
        let text = text.ok_or_else(|| told("is a binary file"))?;
        let has_bom = text.starts_with(BOM);
        let text = text.trim_start_matches(BOM);
        let line_ends = text.matches('\n').count();
        // Where line ends are mixed, each `\r` stays a part of its line.
        let is_crlf = line_ends > 0 && text.matches("\r\n").count() == line_ends;
        let text = if is_crlf { text.replace("\r\n", "\n") } else { text.to_owned() };
        Ok(Self { text, path, spot, mode, has_bom, is_crlf, bytes })
    }

    /// The file with another text.
    #[must_use]
    pub fn with(self, text: &str) -> Change {
        let mut text = text.to_owned();
        let ended = self.text.ends_with('\n');
        if !self.text.is_empty() && ended != text.ends_with('\n') && !text.is_empty() {
            if ended { text.push('\n') } else { text.truncate(text.len() - 1) }
        }
        if self.is_crlf {
            text = text.replace('\n', "\r\n");
        }
        if self.has_bom {
            text.insert_str(0, BOM);
        }
        let before = Some((self.bytes, self.mode));
        Change { path: self.path, spot: self.spot, before, after: Some(text.into_bytes()) }
    }

    /// The file's deletion.
    #[must_use]
    pub fn without(self) -> Change {
        Change { path: self.path, spot: self.spot, before: Some((self.bytes, self.mode)), after: None }
    }

    /// Its path from the checkout's root.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl Change {
    /// A new file.
    ///
    /// # Errors
    /// When there is one, or there may be none.
    pub fn create(bench: &dyn Bench, path: &str, text: &str) -> Result<Self, ToolError> {
        let path = super::local(path);
        let spot = spot(bench, path)?;
        let is_free = match spot.open().and_then(|file| file.metadata()) {
            Ok(there) => there.len() == 0,
            // Below what is no directory nothing can be made, which is told when it is tried.
            Err(error) => matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
        };
        if !is_free {
            return Err(ToolError::Told(format!("`{path}` exists already.")));
        }
        Ok(Self { path: path.to_owned(), spot, before: None, after: Some(text.as_bytes().to_vec()) })
    }

    /// What is to be said where the file could be parsed and cannot any more.
    fn fault(&self) -> Option<String> {
        let Fault { line, language, .. } = syntax::fault(&self.path, self.after.as_ref()?)?;
        let before = self.before.as_ref().and_then(|(bytes, _)| syntax::fault(&self.path, bytes));
        before
            .is_none()
            .then(|| format!("\nLine {line} of `{}` cannot be parsed as {language} now.", self.path))
    }
}

/// What is to be said of files that cannot be parsed any more: nothing, as a rule.
#[must_use]
pub fn faults(changes: &[Change]) -> String {
    changes.iter().filter_map(Change::fault).collect()
}

/// Where a file is. Whatever is wrong with a path is the model's to mend: even the longest name must not
/// stop the agent.
fn spot(bench: &dyn Bench, path: &str) -> Result<Spot, ToolError> {
    let place = bench.place(path).map_err(|error| ToolError::Told(error.to_string()))?;
    let inside = place.strip_prefix(bench.root());
    let inside = inside.map_err(|_| ToolError::Told(format!("`{path}` is not in the repository.")))?;
    Ok(Spot::new(bench.root(), inside))
}

/// Writes all changes or none: everything is staged beside its place first, then moved there; what was
/// moved is put back when one move fails.
///
/// # Errors
/// When one of them cannot be written.
pub fn write(changes: &[Change]) -> Result<(), ToolError> {
    let told = |error: io::Error| ToolError::Told(format!("Nothing was changed: {error}."));
    let staged = changes.iter().map(stage).collect::<io::Result<Vec<_>>>().map_err(told)?;
    for (done, (change, file)) in changes.iter().zip(staged).enumerate() {
        let moved = match file {
            Some(staged) => staged.put(),
            None => change.spot.remove(),
        };
        if let Err(error) = moved {
            changes[..done].iter().for_each(put_back);
            return Err(told(error));
        }
    }
    Ok(())
}

fn stage(change: &Change) -> io::Result<Option<Staged>> {
    let Some(bytes) = &change.after else { return Ok(None) };
    let mode = change.before.as_ref().map_or(0o644, |(_, mode)| *mode);
    change.spot.stage(bytes, mode).map(Some)
}

fn put_back(change: &Change) {
    let undone = match &change.before {
        None => change.spot.remove(),
        Some((bytes, mode)) => change.spot.stage(bytes, *mode).and_then(Staged::put),
    };
    if let Err(error) = undone {
        tracing::warn!(spot = ?change.spot, %error, "a half-made change could not be undone");
    }
}
