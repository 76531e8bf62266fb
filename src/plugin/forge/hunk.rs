//! The lines of a unified diff.

use std::collections::BTreeSet;

/// The lines that a file's hunks show, as the file is after the change: those at which a review can say something.
#[must_use]
pub fn shown_lines(patch: &str) -> BTreeSet<u64> {
    let (mut lines, mut next) = (BTreeSet::new(), None::<u64>);
    for line in patch.lines() {
        if let Some(start) = line.strip_prefix("@@ ").and_then(new_start) {
            next = Some(start);
        } else if let (Some(at), true) = (next, line.is_empty() || line.starts_with(['+', ' '])) {
            lines.insert(at);
            next = Some(at + 1);
        }
    }
    lines
}

/// Where a hunk begins after the change: of `-1,4 +2,6 @@` it is 2.
fn new_start(header: &str) -> Option<u64> {
    let new = header.split_whitespace().find_map(|part| part.strip_prefix('+'))?;
    new.split(',').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_and_kept_lines_are_shown_and_removed_ones_are_not() {
        let patch = "@@ -1,3 +1,4 @@ fn main\n a\n-b\n+c\n+d\n e\n\\ No newline at end of file\n@@ -20 +21,2 @@\n x\n+y\n";
        assert_eq!(shown_lines(patch).into_iter().collect::<Vec<_>>(), [1, 2, 3, 4, 21, 22]);
        assert!(shown_lines("@@ -1,2 +0,0 @@\n-a\n-b\n").is_empty());
        assert!(shown_lines("no hunk\n+x\n").is_empty());
    }
}
