//! Which renames a merge follows.
//!
//! A rename matters only if the other side did something to the same file. It is followed if its new path is free on the
//! other side; if it is not, nothing is followed and the path is in dispute: what lies there stays two files. Folders are
//! never followed: a file that one side adds to a folder that the other side renamed stays where it was added.

use std::collections::{BTreeMap, BTreeSet};

use crate::content::{BlobHash, Entry};
use crate::contents::Contents;
use crate::path::RepoPath;
use crate::rename::{self, Empty};
use crate::tree::FileTree;

/// What lies at one path in three trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) base: Option<Entry>,
    pub(super) ours: Option<Entry>,
    pub(super) theirs: Option<Entry>,
}

/// The paths at which the trees are not all alike.
#[derive(Debug, Default)]
pub(super) struct Rows(pub(super) BTreeMap<RepoPath, Terms>);

impl Rows {
    /// Walks the three trees side by side.
    pub(super) fn new(base: &FileTree, ours: &FileTree, theirs: &FileTree) -> Self {
        let mut sides = [base, ours, theirs].map(|tree| tree.0.iter().peekable());
        let mut rows = Self::default();
        loop {
            let paths = sides.iter_mut().filter_map(|side| side.peek().map(|(path, _)| *path));
            let Some(path) = paths.min() else { return rows };
            let [base, ours, theirs] =
                sides.each_mut().map(|side| side.next_if(|(other, _)| *other == path).map(|(_, entry)| *entry));
            if base != ours || base != theirs {
                rows.0.insert(path.clone(), Terms { base, ours, theirs });
            }
        }
    }

    pub(super) fn at(&self, path: &RepoPath) -> Option<Terms> {
        self.0.get(path).copied()
    }

    fn tree(&self, term: impl Fn(&Terms) -> Option<Entry>) -> FileTree {
        self.0.iter().filter_map(|(path, terms)| Some((path.clone(), term(terms)?))).collect()
    }

    /// Returns the files that `side` no longer has and `other` changed or deleted, or `None` if no rename of `side` can matter.
    fn sources(&self, side: Side) -> Option<BTreeSet<RepoPath>> {
        let gone = |terms: &Terms| {
            let (mine, other) = side.of(terms);
            terms.base.is_some() && mine.is_none() && other != terms.base
        };
        let sources: BTreeSet<_> =
            self.0.iter().filter(|(_, terms)| gone(terms)).map(|(path, _)| path.clone()).collect();
        let both_added = |terms: &Terms| {
            terms.base.is_none() && terms.ours.is_some() && terms.theirs.is_some() && terms.ours != terms.theirs
        };
        (!sources.is_empty() || self.0.values().any(both_added)).then_some(sources)
    }

    /// Returns the contents that telling renames and merging along them can need.
    pub(super) fn needed(&self) -> BTreeSet<BlobHash> {
        let mut needed = BTreeSet::new();
        for side in [Side::Ours, Side::Theirs] {
            let Some(sources) = self.sources(side) else { continue };
            let (before, after) = (self.tree(|terms| terms.base), self.tree(|terms| side.of(terms).0));
            needed.extend(rename::needed(&before, &after));
            let (_, unlike) = rename::same(&before, &after, Empty::Stays);
            for terms in unlike.into_iter().filter(|path| sources.contains(*path)).filter_map(|path| self.at(path)) {
                needed.extend([terms.base, side.of(&terms).1].into_iter().flatten().map(|entry| entry.blob));
            }
        }
        needed
    }

    fn renames(&self, side: Side, contents: &Contents) -> BTreeMap<RepoPath, RepoPath> {
        if self.sources(side).is_none() {
            return BTreeMap::new();
        }
        let (before, after) = (self.tree(|terms| terms.base), self.tree(|terms| side.of(terms).0));
        let found = rename::renames(&before, &after, contents, Empty::Stays);
        found.into_iter().map(|rename| (rename.from, rename.to)).collect()
    }
}

#[derive(Debug, Clone, Copy)]
enum Side {
    Ours,
    Theirs,
}

impl Side {
    /// Returns this side's term and the other's.
    fn of(self, terms: &Terms) -> (Option<Entry>, Option<Entry>) {
        match self {
            Self::Ours => (terms.ours, terms.theirs),
            Self::Theirs => (terms.theirs, terms.ours),
        }
    }
}

/// A file that at least one side moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moved {
    /// Where it was.
    pub(super) from: RepoPath,
    /// Where our side has it; none if it deleted it.
    pub(super) ours: Option<RepoPath>,
    /// Where their side has it; none if it deleted it.
    pub(super) theirs: Option<RepoPath>,
}

/// The renames of a merge.
#[derive(Debug, Default)]
pub(super) struct Moves {
    /// Those that are followed, by where the files were.
    pub(super) followed: Vec<Moved>,
    /// New paths that are not followed, because the other side has something else there.
    pub(super) disputed: BTreeSet<RepoPath>,
}

impl Moves {
    pub(super) fn new(rows: &Rows, contents: &Contents) -> Self {
        let ours = rows.renames(Side::Ours, contents);
        let theirs = rows.renames(Side::Theirs, contents);
        let mut moves = Self::default();
        let sources: BTreeSet<&RepoPath> = ours.keys().chain(theirs.keys()).collect();
        for from in sources {
            moves.add(rows, from, ours.get(from), theirs.get(from));
        }
        moves
    }

    fn add(&mut self, rows: &Rows, from: &RepoPath, our_place: Option<&RepoPath>, their_place: Option<&RepoPath>) {
        let Some(terms) = rows.at(from) else { return };
        let taken = |place: &&RepoPath, side: Side| rows.at(place).is_some_and(|terms| side.of(&terms).1.is_some());
        let disputed: Vec<&RepoPath> = match (our_place, their_place) {
            (Some(one), Some(other)) if one == other => Vec::new(),
            _ => {
                let one = our_place.filter(|place| taken(place, Side::Ours));
                one.into_iter().chain(their_place.filter(|place| taken(place, Side::Theirs))).collect()
            }
        };
        if !disputed.is_empty() {
            self.disputed.extend(disputed.into_iter().cloned());
            return;
        }
        // The other side has it where it was, if at all.
        let stayed = |entry: Option<Entry>| entry.map(|_| from.clone());
        let ours = our_place.cloned().or_else(|| stayed(terms.ours));
        let theirs = their_place.cloned().or_else(|| stayed(terms.theirs));
        let untouched =
            (our_place.is_none() && terms.ours == terms.base) || (their_place.is_none() && terms.theirs == terms.base);
        if !untouched {
            self.followed.push(Moved { from: from.clone(), ours, theirs });
        }
    }
}
