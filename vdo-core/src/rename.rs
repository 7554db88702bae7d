//! Which deleted file is which new one.
//!
//! Pure and deterministic. Contents that are the same pair first, then those that are alike by half or more, measured as git
//! measures it: the bytes of the lines they share, of the larger one's bytes. Empty files, links, submodules and binary
//! files pair only when they are the same. The work is bounded: see [`MOST_PAIRS`].

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::content::{BlobHash, Bytes, Entry};
use crate::contents::Contents;
use crate::diff::is_binary;
use crate::path::RepoPath;
use crate::tree::FileTree;

/// Above this many pairs of a deleted and a new file, only those with the same file name are compared.
pub const MOST_PAIRS: usize = 1_000_000;
/// What is the same.
const SAME: u64 = 60_000;
/// What is alike by half.
const ALIKE: u64 = SAME / 2;
/// What files with one name need to be paired before others are looked at.
const ALIKE_BY_NAME: u64 = ALIKE + (SAME - ALIKE) / 2;
/// How many sources are remembered for one new file.
const KEPT: usize = 4;
/// The longest piece that is compared as a whole, in bytes; a line end ends one earlier.
const PIECE: usize = 64;

/// A file that is at another path than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rename {
    /// Where it was.
    pub from: RepoPath,
    /// Where it is.
    pub to: RepoPath,
    /// How alike the two are, in percent; 100 only if they are the same.
    pub similarity: u8,
}

/// Whether an empty file can be the same as another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Empty {
    /// It can: for showing.
    Pairs,
    /// It cannot: for merging, where a change would follow it to an unrelated place.
    Stays,
}

/// Files that could be renamed: gone ones and new ones, in path order.
struct Candidates<'a> {
    gone: Vec<(&'a RepoPath, Entry)>,
    new: Vec<(&'a RepoPath, Entry)>,
}

impl<'a> Candidates<'a> {
    fn new(before: &'a FileTree, after: &'a FileTree, empty: Empty) -> Self {
        let nothing = BlobHash::of(b"");
        let only = |one: &'a FileTree, other: &FileTree| {
            let files = one.0.iter().filter(|(path, _)| !other.0.contains_key(*path));
            let files = files.filter(|(_, entry)| empty == Empty::Pairs || entry.blob != nothing);
            files.map(|(path, entry)| (path, *entry)).collect()
        };
        Self { gone: only(before, after), new: only(after, before) }
    }

    /// Takes out the pairs with the same content.
    fn take_same(&mut self) -> Vec<Rename> {
        let mut sources: BTreeMap<BlobHash, Vec<usize>> = BTreeMap::new();
        for (at, (_, entry)) in self.gone.iter().enumerate() {
            sources.entry(entry.blob).or_default().push(at);
        }
        let (mut found, mut used) = (Vec::new(), BTreeSet::new());
        self.new.retain(|(to, entry)| {
            let alike = sources.get(&entry.blob).into_iter().flatten().copied().filter(|at| !used.contains(at));
            let alike: Vec<usize> =
                alike.filter(|at| self.gone.get(*at).is_some_and(|from| fit(from.1, *entry))).collect();
            let same_name =
                alike.iter().find(|at| self.gone.get(**at).is_some_and(|(from, _)| from.file_name() == to.file_name()));
            let Some(at) = same_name.or(alike.first()) else { return true };
            used.insert(*at);
            let from = self.gone.get(*at).map(|(from, _)| (*from).clone());
            found.extend(from.map(|from| Rename { from, to: (*to).clone(), similarity: 100 }));
            false
        });
        let mut at = 0;
        self.gone.retain(|_| {
            at += 1;
            !used.contains(&(at - 1))
        });
        found
    }

    /// Leaves only what can be compared: ordinary files that are not empty.
    fn keep_files(&mut self) {
        let nothing = BlobHash::of(b"");
        for side in [&mut self.gone, &mut self.new] {
            side.retain(|(_, entry)| entry.mode.is_file() && entry.blob != nothing);
        }
    }

    fn are_few(&self) -> bool {
        self.gone.len().saturating_mul(self.new.len()) <= MOST_PAIRS
    }
}

/// Returns whether two files are of kinds that pair.
fn fit(one: Entry, other: Entry) -> bool {
    one.mode == other.mode || (one.mode.is_file() && other.mode.is_file())
}

/// Returns the pairs whose content is the same, and the gone files that are in none of them.
#[must_use]
pub fn same<'a>(before: &'a FileTree, after: &'a FileTree, empty: Empty) -> (Vec<Rename>, Vec<&'a RepoPath>) {
    let mut candidates = Candidates::new(before, after, empty);
    let found = candidates.take_same();
    candidates.keep_files();
    (found, candidates.gone.into_iter().map(|(path, _)| path).collect())
}

/// Returns the contents that [`renames`] will need: those of gone and new files that have no equal.
#[must_use]
pub fn needed(before: &FileTree, after: &FileTree) -> BTreeSet<BlobHash> {
    let mut candidates = Candidates::new(before, after, Empty::Stays);
    candidates.take_same();
    candidates.keep_files();
    if candidates.gone.is_empty() || candidates.new.is_empty() {
        return BTreeSet::new();
    }
    if !candidates.are_few() {
        let names = by_name(&candidates);
        let pairs = names.into_iter().flat_map(|(gone, new)| [candidates.gone.get(gone), candidates.new.get(new)]);
        return pairs.flatten().map(|(_, entry)| entry.blob).collect();
    }
    candidates.gone.iter().chain(&candidates.new).map(|(_, entry)| entry.blob).collect()
}

/// Returns the files of `after` that were at another path in `before`, in the order of their new paths.
///
/// `contents` has what [`needed`] names; a file whose content is missing is in no pair unless it is the same.
#[must_use]
pub fn renames(before: &FileTree, after: &FileTree, contents: &Contents, empty: Empty) -> Vec<Rename> {
    let mut candidates = Candidates::new(before, after, empty);
    let mut found = candidates.take_same();
    candidates.keep_files();
    if !candidates.gone.is_empty() && !candidates.new.is_empty() {
        found.extend(alike(&candidates, contents));
    }
    found.sort_by(|one, other| one.to.cmp(&other.to));
    found
}

/// Returns how alike two texts are, from 0 to 100 percent.
#[must_use]
pub fn similarity(one: &[u8], other: &[u8]) -> u8 {
    if one == other {
        return 100;
    }
    percent(Print::of(one).score(&Print::of(other), 0))
}

fn percent(score: u64) -> u8 {
    u8::try_from(score * 100 / SAME).unwrap_or(100)
}

/// The pieces of a text: hashes with the number of bytes that have them, in order.
#[derive(Debug, Clone)]
struct Print {
    size: u64,
    pieces: Vec<(u64, u64)>,
}

impl Print {
    fn of(text: &[u8]) -> Self {
        let mut pieces = Vec::with_capacity(text.len() / 16);
        let mut piece = Piece::default();
        let mut bytes = text.iter().peekable();
        while let Some(byte) = bytes.next() {
            // Line ends of both kinds count as the same.
            if *byte == b'\r' && bytes.peek() == Some(&&b'\n') {
                continue;
            }
            piece.add(*byte);
            if *byte == b'\n' || piece.size >= PIECE {
                pieces.push(std::mem::take(&mut piece).told());
            }
        }
        if piece.size > 0 {
            pieces.push(piece.told());
        }
        pieces.sort_unstable();
        pieces.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            kept.1 += if same { next.1 } else { 0 };
            same
        });
        Self { size: text.len() as u64, pieces }
    }

    /// Returns the bytes that both have, of the larger one's, in parts of [`SAME`]; 0 where that is known to be below `least`.
    fn score(&self, other: &Self, least: u64) -> u64 {
        let (small, large) = (self.size.min(other.size), self.size.max(other.size));
        if large == 0 || small * SAME < large * least {
            return 0;
        }
        let (mut left, mut right) = (self.pieces.iter().peekable(), other.pieces.iter().peekable());
        let mut shared = 0;
        while let (Some(one), Some(two)) = (left.peek(), right.peek()) {
            match one.0.cmp(&two.0) {
                std::cmp::Ordering::Less => drop(left.next()),
                std::cmp::Ordering::Greater => drop(right.next()),
                std::cmp::Ordering::Equal => {
                    shared += one.1.min(two.1);
                    left.next();
                    right.next();
                }
            }
        }
        // What is not the same never counts as such, whatever the line ends.
        (shared * SAME / large).min(SAME - 1)
    }
}

/// A piece of text under way (FNV-1a: the same on every machine).
struct Piece {
    hash: u64,
    size: usize,
}

impl Default for Piece {
    fn default() -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, size: 0 }
    }
}

impl Piece {
    fn add(&mut self, byte: u8) {
        self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        self.size += 1;
    }

    fn told(self) -> (u64, u64) {
        (self.hash, self.size as u64)
    }
}

/// Returns the pairs of a gone and a new file that are the only ones with their name.
fn by_name(candidates: &Candidates<'_>) -> Vec<(usize, usize)> {
    let only = |side: &[(&RepoPath, Entry)]| {
        let mut names: BTreeMap<String, Option<usize>> = BTreeMap::new();
        for (at, (path, _)) in side.iter().enumerate() {
            names.entry(path.file_name().to_owned()).and_modify(|place| *place = None).or_insert(Some(at));
        }
        names
    };
    let (gone, new) = (only(&candidates.gone), only(&candidates.new));
    gone.iter().filter_map(|(name, at)| Some(((*at)?, (*new.get(name)?)?))).collect()
}

/// A gone and a new file and how alike they are.
struct Pair {
    score: u64,
    same_name: bool,
    gone: usize,
    new: usize,
}

fn alike(candidates: &Candidates<'_>, contents: &Contents) -> Vec<Rename> {
    let print = |entry: &Entry| -> Option<Print> {
        let bytes: Bytes = contents.get(entry.blob)?;
        (!is_binary(&bytes)).then(|| Print::of(&bytes))
    };
    let gone: Vec<Option<Print>> = candidates.gone.iter().map(|(_, entry)| print(entry)).collect();
    let new: Vec<Option<Print>> = candidates.new.iter().map(|(_, entry)| print(entry)).collect();
    let score = |pair: (usize, usize), least| match (gone.get(pair.0), new.get(pair.1)) {
        (Some(Some(one)), Some(Some(other))) => Some(one.score(other, least)).filter(|score| *score >= least),
        _ => None,
    };
    let (mut gone_used, mut new_used) = (BTreeSet::new(), BTreeSet::new());
    let mut found = Vec::new();
    let mut take = |at: (usize, usize), score: u64| {
        if !gone_used.contains(&at.0)
            && !new_used.contains(&at.1)
            && let (Some((from, _)), Some((to, _))) = (candidates.gone.get(at.0), candidates.new.get(at.1))
        {
            gone_used.insert(at.0);
            new_used.insert(at.1);
            found.push(Rename { from: (*from).clone(), to: (*to).clone(), similarity: percent(score) });
        }
    };
    for pair in by_name(candidates) {
        if let Some(score) = score(pair, ALIKE_BY_NAME) {
            take(pair, score);
        }
    }
    if candidates.are_few() {
        for pair in best_pairs(candidates, &score) {
            take((pair.gone, pair.new), pair.score);
        }
    }
    found
}

/// Returns the pairs that are alike by half, the most alike first.
fn best_pairs(candidates: &Candidates<'_>, score: &impl Fn((usize, usize), u64) -> Option<u64>) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for (new, (to, _)) in candidates.new.iter().enumerate() {
        let mut best: Vec<Pair> = Vec::new();
        for (gone, (from, _)) in candidates.gone.iter().enumerate() {
            if let Some(score) = score((gone, new), ALIKE) {
                best.push(Pair { score, same_name: from.file_name() == to.file_name(), gone, new });
            }
        }
        best.sort_by_key(|pair| std::cmp::Reverse((pair.score, pair.same_name)));
        best.truncate(KEPT);
        pairs.extend(best);
    }
    pairs.sort_by_key(|pair| std::cmp::Reverse((pair.score, pair.same_name)));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{Blob, Mode};

    fn world(files: &[(&str, &str)], contents: &mut Contents) -> FileTree {
        let mut tree = FileTree::default();
        for (path, text) in files {
            let blob = Blob::new(text.as_bytes());
            tree.0.insert(path.parse().unwrap(), Entry::file(blob.hash()));
            contents.add(&blob);
        }
        tree
    }

    fn found(before: &[(&str, &str)], after: &[(&str, &str)], empty: Empty) -> Vec<(String, String, u8)> {
        let mut contents = Contents::default();
        let (before, after) = (world(before, &mut contents), world(after, &mut contents));
        let told = renames(&before, &after, &contents, empty);
        told.into_iter().map(|rename| (rename.from.to_string(), rename.to.to_string(), rename.similarity)).collect()
    }

    fn rows(rows: &[(&str, &str, u8)]) -> Vec<(String, String, u8)> {
        rows.iter().map(|(from, to, similarity)| ((*from).to_owned(), (*to).to_owned(), *similarity)).collect()
    }

    #[test]
    fn the_same_content_pairs_first_and_by_name_where_there_are_several() {
        let before = [("a/x.py", "one\n"), ("b/y.py", "one\n"), ("kept", "one\n")];
        let after = [("c/y.py", "one\n"), ("kept", "one\n"), ("z", "one\n"), ("zz", "one\n")];
        assert_eq!(found(&before, &after, Empty::Pairs), rows(&[("b/y.py", "c/y.py", 100), ("a/x.py", "z", 100)]));
    }

    #[test]
    fn what_is_alike_by_half_or_more_pairs_and_the_most_alike_wins() {
        let text = |lines: std::ops::Range<u32>| lines.map(|line| format!("line {line:03}\n")).collect::<String>();
        let (old, near, far, other) = (text(0..100), text(0..90), text(0..60), text(60..110));
        assert_eq!(found(&[("a", &old)], &[("b", &near), ("c", &far)], Empty::Stays), rows(&[("a", "b", 90)]));
        assert_eq!(found(&[("a", &old)], &[("c", &far)], Empty::Stays), rows(&[("a", "c", 60)]));
        assert_eq!(found(&[("a", &old)], &[("d", &other)], Empty::Stays), rows(&[]));
        // The name decides only between those that are alike by three quarters.
        assert_eq!(
            found(&[("d/a", &old)], &[("e/a", &text(0..80)), ("b", &near)], Empty::Stays),
            rows(&[("d/a", "e/a", 80)])
        );
        assert_eq!(found(&[("d/a", &old)], &[("e/a", &far), ("b", &near)], Empty::Stays), rows(&[("d/a", "b", 90)]));
    }

    #[test]
    fn empty_binary_and_linked_files_pair_only_when_they_are_the_same() {
        assert_eq!(found(&[("a", "")], &[("b", "")], Empty::Stays), rows(&[]));
        assert_eq!(found(&[("a", "")], &[("b", "")], Empty::Pairs), rows(&[("a", "b", 100)]));
        let (one, two) = ("x\0 a long line that both have\n1\n", "x\0 a long line that both have\n2\n");
        assert_eq!(found(&[("a", one)], &[("b", two)], Empty::Stays), rows(&[]));
        assert_eq!(found(&[("a", one)], &[("b", one)], Empty::Stays), rows(&[("a", "b", 100)]));
        let mut contents = Contents::default();
        let (before, mut after) = (world(&[("a", "to")], &mut contents), world(&[("b", "to")], &mut contents));
        after.0.values_mut().for_each(|entry| entry.mode = Mode::Symlink);
        assert_eq!(renames(&before, &after, &contents, Empty::Pairs), []);
        assert_eq!(needed(&before, &after), BTreeSet::new());
    }

    #[test]
    fn contents_are_asked_for_only_where_hashes_do_not_tell() {
        let mut contents = Contents::default();
        let before = world(&[("a", "1\n"), ("b", "2\n"), ("kept", "3\n")], &mut contents);
        let after = world(&[("c", "1\n"), ("d", "4\n"), ("kept", "5\n")], &mut contents);
        let expected = ["2\n", "4\n"].map(|text| BlobHash::of(text.as_bytes()));
        assert_eq!(needed(&before, &after), BTreeSet::from(expected));
        assert_eq!(needed(&before, &world(&[("c", "1\n"), ("b", "x")], &mut contents)), BTreeSet::new());
    }
}
