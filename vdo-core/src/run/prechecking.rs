//! Choosing the languages' own checkers for the tree that is about to be tested.

use std::collections::BTreeSet;

use super::state::Run;
use crate::content::BlobHash;
use crate::diff;
use crate::path::RepoPath;
use crate::precheck::{self, Facts};
use crate::syntax::Syntax;

impl Run {
    /// Returns the contents by which the checkers are chosen.
    pub(super) fn precheck_wants(&self) -> BTreeSet<BlobHash> {
        let changed = diff::changed_paths(&self.given, &self.tree);
        let mut wanted: BTreeSet<BlobHash> =
            changed.iter().flat_map(|(_, before, after)| [*before, *after]).flatten().map(|entry| entry.blob).collect();
        wanted.extend(precheck::manifests(&self.tree).filter_map(|path| self.tree.get(path)).map(|entry| entry.blob));
        wanted
    }

    pub(super) fn choose_prechecks(&mut self, syntax: &dyn Syntax) -> bool {
        let changed = diff::changed_paths(&self.given, &self.tree);
        let is_faulty = |path: &RepoPath| {
            let text = self.given.get(path).and_then(|entry| self.contents.text(entry.blob));
            text.is_some_and(|text| !syntax.faults(path, text).is_empty())
        };
        let faulty: BTreeSet<RepoPath> =
            changed.iter().map(|(path, _, _)| path).filter(|path| is_faulty(path)).cloned().collect();
        let changed: BTreeSet<RepoPath> =
            changed.into_iter().filter(|(_, _, after)| after.is_some()).map(|(path, _, _)| path).collect();
        let facts = Facts {
            changed: &changed,
            tree: &self.tree,
            contents: &self.contents,
            faulty: &faulty,
            commands: &self.commands,
        };
        self.prechecks = Some(precheck::checks_for(&facts));
        true
    }
}
