//! Leases: one runner at a time, and the old one cannot write.

use std::time::Duration;

use super::Fresh;
use super::fixtures::*;
use crate::content::BlobHash;
use crate::job::JobStatus;
use crate::port::changes::{Guard, LeaseChange, StepWrite};
use crate::port::{ClaimRequest, Lease, StepState, StoreError};
use crate::time::Timestamp;

pub(super) async fn one_runner_at_a_time(fresh: Fresh) {
    let store = fresh.store().await;
    let id = job(&store, "x").await;
    let before = store.job(id).await.unwrap();
    assert_eq!(store.claim(request(id, "one", NOW)).await.unwrap(), Lease { job: id, epoch: 1 });
    assert_eq!(store.job(id).await.unwrap(), before, "a claim alone does not change the job");
    let ends = NOW.after(Duration::from_secs(60));
    assert_refused!(
        store.claim(request(id, "two", Timestamp(ends.0 - 1))).await,
        StoreError::Busy { job, owner, epoch: 1, until } if job == id && owner == "one" && until == ends
    );
    let wrong = ClaimRequest { presumed_dead: Some(2), ..request(id, "two", NOW) };
    assert_refused!(store.claim(wrong).await, StoreError::Busy { epoch: 1, .. });

    assert_eq!(store.claim(request(id, "one", NOW)).await.unwrap().epoch, 2, "the same owner again");
    let dead = ClaimRequest { presumed_dead: Some(2), ..request(id, "two", NOW) };
    assert_eq!(store.claim(dead).await.unwrap().epoch, 3, "its owner is known to be dead");
    assert_eq!(store.claim(request(id, "three", ends)).await.unwrap().epoch, 4, "it ended");

    let other = job(&store, "y").await;
    let claims = (0..8).map(|number| {
        let store = store.clone();
        async move { store.claim(request(other, &format!("runner {number}"), NOW)).await }
    });
    let results = futures_util::future::join_all(claims).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(results.iter().all(|result| matches!(result, Ok(_) | Err(StoreError::Busy { .. }))));
}

pub(super) async fn an_older_epoch_is_fenced_and_writes_nothing(fresh: Fresh) {
    let store = fresh.store().await;
    let id = job(&store, "x").await;
    let old = claimed(&store, id).await;
    let new = claimed(&store, id).await;
    let before = store.job(id).await.unwrap();
    for stale in [old, Lease { job: id, epoch: 0 }, Lease { job: id, epoch: 3 }] {
        let mut changes = leased(&stale).with_status(JobStatus::Failed, None).with_event(note("stale"));
        changes.blobs = blobs(&["stale"]);
        changes.calls = vec![sent(1, 1, Some(5))];
        changes.steps = vec![StepWrite { key: key(1), state: StepState::Intent, request_hash: None, answer: None }];
        assert_refused!(
            store.commit(changes).await,
            StoreError::Fenced { job, epoch } if job == id && epoch == stale.epoch
        );
    }
    assert_eq!(store.job(id).await.unwrap(), before);
    assert_eq!(store.steps(id).await.unwrap(), []);
    assert_eq!(store.calls(id).await.unwrap(), []);
    assert_eq!(store.events(id, 0, 10).await.unwrap(), []);
    assert_refused!(store.blobs(&[BlobHash::of(b"stale")]).await, StoreError::NotFound(_));
    store.commit(leased(&new).with_event(note("new"))).await.unwrap();

    let never = job(&store, "never claimed").await;
    let result = store.commit(leased(&Lease { job: never, epoch: 0 })).await;
    assert_refused!(result, StoreError::Fenced { epoch: 0, .. });
}

pub(super) async fn a_lease_is_extended_and_released_by_its_holder_only(fresh: Fresh) {
    let store = fresh.store().await;
    let id = job(&store, "x").await;
    let lease = claimed(&store, id).await;
    let later = Timestamp(NOW.0 + 600_000);
    let mut changes = leased(&lease);
    changes.lease = LeaseChange::Extend(later);
    store.commit(changes).await.unwrap();
    let result = store.claim(request(id, "two", Timestamp(later.0 - 1))).await;
    assert_refused!(result, StoreError::Busy { until, .. } if until == later);

    for change in [LeaseChange::Extend(later), LeaseChange::Release] {
        let mut changes = versioned(&store.job(id).await.unwrap());
        changes.lease = change;
        assert!(is_invalid(&store.commit(changes).await));
    }
    let mut changes = leased(&lease);
    changes.lease = LeaseChange::Release;
    store.commit(changes).await.unwrap();
    assert_refused!(store.commit(leased(&lease)).await, StoreError::Fenced { epoch: 1, .. });
    assert_eq!(store.claim(request(id, "two", NOW)).await.unwrap().epoch, 2);
}

pub(super) async fn the_version_moves_with_the_status_under_a_lease(fresh: Fresh) {
    let store = fresh.store().await;
    let id = job(&store, "x").await;
    let lease = claimed(&store, id).await;
    let receipt = store.commit(leased(&lease).with_event(note("x"))).await.unwrap();
    assert_eq!(receipt.version, 1);
    let running = || leased(&lease).with_status(JobStatus::Running, None);
    assert_eq!(store.commit(running()).await.unwrap().version, 2);
    assert_eq!(store.commit(running()).await.unwrap().version, 2, "the same status again");

    // A person's write moves the version, not the lease; the run learns of it from its receipts.
    let mut cancel = leased(&lease);
    cancel.guard = Guard::Version { job: id, version: 2 };
    cancel.cancel_requested = Some(true);
    assert_eq!(store.commit(cancel).await.unwrap().version, 3);
    let receipt = store.commit(leased(&lease)).await.unwrap();
    assert_eq!((receipt.version, receipt.cancel_requested), (3, true));
}
