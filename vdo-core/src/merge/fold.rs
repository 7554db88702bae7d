//! The merge of any number of revisions of a lineage, two at a time, from left to right.
//!
//! The base of what is merged so far and the next parent is their nearest common ancestor. If there are several, those are
//! merged first. What is in conflict among them is never guessed: from there on two bases are kept, one with each side of
//! the conflict, and a path on which the merges with the two do not agree is a conflict. So is a path that an earlier
//! parent left open and a later one changed: it is told once for each such parent.

use std::collections::{BTreeMap, BTreeSet};

use crate::content::BlobHash;
use crate::contents::Contents;
use crate::id::RevisionId;
use crate::lineage::Lineage;
use crate::merge::conflict::{Conflict, ConflictKind, Places};
use crate::merge::trees::{Merged, needed, trees};
use crate::path::RepoPath;
use crate::syntax::Syntax;
use crate::tree::FileTree;

/// The most merges of ancestors that one merge takes.
const MOST_BASES: usize = 256;

/// Why some revisions are not merged with each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanFault {
    /// There is nothing to merge.
    #[error("a merge takes two revisions or more")]
    Few,
    /// A revision, or its tree, is not known.
    #[error("revision {} is not known", .0.0)]
    Unknown(RevisionId),
    /// A revision is named twice.
    #[error("revision {} is named twice", .0.0)]
    Same(RevisionId),
    /// One revision grew out of the other and has all that is in it.
    #[error("revision {} is already contained in revision {}", .ancestor.0, .descendant.0)]
    Contained {
        /// The one that is contained.
        ancestor: RevisionId,
        /// The one that has it.
        descendant: RevisionId,
    },
    /// Two revisions have no common ancestor.
    #[error("revisions {} and {} are unrelated: they have no common ancestor", .one.0, .other.0)]
    Unrelated {
        /// The one: the first of those merged before.
        one: RevisionId,
        /// The other.
        other: RevisionId,
    },
    /// Too many merges cross each other among the ancestors.
    #[error("the ancestors of revision {} cross more than {MOST_BASES} times", .0.0)]
    Crossed(RevisionId),
}

/// A tree that takes part in a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Term {
    /// No file at all: the base of ancestors that are unrelated.
    Nothing,
    /// A revision's.
    Revision(RevisionId),
    /// What a step before made.
    Made(usize),
}

/// One merge of two trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    base: Term,
    ours: Term,
    theirs: Term,
    /// Which parent of the whole merge theirs is, from 1; none for a merge of ancestors.
    parent: Option<u32>,
}

/// The merges that lead from some revisions to one tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    steps: Vec<Step>,
}

impl Plan {
    /// Returns the revisions whose trees are needed, each once.
    #[must_use]
    pub fn revisions(&self) -> BTreeSet<RevisionId> {
        let terms = self.steps.iter().flat_map(|step| [step.base, step.ours, step.theirs]);
        terms.filter_map(|term| if let Term::Revision(id) = term { Some(id) } else { None }).collect()
    }
}

/// Plans the merge of `parents`, in their order.
///
/// # Errors
/// [`PlanFault`] says what is wrong with the parents.
pub fn plan(lineage: &Lineage, parents: &[RevisionId]) -> Result<Plan, PlanFault> {
    let [first, rest @ ..] = parents else { return Err(PlanFault::Few) };
    if rest.is_empty() {
        return Err(PlanFault::Few);
    }
    for (at, id) in parents.iter().enumerate() {
        if !lineage.has(*id) {
            return Err(PlanFault::Unknown(*id));
        }
        for other in parents.iter().skip(at + 1) {
            if id == other {
                return Err(PlanFault::Same(*id));
            }
            for (ancestor, descendant) in [(*id, *other), (*other, *id)] {
                if lineage.is_ancestor(ancestor, descendant) {
                    return Err(PlanFault::Contained { ancestor, descendant });
                }
            }
        }
    }
    let mut planner = Planner { lineage, steps: Vec::new(), bases: BTreeMap::new() };
    let (mut merged, mut before) = (Term::Revision(*first), vec![*first]);
    for (parent, next) in (1..).zip(rest) {
        let nearest = lineage.nearest_common(&before, *next);
        if nearest.is_empty() {
            return Err(PlanFault::Unrelated { one: *first, other: *next });
        }
        let base = planner.base(nearest).ok_or(PlanFault::Crossed(*next))?;
        merged = planner.step(Step { base, ours: merged, theirs: Term::Revision(*next), parent: Some(parent) });
        before.push(*next);
    }
    Ok(Plan { steps: planner.steps })
}

struct Planner<'a> {
    lineage: &'a Lineage,
    steps: Vec<Step>,
    /// The bases that are planned, by the ancestors they are made of.
    bases: BTreeMap<Vec<RevisionId>, Term>,
}

impl Planner<'_> {
    fn step(&mut self, step: Step) -> Term {
        self.steps.push(step);
        Term::Made(self.steps.len() - 1)
    }

    /// Returns the base that some ancestors make together, or `None` if they cross too often.
    fn base(&mut self, ancestors: Vec<RevisionId>) -> Option<Term> {
        // Bases of bases come first; no recursion, because they can lie deep.
        let mut waiting = vec![ancestors.clone()];
        while let Some(next) = waiting.last().cloned() {
            if self.steps.len() > MOST_BASES || waiting.len() > MOST_BASES {
                return None;
            }
            let below = self.below(&next);
            let missing: Vec<_> = below.iter().filter(|ancestors| self.known(ancestors).is_none()).cloned().collect();
            if missing.is_empty() {
                self.join(&next, &below);
                waiting.pop();
            }
            waiting.extend(missing);
        }
        self.known(&ancestors)
    }

    /// Returns the ancestors that each but the first of `ancestors` has in common with those before it.
    fn below(&self, ancestors: &[RevisionId]) -> Vec<Vec<RevisionId>> {
        let later = ancestors.iter().enumerate().skip(1);
        later.map(|(at, id)| self.lineage.nearest_common(ancestors.get(..at).unwrap_or_default(), *id)).collect()
    }

    fn known(&self, ancestors: &[RevisionId]) -> Option<Term> {
        match ancestors {
            [] => Some(Term::Nothing),
            [one] => Some(Term::Revision(*one)),
            several => self.bases.get(several).copied(),
        }
    }

    fn join(&mut self, ancestors: &[RevisionId], below: &[Vec<RevisionId>]) {
        if self.known(ancestors).is_some() {
            return;
        }
        let mut joined = self.known(ancestors.get(..1).unwrap_or_default()).unwrap_or(Term::Nothing);
        for (id, below) in ancestors.iter().skip(1).zip(below) {
            let base = self.known(below).unwrap_or(Term::Nothing);
            joined = self.step(Step { base, ours: joined, theirs: Term::Revision(*id), parent: None });
        }
        self.bases.insert(ancestors.to_vec(), joined);
    }
}

/// A tree, and the other one where ancestors were in conflict.
#[derive(Debug, Clone, Default)]
struct Made {
    tree: FileTree,
    other: Option<FileTree>,
}

impl Made {
    fn variants(&self) -> [&FileTree; 2] {
        [&self.tree, self.other.as_ref().unwrap_or(&self.tree)]
    }
}

/// A merge under way: ask [`Fold::needed`], supply the contents, take a [`Fold::step`], until [`Fold::is_done`].
#[derive(Debug)]
pub struct Fold {
    plan: Plan,
    trees: BTreeMap<RevisionId, Made>,
    made: Vec<Made>,
    merged: Merged,
    nothing: Made,
}

impl Fold {
    /// Begins a merge. `trees` has those of [`Plan::revisions`].
    ///
    /// # Errors
    /// [`PlanFault::Unknown`] names a revision without a tree.
    pub fn new(plan: Plan, trees: BTreeMap<RevisionId, FileTree>) -> Result<Self, PlanFault> {
        if let Some(id) = plan.revisions().into_iter().find(|id| !trees.contains_key(id)) {
            return Err(PlanFault::Unknown(id));
        }
        let trees = trees.into_iter().map(|(id, tree)| (id, Made { tree, other: None })).collect();
        Ok(Self { plan, trees, made: Vec::new(), merged: Merged::default(), nothing: Made::default() })
    }

    /// Returns whether all is merged.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.made.len() >= self.plan.steps.len()
    }

    /// Returns the contents that the next step can need.
    #[must_use]
    pub fn needed(&self) -> BTreeSet<BlobHash> {
        let Some(step) = self.next() else { return BTreeSet::new() };
        let [base, ours, theirs] = [step.base, step.ours, step.theirs].map(|term| self.term(term));
        let mut all = BTreeSet::new();
        for ((base, ours), theirs) in base.variants().into_iter().zip(ours.variants()).zip(theirs.variants()) {
            all.extend(needed(base, ours, theirs));
        }
        all
    }

    /// Does the next merge. `contents` has what [`Fold::needed`] names and gets what the merge makes.
    pub fn step(&mut self, contents: &mut Contents, syntax: &dyn Syntax) {
        let Some(step) = self.next() else { return };
        let [base, ours, theirs] = [step.base, step.ours, step.theirs].map(|term| self.term(term));
        let result = match step.parent {
            None => ancestors(base, ours, theirs, contents, syntax),
            Some(parent) => {
                let joined = parents([base, ours, theirs], parent, &self.merged.conflicts, contents, syntax);
                self.merged.conflicts.extend(joined.conflicts);
                (Made { tree: joined.tree, other: None }, joined.blobs)
            }
        };
        let (made, blobs) = result;
        for blob in blobs {
            contents.add(&blob);
            self.merged.blobs.push(blob);
        }
        self.made.push(made);
    }

    /// Returns the outcome of the steps so far. Only contents that it refers to are given.
    #[must_use]
    pub fn finish(self) -> Merged {
        let Self { mut merged, mut made, .. } = self;
        merged.tree = made.pop().unwrap_or_default().tree;
        let mut used = merged.tree.blobs();
        used.extend(merged.conflicts.iter().filter_map(|conflict| conflict.base).map(|entry| entry.blob));
        used.extend(merged.conflicts.iter().filter_map(|conflict| conflict.ours).map(|entry| entry.blob));
        // `remove` keeps one of those that were made twice.
        merged.blobs.retain(|blob| used.remove(&blob.hash()));
        merged.conflicts.sort_by(|one, other| (&one.path, one.parent).cmp(&(&other.path, other.parent)));
        merged
    }

    fn next(&self) -> Option<Step> {
        self.plan.steps.get(self.made.len()).copied()
    }

    fn term(&self, term: Term) -> &Made {
        let found = match term {
            Term::Nothing => None,
            Term::Revision(id) => self.trees.get(&id),
            Term::Made(at) => self.made.get(at),
        };
        found.unwrap_or(&self.nothing)
    }
}

/// Merges ancestors. Where they conflict, two trees come out, one with each side.
fn ancestors(
    base: &Made,
    ours: &Made,
    theirs: &Made,
    contents: &Contents,
    syntax: &dyn Syntax,
) -> (Made, Vec<crate::content::Blob>) {
    let one = trees(&base.tree, &ours.tree, &theirs.tree, contents, syntax);
    let sure = base.other.is_none() && ours.other.is_none() && theirs.other.is_none();
    if sure && one.conflicts.is_empty() {
        return (Made { tree: one.tree, other: None }, one.blobs);
    }
    let ([_, base], [_, ours], [_, theirs]) = (base.variants(), ours.variants(), theirs.variants());
    // The sides exchanged: on a conflicting path it has what theirs has.
    let other = trees(base, theirs, ours, contents, syntax);
    let mut blobs = one.blobs;
    blobs.extend(other.blobs);
    let other = Some(other.tree).filter(|tree| *tree != one.tree);
    (Made { tree: one.tree, other }, blobs)
}

/// Merges what is there so far with the next parent.
fn parents(
    [base, ours, theirs]: [&Made; 3],
    parent: u32,
    open: &[Conflict],
    contents: &Contents,
    syntax: &dyn Syntax,
) -> Merged {
    let (ours, theirs) = (&ours.tree, &theirs.tree);
    let mut merged = trees(&base.tree, ours, theirs, contents, syntax);
    let mut unsure: BTreeMap<RepoPath, (ConflictKind, String)> = BTreeMap::new();
    if let Some(other) = &base.other {
        let second = trees(other, ours, theirs, contents, syntax);
        merged.blobs.extend(second.blobs);
        for (path, _, _) in crate::diff::changed_paths(&merged.tree, &second.tree) {
            let reason = "the common ancestors differ here, and the merge depends on which is taken".to_owned();
            unsure.insert(path, (ConflictKind::Ancestors, reason));
        }
        for conflict in second.conflicts {
            if !merged.conflicts.iter().any(|one| one.path == conflict.path) {
                merged.conflicts.push(conflict);
            }
        }
    }
    for conflict in open {
        for path in [Some(&conflict.path), conflict.our_place(), conflict.their_place()].into_iter().flatten() {
            if merged.tree.get(path) != ours.get(path) {
                let reason = format!("parent {} left this path in conflict before", conflict.parent);
                unsure.insert(path.clone(), (ConflictKind::Content, reason));
            }
        }
    }
    for (path, (kind, reason)) in unsure {
        if !merged.conflicts.iter().any(|one| one.path == path) {
            let (base, ours, theirs) = (base.tree.get(&path), ours.get(&path), theirs.get(&path));
            merged.conflicts.push(Conflict {
                path,
                base,
                ours,
                theirs,
                reason,
                kind,
                places: Places::default(),
                parent,
            });
        }
    }
    for conflict in &mut merged.conflicts {
        conflict.parent = parent;
        let places = [Some(&conflict.path), conflict.our_place()];
        for path in places.into_iter().flatten() {
            match ours.get(path) {
                Some(entry) => merged.tree.0.insert(path.clone(), entry),
                None => merged.tree.0.remove(path),
            };
        }
    }
    merged
}

#[cfg(test)]
mod tests;
