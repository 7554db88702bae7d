//! What a job must not lose: the files that were there before it.
//!
//! Invariant: such a file is gone from a result only if the plan lists it under "delete".

use super::bench::{Bench, Rules};
use crate::content::Entry;
use crate::contents::Contents;
use crate::edit::{Applied, Edit, FileOp};
use crate::event::EventKind;
use crate::id::TaskId;
use crate::path::RepoPath;
use crate::tree::FileTree;

/// A file with fewer lines can be given whole without a note.
const GUTTED_LINES: usize = 20;

impl Rules<'_> {
    /// Returns whether a task of the plan names the path.
    pub(super) fn names(&self, path: &RepoPath) -> bool {
        self.plan.iter().flat_map(|plan| &plan.tasks).any(|task| task.paths().any(|known| known == path))
    }

    /// Returns whether the plan says that `path` goes: in the task's list or, for a repair, in any.
    fn lets_go(&self, task: Option<&TaskId>, path: &RepoPath) -> bool {
        let tasks = self.plan.iter().flat_map(|plan| &plan.tasks);
        tasks.filter(|known| task.is_none_or(|task| known.id == *task)).any(|known| known.delete.contains(path))
    }
}

impl Bench {
    /// Says which files that were there before the job would be gone though no plan says so. A file that moves is not gone,
    /// and one that was moved here is still the one it was.
    pub(super) fn dropped(&self, edits: &[Edit], applied: &Applied, run: &Rules<'_>) -> Vec<String> {
        let moves = |from: &RepoPath| {
            edits.iter().any(|edit| {
                edit.path == *from && matches!(&edit.op, FileOp::Move(to) if applied.tree.get(to).is_some())
            })
        };
        let gone = applied.touched.iter().filter(|(path, entry)| entry.is_none() && !moves(path)).map(|(path, _)| path);
        let mut faults = Vec::new();
        for path in gone {
            let was = match (run.given.get(path), self.tree.get(path)) {
                (Some(_), _) => Some(path),
                (None, Some(now)) => {
                    let moved = |(old, entry): &(&RepoPath, &Entry)| **entry == now && applied.tree.get(old).is_none();
                    run.given.0.iter().find(moved).map(|(old, _)| old)
                }
                (None, None) => None,
            };
            let Some(was) = was.filter(|was| !run.lets_go(self.key.task.as_ref(), was)) else { continue };
            faults.push(format!(
                "{path} is not this job's to drop: {was} was there before, and the plan does not list it under \"delete\"; \
                 leave it, or edit it"
            ));
        }
        faults
    }

    /// Notes files that were there before the job and were given whole with most of their lines gone.
    pub(super) fn gutted(
        &self,
        edits: &[Edit],
        applied: &Applied,
        contents: &Contents,
        run: &Rules<'_>,
    ) -> Vec<EventKind> {
        let whole =
            edits.iter().filter(|edit| matches!(edit.op, FileOp::Write(_)) && run.given.get(&edit.path).is_some());
        let mut notes = Vec::new();
        for path in whole.map(|edit| &edit.path) {
            let text = |tree: &FileTree| tree.get(path).and_then(|entry| contents.get(entry.blob));
            let (Some(old), Some(new)) = (text(&self.tree), text(&applied.tree)) else { continue };
            let lines = old.iter().filter(|byte| **byte == b'\n').count();
            let removed = usize::try_from(crate::diff::line_counts(&old, &new).removed).unwrap_or(usize::MAX);
            if lines >= GUTTED_LINES && removed * 2 > lines {
                let text = format!("{path} was given whole, and {removed} of its {lines} lines are gone or changed");
                notes.push(EventKind::Note { text, tier: None });
            }
        }
        notes
    }
}
