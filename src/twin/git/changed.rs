//! A unified diff taken apart into its files.

/// A file in which two commits differ.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::twin) struct Changed {
    pub(in crate::twin) path: String,
    /// The path that it had before, where that was another.
    pub(in crate::twin) previous: Option<String>,
    /// GitHub's word for what was done to it.
    pub(in crate::twin) status: &'static str,
    pub(in crate::twin) additions: u64,
    pub(in crate::twin) deletions: u64,
    /// The hunks; a binary file has none.
    pub(in crate::twin) patch: Option<String>,
}

/// The files of a diff as git writes it.
pub(super) fn read(diff: &str) -> Vec<Changed> {
    let mut files: Vec<Changed> = Vec::new();
    for line in diff.split_inclusive('\n') {
        if let Some(names) = line.strip_prefix("diff --git a/") {
            let (_, path) = names.trim_end().split_once(" b/").unwrap_or_default();
            files.push(Changed { path: path.to_owned(), status: "modified", ..Changed::default() });
        } else if let Some(file) = files.last_mut() {
            file.take(line);
        }
    }
    files
}

impl Changed {
    /// Takes the next line of its part into account.
    fn take(&mut self, line: &str) {
        if let Some(patch) = &mut self.patch {
            patch.push_str(line);
            self.additions += u64::from(line.starts_with('+'));
            self.deletions += u64::from(line.starts_with('-'));
        } else if line.starts_with("@@ ") {
            self.patch = Some(line.to_owned());
        } else if let Some(old) = line.strip_prefix("rename from ") {
            (self.status, self.previous) = ("renamed", Some(old.trim_end().to_owned()));
        } else if line.starts_with("new file mode") {
            self.status = "added";
        } else if line.starts_with("deleted file mode") {
            self.status = "removed";
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_its_own_hunks() {
        let diff = "diff --git a/a b/a\nindex 1..2 100644\n--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n-x\n+y\n z\n\
                    diff --git a/n b/n\nnew file mode 100644\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+n\n\
                    diff --git a/old b/new\nsimilarity index 100%\nrename from old\nrename to new\n";
        let [a, n, moved] = &read(diff)[..] else { unreachable!() };
        assert_eq!((a.path.as_str(), a.status, a.additions, a.deletions), ("a", "modified", 1, 1));
        assert_eq!(a.patch.as_deref(), Some("@@ -1,2 +1,2 @@\n-x\n+y\n z\n"));
        assert_eq!((n.status, n.patch.as_deref()), ("added", Some("@@ -0,0 +1 @@\n+n\n")));
        assert_eq!((moved.path.as_str(), moved.previous.as_deref()), ("new", Some("old")));
        assert_eq!((moved.status, &moved.patch), ("renamed", &None));
    }
}
