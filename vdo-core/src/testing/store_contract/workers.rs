//! What workers ask of a store: what is to be run, tries that are counted, crashes that are counted, and who may run beside whom.

use std::time::Duration;

use super::Fresh;
use super::fixtures::*;
use crate::id::{JobId, RevisionRef};
use crate::job::{JobSpec, JobStatus};
use crate::pace::Pace;
use crate::port::backlog::{Agenda, AgendaQuery, Running, Waiting};
use crate::port::changes::{CallWrite, LeaseChange, StatusChange};
use crate::port::{CallState, ClaimRequest, StoreError};
use crate::time::Timestamp;
use crate::tries::{Retries, RetryChange, RetryClass, Tries};

fn query(now: Timestamp) -> AgendaQuery {
    AgendaQuery { now, limit: 10, only: None }
}

async fn agenda(store: &Shared, query: AgendaQuery) -> Agenda {
    store.backlog().unwrap().agenda(query).await.unwrap()
}

fn names(agenda: &Agenda) -> Vec<JobId> {
    agenda.waiting.iter().map(|one| one.job).collect()
}

/// Makes a root job that is over and has a result.
async fn done(store: &Shared, text: &str) -> JobId {
    let (id, ..) = imported(store, &[("a", text)]).await;
    change(store, id, |changes| {
        changes.status = Some(StatusChange { status: JobStatus::Completed, reason: None });
    })
    .await;
    id
}

fn plain(job: JobId, root: JobId) -> Waiting {
    Waiting { job, root, merges: Vec::new(), priority: 0, since: NOW }
}

pub(super) async fn what_could_be_run_comes_best_first(fresh: Fresh) {
    let store = fresh.store().await;
    if store.backlog().is_none() {
        return;
    }
    let base = done(&store, "1").await;
    let usual = create(&store, JobSpec::new("usual", "").with_parent(RevisionRef::head(base))).await;
    let urgent = create(&store, JobSpec::new("urgent", "").with_priority(5)).await;
    let child = create(&store, JobSpec::new("child", "").with_parent(RevisionRef::head(usual))).await;
    let other = create(&store, JobSpec::new("other", "").with_priority(-3)).await;
    let found = agenda(&store, query(NOW)).await;
    let waiting = vec![
        Waiting { priority: 5, ..plain(urgent, urgent) },
        plain(usual, base),
        Waiting { priority: -3, ..plain(other, other) },
    ];
    assert_eq!(found, Agenda { waiting, running: Vec::new(), next_due: None });
    assert_eq!(names(&agenda(&store, AgendaQuery { limit: 1, ..query(NOW) }).await), [urgent]);
    assert_eq!(names(&agenda(&store, AgendaQuery { only: Some(usual), ..query(NOW) }).await), [usual]);
    assert_eq!(names(&agenda(&store, AgendaQuery { only: Some(child), ..query(NOW) }).await), []);

    let lease = claimed(&store, usual).await;
    let until = NOW.after(Duration::from_secs(60));
    let found = agenda(&store, query(NOW)).await;
    assert_eq!(names(&found), [urgent, other]);
    assert_eq!(found.running, [Running { job: usual, root: base, merges: Vec::new(), until }]);
    store.commit(leased(&lease).with_status(JobStatus::Running, None)).await.unwrap();
    let late = agenda(&store, query(until)).await;
    assert_eq!((names(&late), late.running), (vec![urgent, usual, other], Vec::new()), "its lease ran out");
    store.commit(leased(&lease).with_status(JobStatus::Failed, None)).await.unwrap();
    assert_eq!(names(&agenda(&store, query(until)).await), [urgent, other], "it is over");
}

pub(super) async fn merges_say_what_they_merge_and_wait_for_every_parent(fresh: Fresh) {
    let store = fresh.store().await;
    if store.backlog().is_none() {
        return;
    }
    let (one, two) = (done(&store, "1").await, done(&store, "2").await);
    let open = job(&store, "open").await;
    let spec = |parents: &[JobId]| {
        parents.iter().fold(JobSpec::new("merge", ""), |spec, parent| spec.with_parent(RevisionRef::head(*parent)))
    };
    let merge = create(&store, spec(&[one, two])).await;
    let waits = create(&store, spec(&[one, open])).await;
    let found = agenda(&store, query(NOW)).await;
    assert_eq!(found.waiting, [plain(open, open), Waiting { merges: vec![one, two], ..plain(merge, one) }]);
    assert_eq!(names(&agenda(&store, AgendaQuery { only: Some(waits), ..query(NOW) }).await), []);
}

pub(super) async fn tries_are_counted_by_class_and_put_off(fresh: Fresh) {
    let store = fresh.store().await;
    if store.backlog().is_none() {
        return;
    }
    let id = job(&store, "x").await;
    let again = |class, not_before| Some(RetryChange::Again { class, not_before });
    let later = NOW.after(Duration::from_secs(90));
    for (class, at) in [(RetryClass::Transient, NOW), (RetryClass::Infrastructure, NOW), (RetryClass::Transient, later)]
    {
        let mut changes = leased(&claimed(&store, id).await).with_status(JobStatus::Queued, Some("later".to_owned()));
        (changes.retry, changes.lease) = (again(class, at), LeaseChange::Release);
        store.commit(changes).await.unwrap();
    }
    let tries = Tries { transient: 2, infrastructure: 1, ..Tries::default() };
    let retries = Retries { tries, crashes: 0, not_before: Some(later) };
    assert_eq!(store.job(id).await.unwrap().retries, retries);
    let found = agenda(&store, query(NOW)).await;
    assert_eq!((names(&found), found.next_due), (Vec::new(), Some(later)));
    let due = agenda(&store, query(later)).await;
    assert_eq!(due.waiting, [Waiting { since: later, ..plain(id, id) }]);

    let mut foreign = versioned(&store.job(id).await.unwrap());
    foreign.retry = Some(RetryChange::Ended);
    assert!(is_invalid(&store.commit(foreign).await), "only whoever runs it counts");
    let mut ended = leased(&claimed(&store, id).await).with_status(JobStatus::Failed, None);
    ended.retry = Some(RetryChange::Ended);
    store.commit(ended).await.unwrap();
    assert_eq!(store.job(id).await.unwrap().retries, Retries::default());
}

pub(super) async fn a_lease_that_another_takes_over_counts_as_a_crash(fresh: Fresh) {
    let store = fresh.store().await;
    if store.backlog().is_none() {
        return;
    }
    let id = job(&store, "x").await;
    let crashes = async |store: &Shared| store.job(id).await.unwrap().retries.crashes;
    let claim = async |owner: &str, dead| {
        let claim = ClaimRequest { presumed_dead: dead, ..request(id, owner, NOW) };
        store.claim(claim).await.unwrap()
    };
    claim("one", None).await;
    assert_eq!(claim("one", None).await.epoch, 2);
    assert_eq!(crashes(&store).await, 0, "its own again");
    claim("two", Some(2)).await;
    assert_eq!(crashes(&store).await, 1);
    let ended = ClaimRequest { now: NOW.after(Duration::from_secs(60)), ..request(id, "three", NOW) };
    let lease = store.claim(ended).await.unwrap();
    assert_eq!(crashes(&store).await, 2);
    let mut given_back = leased(&lease);
    given_back.lease = LeaseChange::Release;
    store.commit(given_back).await.unwrap();
    let lease = claim("four", None).await;
    assert_eq!(crashes(&store).await, 2, "what was given back is no crash, and ends no count");
    let mut ended = leased(&lease);
    (ended.retry, ended.lease) = (Some(RetryChange::Ended), LeaseChange::Release);
    store.commit(ended).await.unwrap();
    assert_eq!(crashes(&store).await, 0);
}

pub(super) async fn two_merges_into_one_head_are_never_claimed_together(fresh: Fresh) {
    let store = fresh.store().await;
    if store.backlog().is_none() {
        return;
    }
    let (root, ..) = imported(&store, &[("a", "1")]).await;
    let (far, ..) = imported(&store, &[("b", "1")]).await;
    let child = || JobSpec::new("child", "").with_parent(RevisionRef::head(root));
    let (one, two) = (create(&store, child()).await, create(&store, child()).await);
    let merge = |first, second| {
        JobSpec::new("merge", "").with_parent(RevisionRef::head(first)).with_parent(RevisionRef::head(second))
    };
    let (left, right) = (create(&store, merge(one, two)).await, create(&store, merge(two, one)).await);
    let sharing = create(&store, merge(far, one)).await;
    let apart = create(&store, merge(far, job(&store, "elsewhere").await)).await;
    let both = [left, right].map(|id| store.claim(request(id, &format!("runner of {id}"), NOW)));
    let results = futures_util::future::join_all(both).await;
    let (won, lost) = if results[0].is_ok() { (left, right) } else { (right, left) };
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert_refused!(
        store.claim(request(lost, "me", NOW)).await,
        StoreError::Crowded { job, other, .. } if job == lost && other == won
    );
    assert_refused!(store.claim(request(sharing, "me", NOW)).await, StoreError::Crowded { other, .. } if other == won);
    for free in [one, two, apart] {
        store.claim(request(free, "me", NOW)).await.unwrap();
    }
    let late = request(lost, "me", NOW.after(Duration::from_secs(60)));
    store.claim(late).await.unwrap();
}

pub(super) async fn no_more_of_a_project_are_claimed_than_is_asked_for(fresh: Fresh) {
    let store = fresh.store().await;
    if store.backlog().is_none() {
        return;
    }
    let (root, ..) = imported(&store, &[("a", "1")]).await;
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(create(&store, JobSpec::new("child", "").with_parent(RevisionRef::head(root))).await);
    }
    let limited = |id: JobId| ClaimRequest { per_project: Some(2), ..request(id, &format!("runner of {id}"), NOW) };
    let results = futures_util::future::join_all(all.iter().map(|id| store.claim(limited(*id)))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 2, "{results:?}");
    assert!(results.iter().all(|result| matches!(result, Ok(_) | Err(StoreError::Crowded { .. }))), "{results:?}");
    let elsewhere = job(&store, "elsewhere").await;
    store.claim(limited(elsewhere)).await.unwrap();
    let refused = all.iter().zip(&results).find(|(_, result)| result.is_err()).unwrap().0;
    store.claim(request(*refused, "by hand", NOW)).await.unwrap();
}

/// A call to `provider` that is announced under limits.
fn paced(turn: u32, provider: &str, pace: Pace, at: Timestamp) -> CallWrite {
    let mut call = sent(turn, 1, None).paced(pace);
    (call.row.provider, call.row.started) = (provider.to_owned(), at);
    call
}

pub(super) async fn a_key_takes_no_more_calls_at_once_than_its_limit_and_a_dead_worker_holds_none(fresh: Fresh) {
    let store = fresh.store().await;
    if store.backlog().is_none() {
        return;
    }
    let pace = Pace { max_concurrent: Some(2), per_minute: None };
    let mut leases = Vec::new();
    for title in ["one", "two", "three"] {
        leases.push(claimed(&store, job(&store, title).await).await);
    }
    let send = async |lease, turn, provider: &str, at| {
        let mut changes = leased(lease);
        changes.calls = vec![paced(turn, provider, pace, at)];
        store.commit(changes).await
    };
    let both = futures_util::future::join_all(leases.iter().map(|lease| send(lease, 1, "mock", NOW))).await;
    assert_eq!(both.iter().filter(|result| result.is_ok()).count(), 2, "{both:?}");
    let refused = both.iter().position(Result::is_err).unwrap();
    assert_refused!(&both[refused], StoreError::Paced { provider, until } if provider == "mock" && *until > NOW);
    assert_eq!(store.calls(leases[refused].job).await.unwrap(), []);
    send(&leases[refused], 1, "other", NOW).await.unwrap();

    let busy = (refused + 1) % 3;
    let mut settled = leased(&leases[busy]);
    settled.calls = vec![ended(&paced(1, "mock", pace, NOW), CallState::Answered, None)];
    store.commit(settled).await.unwrap();
    send(&leases[refused], 2, "mock", NOW).await.unwrap();
    assert_refused!(send(&leases[busy], 2, "mock", NOW).await, StoreError::Paced { .. });

    // The leases run out at this moment; whoever comes then finds every place free.
    let later = NOW.after(Duration::from_secs(60));
    let lease = store.claim(request(job(&store, "late").await, "late", later)).await.unwrap();
    send(&lease, 1, "mock", later).await.unwrap();
    send(&lease, 2, "mock", later).await.unwrap();
    assert_refused!(send(&lease, 3, "mock", later).await, StoreError::Paced { .. });
}

pub(super) async fn a_key_takes_no_more_calls_in_a_minute_than_its_limit(fresh: Fresh) {
    let store = fresh.store().await;
    if store.backlog().is_none() {
        return;
    }
    let pace = Pace { max_concurrent: None, per_minute: Some(2) };
    let lease = claimed(&store, job(&store, "x").await).await;
    let at = |seconds| NOW.after(Duration::from_secs(seconds));
    let send = async |calls: Vec<CallWrite>| {
        let mut changes = leased(&lease);
        changes.calls = calls;
        store.commit(changes).await
    };
    send(vec![paced(1, "mock", pace, at(0))]).await.unwrap();
    assert_refused!(
        send(vec![paced(2, "mock", pace, at(10)), paced(3, "mock", pace, at(10))]).await,
        StoreError::Paced { until, .. } if until == at(60)
    );
    send(vec![paced(2, "mock", pace, at(10))]).await.unwrap();
    send(vec![ended(&paced(2, "mock", pace, at(10)), CallState::Answered, None)]).await.unwrap();
    assert_refused!(
        send(vec![paced(3, "mock", pace, at(59))]).await,
        StoreError::Paced { until, .. } if until == at(60)
    );
    send(vec![paced(3, "mock", pace, at(60))]).await.unwrap();
    assert_refused!(
        send(vec![paced(4, "mock", pace, at(61))]).await,
        StoreError::Paced { until, .. } if until == at(70)
    );
}
