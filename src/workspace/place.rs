//! Paths that an agent names, and where they really are.

use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use super::inside::Spot;
use super::{VIRTUAL_ROOT, Workspace, WorkspaceError};

impl Workspace {
    /// The place of a path given from the checkout's root, if it is one that may be read or written: inside,
    /// not `.git`, no symlink on the way, and what is there a file or directory: a pipe would be waited for.
    ///
    /// # Errors
    /// When it is not.
    pub fn place(&self, path: &str) -> Result<PathBuf, WorkspaceError> {
        let relative = relative(path)?;
        let mut place = self.files.clone();
        for part in relative.components() {
            place.push(part);
            match place.symlink_metadata() {
                Ok(found) if !found.is_file() && !found.is_dir() => {
                    return Err(WorkspaceError::Path(path.to_owned()));
                }
                Ok(_) => {}
                // What is not there yet is no link.
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
                Err(error) => return Err(super::io_error(path, error)),
            }
        }
        Ok(place)
    }

    /// Writes a file of the checkout, with the directories that it needs.
    ///
    /// # Errors
    /// When the path is not one that may be written, or the disk fails.
    pub async fn write(&self, path: &str, text: &str) -> Result<(), WorkspaceError> {
        self.place(path)?;
        let (spot, text) = (Spot::new(&self.files, &relative(path)?), text.to_owned());
        let written = tokio::task::spawn_blocking(move || spot.stage(text.as_bytes(), 0o644)?.put()).await;
        written.map_err(std::io::Error::other).flatten().map_err(|error| super::io_error(path, error))
    }
}

/// A path from the checkout's root, cleaned of `.` and of the virtual root, if nothing in it leads elsewhere.
pub(super) fn relative(path: &str) -> Result<PathBuf, WorkspaceError> {
    let refused = || WorkspaceError::Path(path.to_owned());
    let inside = match path.strip_prefix(VIRTUAL_ROOT) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest.trim_start_matches('/'),
        _ => path,
    };
    if inside.contains('\0') || path.len() > 4_096 {
        return Err(refused());
    }
    let mut clean = PathBuf::new();
    for part in Path::new(inside).components() {
        match part {
            Component::Normal(name) if !is_git(&name.to_string_lossy()) => clean.push(name),
            Component::CurDir => {}
            _ => return Err(refused()),
        }
    }
    Ok(clean)
}

/// Whether a name is `.git` to some file system: in any case, with the dots, spaces and streams that Windows
/// ignores, with the letters that macOS ignores.
pub(super) fn is_git(name: &str) -> bool {
    let plain: String = name.chars().filter(|c| !is_ignored(*c)).collect();
    let plain = plain.to_lowercase();
    let plain = plain.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']);
    matches!(plain, ".git" | "git~1")
}

fn is_ignored(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}
