//! The files of the base commit: what there is, and the texts of many at once.

use crate::workspace::{Workspace, WorkspaceError};

/// A regular file of the base commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BaseFile {
    /// Its path from the root.
    pub(super) path: String,
    /// Its object's name.
    pub(super) object: String,
    /// Its size.
    pub(super) bytes: u64,
}

/// Paths that are left out: other people's code, and what is built.
const FOREIGN: &[&str] = &["node_modules/", "vendor/", "third_party/", "dist/", "target/"];

/// Whether a path leads into what is not the repository's own.
pub(super) fn is_foreign(path: &str) -> bool {
    FOREIGN.iter().any(|part| path.starts_with(part) || path.contains(&format!("/{part}")))
}

impl Workspace {
    /// The regular files of the base commit, sorted by path as git sorts them.
    pub(super) async fn base_files(&self) -> Result<Vec<BaseFile>, WorkspaceError> {
        let list = self.git.command("ls-tree").bytes(["-r", "-l", "-z", &self.base]).await?;
        Ok(parse_tree(&String::from_utf8_lossy(&list)))
    }

    /// The texts of files, with their paths and in their order; what is no text is left out.
    pub(super) async fn texts(&self, files: &[&BaseFile]) -> Result<Vec<(String, String)>, WorkspaceError> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let objects: String = files.iter().map(|file| format!("{}\n", file.object)).collect();
        let bytes = self.git.command("cat-file").input(objects).bytes(["--batch"]).await?;
        Ok(parse_batch(&bytes, files))
    }
}

/// Reads `100644 blob <sha>   <size>\t<path>\0`, again and again.
fn parse_tree(list: &str) -> Vec<BaseFile> {
    let file = |entry: &str| {
        let (head, path) = entry.split_once('\t')?;
        let mut parts = head.split_whitespace();
        let is_regular = parts.next()?.starts_with("100") && parts.next()? == "blob";
        let (object, bytes) = (parts.next()?.to_owned(), parts.next()?.parse().ok()?);
        is_regular.then(|| BaseFile { path: path.to_owned(), object, bytes })
    };
    list.split('\0').filter_map(file).collect()
}

/// Reads `<sha> blob <size>\n<contents>\n`, once for each file.
fn parse_batch(mut bytes: &[u8], files: &[&BaseFile]) -> Vec<(String, String)> {
    let mut texts = Vec::with_capacity(files.len());
    for file in files {
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { break };
        let head = String::from_utf8_lossy(&bytes[..end]);
        let size = head.rsplit(' ').next().and_then(|size| size.parse::<usize>().ok());
        let Some((size, contents)) = size.zip(bytes.get(end + 1..)) else { break };
        let Some((contents, rest)) = contents.split_at_checked(size) else { break };
        if let Ok(text) = std::str::from_utf8(contents) {
            texts.push((file.path.clone(), text.to_owned()));
        }
        bytes = rest.get(1..).unwrap_or_default();
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_read_without_links_and_submodules() {
        let list = "100644 blob aa      12\tb c\u{0}120000 blob bb       3\tlink\u{0}160000 commit cc       -\tsub\0";
        let [file] = &parse_tree(list)[..] else { unreachable!() };
        assert_eq!((file.path.as_str(), file.bytes), ("b c", 12));
    }

    #[test]
    fn texts_are_told_apart_by_their_sizes() {
        let file = |path: &str| BaseFile { path: path.to_owned(), object: String::new(), bytes: 0 };
        let files = [file("a"), file("b"), file("c")];
        let batch = b"aa blob 3\nx\ny\nbb blob 1\n\xff\ncc blob 0\n\n";
        let texts = parse_batch(batch, &files.iter().collect::<Vec<_>>());
        assert_eq!(texts, [("a".to_owned(), "x\ny".to_owned()), ("c".to_owned(), String::new())]);
    }
}
