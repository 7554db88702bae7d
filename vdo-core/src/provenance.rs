//! Which revision each line of a file comes from, across merges and renames.
//!
//! Pure: [`Blame`] walks from the newest revision to the oldest and asks for what it has to look at, one thing at a time, so
//! that never more than two versions of the file are in memory. A line that a parent has belongs to that parent, the first
//! parent first; what no parent has, the revision introduced. Binary and very large files are one line each.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::content::{BlobHash, Bytes};
use crate::contents::Contents;
use crate::diff::{is_binary, line_hunks, lines};
use crate::id::RevisionId;
use crate::lineage::Lineage;
use crate::merge::{MAX_TEXT_BYTES, MAX_TEXT_LINES};
use crate::path::RepoPath;
use crate::rename::{self, Empty};
use crate::tree::FileTree;

/// Where a file was in a parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The path there.
    pub path: RepoPath,
    /// The content there.
    pub blob: BlobHash,
}

/// What a [`Blame`] has to know to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Where the file was in a parent; see [`origin`]. Answer with [`Blame::tell_origin`].
    Origin {
        /// The revision.
        revision: RevisionId,
        /// Where the file is in it.
        path: RepoPath,
        /// Its content there.
        blob: BlobHash,
        /// The parent.
        parent: RevisionId,
    },
    /// Two contents. Answer with [`Blame::tell_contents`].
    Contents {
        /// In the parent.
        old: BlobHash,
        /// In the revision.
        new: BlobHash,
    },
    /// One content, whose lines are counted. Answer with [`Blame::tell_contents`].
    Content(BlobHash),
}

/// Where one line comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineOrigin {
    /// The revision that introduced it.
    pub revision: RevisionId,
    /// Where the file was in that revision.
    pub path: RepoPath,
}

/// Lines of the file that is asked about, and where they begin in another version.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Span {
    lines: Range<usize>,
    at: usize,
}

/// A version of the file with the lines it may have introduced.
#[derive(Debug, Clone)]
struct Version {
    revision: RevisionId,
    path: RepoPath,
    blob: BlobHash,
    spans: Vec<Span>,
    /// The parents that were not looked at yet, the next one last.
    parents: Vec<RevisionId>,
    /// The parent that is being looked at, and where the file is in it.
    origin: Option<(RevisionId, Origin)>,
}

/// The search for where lines come from. Take [`Blame::ask`], answer, until it is `None`.
#[derive(Debug)]
pub struct Blame {
    lineage: Lineage,
    places: BTreeMap<RevisionId, usize>,
    /// Versions to look at, the newest last.
    open: BTreeMap<(usize, RepoPath), Version>,
    current: Option<Version>,
    found: Vec<Option<LineOrigin>>,
    counted: bool,
    blob: BlobHash,
}

impl Blame {
    /// Begins with the file that lies at `path` of `revision` with content `blob`. `lineage` has all its ancestors.
    #[must_use]
    pub fn new(lineage: Lineage, revision: RevisionId, path: RepoPath, blob: BlobHash) -> Self {
        let places = lineage.order().iter().enumerate().map(|(at, id)| (*id, at)).collect();
        let mut blame =
            Self { lineage, places, open: BTreeMap::new(), current: None, found: Vec::new(), counted: false, blob };
        blame.add(revision, Origin { path, blob }, Vec::new());
        blame
    }

    /// Returns what has to be known next; `None` once every line has its origin.
    pub fn ask(&mut self) -> Option<Ask> {
        if !self.counted {
            return Some(Ask::Content(self.blob));
        }
        loop {
            if self.current.is_none() {
                self.current = Some(self.open.pop_last()?.1);
            }
            let version = self.current.as_mut()?;
            if let Some((_, origin)) = &version.origin {
                return Some(Ask::Contents { old: origin.blob, new: version.blob });
            }
            match version.parents.last() {
                Some(parent) if !version.spans.is_empty() => {
                    let (revision, path, blob) = (version.revision, version.path.clone(), version.blob);
                    return Some(Ask::Origin { revision, path, blob, parent: *parent });
                }
                _ => self.settle(),
            }
        }
    }

    /// Answers [`Ask::Origin`]: none if the parent does not have the file.
    pub fn tell_origin(&mut self, origin: Option<Origin>) {
        let Some(version) = self.current.as_mut() else { return };
        let Some(parent) = version.parents.pop() else { return };
        match origin {
            None => {}
            Some(origin) if origin.blob == version.blob => {
                let spans = std::mem::take(&mut version.spans);
                self.add(parent, origin, spans);
            }
            Some(origin) => version.origin = Some((parent, origin)),
        }
    }

    /// Answers [`Ask::Content`] and [`Ask::Contents`].
    pub fn tell_contents(&mut self, contents: &Contents) {
        let read = |hash| contents.get(hash).unwrap_or_default();
        if !self.counted {
            self.counted = true;
            let count = units(&read(self.blob)).len();
            self.found = vec![None; count];
            for version in self.open.values_mut() {
                version.spans = vec![Span { lines: 0..count, at: 0 }];
            }
            return;
        }
        let Some(version) = self.current.as_mut() else { return };
        let Some((parent, origin)) = version.origin.take() else { return };
        let (old, new): (Bytes, Bytes) = (read(origin.blob), read(version.blob));
        let (old, new) = (units(&old), units(&new));
        let mut same = Vec::new();
        let (mut old_at, mut new_at) = (0, 0);
        for hunk in line_hunks(&old, &new) {
            let (before, after) = (wide(&hunk.before), wide(&hunk.after));
            same.push((new_at..after.start, old_at));
            (old_at, new_at) = (before.end, after.end);
        }
        same.push((new_at..new.len(), old_at));
        let (mut kept, mut passed) = (Vec::new(), Vec::new());
        for span in std::mem::take(&mut version.spans) {
            part(&span, &same, &mut kept, &mut passed);
        }
        version.spans = kept;
        self.add(parent, origin, passed);
    }

    /// Returns where each line comes from, in order. Lines that were not settled yet are left out.
    #[must_use]
    pub fn finish(self) -> Vec<LineOrigin> {
        self.found.into_iter().flatten().collect()
    }

    /// Gives the lines that no parent has to the version at hand.
    fn settle(&mut self) {
        let Some(version) = self.current.take() else { return };
        for line in version.spans.iter().flat_map(|span| span.lines.clone()) {
            if let Some(place) = self.found.get_mut(line) {
                *place = Some(LineOrigin { revision: version.revision, path: version.path.clone() });
            }
        }
    }

    fn add(&mut self, revision: RevisionId, origin: Origin, spans: Vec<Span>) {
        if self.counted && spans.is_empty() {
            return;
        }
        let place = self.places.get(&revision).copied().unwrap_or(0);
        let mut parents = self.lineage.parents(revision);
        parents.reverse();
        let Origin { path, blob } = origin;
        let version = self.open.entry((place, path.clone()));
        let version =
            version.or_insert_with(|| Version { revision, path, blob, spans: Vec::new(), parents, origin: None });
        version.spans.extend(spans);
    }
}

/// Cuts a span into what is the same in the parent and what is not.
fn part(span: &Span, same: &[(Range<usize>, usize)], kept: &mut Vec<Span>, passed: &mut Vec<Span>) {
    let end = span.at + span.lines.len();
    let mut at = span.at;
    let piece = |from: usize, to: usize, at: usize| {
        let first = span.lines.start + (from - span.at);
        Span { lines: first..first + (to - from), at }
    };
    let first = same.partition_point(|(range, _)| range.end <= span.at);
    for (range, old) in same.get(first..).unwrap_or_default() {
        let (from, to) = (range.start.max(at), range.end.min(end));
        if range.start >= end {
            break;
        }
        if from < to {
            if at < from {
                kept.push(piece(at, from, at));
            }
            passed.push(piece(from, to, old + (from - range.start)));
            at = to;
        }
    }
    if at < end {
        kept.push(piece(at, end, at));
    }
}

fn wide(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

/// Returns the lines of a text; a binary or very large content is one line.
#[must_use]
pub fn units(bytes: &[u8]) -> Vec<&[u8]> {
    if bytes.len() > MAX_TEXT_BYTES || is_binary(bytes) {
        return vec![bytes];
    }
    let lines = lines(bytes);
    if lines.len() > MAX_TEXT_LINES { vec![bytes] } else { lines }
}

/// Returns the contents that [`origin`] will need to tell where a file was.
#[must_use]
pub fn needed(before: &FileTree, after: &FileTree, path: &RepoPath) -> BTreeSet<BlobHash> {
    if before.get(path).is_some() { BTreeSet::new() } else { rename::needed(before, after) }
}

/// Returns where the file that is at `path` in `after` was in `before`: there, or at the path it was renamed from.
///
/// The trees may be parts of the whole ones, as long as they have all files that differ and `path`.
#[must_use]
pub fn origin(before: &FileTree, after: &FileTree, path: &RepoPath, contents: &Contents) -> Option<Origin> {
    let at = |path: &RepoPath| before.get(path).map(|entry| Origin { path: path.clone(), blob: entry.blob });
    at(path).or_else(|| {
        let renames = rename::renames(before, after, contents, Empty::Stays);
        renames.iter().find(|rename| rename.to == *path).and_then(|rename| at(&rename.from))
    })
}

#[cfg(test)]
mod tests;
