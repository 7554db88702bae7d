//! What is kept of replies that are being streamed.

use super::Fresh;
use super::fixtures::*;
use crate::id::{JobId, StepKey};
use crate::job::JobStatus;
use crate::port::changes::PartialWrite;
use crate::port::upkeep::Seen;
use crate::port::{CallState, PartialReply, StoreError};

fn piece(step: &StepKey, number: u32, text: Option<&str>) -> PartialWrite {
    PartialWrite { step: step.clone(), number, text: text.map(str::to_owned) }
}

fn kept(step: &StepKey, number: u32, text: &str) -> PartialReply {
    PartialReply { step: step.clone(), number, text: text.to_owned() }
}

pub(super) async fn what_arrived_of_a_reply_is_appended_and_taken_away_with_the_answer(fresh: Fresh) {
    let store = fresh.store().await;
    let (id, other) = (job(&store, "x").await, job(&store, "y").await);
    let (lease, second) = (claimed(&store, id).await, claimed(&store, other).await);
    let (one, two) = (key(1), key(2));
    let commit = async |lease: &_, calls, partials| {
        let mut changes = leased(lease);
        (changes.calls, changes.partials) = (calls, partials);
        store.commit(changes).await.unwrap();
    };
    let (first, again) = (sent(1, 1, Some(5)), sent(2, 1, Some(5)));
    commit(&lease, vec![first.clone(), again.clone()], vec![]).await;
    assert_eq!(store.partials(id).await.unwrap(), []);
    commit(&lease, vec![], vec![piece(&two, 1, Some("b\u{1F600} "))]).await;
    commit(&lease, vec![], vec![piece(&one, 1, Some("a'\"\n")), piece(&one, 2, Some("later"))]).await;
    commit(&second, vec![], vec![piece(&one, 1, Some("of the other job"))]).await;
    let long = "ü".repeat(5000);
    commit(&lease, vec![], vec![piece(&two, 1, Some(&long))]).await;
    commit(&lease, vec![], vec![piece(&two, 1, Some("")), piece(&one, 1, Some("z"))]).await;
    let two_text = format!("b\u{1F600} {long}");
    let expected = [kept(&two, 1, &two_text), kept(&one, 1, "a'\"\nz"), kept(&one, 2, "later")];
    assert_eq!(store.partials(id).await.unwrap(), expected, "in the order they began");
    assert_eq!(store.calls(id).await.unwrap(), [first.row.clone(), again.row], "the calls are as they were");

    // An answer takes its own away; what was cut off stays with its call.
    commit(&lease, vec![ended(&first, CallState::Answered, Some(3))], vec![piece(&one, 1, None)]).await;
    assert_eq!(store.partials(id).await.unwrap(), [kept(&two, 1, &two_text), kept(&one, 2, "later")]);
    commit(&lease, vec![], vec![piece(&one, 1, None), piece(&one, 9, None)]).await;
    assert_eq!(store.partials(id).await.unwrap(), [kept(&two, 1, &two_text), kept(&one, 2, "later")]);
    assert_eq!(store.partials(other).await.unwrap(), [kept(&one, 1, "of the other job")]);
    assert_refused!(store.partials(JobId::new(99).unwrap()).await, StoreError::NotFound(_));

    let Some(upkeep) = store.upkeep() else { return };
    let mut release = leased(&second).with_status(JobStatus::Cancelled, None);
    release.lease = crate::port::changes::LeaseChange::Release;
    store.commit(release).await.unwrap();
    let seen = Seen { jobs: vec![(other, store.job(other).await.unwrap().version)], now: NOW };
    upkeep.purge(&seen).await.unwrap();
    assert_refused!(store.partials(other).await, StoreError::NotFound(_));
}

pub(super) async fn a_fenced_writer_keeps_nothing_of_a_reply(fresh: Fresh) {
    let store = fresh.store().await;
    let id = job(&store, "x").await;
    let stale = claimed(&store, id).await;
    let mut changes = leased(&stale);
    changes.partials = vec![piece(&key(1), 1, Some("kept"))];
    store.commit(changes.clone()).await.unwrap();
    claimed(&store, id).await;
    assert_refused!(store.commit(changes).await, StoreError::Fenced { .. });
    assert_eq!(store.partials(id).await.unwrap(), [kept(&key(1), 1, "kept")]);
}
