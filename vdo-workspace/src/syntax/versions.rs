//! Several versions of one text: the first is parsed, the others as far as they differ from it or from one another.
//!
//! Invariant: an answer is the one that the version alone gets. Recovery from errors depends on what was parsed before, so a tree
//! with an error in it is neither gone on from nor kept when it was.

use std::fmt;
use std::ops::Range;

use tree_sitter::{InputEdit, Parser, Point, Tree};
use vdo_core::diff::{self, common_prefix, common_suffix};
use vdo_core::structure::Structure;
use vdo_core::syntax::Structures;

use super::languages::Language;
use super::parse;
use super::structure::memo::Memo;

/// How many edits a tree is told of; a version that differs at more places is parsed by itself.
const MAX_EDITS: usize = 256;

/// How many versions are gone on from.
const MAX_KNOWN: usize = 3;

/// Reads versions of one text with one parser.
pub(super) struct Versions {
    language: &'static Language,
    parser: Option<Parser>,
    /// Versions that were parsed by themselves and are free of errors, with their trees.
    known: Vec<(Memo, Tree)>,
}

impl Versions {
    pub(super) fn new(language: &'static Language) -> Self {
        Self { language, parser: None, known: Vec::new() }
    }

    /// Returns the tree of a version and what it was made from, if there is one that it has enough in common with and it is free of errors.
    fn again(&mut self, text: &str) -> Option<(Tree, &Memo)> {
        let parser = self.parser.as_mut()?;
        let (memo, tree, edits) =
            self.known.iter().find_map(|(memo, tree)| Some((memo, tree, edits(memo.text(), text)?)))?;
        let mut tree = tree.clone();
        for edit in edits {
            tree.edit(&edit);
        }
        let tree = parse::run(parser, text, Some(&tree)).filter(|tree| !tree.root_node().has_error())?;
        Some((tree, memo))
    }
}

impl Structures for Versions {
    fn of(&mut self, text: &str) -> Option<Structure> {
        if parse::is_unfit(self.language, text) {
            return None;
        }
        if self.parser.is_none() {
            self.parser = parse::parser(self.language);
        }
        let language = self.language;
        if let Some((tree, memo)) = self.again(text) {
            return language.again(&tree, text, memo);
        }
        let tree = parse::run(self.parser.as_mut()?, text, None)?;
        if self.known.len() >= MAX_KNOWN || tree.root_node().has_error() {
            return language.structure(&tree, text);
        }
        let (structure, memo) = language.remembered(&tree, text)?;
        self.known.push((memo, tree));
        Some(structure)
    }
}

impl fmt::Debug for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Versions").field("language", &self.language.name).finish_non_exhaustive()
    }
}

/// Returns what turns `old` into `new`, the last first, so that no edit moves the next; `None` if they have too little in common.
fn edits(old: &str, new: &str) -> Option<Vec<InputEdit>> {
    let (old, new) = (old.as_bytes(), new.as_bytes());
    if old == new {
        return Some(Vec::new());
    }
    // Lines at both ends are alike in most versions, and need not be compared as lines.
    let start = line_start(old, common_prefix(old, new));
    let (old_rest, new_rest) = (old.get(start..)?, new.get(start..)?);
    let end = common_suffix(old_rest, new_rest);
    let tail = old.get(old.len() - end..)?;
    let end = tail.iter().position(|byte| *byte == b'\n').map_or(0, |at| end - at - 1);
    let before = diff::lines(old_rest.get(..old_rest.len() - end)?);
    let after = diff::lines(new_rest.get(..new_rest.len() - end)?);
    let hunks = diff::line_hunks(&before, &after);
    let (before, after) = (offsets(start, &before), offsets(start, &after));
    let of = |offsets: &[usize], lines: &Range<u32>| {
        Some(*offsets.get(lines.start as usize)?..*offsets.get(lines.end as usize)?)
    };
    let mut places = Places { text: old, byte: 0, point: Point::new(0, 0) };
    let mut edits: Vec<InputEdit> = Vec::with_capacity(hunks.len());
    let mut changed = 0;
    for hunk in &hunks {
        let low = edits.last().map_or(0, |edit| edit.old_end_byte);
        let (was, is) = narrowed((old, of(&before, &hunk.before)?), (new, of(&after, &hunk.after)?), low);
        changed += was.len().max(is.len());
        let start_position = places.of(was.start);
        edits.push(InputEdit {
            start_byte: was.start,
            old_end_byte: was.end,
            new_end_byte: was.start + is.len(),
            start_position,
            old_end_position: places.of(was.end),
            new_end_position: Places { text: new.get(is.start..)?, byte: 0, point: start_position }.of(is.len()),
        });
    }
    edits.reverse();
    (edits.len() <= MAX_EDITS && changed <= old.len().max(new.len()) / 2).then_some(edits)
}

/// Returns what one hunk changed: without what is alike at its ends, but from the last sign before it that is no blank, if that is behind `low`.
///
/// Tokens without bytes, such as the ends of blocks that are told by indentation, stand behind the last word before them and were read with
/// the first word after them. One that is changed and stands in front of the rest of the text keeps all of that from being used again, so
/// that they have to lie within the edit.
fn narrowed(
    (old, was): (&[u8], Range<usize>),
    (new, is): (&[u8], Range<usize>),
    low: usize,
) -> (Range<usize>, Range<usize>) {
    let (before, after) = (old.get(was.clone()).unwrap_or_default(), new.get(is.clone()).unwrap_or_default());
    let head = common_prefix(before, after);
    let tail = common_suffix(before.get(head..).unwrap_or_default(), after.get(head..).unwrap_or_default());
    let start = was.start + head;
    let above = old.get(low..start).unwrap_or_default();
    let blanks = above.iter().rev().take_while(|byte| byte.is_ascii_whitespace()).count();
    let back = (blanks + 1).min(above.len());
    (start - back..was.end - tail, is.start + head - back..is.end - tail)
}

/// Counts lines up to a byte, from the last one asked for.
struct Places<'t> {
    text: &'t [u8],
    byte: usize,
    point: Point,
}

impl Places<'_> {
    fn of(&mut self, byte: usize) -> Point {
        for sign in self.text.get(self.byte..byte).unwrap_or_default() {
            self.point = if *sign == b'\n' {
                Point::new(self.point.row + 1, 0)
            } else {
                Point::new(self.point.row, self.point.column + 1)
            };
        }
        self.byte = byte;
        self.point
    }
}

/// Returns where the line of the byte at `at` begins.
fn line_start(text: &[u8], at: usize) -> usize {
    text.get(..at).and_then(|head| head.iter().rposition(|byte| *byte == b'\n')).map_or(0, |newline| newline + 1)
}

/// Returns where each line begins, and the end of the last.
fn offsets(start: usize, lines: &[&[u8]]) -> Vec<usize> {
    let mut at = start;
    std::iter::once(start)
        .chain(lines.iter().map(|line| {
            at += line.len();
            at
        }))
        .collect()
}
