//! Merging one more parent into a run's tree: finding what both grew out of, and fetching what the merge looks at.
//!
//! A function of the pinned parents and of what was decided before: it is done again after a crash rather than kept, and
//! gives the same tree.

use std::collections::BTreeMap;

use super::drive::Drive;
use crate::engine::history::History;
use crate::engine::{Engine, EngineError};
use crate::id::RevisionId;
use crate::lineage::Lineage;
use crate::merge::{self, Fold, Merged, PlanFault};
use crate::run::MergeWork;

/// Stands for what is merged so far, which is no revision yet.
const MERGED: RevisionId = RevisionId(u64::MAX);

impl Drive<'_> {
    /// Merges the parent that `work` names into what is merged already.
    pub(super) async fn merge(&mut self, work: &MergeWork) -> Result<Merged, EngineError> {
        let engine = self.desk.engine;
        let history = match self.history.take() {
            Some(history) => history,
            None => engine.history(&self.pins).await?,
        };
        let outcome = self.merge_in(engine, &history, work).await;
        self.history = Some(history);
        outcome
    }

    async fn merge_in(&self, engine: &Engine, history: &History, work: &MergeWork) -> Result<Merged, EngineError> {
        let internal = |fault: &dyn std::fmt::Display| EngineError::Internal(fault.to_string());
        let missing = || EngineError::Internal(format!("there is no parent {} to merge", work.round));
        let round = usize::try_from(work.round).map_err(|_| missing())?;
        let before = self.pins.get(..round).ok_or_else(missing)?;
        let theirs = *self.pins.get(round).ok_or_else(missing)?;
        let known = &history.lineage;
        let all = known.order().iter().map(|id| (*id, known.parents(*id))).chain([(MERGED, before.to_vec())]);
        let lineage = Lineage::new(all).map_err(|fault| internal(&fault))?;
        let plan = match merge::plan(&lineage, &[MERGED, theirs]) {
            Ok(plan) => plan,
            // A parent that moved on before it was pinned may have come to be part of another.
            Err(PlanFault::Contained { .. }) => {
                return Ok(Merged { tree: work.ours.clone(), ..Merged::default() });
            }
            Err(fault) => return Err(internal(&fault)),
        };
        let store = &engine.parts.store;
        let mut trees = BTreeMap::from([(MERGED, work.ours.clone())]);
        for id in plan.revisions().into_iter().filter(|id| *id != MERGED) {
            trees.insert(id, store.manifest(id).await?.tree());
        }
        let mut fold = Fold::new(plan, trees).map_err(|fault| internal(&fault))?;
        let mut contents = self.run.contents().clone();
        while !fold.is_done() {
            let needed: Vec<_> = fold.needed().into_iter().filter(|hash| !contents.has(*hash)).collect();
            for blob in store.blobs(&needed).await? {
                contents.add(&blob);
            }
            fold.step(&mut contents, engine.parts.syntax.as_ref());
        }
        Ok(fold.finish())
    }
}
