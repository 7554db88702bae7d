//! Taking things out. A store that cannot has nothing to keep here.

use super::Fresh;
use super::fixtures::*;
use crate::content::BlobHash;
use crate::event::EventKind;
use crate::id::{JobId, RevisionId, RevisionRef};
use crate::job::{JobSpec, JobStatus};
use crate::port::StoreError;
use crate::port::upkeep::{Redaction, Seen, TOMBSTONE};
use crate::tree::FileTree;

async fn seen(store: &Shared, jobs: &[JobId]) -> Seen {
    let mut all = Vec::new();
    for id in jobs {
        all.push((*id, store.job(*id).await.unwrap().version));
    }
    Seen { jobs: all, now: NOW }
}

/// Makes a finished child that adds a file.
async fn child(store: &Shared, parent: (JobId, RevisionId, &FileTree), name: &str) -> (JobId, RevisionId, FileTree) {
    let pinned = RevisionRef { job: parent.0, number: Some(1) };
    let mut tree = parent.2.clone();
    tree.0.extend(self::tree(&[(name, name)]).0);
    let mut changes = creating(JobSpec::new(name, "").with_parent(pinned)).with_status(JobStatus::Completed, None);
    changes.blobs = blobs(&[name]);
    changes.revision = Some(revision(Some((parent.1, parent.2)), &tree));
    let receipt = store.commit(changes).await.unwrap();
    (receipt.job, receipt.revision.unwrap().0, tree)
}

pub(super) async fn a_correction_comes_with_its_revision(fresh: Fresh) {
    let store = fresh.store().await;
    let (id, first, base) = imported(&store, &[("a", "1")]).await;
    let (_, foreign, _) = imported(&store, &[("b", "2")]).await;
    let next = tree(&[("a", "2")]);
    for (from, made) in [(first, false), (foreign, true)] {
        let mut changes = versioned(&store.job(id).await.unwrap());
        changes.blobs = blobs(&["2"]);
        changes.correction = Some(from);
        changes.revision = made.then(|| revision(Some((first, &base)), &next));
        assert!(is_invalid(&store.commit(changes).await));
    }
    let mut new = revision(Some((first, &base)), &next);
    new.also = vec![foreign];
    let mut changes = versioned(&store.job(id).await.unwrap());
    changes.blobs = blobs(&["2"]);
    changes.revision = Some(new.clone());
    assert!(is_invalid(&store.commit(changes).await), "what it grew out of is of the job or of a parent");
    new.also = vec![first];
    let receipt = change(&store, id, |changes| {
        changes.blobs = blobs(&["2"]);
        (changes.revision, changes.correction) = (Some(new), Some(first));
    })
    .await;
    let (to, _) = receipt.revision.unwrap();
    assert_eq!(store.revision(to).await.unwrap().also, [first]);
    assert_eq!(store.job(id).await.unwrap().head.unwrap().also, [first]);
    let rows = store.corrections(id).await.unwrap();
    assert_eq!(rows, [crate::job::Correction { job: id, from: first, to, at: NOW }]);
    assert_refused!(store.corrections(JobId::new(99).unwrap()).await, StoreError::NotFound(_));
}

pub(super) async fn a_purge_takes_a_subtree_or_nothing(fresh: Fresh) {
    let store = fresh.store().await;
    let Some(upkeep) = store.upkeep() else { return };
    let (root, at, base) = imported(&store, &[("a", "1")]).await;
    let (one, one_at, tree) = child(&store, (root, at, &base), "one").await;
    let (two, _, _) = child(&store, (one, one_at, &tree), "two").await;
    let (other, ..) = child(&store, (root, at, &base), "other").await;
    let alone = upkeep.purge(&seen(&store, &[one]).await).await;
    assert_refused!(alone, StoreError::HasChildren { job, children } if job == one && children == [two]);
    let stale = Seen { jobs: vec![(one, 99), (two, 1)], now: NOW };
    assert_refused!(upkeep.purge(&stale).await, StoreError::Conflict { .. });
    let lease = claimed(&store, two).await;
    assert_refused!(upkeep.purge(&seen(&store, &[one, two]).await).await, StoreError::Busy { .. });
    let mut release = leased(&lease);
    release.lease = crate::port::changes::LeaseChange::Release;
    store.commit(release).await.unwrap();

    let asked = seen(&store, &[one, two]).await;
    let plan = upkeep.purge_plan(&asked).await.unwrap();
    assert_eq!((plan.jobs.as_slice(), plan.revisions, plan.blobs), ([one, two].as_slice(), 2, 2));
    assert_eq!(upkeep.purge_plan(&asked).await.unwrap(), plan, "a plan changes nothing");
    assert_eq!(upkeep.purge(&asked).await.unwrap(), plan);
    for gone in [one, two] {
        assert_refused!(store.job(gone).await, StoreError::NotFound(_));
    }
    assert_refused!(store.manifest(one_at).await, StoreError::NotFound(_));
    let hashes = ["one", "two", "1", "other"].map(|text| BlobHash::of(text.as_bytes()));
    assert_refused!(store.blobs(&hashes[..1]).await, StoreError::NotFound(_));
    assert_eq!(store.blobs(&hashes[2..]).await.unwrap(), blobs(&["1", "other"]));
    assert_eq!(store.job(other).await.unwrap().parents.len(), 1);
    let new = create(&store, JobSpec::new("new", "")).await;
    assert!(new > two, "an id is never given out twice");
}

pub(super) async fn a_detached_job_keeps_its_files_when_the_parent_goes(fresh: Fresh) {
    let store = fresh.store().await;
    let Some(upkeep) = store.upkeep() else { return };
    let (root, at, base) = imported(&store, &[("a", "1")]).await;
    let (one, one_at, tree) = child(&store, (root, at, &base), "one").await;
    let (two, two_at, _) = child(&store, (one, one_at, &tree), "two").await;
    let before = (store.manifest(one_at).await.unwrap(), store.manifest(two_at).await.unwrap());
    upkeep.detach(&seen(&store, &[one]).await).await.unwrap();
    let job = store.job(one).await.unwrap();
    assert_eq!((job.parents, job.depth, job.root), (vec![], 1, one));
    let below = store.job(two).await.unwrap();
    assert_eq!((below.depth, below.root), (2, one));
    assert_eq!(store.revision(one_at).await.unwrap().base, None);
    let last = store.events(one, 0, 99).await.unwrap().pop().unwrap();
    assert_eq!(last.kind, EventKind::Detached { from: vec![RevisionRef { job: root, number: Some(1) }] });
    upkeep.purge(&seen(&store, &[root]).await).await.unwrap();
    assert_eq!((store.manifest(one_at).await.unwrap(), store.manifest(two_at).await.unwrap()), before);
    assert_eq!(store.blobs(&[BlobHash::of(b"1")]).await.unwrap(), blobs(&["1"]));
}

pub(super) async fn a_redacted_content_is_a_tombstone_in_every_tree(fresh: Fresh) {
    let store = fresh.store().await;
    let Some(upkeep) = store.upkeep() else { return };
    let (root, at, base) = imported(&store, &[("a", "1"), ("key", "the secret is here")]).await;
    let (one, one_at, _) = child(&store, (root, at, &base), "one").await;
    let (other, other_at, _) = imported(&store, &[("b", "2")]).await;
    let redaction = |blobs: Vec<BlobHash>, text: Option<&str>| Redaction {
        blobs,
        text: text.map(|text| text.as_bytes().to_vec()),
        author: "a person".to_owned(),
        now: NOW,
    };
    assert_refused!(upkeep.redact(&redaction(vec![BlobHash::of(b"?")], None)).await, StoreError::NotFound(_));
    assert_refused!(upkeep.redact(&redaction(vec![], Some("abc"))).await, StoreError::Invalid(_));
    let untouched = store.revision(other_at).await.unwrap();
    let redacted = upkeep.redact(&redaction(vec![], Some("secret"))).await.unwrap();
    let named = |job| RevisionRef { job, number: Some(1) };
    assert_eq!(redacted.blobs, [BlobHash::of(b"the secret is here")]);
    assert_eq!(redacted.revisions, [named(root), named(one)]);
    assert_refused!(store.blobs(&redacted.blobs).await, StoreError::NotFound(_));
    for id in [at, one_at] {
        let manifest = store.manifest(id).await.unwrap();
        let file = manifest.0["key"].entry;
        assert_eq!(store.blobs(&[file.blob]).await.unwrap()[0].bytes().to_vec(), TOMBSTONE);
        assert_eq!(store.revision(id).await.unwrap().root_hash, manifest.tree().root_hash());
    }
    assert_eq!(store.revision(other_at).await.unwrap(), untouched);
    assert!(store.events(other, 0, 9).await.unwrap().is_empty());
    let last = store.events(root, 0, 9).await.unwrap().pop().unwrap();
    assert_eq!(last.kind, EventKind::Redacted { places: 1 });
}
