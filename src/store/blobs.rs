//! Values that are too large for the database, as files named by what is in them.
//!
//! A file is written under another name, synced, renamed, and its directory synced, all before the batch
//! that refers to it is written: a reference never points at half a file. A crash between the two leaves a
//! file that nothing refers to; a sweep removes it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::id::Digest;

/// A directory of content-addressed files: `ab/<64 hex digits>`.
#[derive(Debug)]
pub(super) struct Blobs {
    dir: PathBuf,
}

impl Blobs {
    /// The blobs below a directory, which is made if it is not there.
    pub(super) fn open(dir: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&dir)?;
        Ok(Self { dir })
    }

    /// A blob's content.
    pub(super) fn get(&self, digest: Digest) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.path(digest)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    /// Keeps a blob; durable when it returns. Only one thread at a time may call it.
    pub(super) fn put(&self, digest: Digest, content: &[u8]) -> io::Result<()> {
        let path = self.path(digest);
        let dir = path.parent().unwrap_or(&self.dir);
        fs::create_dir_all(dir)?;
        if !path.exists() {
            let unfinished = path.with_extension("tmp");
            let mut file = File::create(&unfinished)?;
            file.write_all(content)?;
            file.sync_all()?;
            fs::rename(&unfinished, &path)?;
        }
        // A crash may have come between an earlier rename and this: the name itself must be durable.
        sync_dir(dir)?;
        sync_dir(&self.dir)
    }

    /// Removes every file that is not wanted, unfinished ones too.
    pub(super) fn sweep<E: From<io::Error>>(
        &self,
        wanted: &mut dyn FnMut(Digest) -> Result<bool, E>,
    ) -> Result<(), E> {
        for dir in fs::read_dir(&self.dir)? {
            let dir = dir?;
            // Whatever else a person or a file browser put here is not ours.
            if !dir.file_type()?.is_dir() {
                continue;
            }
            for file in fs::read_dir(dir.path())? {
                let file = file?;
                let digest = file.file_name().to_str().and_then(|name| name.parse().ok());
                if !digest.map_or(Ok(false), &mut *wanted)? {
                    fs::remove_file(file.path())?;
                }
            }
        }
        Ok(())
    }

    fn path(&self, digest: Digest) -> PathBuf {
        let name = digest.to_string();
        self.dir.join(&name[..2]).join(name)
    }
}

/// Makes the names in a directory durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_leaves_only_what_is_wanted() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(dir.path().join("blobs")).unwrap();
        let (kept, gone) = (Digest::of(b"kept"), Digest::of(b"gone"));
        blobs.put(kept, b"kept").unwrap();
        blobs.put(gone, b"gone").unwrap();
        let unfinished = blobs.path(kept).with_extension("tmp");
        fs::write(&unfinished, b"ke").unwrap();
        fs::write(dir.path().join("blobs/stray"), b"").unwrap();
        blobs.sweep::<io::Error>(&mut |digest| Ok(digest == kept)).unwrap();
        assert_eq!(blobs.get(kept).unwrap().unwrap(), b"kept");
        assert_eq!(blobs.get(gone).unwrap(), None);
        assert!(!unfinished.exists());
    }
}
