//! Three-way merge of trees and texts.
//!
//! Pure. What does not merge is a value, never an error and never a guess. Two changes merge where they
//! touch different lines with at least one unchanged line between them, as in git; what else merges, [`text`] says.
//! [`trees`] merges two trees, [`plan`] and [`Fold`] any number of revisions of a lineage.

mod blocks;
mod claims;
mod clean;
mod conflict;
mod fold;
mod lines;
pub mod markers;
mod members;
mod moves;
mod rank;
mod region;
pub mod resolution;
mod rules;
mod structured;
mod telling;
pub mod text;
mod trees;
mod validate;
mod version;

pub use conflict::{Conflict, ConflictKind, Places};
pub use fold::{Fold, Plan, PlanFault, plan};
pub use trees::{MAX_TEXT_BYTES, MAX_TEXT_LINES, Merged, needed, trees};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn merged(base: &str, ours: &str, theirs: &str) -> Option<String> {
        text::lines_only(base.as_bytes(), ours.as_bytes(), theirs.as_bytes())
            .into_clean()
            .map(|text| String::from_utf8_lossy(&text).into_owned())
    }

    #[test]
    fn changes_apart_merge_and_changes_at_one_place_do_not() {
        let base = "a\nb\nc\nd\n";
        assert_eq!(merged(base, "A\nb\nc\nd\n", "a\nb\nc\nD\n").as_deref(), Some("A\nb\nc\nD\n"));
        assert_eq!(merged(base, "A\nb\nc\nd\n", "a\nB\nc\nd\n"), None);
        assert_eq!(merged(base, "a\nx\nb\nc\nd\n", "a\ny\nb\nc\nd\n"), None);
        assert_eq!(merged(base, "a\nx\nc\nd\n", "a\nx\nc\nd\n").as_deref(), Some("a\nx\nc\nd\n"));
    }

    fn text() -> impl Strategy<Value = String> {
        prop::collection::vec("[abc]", 0..8).prop_map(|lines| lines.iter().map(|line| format!("{line}\n")).collect())
    }

    proptest! {
        #[test]
        fn a_side_that_did_nothing_yields_to_the_other(base in text(), other in text()) {
            prop_assert_eq!(merged(&base, &base, &other), Some(other.clone()));
            prop_assert_eq!(merged(&base, &other, &base), Some(other.clone()));
            prop_assert_eq!(merged(&base, &other, &other), Some(other));
        }

        #[test]
        fn the_sides_can_be_exchanged(base in text(), ours in text(), theirs in text()) {
            prop_assert_eq!(merged(&base, &ours, &theirs), merged(&base, &theirs, &ours));
        }
    }
}
