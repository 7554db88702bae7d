//! Revisions, deltas and manifests.

use std::collections::BTreeMap;

use super::Fresh;
use super::fixtures::*;
use crate::content::{Blob, BlobHash, Entry, Mode};
use crate::file::{Change, DeltaEntry};
use crate::id::{JobId, RevisionId, RevisionRef};
use crate::job::{Cause, JobSpec, Revision};
use crate::path::RepoPath;
use crate::port::StoreError;
use crate::port::changes::NewRevision;
use crate::tree::{Delta, FileTree, Manifest, ManifestEntry};

pub(super) async fn revisions_are_numbered_and_found(fresh: Fresh) {
    let store = fresh.store().await;
    let (id, first, mut base) = imported(&store, &[("a", "0")]).await;
    let mut ids = vec![first];
    for (at, cause) in Cause::ALL.into_iter().enumerate() {
        let text = (at + 1).to_string();
        let tree = tree(&[("a", &text)]);
        let last = *ids.last().unwrap();
        let new = NewRevision { cause, author: format!("author {text}"), ..revision(Some((last, &base)), &tree) };
        let receipt = change(&store, id, |changes| {
            changes.blobs = blobs(&[&text]);
            changes.revision = Some(new);
        })
        .await;
        let (revision, number) = receipt.revision.unwrap();
        assert!(revision > last, "ids rise");
        let expected = Revision {
            id: revision,
            job: id,
            number,
            root_hash: tree.root_hash(),
            base: Some(last),
            also: Vec::new(),
            cause,
            author: format!("author {text}"),
            created: NOW,
        };
        assert_eq!(number as usize, at + 2);
        assert_eq!(store.revision(revision).await.unwrap(), expected);
        assert_eq!(store.resolve(RevisionRef { job: id, number: Some(number) }).await.unwrap(), expected);
        assert_eq!(store.resolve(RevisionRef::head(id)).await.unwrap(), expected);
        assert_eq!(store.job(id).await.unwrap().head, Some(expected));
        ids.push(revision);
        base = tree;
    }
    assert_eq!(store.resolve(RevisionRef { job: id, number: Some(1) }).await.unwrap().id, first);
    let none = store.resolve(RevisionRef { job: id, number: Some(8) }).await;
    assert_refused!(none, StoreError::NotFound(_));
}

pub(super) async fn a_base_is_of_the_job_or_of_a_pinned_parent(fresh: Fresh) {
    let store = fresh.store().await;
    let (parent, first, base) = imported(&store, &[("a", "1")]).await;
    let (_, foreign, other) = imported(&store, &[("a", "1"), ("b", "2")]).await;
    let child = create(&store, JobSpec::new("child", "").with_parent(RevisionRef::head(parent))).await;
    let before = store.job(child).await.unwrap();
    for new in [revision(None, &base), revision(Some((first, &base)), &base), revision(Some((foreign, &other)), &other)]
    {
        let mut changes = versioned(&before);
        changes.revision = Some(new);
        assert!(is_invalid(&store.commit(changes).await));
    }
    let mut nowhere = versioned(&before);
    nowhere.revision = Some(revision(Some((RevisionId(999), &base)), &base));
    assert_refused!(store.commit(nowhere).await, StoreError::NotFound(_));
    assert_eq!(store.job(child).await.unwrap(), before);
    // The pin counts even when it is taken in the same write.
    let receipt = change(&store, child, |changes| {
        changes.pins = vec![(0, first)];
        changes.revision = Some(revision(Some((first, &base)), &base));
    })
    .await;
    let (own, number) = receipt.revision.unwrap();
    assert_eq!(number, 1);
    assert_eq!(store.delta(own).await.unwrap(), Delta::default());
    assert_eq!(store.manifest(own).await.unwrap(), store.manifest(first).await.unwrap());
}

pub(super) async fn a_revision_has_the_tree_it_names_and_its_contents(fresh: Fresh) {
    let store = fresh.store().await;
    let (id, first, base) = imported(&store, &[("a", "1")]).await;
    let before = store.job(id).await.unwrap();
    let next = tree(&[("a", "1"), ("b", "2")]);
    let wrong = NewRevision { root_hash: base.root_hash(), ..revision(Some((first, &base)), &next) };
    for (new, contents) in [(wrong, blobs(&["2"])), (revision(Some((first, &base)), &next), Vec::new())] {
        let mut changes = versioned(&before).with_event(note("x"));
        changes.revision = Some(new);
        changes.blobs = contents;
        assert!(is_invalid(&store.commit(changes).await));
    }
    assert_eq!(store.job(id).await.unwrap(), before);
    assert_eq!(store.events(id, 0, 9).await.unwrap(), []);
    assert_refused!(store.blobs(&[BlobHash::of(b"2")]).await, StoreError::NotFound(_));
}

/// The change that step `number` of the long chain makes: edits, deletions, renames, modes, and things that come back.
fn turn(tree: &FileTree, number: usize, texts: &mut Vec<String>) -> FileTree {
    let mut next = tree.clone();
    let path = |name: String| -> RepoPath { name.parse().unwrap() };
    let text = format!("content {number}");
    let blob = BlobHash::of(text.as_bytes());
    texts.push(text);
    next.0.insert(path(format!("src/f{}", number % 7)), Entry::file(blob));
    if number.is_multiple_of(5) {
        next.0.remove(&path(format!("src/f{}", (number + 3) % 7)));
    }
    if number.is_multiple_of(11)
        && let Some(entry) = next.0.remove(&path("moved".to_owned()))
    {
        next.0.insert(path("elsewhere".to_owned()), entry);
    }
    if number.is_multiple_of(13) {
        let mode = [Mode::Executable, Mode::Symlink, Mode::Submodule, Mode::File][number / 13 % 4];
        next.0.insert(path("moved".to_owned()), Entry { blob, mode });
    }
    next
}

pub(super) async fn a_long_chain_of_revisions_adds_up(fresh: Fresh) {
    let store = fresh.store().await;
    let (root, first, start) = imported(&store, &[("src/f0", "0"), ("moved", "m"), ("stays", "s")]).await;
    let mut expected = vec![(first, store.manifest(first).await.unwrap(), Delta::default())];
    let (mut tree, mut last, mut job, mut texts) = (start, first, root, Vec::new());
    for number in 1..=75 {
        let next = turn(&tree, number, &mut texts);
        let blob = Blob::new(texts.last().unwrap().as_bytes());
        let new = revision(Some((last, &tree)), &next);
        let delta = new.delta.clone();
        let receipt = if number.is_multiple_of(3) {
            // A new job on top; its first revision comes with its creation.
            let spec = JobSpec::new(format!("job {number}"), "").with_parent(RevisionRef { job, number: None });
            let mut changes = creating(spec);
            (changes.pins, changes.blobs, changes.revision) = (vec![(0, last)], vec![blob], Some(new));
            store.commit(changes).await.unwrap()
        } else {
            change(&store, job, |changes| (changes.blobs, changes.revision) = (vec![blob], Some(new))).await
        };
        job = receipt.job;
        last = receipt.revision.unwrap().0;
        tree = next;
        let manifest = expected[number - 1].1.clone().with(job, &delta);
        assert_eq!(manifest.tree(), tree);
        expected.push((last, manifest, delta));
    }
    for (number, (revision, manifest, delta)) in expected.iter().enumerate() {
        assert_eq!(store.manifest(*revision).await.unwrap(), *manifest, "after {number} changes");
        if number > 0 {
            assert_eq!(store.delta(*revision).await.unwrap(), *delta, "change {number}");
        }
    }
}

pub(super) async fn files_know_the_job_they_come_from(fresh: Fresh) {
    let store = fresh.store().await;
    let (one, first, base) = imported(&store, &[("a", "1"), ("b", "2"), ("c", "3")]).await;
    let mut next = tree(&[("a", "1"), ("b", "other"), ("d", "3")]);
    next.0.insert("e".parse().unwrap(), Entry { blob: BlobHash::of(b"1"), mode: Mode::Executable });
    let spec = JobSpec::new("child", "").with_parent(RevisionRef { job: one, number: Some(1) });
    let mut changes = creating(spec);
    changes.blobs = blobs(&["other"]);
    changes.revision = Some(revision(Some((first, &base)), &next));
    let receipt = store.commit(changes).await.unwrap();
    let two = receipt.job;
    let file = |job: JobId, text: &str, mode| ManifestEntry {
        entry: Entry { blob: BlobHash::of(text.as_bytes()), mode },
        job,
    };
    let expected = [
        ("a", file(one, "1", Mode::File)),
        ("b", file(two, "other", Mode::File)),
        ("d", file(two, "3", Mode::File)),
        ("e", file(two, "1", Mode::Executable)),
    ];
    let expected = expected.into_iter().map(|(path, file)| (path.parse().unwrap(), file));
    assert_eq!(store.manifest(receipt.revision.unwrap().0).await.unwrap(), Manifest(expected.collect()));
}

pub(super) async fn a_delta_comes_back_whole(fresh: Fresh) {
    let store = fresh.store().await;
    let (id, first, base) = imported(&store, &[("gone", "1"), ("old name", "2"), ("both", "3")]).await;
    let entry = |text: &str, mode| Entry { blob: BlobHash::of(text.as_bytes()), mode };
    let with = |change, step: Option<u32>| DeltaEntry { change, step: step.map(key), origin: None };
    let path = |path: &str| -> RepoPath { path.parse().unwrap() };
    let delta = Delta(BTreeMap::from([
        (path("gone"), with(Change::Deleted, Some(1))),
        (path("old name"), with(Change::Deleted, None)),
        (path("new/ü name"), with(Change::Renamed { entry: entry("2", Mode::File), from: path("old name") }, Some(2))),
        (path("both"), with(Change::Modified { entry: entry("3", Mode::Executable) }, Some(3))),
        (path("link"), with(Change::Created { entry: entry("1", Mode::Symlink) }, None)),
        (path("module"), with(Change::Created { entry: entry("2", Mode::Submodule) }, None)),
    ]));
    let new = NewRevision {
        root_hash: base.with(&delta).root_hash(),
        base: Some(first),
        delta: delta.clone(),
        also: Vec::new(),
        cause: Cause::Run,
        author: String::new(),
    };
    let receipt = change(&store, id, |changes| changes.revision = Some(new)).await;
    assert_eq!(store.delta(receipt.revision.unwrap().0).await.unwrap(), delta);
}

pub(super) async fn a_merge_knows_which_parent_a_file_came_with(fresh: Fresh) {
    let store = fresh.store().await;
    let (root, first, base) = imported(&store, &[("a", "1"), ("b", "2")]).await;
    let side = async |path: &str, text: &str| {
        let mut tree = base.clone();
        tree.0.insert(path.parse().unwrap(), Entry::file(BlobHash::of(text.as_bytes())));
        let mut changes = creating(JobSpec::new(path, "").with_parent(RevisionRef { job: root, number: Some(1) }));
        changes.blobs = blobs(&[text]);
        changes.revision = Some(revision(Some((first, &base)), &tree));
        let receipt = store.commit(changes).await.unwrap();
        (receipt.job, receipt.revision.unwrap().0, tree)
    };
    let (ours, theirs) = (side("x", "ours").await, side("y", "theirs").await);
    let merged: FileTree = ours.2.0.clone().into_iter().chain(theirs.2.0.clone()).collect();
    let others = [(theirs.0, store.manifest(theirs.1).await.unwrap())];
    let delta = merged.delta_from(&ours.2, &BTreeMap::new()).with_origins(&others);
    let pinned = |job| RevisionRef { job, number: Some(1) };
    let mut changes = creating(JobSpec::new("merge", "").with_parent(pinned(ours.0)).with_parent(pinned(theirs.0)));
    changes.revision = Some(NewRevision { delta: delta.clone(), ..revision(Some((ours.1, &ours.2)), &merged) });
    let receipt = store.commit(changes).await.unwrap();
    let id = receipt.revision.unwrap().0;
    assert_eq!(store.delta(id).await.unwrap(), delta);
    let manifest = store.manifest(id).await.unwrap();
    let from = |path: &str| manifest.0[&path.parse::<RepoPath>().unwrap()].job;
    assert_eq!(["a", "b", "x", "y"].map(from), [root, root, ours.0, theirs.0]);
}
