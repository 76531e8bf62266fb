//! Files below a directory in which others may move things at any moment: each is reached step by step from the
//! directory itself, and no step follows a link.
//!
//! [`Workspace::place`](super::Workspace::place) says whether a path may be used; what it looked at may be something
//! else by the time the path is used. This holds whatever happens in between.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, Mode, OFlags, fchmod, mkdirat, openat, renameat, unlinkat};
use rustix::io::Errno;

/// How many names are tried for a file that is on its way.
const NAMES: usize = 1_000;

/// A file's place below a directory, whether it is there or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    root: PathBuf,
    path: PathBuf,
}

/// A file that lies beside its place and is moved there whole, or goes.
#[derive(Debug)]
pub struct Staged {
    directory: OwnedFd,
    name: OsString,
    /// What it is called until then.
    temporary: Option<OsString>,
}

impl Spot {
    /// The place of a path below a directory that is itself nobody else's to move.
    #[must_use]
    pub fn new(root: &Path, path: &Path) -> Self {
        Self { root: root.to_owned(), path: path.to_owned() }
    }

    /// Opens the regular file that is there.
    ///
    /// # Errors
    /// When there is none, or a link is on the way. What is neither file nor directory is not waited for.
    pub fn open(&self) -> io::Result<File> {
        let (directory, name) = self.directory(false)?;
        let how = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = File::from(openat(&directory, name, how, Mode::empty())?);
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no regular file")) }
    }

    /// Reads the regular file that is there.
    ///
    /// # Errors
    /// When there is none, a link is on the way, or it has more than so many bytes.
    pub fn read(&self, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open()?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        let fits = bytes.len() as u64 <= most;
        if fits { Ok(bytes) } else { Err(io::ErrorKind::FileTooLarge.into()) }
    }

    /// Writes a file beside the place, with the directories that it needs.
    ///
    /// # Errors
    /// When a link is on the way, or the disk fails.
    pub fn stage(&self, bytes: &[u8], mode: u32) -> io::Result<Staged> {
        let (directory, name) = self.directory(true)?;
        let (temporary, mut file) = create(&directory)?;
        let staged = Staged { directory, name: name.to_owned(), temporary: Some(temporary) };
        file.write_all(bytes)?;
        fchmod(&file, Mode::from_raw_mode(mode & 0o777))?;
        Ok(staged)
    }

    /// Removes what is there: of a link the link.
    ///
    /// # Errors
    /// When there is nothing, it is a directory, or a link is on the way.
    pub fn remove(&self) -> io::Result<()> {
        let (directory, name) = self.directory(false)?;
        Ok(unlinkat(&directory, name, AtFlags::empty())?)
    }

    /// The directory of the file, held open, and the file's name in it.
    fn directory(&self, make: bool) -> io::Result<(OwnedFd, &OsStr)> {
        let strange = || io::Error::from(io::ErrorKind::InvalidInput);
        let name = self.path.file_name().ok_or_else(strange)?;
        let mut directory = OwnedFd::from(File::open(&self.root)?);
        for part in self.path.parent().into_iter().flat_map(Path::components) {
            let Component::Normal(part) = part else { return Err(strange()) };
            directory = below(&directory, part, make)?;
        }
        Ok((directory, name))
    }
}

impl Staged {
    /// Moves it to its place, over whatever file or link is there.
    ///
    /// # Errors
    /// When a directory is there, or the disk fails.
    pub fn put(mut self) -> io::Result<()> {
        let Some(temporary) = &self.temporary else { return Ok(()) };
        renameat(&self.directory, temporary, &self.directory, &self.name)?;
        self.temporary = None;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary
            && let Err(error) = unlinkat(&self.directory, temporary, AtFlags::empty())
        {
            tracing::warn!(%error, "a file that was not needed stays in a checkout");
        }
    }
}

fn below(directory: impl AsFd, part: &OsStr, make: bool) -> io::Result<OwnedFd> {
    if make {
        match mkdirat(&directory, part, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(&directory, part, how, Mode::empty())?)
}

/// A new file in a directory, with its name.
fn create(directory: impl AsFd) -> io::Result<(OsString, File)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let how = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    for _ in 0..NAMES {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = OsString::from(format!(".ostler-{}-{number}", std::process::id()));
        match openat(&directory, &name, how, Mode::from_raw_mode(0o600)) {
            Ok(file) => return Ok((name, file.into())),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A directory beside a file that is nobody's to touch, and links to both.
    fn trap() -> (tempfile::TempDir, PathBuf) {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("root");
        std::fs::create_dir_all(root.join("a")).unwrap();
        std::fs::create_dir(place.path().join("outside")).unwrap();
        std::fs::write(place.path().join("outside/file"), "kept").unwrap();
        symlink("../outside", root.join("out")).unwrap();
        symlink("../outside/file", root.join("link")).unwrap();
        (place, root)
    }

    fn write(root: &Path, path: &str) -> io::Result<()> {
        Spot::new(root, Path::new(path)).stage(b"new", 0o644)?.put()
    }

    #[test]
    fn no_link_is_followed_whoever_put_it_there() {
        let (place, root) = trap();
        for path in ["out/file", "out/more", "out/more/file", "../outside/file", "a/../../outside/file", ""] {
            let spot = Spot::new(&root, Path::new(path));
            assert!(
                spot.read(100).is_err() && spot.remove().is_err() && write(&root, path).is_err(),
                "{path}"
            );
        }
        let link = Spot::new(&root, Path::new("link"));
        assert!(link.read(100).is_err());
        write(&root, "link").unwrap();
        assert_eq!(link.read(100).unwrap(), b"new", "the link itself gave way");
        assert_eq!(std::fs::read(place.path().join("outside/file")).unwrap(), b"kept");
        let names = std::fs::read_dir(place.path().join("outside")).unwrap();
        assert_eq!(names.count(), 1, "nothing was made there");
    }

    #[test]
    fn a_file_is_written_whole_or_leaves_nothing() {
        let (_place, root) = trap();
        write(&root, "a/b/c").unwrap();
        assert_eq!(Spot::new(&root, Path::new("a/b/c")).read(3).unwrap(), b"new");
        assert!(Spot::new(&root, Path::new("a/b/c")).read(2).is_err());
        assert!(write(&root, "a/b").is_err(), "a directory is there");
        drop(Spot::new(&root, Path::new("a/b/d")).stage(b"x", 0o644).unwrap());
        let names =
            std::fs::read_dir(root.join("a/b")).unwrap().chain(std::fs::read_dir(root.join("a")).unwrap());
        assert_eq!(names.count(), 2, "`b` and `c`");
        Spot::new(&root, Path::new("a/b/c")).remove().unwrap();
        assert!(!root.join("a/b/c").exists());
    }

    #[test]
    fn a_pipe_is_not_waited_for() {
        let (_place, root) = trap();
        let made = std::process::Command::new("mkfifo").arg(root.join("pipe")).status().unwrap();
        assert!(made.success());
        let pipe = Spot::new(&root, Path::new("pipe"));
        assert!(pipe.open().is_err() && pipe.read(10).is_err());
        assert!(Spot::new(&root, Path::new("a")).open().is_err());
    }
}
