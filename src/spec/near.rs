//! The known word that was probably meant.

use strsim::osa_distance;

/// The candidate nearest to a word, unless none is near enough to be a slip of the fingers.
///
/// Of equally near ones the first in the alphabet wins, so that messages do not depend on order.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A word of which nothing would be left is not near to anything.
    let letters = word.chars().count();
    let allowed = (letters / 3).clamp(1, 3).min(letters.saturating_sub(1));
    let wanted = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (osa_distance(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *candidate != word)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Whether two words differ in one letter that was added, removed, changed or swapped with its neighbour.
pub(super) fn is_a_letter_off(one: &str, other: &str) -> bool {
    // Every kind of every file is compared with every known one: most are told apart by their length.
    one.chars().count().abs_diff(other.chars().count()) <= 1 && osa_distance(one, other) == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_seen_and_another_word_is_not() {
        let words = ["title", "type", "status", "description"];
        assert_eq!(nearest("titel", words), Some("title"));
        assert_eq!(nearest("Status", words), Some("status"));
        assert_eq!(nearest("discription", words), Some("description"));
        assert_eq!(nearest("assignee", words), None);
        assert_eq!(nearest("a", ["b"]), None);
    }

    #[test]
    fn a_swap_of_neighbours_is_one_slip() {
        assert!(is_a_letter_off("lable", "label"));
        assert!(is_a_letter_off("labels", "label"));
        assert!(!is_a_letter_off("label", "label"));
        assert!(!is_a_letter_off("labelled", "labels"));
    }
}
