//! Trees: the files as they are, taken into the trusted git directory, compared, put back, committed.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::git::is_object_name;
use super::guard::FileChange;
use super::{Author, Workspace, WorkspaceError, io_error};

/// Files of a change whose contents are looked at; a change of more is refused anyway.
const CONTENTS: usize = 400;
/// Bytes of one file that are looked at.
const CONTENT_BYTES: u64 = 8 << 20;

/// A file as a diff lists it: modes and object names before and after.
#[derive(Debug)]
struct Entry {
    modes: (String, String),
    objects: (String, String),
    path: String,
}

/// An index of its own for one operation: nothing that a crash leaves behind can block or mislead the next.
#[derive(Debug)]
pub(super) struct Index {
    // Held for its end: the directory goes when the operation does.
    _place: tempfile::TempDir,
    path: PathBuf,
}

impl Index {
    pub(super) fn new(directory: &Path) -> Result<Self, WorkspaceError> {
        let place = tempfile::Builder::new().prefix("index-").tempdir_in(directory);
        let place = place.map_err(|error| io_error("an index", error))?;
        let path = place.path().join("index");
        Ok(Self { _place: place, path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Workspace {
    /// The files as they are now, as a git tree in the trusted git directory; gives its SHA.
    ///
    /// # Errors
    /// When git fails, or the files hold a repository of their own: its contents would silently be missing.
    pub async fn snapshot(&self) -> Result<String, WorkspaceError> {
        let index = Index::new(&self.place)?;
        // From the base rather than from nothing: files that are tracked and ignored stay.
        self.git.command("read-tree").index(index.path()).bytes([&self.base]).await?;
        self.take_in(&self.files, &index).await
    }

    /// Takes files into an index that knows what they were before; gives the tree.
    pub(super) async fn take_in(&self, files: &Path, index: &Index) -> Result<String, WorkspaceError> {
        self.git.command("add").on(files, index.path()).bytes(["-A", "--", "."]).await?;
        let tree = self.git.command("write-tree").index(index.path()).text(None::<&str>).await?;
        let changed = self.entries(&tree).await?;
        match changed.into_iter().find(|entry| entry.modes.1 == "160000") {
            Some(nested) => Err(WorkspaceError::Nested(nested.path)),
            None => Ok(tree),
        }
    }

    /// Makes the files what a tree says, and removes all others.
    ///
    /// # Errors
    /// When git fails, or does not know the tree.
    pub async fn restore(&self, tree: &str) -> Result<(), WorkspaceError> {
        self.check_out(tree, &self.files).await
    }

    /// The unified diff from the base to a tree.
    ///
    /// # Errors
    /// When git fails.
    pub async fn diff(&self, tree: &str) -> Result<String, WorkspaceError> {
        let options = ["-p", "-M", "--no-color", "--no-ext-diff", "--no-textconv", "--end-of-options"];
        let diff = self.git.command("diff-tree");
        let text = diff.bytes(options.into_iter().chain([self.base.as_str(), tree])).await?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// Puts a tree's files into a directory, which then holds nothing else.
    pub(super) async fn check_out(&self, tree: &str, into: &Path) -> Result<(), WorkspaceError> {
        let index = Index::new(&self.place)?;
        self.lay_out(tree, into, &index).await
    }

    /// The same with an index that afterwards knows the files as they lie there, so that what nobody touches
    /// stays what it is in the tree.
    pub(super) async fn lay_out(&self, tree: &str, into: &Path, index: &Index) -> Result<(), WorkspaceError> {
        // The tree is asked for first: an unknown one must not cost the files that are there.
        self.git.command("read-tree").index(index.path()).bytes([tree]).await?;
        empty(into).await?;
        let checkout = self.git.command("checkout-index").on(into, index.path());
        checkout.bytes(["--index", "--all", "--force", "--quiet"]).await?;
        Ok(())
    }

    /// The tree of a commit, if the trusted git directory has it.
    ///
    /// # Errors
    /// When git does not know the commit.
    pub async fn tree_of(&self, commit: &str) -> Result<String, WorkspaceError> {
        let name = format!("{commit}^{{tree}}");
        self.git.command("rev-parse").text(["--verify", "--quiet", "--end-of-options", &name]).await
    }

    /// Makes a commit. The same tree, parent, message, author and date make the same SHA, however often.
    ///
    /// # Errors
    /// When git fails.
    pub async fn commit(
        &self,
        tree: &str,
        parent: &str,
        message: &str,
        by: (&Author, Timestamp),
    ) -> Result<String, WorkspaceError> {
        let (author, date) = by;
        let date = format!("@{} +0000", date.as_second());
        let mut commit = self.git.command("commit-tree").input(message);
        for who in ["AUTHOR", "COMMITTER"] {
            commit = commit
                .env(&format!("GIT_{who}_NAME"), &author.name)
                .env(&format!("GIT_{who}_EMAIL"), &author.email)
                .env(&format!("GIT_{who}_DATE"), &date);
        }
        commit.text(["-p", parent, "-F", "-", tree]).await
    }

    /// The tree with one file more, or with another text in it.
    ///
    /// # Errors
    /// When the path is not one that may be written, or git fails.
    pub async fn with_file(&self, tree: &str, path: &str, text: &str) -> Result<String, WorkspaceError> {
        super::place::relative(path)?;
        let index = Index::new(&self.place)?;
        let hash = self.git.command("hash-object").input(text);
        let object = hash.text(["-w", "--no-filters", "--stdin"]).await?;
        self.git.command("read-tree").index(index.path()).bytes([tree]).await?;
        let entry = format!("100644,{object},{path}");
        let update = self.git.command("update-index").index(index.path());
        update.bytes(["--add", "--cacheinfo", &entry]).await?;
        self.git.command("write-tree").index(index.path()).text(None::<&str>).await
    }

    /// The tree with the base's own version of those changed paths that are wanted, and these paths. What the
    /// base does not have is left out.
    pub(super) async fn with_bases(
        &self,
        tree: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<(String, Vec<String>), WorkspaceError> {
        let mut changed = self.entries(tree).await?;
        changed.retain(|entry| wanted(&entry.path));
        let index = Index::new(&self.place)?;
        self.git.command("read-tree").index(index.path()).bytes([tree]).await?;
        // First what goes, so that nothing stands in the way of what comes.
        changed.sort_by_key(|entry| entry.modes.0 != "000000");
        let line = |Entry { modes, objects, path }: &Entry| format!("{} {}\t{path}\0", modes.0, objects.0);
        let lines: String = changed.iter().map(line).collect();
        let update = self.git.command("update-index").index(index.path()).input(lines);
        update.bytes(["--replace", "-z", "--index-info"]).await?;
        let mixed = self.git.command("write-tree").index(index.path()).text(None::<&str>).await?;
        Ok((mixed, changed.into_iter().map(|entry| entry.path).collect()))
    }

    /// What is different between the base and a tree, with the contents that a guard looks at.
    ///
    /// # Errors
    /// When git fails.
    pub async fn changes(&self, tree: &str) -> Result<Vec<FileChange>, WorkspaceError> {
        let mut changes = Vec::new();
        for (at, entry) in self.entries(tree).await?.into_iter().enumerate() {
            let Entry { modes, objects, path } = entry;
            let is_file = |mode: &str| mode.starts_with("100");
            let bytes = if is_file(&modes.1) { self.size_of(&objects.1).await? } else { 0 };
            let looked_at = at < CONTENTS && bytes <= CONTENT_BYTES;
            let after =
                if looked_at && is_file(&modes.1) { self.blob(&objects.1).await? } else { Vec::new() };
            let before =
                if looked_at && is_file(&modes.0) { self.blob(&objects.0).await? } else { Vec::new() };
            changes.push(FileChange {
                path,
                mode_before: modes.0,
                mode_after: modes.1,
                bytes,
                before,
                after,
            });
        }
        Ok(changes)
    }

    /// The paths of a tree's files.
    ///
    /// # Errors
    /// When git fails.
    pub async fn paths(&self, tree: &str) -> Result<Vec<String>, WorkspaceError> {
        let list = self.git.command("ls-tree").bytes(["-r", "-z", "--name-only", tree]).await?;
        let paths = list.split(|byte| *byte == 0).filter(|path| !path.is_empty());
        Ok(paths.map(|path| String::from_utf8_lossy(path).into_owned()).collect())
    }

    /// The text of a file in a tree, if there is one of that name and bearable size.
    pub(super) async fn text_in(&self, tree: &str, path: &str) -> Option<String> {
        let name = format!("{tree}:{path}");
        let object = self.git.command("rev-parse").text(["--verify", "--quiet", "--end-of-options", &name]);
        let object = object.await.ok()?;
        let size = self.size_of(&object).await.ok()?;
        let bytes = if size <= CONTENT_BYTES { self.blob(&object).await.ok()? } else { return None };
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    async fn size_of(&self, object: &str) -> Result<u64, WorkspaceError> {
        let text = self.git.command("cat-file").text(["-s", object]).await?;
        Ok(text.parse().unwrap_or(u64::MAX))
    }

    async fn blob(&self, object: &str) -> Result<Vec<u8>, WorkspaceError> {
        self.git.command("cat-file").bytes(["blob", object]).await
    }

    async fn entries(&self, tree: &str) -> Result<Vec<Entry>, WorkspaceError> {
        if !is_object_name(tree) {
            return Err(WorkspaceError::Path(tree.to_owned()));
        }
        let raw = ["-r", "-z", "--raw", "--no-renames", "--no-abbrev", "--end-of-options"];
        let diff = self.git.command("diff-tree");
        let bytes = diff.bytes(raw.into_iter().chain([self.base.as_str(), tree])).await?;
        Ok(parse_raw(&String::from_utf8_lossy(&bytes)))
    }
}

/// Reads `:100644 100644 <sha> <sha> M\0path\0`, again and again.
fn parse_raw(text: &str) -> Vec<Entry> {
    let mut fields = text.split('\0');
    let mut entries = Vec::new();
    while let (Some(head), Some(path)) = (fields.next(), fields.next()) {
        let mut parts = head.trim_start_matches(':').split(' ').map(str::to_owned);
        if let (Some(m0), Some(m1), Some(o0), Some(o1)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        {
            entries.push(Entry { modes: (m0, m1), objects: (o0, o1), path: path.to_owned() });
        }
    }
    entries
}

/// Removes everything in a directory, which stays (or is made).
async fn empty(directory: &Path) -> Result<(), WorkspaceError> {
    let directory = directory.to_owned();
    let work = move || -> std::io::Result<()> {
        std::fs::create_dir_all(&directory)?;
        for entry in std::fs::read_dir(&directory)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                remove_tree(&entry.path())?;
            } else {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    };
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(std::io::Error::other).flatten().map_err(|error| io_error("emptying a checkout", error))
}

/// Removes a directory, also where somebody took away the right to look into parts of it, and however deep
/// it is: what is found below is moved up first, so neither the stack nor open files grow with the depth.
pub(super) fn remove_tree(directory: &Path) -> std::io::Result<()> {
    let there = match directory.symlink_metadata() {
        Ok(there) => there,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !there.is_dir() {
        return std::fs::remove_file(directory);
    }
    unlock(directory)?;
    let attic = tempfile::Builder::new().prefix(".removed-").tempdir_in(directory)?;
    let mut waiting = vec![directory.to_owned()];
    let mut moved = 0_u64;
    while let Some(next) = waiting.pop() {
        for entry in std::fs::read_dir(&next)? {
            let entry = entry?;
            // The entry's own type, not that of what a link points to.
            if !entry.file_type()?.is_dir() {
                std::fs::remove_file(entry.path())?;
            } else if entry.path() != attic.path() {
                // Without the right to write into it, a directory cannot get another parent.
                unlock(&entry.path())?;
                moved += 1;
                let up = attic.path().join(moved.to_string());
                std::fs::rename(entry.path(), &up)?;
                waiting.push(up);
            }
        }
        if next != directory {
            std::fs::remove_dir(&next)?;
        }
    }
    attic.close()?;
    std::fs::remove_dir(directory)
}

fn unlock(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700))
}
