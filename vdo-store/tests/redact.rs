//! That what was redacted is gone from the file, and everything else is sound.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "helpers of tests are tests")]

mod common;

use std::collections::BTreeMap;

use common::*;
use vdo_core::content::{Blob, Entry};
use vdo_core::id::{Phase, RevisionId, RevisionRef, StepKey};
use vdo_core::job::{Cause, JobSpec};
use vdo_core::port::changes::{Changes, Guard, NewRevision, PartialWrite, StepWrite};
use vdo_core::port::upkeep::{REDACTED, Redaction, TOMBSTONE, Upkeep as _};
use vdo_core::port::{Blobs as _, EventLog as _, Jobs as _, Journal as _, StepState, Store};
use vdo_core::tree::FileTree;
use vdo_store::SqlStore;

const SECRET: &str = "sk-live-\"quoted\"-0123456789abcdef";

/// Makes a root, and above it a chain that is long enough for snapshots.
async fn chain(store: &SqlStore, leaked: &str) -> Vec<RevisionId> {
    let entry = |text: &str| Entry::file(Blob::new(text.as_bytes()).hash());
    let mut tree: FileTree =
        [("key.txt".parse().unwrap(), entry(leaked)), ("a".parse().unwrap(), entry("0"))].into_iter().collect();
    let mut ids = Vec::new();
    let mut before = FileTree::default();
    for number in 0..40 {
        let text = number.to_string();
        tree.0.insert("a".parse().unwrap(), entry(&text));
        let mut changes = match ids.last() {
            None => Changes::new(Guard::Create(Box::new(JobSpec::new("root", format!("Uses {SECRET}.")))), NOW),
            Some(_) => {
                let job = store.job(vdo_core::id::JobId::new(1).unwrap()).await.unwrap();
                Changes::new(Guard::Version { job: job.id, version: job.version }, NOW)
            }
        };
        changes.blobs = vec![Blob::new(leaked.as_bytes()), Blob::new(text.as_bytes())];
        changes.revision = Some(NewRevision {
            root_hash: tree.root_hash(),
            base: ids.last().copied(),
            also: Vec::new(),
            delta: tree.delta_from(&before, &BTreeMap::new()),
            cause: Cause::Run,
            author: "mock".to_owned(),
        });
        before = tree.clone();
        ids.push(store.commit(changes).await.unwrap().revision.unwrap().0);
    }
    ids
}

/// Whether a file of the store has some bytes.
fn on_disk(place: &Place, needle: &str) -> bool {
    ["", "-wal", "-journal"].iter().any(|suffix| {
        let bytes = std::fs::read(format!("{}{suffix}", place.path())).unwrap_or_default();
        bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
    })
}

#[tokio::test]
async fn a_secret_is_gone_from_trees_answers_events_and_every_page_of_the_file() {
    let place = Place::new();
    let store = place.open().await;
    // Long and of one kind: small contents are kept as they are, so that grep would find them.
    let leaked = format!("KEY={SECRET}\n");
    let ids = chain(&store, &leaked).await;
    let id = vdo_core::id::JobId::new(1).unwrap();
    let lease = claim(&*store, id, "one").await;
    let mut changes = leased(&lease).with_event(note(format!("it said {SECRET}")));
    let answer = serde_json::to_vec(&serde_json::json!({ "text": format!("KEY={SECRET}") })).unwrap();
    let key = StepKey::first(Phase::Build);
    let step = |answer: Vec<u8>| StepWrite {
        key: key.clone(),
        state: StepState::Answered,
        request_hash: None,
        answer: Some(answer.into()),
    };
    changes.steps = vec![step(answer)];
    // A reply that broke off in the middle of a secret, which came in two pieces.
    let (begin, end) = SECRET.split_at(7);
    let piece = |text: &str| PartialWrite { step: key.clone(), number: 1, text: Some(text.to_owned()) };
    changes.partials = vec![piece(&format!("the key is {begin}")), piece(end)];
    changes.lease = vdo_core::port::changes::LeaseChange::Release;
    store.commit(changes).await.unwrap();
    assert!(on_disk(&place, "0123456789abcdef"));

    let redaction =
        Redaction { blobs: Vec::new(), text: Some(SECRET.as_bytes().to_vec()), author: "me".to_owned(), now: NOW };
    let redacted = store.redact(&redaction).await.unwrap();
    assert!(redacted.erased);
    let searched: Vec<_> = redacted.searched.iter().map(|place| (place.place.as_str(), place.hits)).collect();
    assert_eq!(
        searched,
        [
            ("contents", 1),
            ("files of revisions", 40),
            ("answers in journals", 1),
            ("reports of checks", 0),
            ("events", 1),
            ("titles, descriptions and other texts of jobs", 1),
            ("replies that were not heard to their end", 1),
            ("failures of calls", 0),
            ("reasons of conflicts", 0),
        ]
    );
    assert!(!on_disk(&place, "0123456789abcdef"), "no page and no log has it");
    assert_eq!(store.check_integrity().await.unwrap(), Vec::<String>::new());
    for id in [ids[0], ids[33], ids[39]] {
        let manifest = store.manifest(id).await.unwrap();
        let blob = manifest.0["key.txt"].entry.blob;
        assert_eq!(store.blobs(&[blob]).await.unwrap()[0].bytes().to_vec(), TOMBSTONE);
    }
    assert_eq!(store.job(id).await.unwrap().spec.description, format!("Uses {REDACTED}."));
    let steps = store.steps(id).await.unwrap();
    let answer: serde_json::Value = serde_json::from_slice(steps[0].answer.as_ref().unwrap()).unwrap();
    assert_eq!(answer["text"], format!("KEY={REDACTED}"));
    assert_eq!(store.events(id, 0, 1).await.unwrap()[0].kind, note(format!("it said {REDACTED}")));
    let raw = place.raw().await;
    assert_eq!(query(&raw, "SELECT 1 FROM redactions").await.len(), 1);
    drop(store);
    let store = place.open().await;
    assert_eq!(store.resolve(RevisionRef::head(id)).await.unwrap().number, 40);
}

#[tokio::test]
async fn a_damaged_content_is_named_with_its_file_and_the_rest_stays_readable() {
    let place = Place::new();
    let store = place.open().await;
    let ids = chain(&store, "fine").await;
    let raw = place.raw().await;
    sea_orm::ConnectionTrait::execute_unprepared(&raw, "UPDATE blobs SET data = x'66696e66' WHERE data = x'66696e65'")
        .await
        .unwrap();
    let faults = store.check_integrity().await.unwrap();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].contains("(key.txt of job #1)"), "{faults:?}");
    let manifest = store.manifest(ids[39]).await.unwrap();
    assert!(matches!(
        store.blobs(&[manifest.0["key.txt"].entry.blob]).await,
        Err(vdo_core::port::StoreError::Corrupt { .. })
    ));
    assert_eq!(store.blobs(&[manifest.0["a"].entry.blob]).await.unwrap(), [Blob::new("39".as_bytes())]);
}
