//! Trees: the files as they are, taken into the trusted git directory, compared, put back, committed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::git::is_object_name;
use super::guard::FileChange;
use super::{Author, Workspace, WorkspaceError, io_error};

/// Bytes of one file of the base that are looked at.
const CONTENT_BYTES: u64 = 8 << 20;
/// Bytes of all that a change had in its files before that are looked at.
const BEFORE_BYTES: u64 = 32 << 20;
/// Bytes that one call of git is asked for, unless one object has more.
const BATCH_BYTES: u64 = 16 << 20;

/// A file as a diff lists it: modes and object names before and after.
#[derive(Debug)]
struct Entry {
    modes: (String, String),
    objects: (String, String),
    path: String,
}

/// Sizes of objects by their names.
type Sizes = BTreeMap<String, u64>;

impl Entry {
    /// The object of the file that there was.
    fn before(&self) -> Option<&String> {
        Some(&self.objects.0).filter(|_| self.modes.0.starts_with("100"))
    }

    /// The object of the file that there is.
    fn after(&self) -> Option<&String> {
        Some(&self.objects.1).filter(|_| self.modes.1.starts_with("100"))
    }
}

/// The size of an object; of none nothing, and of one that is not known more than may be.
fn size(sizes: &Sizes, object: Option<&String>) -> u64 {
    object.map_or(0, |object| sizes.get(object).copied().unwrap_or(u64::MAX))
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

    /// What is different between the base and a tree, with the contents that a guard looks at. Of a change that is
    /// beyond what the configured guard allows anyway there are none: how long this takes is bounded, however many
    /// files somebody has made.
    ///
    /// # Errors
    /// When git fails.
    pub async fn changes(&self, tree: &str) -> Result<Vec<FileChange>, WorkspaceError> {
        let entries = self.entries(tree).await?;
        let sizes = self.sizes(&entries).await?;
        let contents = self.blobs(self.looked_at(&entries, &sizes)).await?;
        let content = |object: Option<&String>| object.and_then(|object| contents.get(object));
        let change = |entry: &Entry| FileChange {
            path: entry.path.clone(),
            mode_before: entry.modes.0.clone(),
            mode_after: entry.modes.1.clone(),
            bytes: size(&sizes, entry.after()),
            before: content(entry.before()).cloned().unwrap_or_default(),
            after: content(entry.after()).cloned().unwrap_or_default(),
        };
        Ok(entries.iter().map(change).collect())
    }

    /// The files whose contents a guard looks at, with their sizes: none of a change that is refused for its size.
    fn looked_at(&self, entries: &[Entry], sizes: &Sizes) -> Sizes {
        let guard = &self.options.guard;
        let bytes = entries.iter().fold(0_u64, |sum, entry| sum.saturating_add(size(sizes, entry.after())));
        if entries.len() > guard.max_files || bytes > guard.max_bytes {
            return Sizes::new();
        }
        let mut wanted = Sizes::new();
        let mut room = BEFORE_BYTES;
        for object in entries.iter().filter_map(Entry::before) {
            let bytes = size(sizes, Some(object));
            if bytes <= CONTENT_BYTES.min(room) {
                room -= bytes;
                wanted.insert(object.clone(), bytes);
            }
        }
        let after = entries.iter().filter_map(Entry::after);
        wanted.extend(after.map(|object| (object.clone(), size(sizes, Some(object)))));
        wanted
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

    /// The sizes of all files of a change, before and after, by one call.
    async fn sizes(&self, entries: &[Entry]) -> Result<Sizes, WorkspaceError> {
        let mut asked = String::new();
        for object in entries.iter().flat_map(|entry| entry.before().into_iter().chain(entry.after())) {
            asked.push_str(object);
            asked.push('\n');
        }
        let ask = self.git.command("cat-file").input(asked);
        let told = ask.text(["--batch-check=%(objectname) %(objectsize)"]).await?;
        let sizes = told.lines().filter_map(|line| line.split_once(' '));
        Ok(sizes.filter_map(|(object, size)| Some((object.to_owned(), size.parse().ok()?))).collect())
    }

    /// The contents of files of these sizes.
    async fn blobs(
        &self,
        wanted: BTreeMap<String, u64>,
    ) -> Result<BTreeMap<String, Vec<u8>>, WorkspaceError> {
        let mut contents = BTreeMap::new();
        let (mut batch, mut bytes) = (Vec::new(), 0_u64);
        for (object, size) in wanted {
            if bytes.saturating_add(size) > BATCH_BYTES && !batch.is_empty() {
                self.batch(&std::mem::take(&mut batch), &mut contents).await?;
                bytes = 0;
            }
            bytes = bytes.saturating_add(size);
            batch.push((object, size));
        }
        self.batch(&batch, &mut contents).await?;
        Ok(contents)
    }

    /// Reads `<sha> blob <size>\n<contents>\n`, again and again.
    async fn batch(
        &self,
        objects: &[(String, u64)],
        into: &mut BTreeMap<String, Vec<u8>>,
    ) -> Result<(), WorkspaceError> {
        if objects.is_empty() {
            return Ok(());
        }
        let asked: String = objects.iter().map(|(object, _)| format!("{object}\n")).collect();
        let told = self.git.command("cat-file").input(asked).bytes(["--batch=%(objectname)"]).await?;
        let mut rest = told.as_slice();
        for (object, size) in objects {
            let content = usize::try_from(*size).ok().and_then(|size| {
                let told = rest.strip_prefix(object.as_bytes())?.strip_prefix(b"\n")?;
                let (content, after) = told.split_at_checked(size)?;
                rest = after.strip_prefix(b"\n")?;
                Some(content.to_vec())
            });
            let missing =
                || WorkspaceError::Git { command: "cat-file".to_owned(), message: format!("no {object}") };
            into.insert(object.clone(), content.ok_or_else(missing)?);
        }
        Ok(())
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
