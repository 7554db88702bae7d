//! How revisions grew out of each other: a graph without cycles, and what can be asked of it.
//!
//! Pure, and without recursion: a chain of any length is walked in a loop. Every question takes time in proportion
//! to the revisions and their parents at most. Invariant: parents are known and come before their children in
//! [`Lineage::order`]; a graph that cannot keep that is refused when it is made.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use crate::id::RevisionId;

/// Why revisions and parents are no lineage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineageFault {
    /// A revision is given twice.
    #[error("revision {} is given twice", .0.0)]
    Twice(RevisionId),
    /// A parent is not among the revisions.
    #[error("revision {} names the parent {}, which is not given", .child.0, .parent.0)]
    NoParent {
        /// The revision.
        child: RevisionId,
        /// Its parent.
        parent: RevisionId,
    },
    /// A revision is its own ancestor.
    #[error("revision {} is its own ancestor", .0.0)]
    Cycle(RevisionId),
}

/// Revisions and their parents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lineage {
    /// Parents before children; among those that could come next, the smallest id.
    order: Vec<RevisionId>,
    /// Where each revision is in `order`.
    places: BTreeMap<RevisionId, usize>,
    /// Of each place, the places of the parents in their order.
    parents: Vec<Vec<usize>>,
    /// Of each place, the places of the children, smallest first.
    children: Vec<Vec<usize>>,
}

impl Lineage {
    /// Makes a lineage of revisions, each with its parents in order.
    ///
    /// # Errors
    /// [`LineageFault`] names the first revision that does not fit.
    pub fn new(revisions: impl IntoIterator<Item = (RevisionId, Vec<RevisionId>)>) -> Result<Self, LineageFault> {
        let mut given: BTreeMap<RevisionId, Vec<RevisionId>> = BTreeMap::new();
        for (id, parents) in revisions {
            if given.insert(id, parents).is_some() {
                return Err(LineageFault::Twice(id));
            }
        }
        let order = ordered(&given)?;
        let places: BTreeMap<RevisionId, usize> = order.iter().enumerate().map(|(at, id)| (*id, at)).collect();
        let parents: Vec<Vec<usize>> = order
            .iter()
            .map(|id| given.get(id).into_iter().flatten().filter_map(|parent| places.get(parent).copied()).collect())
            .collect();
        let mut children = vec![Vec::new(); order.len()];
        for (child, parents) in parents.iter().enumerate() {
            let each: BTreeSet<usize> = parents.iter().copied().collect();
            for parent in each {
                if let Some(of_parent) = children.get_mut(parent) {
                    of_parent.push(child);
                }
            }
        }
        Ok(Self { order, places, parents, children })
    }

    /// Returns all revisions, parents before children.
    #[must_use]
    pub fn order(&self) -> &[RevisionId] {
        &self.order
    }

    /// Returns whether the revision is known.
    #[must_use]
    pub fn has(&self, id: RevisionId) -> bool {
        self.places.contains_key(&id)
    }

    /// Returns the parents of a revision, in their order; none if it is not known.
    #[must_use]
    pub fn parents(&self, id: RevisionId) -> Vec<RevisionId> {
        self.named(self.place(id).and_then(|at| self.parents.get(at)))
    }

    /// Returns the revisions that name `id` as a parent, in [`Lineage::order`].
    #[must_use]
    pub fn children(&self, id: RevisionId) -> Vec<RevisionId> {
        self.named(self.place(id).and_then(|at| self.children.get(at)))
    }

    /// Returns the revisions without parents, in [`Lineage::order`].
    #[must_use]
    pub fn roots(&self) -> Vec<RevisionId> {
        let all = self.order.iter().zip(&self.parents);
        all.filter(|(_, parents)| parents.is_empty()).map(|(id, _)| *id).collect()
    }

    /// Returns the line of first parents that leads to `id`, root first; `id` is its last. Empty if it is not known.
    #[must_use]
    pub fn chain(&self, id: RevisionId) -> Vec<RevisionId> {
        let mut line = Vec::new();
        let mut next = self.place(id);
        while let Some(at) = next {
            line.extend(self.order.get(at));
            next = self.parents.get(at).and_then(|parents| parents.first().copied());
        }
        line.reverse();
        line
    }

    /// Returns all that `id` grew out of, parents before children, without `id` itself.
    #[must_use]
    pub fn ancestors(&self, id: RevisionId) -> Vec<RevisionId> {
        let marks = self.reached(&[id]);
        self.order
            .iter()
            .zip(marks)
            .filter(|(other, marked)| *marked && **other != id)
            .map(|(other, _)| *other)
            .collect()
    }

    /// Returns all that grew out of `id`, parents before children, without `id` itself.
    #[must_use]
    pub fn descendants(&self, id: RevisionId) -> Vec<RevisionId> {
        let Some(start) = self.place(id) else { return Vec::new() };
        let mut marks = vec![false; self.order.len()];
        let mut found = Vec::new();
        for (at, parents) in self.parents.iter().enumerate().skip(start) {
            let below = at > start && parents.iter().any(|parent| marks.get(*parent) == Some(&true));
            if let Some(mark) = marks.get_mut(at) {
                *mark = below || at == start;
            }
            if below {
                found.extend(self.order.get(at));
            }
        }
        found
    }

    /// Returns whether `descendant` grew out of `ancestor`. A revision is not its own ancestor.
    #[must_use]
    pub fn is_ancestor(&self, ancestor: RevisionId, descendant: RevisionId) -> bool {
        let (Some(low), true) = (self.place(ancestor), ancestor != descendant) else { return false };
        self.reached(&[descendant]).get(low) == Some(&true)
    }

    /// Returns the common ancestors of two revisions that are no ancestors of other common ones, in [`Lineage::order`].
    ///
    /// A revision counts as its own ancestor here: if one grew out of the other, that other is the answer. None: they are
    /// unrelated, or one is not known.
    #[must_use]
    pub fn nearest_common_ancestors(&self, one: RevisionId, other: RevisionId) -> Vec<RevisionId> {
        self.nearest_common(&[one], other)
    }

    /// As [`Lineage::nearest_common_ancestors`], of all of `ones` taken together (as if they had been merged) and `other`.
    #[must_use]
    pub fn nearest_common(&self, ones: &[RevisionId], other: RevisionId) -> Vec<RevisionId> {
        let (left, right) = (self.reached(ones), self.reached(&[other]));
        let mut stale = vec![false; self.order.len()];
        let mut nearest = Vec::new();
        for at in (0..self.order.len()).rev() {
            if left.get(at) != Some(&true) || right.get(at) != Some(&true) {
                continue;
            }
            if stale.get(at) == Some(&false) {
                nearest.extend(self.order.get(at));
            }
            // Whatever lies below a common ancestor is common too, and not the nearest.
            for parent in self.parents.get(at).into_iter().flatten() {
                if let Some(mark) = stale.get_mut(*parent) {
                    *mark = true;
                }
            }
        }
        nearest.reverse();
        nearest
    }

    fn place(&self, id: RevisionId) -> Option<usize> {
        self.places.get(&id).copied()
    }

    fn named(&self, places: Option<&Vec<usize>>) -> Vec<RevisionId> {
        places.into_iter().flatten().filter_map(|at| self.order.get(*at).copied()).collect()
    }

    /// Marks the places of some revisions and of all their ancestors.
    fn reached(&self, from: &[RevisionId]) -> Vec<bool> {
        let mut marks = vec![false; self.order.len()];
        let mut last = 0;
        for at in from.iter().filter_map(|id| self.place(*id)) {
            last = last.max(at);
            if let Some(mark) = marks.get_mut(at) {
                *mark = true;
            }
        }
        for at in (0..=last).rev() {
            if marks.get(at) == Some(&true) {
                for parent in self.parents.get(at).into_iter().flatten() {
                    if let Some(mark) = marks.get_mut(*parent) {
                        *mark = true;
                    }
                }
            }
        }
        marks
    }
}

/// Puts parents before children.
fn ordered(given: &BTreeMap<RevisionId, Vec<RevisionId>>) -> Result<Vec<RevisionId>, LineageFault> {
    let mut waiting: BTreeMap<RevisionId, usize> = BTreeMap::new();
    let mut children: BTreeMap<RevisionId, Vec<RevisionId>> = BTreeMap::new();
    let mut ready = BinaryHeap::new();
    for (id, parents) in given {
        for parent in parents {
            if !given.contains_key(parent) {
                return Err(LineageFault::NoParent { child: *id, parent: *parent });
            }
            children.entry(*parent).or_default().push(*id);
        }
        waiting.insert(*id, parents.len());
        if parents.is_empty() {
            ready.push(Reverse(*id));
        }
    }
    let mut order = Vec::with_capacity(given.len());
    while let Some(Reverse(id)) = ready.pop() {
        waiting.remove(&id);
        order.push(id);
        for child in children.get(&id).into_iter().flatten() {
            if let Some(count) = waiting.get_mut(child) {
                *count -= 1;
                if *count == 0 {
                    ready.push(Reverse(*child));
                }
            }
        }
    }
    match waiting.keys().next() {
        // What waits for ever is on a cycle or above one; its smallest parent that waits too leads there.
        Some(first) => Err(LineageFault::Cycle(on_cycle(*first, given, &waiting))),
        None => Ok(order),
    }
}

/// Returns a revision that is its own ancestor: reached by going from waiting child to waiting parent until one comes again.
fn on_cycle(
    first: RevisionId,
    given: &BTreeMap<RevisionId, Vec<RevisionId>>,
    waiting: &BTreeMap<RevisionId, usize>,
) -> RevisionId {
    let mut seen = BTreeSet::new();
    let mut at = first;
    while seen.insert(at) {
        let parents = given.get(&at).into_iter().flatten();
        let Some(parent) = parents.filter(|parent| waiting.contains_key(parent)).min() else { break };
        at = *parent;
    }
    at
}

#[cfg(test)]
mod tests;
