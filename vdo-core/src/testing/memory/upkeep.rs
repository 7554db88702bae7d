//! Taking things out of the store in memory.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use super::{Data, MemoryStore, Tree, invalid};
use crate::content::{Blob, BlobHash};
use crate::event::{Event, EventKind};
use crate::id::{JobId, RevisionId, RevisionRef};
use crate::job::JobStatus;
use crate::port::StoreError;
use crate::port::upkeep::{Purged, Redacted, Redaction, Searched, Seen, TOMBSTONE, Upkeep};
use crate::time::Timestamp;
use crate::tree::FileTree;

impl Data {
    fn seen(&self, seen: &Seen) -> Result<(), StoreError> {
        for (id, expected) in &seen.jobs {
            let record = self.record(*id)?;
            self.idle(*id, seen.now)?;
            if record.job.version != *expected {
                let (expected, found) = (*expected, record.job.version);
                return Err(StoreError::Conflict { job: *id, expected, found });
            }
        }
        Ok(())
    }

    fn idle(&self, id: JobId, now: Timestamp) -> Result<(), StoreError> {
        let record = self.record(id)?;
        match &record.owner {
            Some(owner) if record.until > now => {
                let (owner, epoch, until) = (owner.clone(), record.epoch, record.until);
                Err(StoreError::Busy { job: id, owner, epoch, until })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Returns what goes with some jobs: the counts, and the contents.
    fn going(&self, seen: &Seen) -> Result<(Purged, BTreeSet<BlobHash>), StoreError> {
        self.seen(seen)?;
        let going: BTreeSet<JobId> = seen.jobs.iter().map(|(id, _)| *id).collect();
        for id in &going {
            let others = self.jobs.values().filter(|record| !going.contains(&record.job.id));
            let children: Vec<JobId> = others
                .filter(|record| record.job.parents.iter().any(|link| link.job == *id))
                .map(|record| record.job.id)
                .collect();
            if !children.is_empty() {
                return Err(StoreError::HasChildren { job: *id, children });
            }
        }
        let mut used = BTreeSet::new();
        for tree in self.revisions.values().filter(|tree| !going.contains(&tree.revision.job)) {
            used.extend(tree.manifest.tree().blobs());
        }
        let (mut purged, mut waits_for) = (Purged::default(), Vec::new());
        for record in self.jobs.values() {
            if going.contains(&record.job.id) {
                purged.events += record.events.len() as u64;
                purged.steps += record.steps.len() as u64;
                continue;
            }
            for event in &record.events {
                if let EventKind::Attempt { attempt } = &event.kind {
                    used.extend(attempt.contents());
                }
            }
            for row in record.conflicts.values() {
                let decided = row.decision.as_ref().and_then(|decision| decision.entry);
                used.extend([row.base, row.ours, row.theirs, decided].into_iter().flatten().map(|entry| entry.blob));
            }
            let is_over =
                matches!(record.job.status, JobStatus::Completed | JobStatus::Archived | JobStatus::Cancelled);
            if !is_over && record.job.head.is_none() && !record.steps.is_empty() {
                waits_for.push(record.job.id);
            }
        }
        let of_these = |tree: &&Tree| going.contains(&tree.revision.job);
        purged.revisions = self.revisions.values().filter(of_these).count() as u64;
        let unused = self.blobs.keys().filter(|hash| waits_for.is_empty() && !used.contains(hash)).copied();
        let unused: BTreeSet<BlobHash> = unused.collect();
        purged.blobs = unused.len() as u64;
        let sizes = unused.iter().filter_map(|hash| self.blobs.get(hash)).map(|blob| blob.bytes().len() as u64);
        purged.bytes = sizes.sum();
        (purged.jobs, purged.waits_for) = (seen.jobs.iter().map(|(id, _)| *id).collect(), waits_for);
        Ok((purged, unused))
    }

    fn detach(&mut self, seen: &Seen) -> Result<(), StoreError> {
        self.seen(seen)?;
        for (id, _) in &seen.jobs {
            let owners: BTreeMap<RevisionId, RevisionRef> =
                self.revisions.values().map(|tree| (tree.revision.id, reference(tree))).collect();
            let outside = |other: &RevisionId| owners.get(other).filter(|other| other.job != *id).copied();
            let mut from = BTreeSet::new();
            for tree in self.revisions.values_mut().filter(|tree| tree.revision.job == *id) {
                let Some(parent) = tree.revision.base.as_ref().and_then(outside) else { continue };
                from.insert(parent);
                let steps = tree.delta.0.iter().filter_map(|(path, entry)| Some((path.clone(), entry.step.clone()?)));
                let steps: BTreeMap<_, _> = steps.collect();
                tree.delta = tree.manifest.tree().delta_from(&FileTree::default(), &steps);
                for (path, entry) in &mut tree.delta.0 {
                    entry.origin = tree.manifest.0.get(path).map(|file| file.job).filter(|job| job != id);
                }
                tree.revision.base = None;
                tree.revision.also.retain(|other| outside(other).is_none());
            }
            let head = self.revisions.values().rfind(|tree| tree.revision.job == *id).map(|tree| tree.revision.clone());
            if let Some(record) = self.jobs.get_mut(id) {
                (record.job.head, record.job.depth, record.job.root) = (head, 1, *id);
                record.job.parents.clear();
                record.job.spec.parents.clear();
            }
            self.tell(*id, seen.now, EventKind::Detached { from: from.into_iter().collect() });
            // A job is made after its parents.
            for child in self.jobs.keys().copied().filter(|child| child > id).collect::<Vec<_>>() {
                let first = self.jobs.get(&child).and_then(|record| record.job.parents.first()).map(|link| link.job);
                let parent =
                    first.and_then(|first| self.jobs.get(&first)).map(|record| (record.job.depth, record.job.root));
                if let (Some((depth, root)), Some(record)) = (parent, self.jobs.get_mut(&child)) {
                    (record.job.depth, record.job.root) = (depth + 1, root);
                }
            }
        }
        Ok(())
    }

    fn tell(&mut self, id: JobId, at: Timestamp, kind: EventKind) {
        if let Some(record) = self.jobs.get_mut(&id) {
            let seq = record.events.len() as u64 + 1;
            record.events.push(Event { job: id, seq, at, kind });
            record.job.version += 1;
        }
    }

    /// Redacts contents only: texts elsewhere are not searched in memory.
    fn redact(&mut self, redaction: &Redaction) -> Result<Redacted, StoreError> {
        for id in self.jobs.keys() {
            self.idle(*id, redaction.now)?;
        }
        let mut gone: BTreeSet<BlobHash> = redaction.blobs.iter().copied().collect();
        if let Some(missing) = gone.iter().find(|hash| !self.blobs.contains_key(hash)) {
            return Err(StoreError::NotFound(format!("content {missing}")));
        }
        if let Some(text) = &redaction.text {
            if text.len() < 4 {
                return Err(invalid("a text of fewer than 4 bytes would be found everywhere"));
            }
            let has = |blob: &Blob| blob.bytes().windows(text.len()).any(|window| window == text.as_slice());
            gone.extend(self.blobs.iter().filter(|(_, blob)| has(blob)).map(|(hash, _)| *hash));
        }
        let tombstone = Blob::new(TOMBSTONE);
        gone.remove(&tombstone.hash());
        let mut redacted = Redacted { blobs: gone.iter().copied().collect(), erased: true, ..Redacted::default() };
        let mut places: BTreeMap<JobId, u64> = BTreeMap::new();
        for tree in self.revisions.values_mut() {
            let mut hit = false;
            for file in tree.manifest.0.values_mut().filter(|file| gone.contains(&file.entry.blob)) {
                (file.entry.blob, hit) = (tombstone.hash(), true);
            }
            for entry in tree.delta.0.values_mut() {
                entry.change.replace(&gone, tombstone.hash());
            }
            if hit {
                tree.revision.root_hash = tree.manifest.tree().root_hash();
                redacted.revisions.push(reference(tree));
                *places.entry(tree.revision.job).or_default() += 1;
            }
        }
        for record in self.jobs.values_mut() {
            let head = self.revisions.values().rfind(|tree| tree.revision.job == record.job.id);
            record.job.head = head.map(|tree| tree.revision.clone());
        }
        redacted.searched = vec![
            Searched { place: "contents".to_owned(), hits: gone.len() as u64 },
            Searched { place: "files of revisions".to_owned(), hits: redacted.revisions.len() as u64 },
        ];
        self.blobs.retain(|hash, _| !gone.contains(hash));
        self.blobs.insert(tombstone.hash(), tombstone);
        for (job, places) in places {
            self.tell(job, redaction.now, EventKind::Redacted { places });
        }
        Ok(redacted)
    }
}

fn reference(tree: &Tree) -> RevisionRef {
    RevisionRef { job: tree.revision.job, number: Some(tree.revision.number) }
}

#[async_trait]
impl Upkeep for MemoryStore {
    async fn purge_plan(&self, seen: &Seen) -> Result<Purged, StoreError> {
        Ok(self.data().going(seen)?.0)
    }

    async fn purge(&self, seen: &Seen) -> Result<Purged, StoreError> {
        let mut data = self.data();
        let (purged, unused) = data.going(seen)?;
        data.jobs.retain(|id, _| !purged.jobs.contains(id));
        let stale: BTreeSet<RevisionId> = data
            .revisions
            .iter()
            .filter(|(_, tree)| purged.jobs.contains(&tree.revision.job))
            .map(|(id, _)| *id)
            .collect();
        data.revisions.retain(|id, _| !stale.contains(id));
        data.corrections.retain(|row| !stale.contains(&row.from) && !stale.contains(&row.to));
        data.blobs.retain(|hash, _| !unused.contains(hash));
        Ok(purged)
    }

    async fn detach(&self, seen: &Seen) -> Result<(), StoreError> {
        self.data().detach(seen)
    }

    async fn redact(&self, redaction: &Redaction) -> Result<Redacted, StoreError> {
        self.data().redact(redaction)
    }
}
