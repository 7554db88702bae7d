//! Merging one more parent into a run's tree: finding what both grew out of, and fetching what the merge looks at.
//!
//! A function of the pinned parents: it is done again after a crash rather than kept, and gives the same tree.

use std::future::Future;
use std::pin::Pin;

use super::drive::Drive;
use crate::content::{Blob, Entry};
use crate::contents::Contents;
use crate::engine::history::History;
use crate::engine::{Engine, EngineError};
use crate::id::RevisionId;
use crate::lineage::Lineage;
use crate::merge::text::{self, Labels, Texts};
use crate::merge::{self, Conflict, Merged};
use crate::run::MergeWork;
use crate::tree::FileTree;

/// How often common ancestors that were themselves merged crosswise are looked behind.
const MAX_DEPTH: usize = 16;

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
        let missing = || EngineError::Internal(format!("there is no parent {} to merge", work.round));
        let round = usize::try_from(work.round).map_err(|_| missing())?;
        let (before, theirs) =
            (self.pins.get(..round).ok_or_else(missing)?, *self.pins.get(round).ok_or_else(missing)?);
        let bases = history.lineage.nearest_common(before, theirs);
        let mut contents = self.run.contents().clone();
        let base = virtual_base(engine, &history.lineage, bases, &mut contents, 0).await?;
        let theirs = engine.parts.store.manifest(theirs).await?.tree();
        merged(engine, &base, &work.ours, &theirs, &mut contents).await
    }
}

async fn merged(
    engine: &Engine,
    base: &FileTree,
    ours: &FileTree,
    theirs: &FileTree,
    contents: &mut Contents,
) -> Result<Merged, EngineError> {
    let needed: Vec<_> = merge::needed(base, ours, theirs).into_iter().filter(|hash| !contents.has(*hash)).collect();
    for blob in engine.parts.store.blobs(&needed).await? {
        contents.add(&blob);
    }
    Ok(merge::trees(base, ours, theirs, contents))
}

/// Returns the tree that two sides grew out of: that of their nearest common ancestor, or those of several merged.
///
/// Where several do not merge, the path has a content that is like neither side's, so that neither is taken for unchanged.
fn virtual_base<'a>(
    engine: &'a Engine,
    lineage: &'a Lineage,
    bases: Vec<RevisionId>,
    contents: &'a mut Contents,
    depth: usize,
) -> Pin<Box<dyn Future<Output = Result<FileTree, EngineError>> + Send + 'a>> {
    Box::pin(async move {
        let mut done: Vec<RevisionId> = Vec::new();
        let mut tree = FileTree::default();
        for base in bases {
            let theirs = engine.parts.store.manifest(base).await?.tree();
            if done.is_empty() {
                tree = theirs;
            } else {
                let below = if depth < MAX_DEPTH { lineage.nearest_common(&done, base) } else { Vec::new() };
                let below = virtual_base(engine, lineage, below, contents, depth + 1).await?;
                let outcome = merged(engine, &below, &tree, &theirs, contents).await?;
                for blob in &outcome.blobs {
                    contents.add(blob);
                }
                tree = outcome.tree;
                for conflict in outcome.conflicts {
                    let blob = undecided(&conflict, contents, engine);
                    contents.add(&blob);
                    tree.0.insert(conflict.path, Entry::file(blob.hash()));
                }
            }
            done.push(base);
        }
        Ok(tree)
    })
}

/// Returns a content for a path on which common ancestors differ: their text with markers, or a note.
fn undecided(conflict: &Conflict, contents: &Contents, engine: &Engine) -> Blob {
    let read = |entry: Option<Entry>| entry.and_then(|entry| contents.get(entry.blob)).unwrap_or_default();
    let (base, ours, theirs) = (read(conflict.base), read(conflict.ours), read(conflict.theirs));
    let texts = Texts { path: &conflict.path, base: &base, ours: &ours, theirs: &theirs };
    let labels = Labels { ours: "one ancestor", base: "before", theirs: "another ancestor" };
    let merged = text::merge(texts, engine.parts.syntax.as_ref());
    if conflict.ours.is_some() && conflict.theirs.is_some() && merged.conflicts().next().is_some() {
        return Blob::new(merged.with_markers(labels, 7));
    }
    Blob::new(format!("{}: {}\n", conflict.path, conflict.reason).into_bytes())
}
