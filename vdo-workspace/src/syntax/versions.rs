//! Several versions of one text: the first is parsed, the others as far as they differ from it.
//!
//! Invariant: an answer is the one that the version alone gets. Recovery from errors depends on what was parsed before, so a tree
//! with an error in it is neither gone on from nor kept when it was.

use std::fmt;

use tree_sitter::{InputEdit, Parser, Point, Tree};
use vdo_core::diff;
use vdo_core::structure::Structure;
use vdo_core::syntax::Structures;

use super::languages::Language;
use super::parse;

/// How many edits a tree is told of; what lies between more of them is one edit.
const MAX_EDITS: usize = 256;

/// Reads versions of one text with one parser.
pub(super) struct Versions {
    language: &'static Language,
    parser: Option<Parser>,
    /// The first version that was free of errors.
    first: Option<(String, Tree)>,
}

impl Versions {
    pub(super) fn new(language: &'static Language) -> Self {
        Self { language, parser: None, first: None }
    }

    fn tree(&mut self, text: &str) -> Option<Tree> {
        if parse::is_unfit(self.language, text) {
            return None;
        }
        if self.parser.is_none() {
            self.parser = parse::parser(self.language);
        }
        let parser = self.parser.as_mut()?;
        if let Some((first, tree)) = &self.first {
            let mut tree = tree.clone();
            for edit in edits(first, text) {
                tree.edit(&edit);
            }
            if let Some(tree) = parse::run(parser, text, Some(&tree)).filter(|tree| !tree.root_node().has_error()) {
                return Some(tree);
            }
        }
        let tree = parse::run(parser, text, None)?;
        if self.first.is_none() && !tree.root_node().has_error() {
            self.first = Some((text.to_owned(), tree.clone()));
        }
        Some(tree)
    }
}

impl Structures for Versions {
    fn of(&mut self, text: &str) -> Option<Structure> {
        let tree = self.tree(text)?;
        self.language.structure(&tree, text)
    }
}

impl fmt::Debug for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Versions").field("language", &self.language.name).finish_non_exhaustive()
    }
}

/// Returns what turns `old` into `new`, whole lines at a time and the last first, so that no edit moves the next.
fn edits(old: &str, new: &str) -> Vec<InputEdit> {
    let (old, new) = (old.as_bytes(), new.as_bytes());
    let same = |pair: &(&u8, &u8)| pair.0 == pair.1;
    let prefix = old.iter().zip(new).take_while(same).count();
    if prefix == old.len() && prefix == new.len() {
        return Vec::new();
    }
    let start = old.get(..prefix).and_then(|head| head.iter().rposition(|byte| *byte == b'\n')).map_or(0, |at| at + 1);
    let rest = |text: &'_ [u8]| text.len() - start;
    let suffix = old.iter().rev().zip(new.iter().rev()).take(rest(old).min(rest(new))).take_while(same).count();
    let tail = old.get(old.len() - suffix..).unwrap_or_default();
    // The common end begins behind its first line end: the line that it begins in may differ before it.
    let suffix = tail.iter().position(|byte| *byte == b'\n').map_or(0, |at| suffix - at - 1);
    let middle = |text: &'_ [u8]| start..text.len() - suffix;
    let before = diff::lines(old.get(middle(old)).unwrap_or_default());
    let after = diff::lines(new.get(middle(new)).unwrap_or_default());
    let mut hunks = diff::line_hunks(&before, &after);
    if hunks.len() > MAX_EDITS
        && let (Some(first), Some(last)) = (hunks.first(), hunks.last())
    {
        let whole =
            diff::LineHunk { before: first.before.start..last.before.end, after: first.after.start..last.after.end };
        hunks = vec![whole];
    }
    let rows = old.get(..start).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count();
    let origin = Place { byte: start, row: rows, column: 0 };
    let (before, after) = (places(origin, &before), places(origin, &after));
    hunks.iter().rev().filter_map(|hunk| edit(hunk, &before, &after)).collect()
}

/// Where a line begins, or the last one ends.
#[derive(Debug, Clone, Copy)]
struct Place {
    byte: usize,
    row: usize,
    column: usize,
}

/// Returns where each line begins, and the end of the last.
fn places(origin: Place, lines: &[&[u8]]) -> Vec<Place> {
    let mut places = Vec::with_capacity(lines.len() + 1);
    let mut at = origin;
    places.push(at);
    for line in lines {
        at.byte += line.len();
        if line.ends_with(b"\n") {
            at = Place { byte: at.byte, row: at.row + 1, column: 0 };
        } else {
            at.column += line.len();
        }
        places.push(at);
    }
    places
}

fn edit(hunk: &diff::LineHunk, before: &[Place], after: &[Place]) -> Option<InputEdit> {
    let start = before.get(hunk.before.start as usize)?;
    let old_end = before.get(hunk.before.end as usize)?;
    let (new_start, new_end) = (after.get(hunk.after.start as usize)?, after.get(hunk.after.end as usize)?);
    let rows = new_end.row - new_start.row;
    // Lines are replaced whole, so that a hunk begins in the first column unless it has no lines at all.
    let column = if rows == 0 { start.column + new_end.column - new_start.column } else { new_end.column };
    Some(InputEdit {
        start_byte: start.byte,
        old_end_byte: old_end.byte,
        new_end_byte: start.byte + (new_end.byte - new_start.byte),
        start_position: Point::new(start.row, start.column),
        old_end_position: Point::new(old_end.row, old_end.column),
        new_end_position: Point::new(start.row + rows, column),
    })
}
