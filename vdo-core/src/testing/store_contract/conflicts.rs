//! Conflicts: kept whole, decided once.

use super::Fresh;
use super::fixtures::*;
use crate::conflict::{ConflictKind, ConflictRow, Decision, How};
use crate::content::{BlobHash, Entry, Mode};
use crate::id::JobId;
use crate::port::StoreError;
use crate::time::Timestamp;

fn entry(text: &str, mode: Mode) -> Entry {
    Entry { blob: BlobHash::of(text.as_bytes()), mode }
}

fn conflict(ordinal: u32, path: &str) -> ConflictRow {
    ConflictRow {
        ordinal,
        round: 1,
        path: path.parse().unwrap(),
        base: Some(entry("base", Mode::File)),
        ours: Some(entry("ours", Mode::Executable)),
        theirs: None,
        base_path: None,
        ours_path: Some("moved/ü".parse().unwrap()),
        theirs_path: None,
        kind: ConflictKind::Deleted,
        reason: "one side \u{0} deleted it".to_owned(),
        decision: None,
        created: NOW,
    }
}

fn decided(row: &ConflictRow, entry: Option<Entry>, how: How) -> ConflictRow {
    let decision = Decision { entry, how, author: "a person".to_owned(), at: Timestamp(NOW.0 + 1) };
    ConflictRow { decision: Some(decision), ..row.clone() }
}

pub(super) async fn conflicts_come_back_and_a_later_one_replaces_its_number(fresh: Fresh) {
    let store = fresh.store().await;
    let (id, other) = (job(&store, "merge").await, job(&store, "other").await);
    let lease = claimed(&store, id).await;
    let bare = ConflictRow {
        round: 2,
        base: None,
        ours: None,
        kind: ConflictKind::Ancestors,
        theirs: Some(entry("x", Mode::Symlink)),
        base_path: Some("b".parse().unwrap()),
        ours_path: None,
        theirs_path: Some("t".parse().unwrap()),
        ..conflict(2, "z")
    };
    let found = [conflict(1, "zz"), bare, conflict(3, "a")];
    let mut changes = leased(&lease);
    changes.conflicts = found.to_vec();
    store.commit(changes).await.unwrap();
    assert_eq!(store.conflicts(id).await.unwrap(), found, "in the order of their numbers");
    assert!(found.iter().all(ConflictRow::is_open));

    let gone = decided(&found[0], None, How::Theirs);
    let given = decided(&found[2], Some(entry("mine", Mode::Executable)), How::Model);
    let mut changes = leased(&lease);
    changes.blobs = blobs(&["mine"]);
    changes.conflicts = vec![given.clone(), gone.clone()];
    store.commit(changes).await.unwrap();
    assert_eq!(store.conflicts(id).await.unwrap(), [gone, found[1].clone(), given]);
    assert_eq!(store.conflicts(other).await.unwrap(), []);
    assert_refused!(store.conflicts(JobId::new(99).unwrap()).await, StoreError::NotFound(_));
}

pub(super) async fn a_decision_has_its_content_and_one_of_two_at_a_time_is_refused(fresh: Fresh) {
    let store = fresh.store().await;
    let id = job(&store, "merge").await;
    change(&store, id, |changes| changes.conflicts = vec![conflict(1, "a")]).await;
    let seen = store.job(id).await.unwrap();
    let mut missing = versioned(&seen);
    missing.conflicts = vec![decided(&conflict(1, "a"), Some(entry("nowhere", Mode::File)), How::File)];
    assert!(is_invalid(&store.commit(missing).await));
    assert_eq!(store.conflicts(id).await.unwrap(), [conflict(1, "a")]);

    let both = [How::Ours, How::Delete].map(|how| {
        let mut changes = versioned(&seen);
        changes.conflicts = vec![decided(&conflict(1, "a"), None, how)];
        store.commit(changes)
    });
    let results = futures_util::future::join_all(both).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(results.iter().filter(|result| matches!(result, Err(StoreError::Conflict { .. }))).count(), 1);
}
