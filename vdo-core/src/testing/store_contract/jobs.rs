//! Jobs: creation, lists, versions, pins.

use std::collections::BTreeMap;

use super::Fresh;
use super::fixtures::*;
use crate::content::BlobHash;
use crate::id::{JobId, RevisionId, RevisionRef};
use crate::job::{Autonomy, Job, JobKind, JobSpec, JobStatus, MergePolicy, ParentLink, Stamp};
use crate::money::NanoUsd;
use crate::port::changes::{Changes, Guard, Rating, Receipt};
use crate::port::{JobQuery, StoreError};
use crate::time::Timestamp;
use crate::usage::Usage;

pub(super) async fn a_new_job_is_what_was_asked_for(fresh: Fresh) {
    let store = fresh.store().await;
    let spec = JobSpec {
        title: "Add größe\u{1F600}".to_owned(),
        description: "Two lines\nand \"quotes\" and a NUL \u{0} inside".to_owned(),
        kind: JobKind::External,
        parents: Vec::new(),
        merge: MergePolicy::Ask,
        budget: Some(NanoUsd(i64::MAX)),
        autonomy: Autonomy::ReviewAll,
        checks: vec!["make test".to_owned(), "make lint".to_owned()],
        repo: Some("/srv/code".to_owned()),
        github_repo_url: Some("https://github.com/o/r".to_owned()),
        template: Some("api".to_owned()),
        parameters: BTreeMap::from([("name".to_owned(), "x \u{0}".to_owned())]),
        tags: vec!["a".to_owned(), String::new()],
        project: Some(String::new()),
        idempotency_key: Some("key".to_owned()),
        priority: -7,
    };
    let receipt = store.commit(creating(spec.clone()).with_event(note("new"))).await.unwrap();
    let expected = Receipt {
        job: receipt.job,
        existed: false,
        version: 1,
        first_seq: 1,
        revision: None,
        cancel_requested: false,
        crossings: Vec::new(),
    };
    assert_eq!(receipt, expected);
    let id = receipt.job;
    let job = Job {
        id,
        spec,
        parents: Vec::new(),
        status: JobStatus::Queued,
        reason: None,
        stamps: Vec::new(),
        version: 1,
        cancel_requested: false,
        depth: 1,
        root: id,
        head: None,
        branch: None,
        rating: None,
        note: None,
        is_reference: false,
        cost: NanoUsd::ZERO,
        reserved: NanoUsd::ZERO,
        usage: Usage::default(),
        created: NOW,
        updated: NOW,
        retries: crate::tries::Retries::default(),
    };
    assert_eq!(store.job(id).await.unwrap(), job);
    assert_eq!(store.jobs(&JobQuery::default()).await.unwrap(), [job]);
}

pub(super) async fn a_spec_with_a_fault_is_refused(fresh: Fresh) {
    let store = fresh.store().await;
    for spec in [JobSpec::new("", ""), JobSpec::new("two\nlines", ""), JobSpec::new("x", "").with_check(" ")] {
        assert!(is_invalid(&store.commit(creating(spec).with_event(note("x"))).await));
    }
    assert_eq!(store.jobs(&JobQuery::default()).await.unwrap(), []);
}

pub(super) async fn depth_and_root_follow_the_first_parent(fresh: Fresh) {
    let store = fresh.store().await;
    let (one, other) = (job(&store, "one").await, job(&store, "other").await);
    assert!(one < other, "ids rise");
    let two = create(&store, JobSpec::new("two", "").with_parent(RevisionRef::head(one))).await;
    let spec = JobSpec::new("three", "").with_parent(RevisionRef::head(two)).with_parent(RevisionRef::head(other));
    let three = create(&store, spec.clone()).await;
    let found = store.job(three).await.unwrap();
    let link = |job| ParentLink { job, number: None, revision: None };
    assert_eq!((found.depth, found.root, found.parents), (3, one, vec![link(two), link(other)]));
    assert_eq!(found.spec, spec);
}

pub(super) async fn the_same_key_is_the_same_job(fresh: Fresh) {
    let store = fresh.store().await;
    let spec = |title: &str| JobSpec { idempotency_key: Some("k".to_owned()), ..JobSpec::new(title, "") };
    let first = store.commit(creating(spec("first")).with_event(note("1"))).await.unwrap();
    let same = || creating(spec("second")).with_event(note("2")).with_status(JobStatus::Failed, None);
    let both = futures_util::future::join(store.commit(same()), store.commit(same())).await;
    for second in [both.0.unwrap(), both.1.unwrap()] {
        assert_eq!(second, Receipt { existed: true, first_seq: 0, ..first.clone() });
    }
    let jobs = store.jobs(&JobQuery::default()).await.unwrap();
    let found: Vec<_> = jobs.iter().map(|job| (job.id, job.spec.title.as_str(), job.status)).collect();
    assert_eq!(found, [(first.job, "first", JobStatus::Queued)]);
    assert_eq!(store.events(first.job, 0, 10).await.unwrap().len(), 1);
    let other = JobSpec { idempotency_key: Some("K".to_owned()), ..JobSpec::new("other", "") };
    assert_ne!(create(&store, other).await, first.job);
}

pub(super) async fn parents_that_cannot_be_are_refused(fresh: Fresh) {
    let store = fresh.store().await;
    let (parent, _, _) = imported(&store, &[("a", "1")]).await;
    let fine = job(&store, "fine").await;
    let archived = job(&store, "archived").await;
    archive(&store, archived).await;
    let unknown = JobId::new(999).unwrap();
    let refused = [
        RevisionRef::head(unknown),
        RevisionRef::head(archived),
        RevisionRef { job: parent, number: Some(2) },
        RevisionRef { job: unknown, number: Some(1) },
    ];
    for reference in refused {
        let spec = JobSpec::new("child", "").with_parent(RevisionRef::head(fine)).with_parent(reference);
        assert_refused!(store.commit(creating(spec)).await, StoreError::Parent { parent, .. } if parent == reference);
    }
    let twice = JobSpec::new("x", "").with_parent(RevisionRef::head(parent)).with_parent(RevisionRef::head(parent));
    assert!(is_invalid(&store.commit(creating(twice)).await));
    assert_eq!(store.jobs(&JobQuery::default()).await.unwrap().len(), 2);
}

pub(super) async fn lists_are_filtered_and_paged_newest_first(fresh: Fresh) {
    let store = fresh.store().await;
    let root = job(&store, "root").await;
    let mut children = Vec::new();
    for number in 0..5 {
        let spec = JobSpec::new(format!("child {number}"), "").with_parent(RevisionRef::head(root));
        children.push(create(&store, spec).await);
    }
    let second = JobSpec::new("merge", "").with_parent(RevisionRef::head(children[0]));
    let merge = create(&store, second.with_parent(RevisionRef::head(root))).await;
    let import = create(&store, JobSpec { kind: JobKind::Import, ..JobSpec::new("import", "") }).await;
    archive(&store, children[1]).await;
    change(&store, children[2], |changes| *changes = changes.clone().with_status(JobStatus::Running, None)).await;

    let [c0, c1, c2, c3, c4] = children[..] else { unreachable!() };
    let query = JobQuery::default;
    for (query, expected) in [
        (query(), vec![import, merge, c4, c3, c2, c0, root]),
        (query().with_limit(2), vec![import, merge]),
        (query().with_limit(2).with_before(merge), vec![c4, c3]),
        (query().with_status(JobStatus::Archived), vec![c1]),
        (query().with_status(JobStatus::Running), vec![c2]),
        (query().with_kind(JobKind::Import), vec![import]),
        (query().with_parent(root), vec![merge, c4, c3, c2, c0]),
        (query().with_parent(c0), vec![merge]),
        (query().with_root(root).with_before(c4).with_limit(3), vec![c3, c2, c0]),
        (query().with_root(import), vec![import]),
    ] {
        let found: Vec<_> = store.jobs(&query).await.unwrap().iter().map(|job| job.id).collect();
        assert_eq!(found, expected, "{query:?}");
    }
    for number in 0..105 {
        job(&store, &number.to_string()).await;
    }
    assert_eq!(store.jobs(&query()).await.unwrap().len(), 100);
}

pub(super) async fn a_write_on_an_old_version_is_a_conflict(fresh: Fresh) {
    let store = fresh.store().await;
    let id = job(&store, "x").await;
    let seen = store.job(id).await.unwrap();
    let receipt = store.commit(versioned(&seen)).await.unwrap();
    assert_eq!((receipt.version, receipt.first_seq), (2, 0));
    let mut late = versioned(&seen).with_status(JobStatus::Cancelled, None).with_event(note("late"));
    late.blobs = blobs(&["late"]);
    assert_refused!(
        store.commit(late).await,
        StoreError::Conflict { job, expected: 1, found: 2 } if job == id
    );
    assert_eq!(store.job(id).await.unwrap(), Job { version: 2, ..seen });
    assert_eq!(store.events(id, 0, 10).await.unwrap(), []);
    assert_refused!(store.blobs(&[BlobHash::of(b"late")]).await, StoreError::NotFound(_));

    let seen = store.job(id).await.unwrap();
    let both = [versioned(&seen), versioned(&seen)].map(|changes| store.commit(changes));
    let results = futures_util::future::join_all(both).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
}

pub(super) async fn every_status_and_judgement_is_kept(fresh: Fresh) {
    let store = fresh.store().await;
    let id = job(&store, "x").await;
    for (at, status) in JobStatus::ALL.into_iter().enumerate() {
        let mut changes = versioned(&store.job(id).await.unwrap()).with_status(status, Some(format!("why {status}")));
        changes.at = Timestamp(NOW.0 + at as i64 + 1);
        let updated = changes.at;
        store.commit(changes).await.unwrap();
        let job = store.job(id).await.unwrap();
        assert_eq!((job.status, job.reason, job.updated), (status, Some(format!("why {status}")), updated));
    }
    let before = store.job(id).await.unwrap();
    let receipt = change(&store, id, |changes| {
        changes.at = Timestamp(NOW.0 + 1000);
        changes.stamps = vec![Stamp::Approved, Stamp::Unverified, Stamp::SelfReviewed, Stamp::LowerTier];
        changes.branch = Some("vdo/job-1-x".to_owned());
        changes.rating = Some(Rating { stars: 4, note: Some("good".to_owned()), is_reference: true });
        changes.cancel_requested = Some(true);
    })
    .await;
    assert!(receipt.cancel_requested);
    let judged = Job {
        version: before.version + 1,
        stamps: vec![Stamp::Unverified, Stamp::SelfReviewed, Stamp::LowerTier, Stamp::Approved],
        branch: Some("vdo/job-1-x".to_owned()),
        rating: Some(4),
        note: Some("good".to_owned()),
        is_reference: true,
        cancel_requested: true,
        ..before
    };
    assert_eq!(store.job(id).await.unwrap(), judged);
    let receipt = change(&store, id, |changes| {
        changes.stamps = vec![Stamp::Approved];
        changes.cancel_requested = Some(false);
    })
    .await;
    assert!(!receipt.cancel_requested);
    let again = Job { version: judged.version + 1, cancel_requested: false, ..judged };
    assert_eq!(store.job(id).await.unwrap(), again);
    let rated = Job { version: again.version + 1, rating: Some(1), note: None, is_reference: false, ..again };
    let worse = Rating { stars: 1, note: None, is_reference: false };
    change(&store, id, |changes| changes.rating = Some(worse)).await;
    assert_eq!(store.job(id).await.unwrap(), rated);
    for stars in [0, 6] {
        let mut changes = versioned(&rated);
        changes.rating = Some(Rating { stars, note: None, is_reference: false });
        assert!(is_invalid(&store.commit(changes).await));
    }
}

pub(super) async fn a_pin_never_moves(fresh: Fresh) {
    let store = fresh.store().await;
    let (parent, first, base) = imported(&store, &[("a", "1")]).await;
    let (stranger, foreign, _) = imported(&store, &[("z", "1")]).await;
    let head = create(&store, JobSpec::new("head", "").with_parent(RevisionRef::head(parent))).await;
    let next = tree(&[("a", "2")]);
    let receipt = change(&store, parent, |changes| {
        changes.blobs = blobs(&["2"]);
        changes.revision = Some(revision(Some((first, &base)), &next));
    })
    .await;
    let second = receipt.revision.unwrap().0;
    let spec = JobSpec::new("numbered", "").with_parent(RevisionRef { job: parent, number: Some(1) });
    let numbered = create(&store, spec).await;
    let link = |number, revision| vec![ParentLink { job: parent, number: Some(number), revision: Some(revision) }];
    assert_eq!(store.job(numbered).await.unwrap().parents, link(1, first));

    change(&store, head, |changes| changes.pins = vec![(0, second)]).await;
    let pinned = store.job(head).await.unwrap();
    assert_eq!(pinned.parents, link(2, second));
    assert_eq!(pinned.spec.parents, [RevisionRef::head(parent)], "what was asked for stays");
    change(&store, head, |changes| changes.pins = vec![(0, second)]).await;
    for (job, pin) in [
        (head, (0, first)),
        (numbered, (0, second)),
        (head, (1, second)),
        (head, (0, RevisionId(999))),
        (stranger, (0, foreign)),
    ] {
        let before = store.job(job).await.unwrap();
        let mut changes = versioned(&before);
        changes.pins = vec![pin];
        assert!(is_invalid(&store.commit(changes).await), "{pin:?}");
        assert_eq!(store.job(job).await.unwrap(), before);
    }
    let loose = create(&store, JobSpec::new("loose", "").with_parent(RevisionRef::head(parent))).await;
    let mut changes = versioned(&store.job(loose).await.unwrap());
    changes.pins = vec![(0, foreign)];
    assert!(is_invalid(&store.commit(changes).await), "a revision of another job");
}

pub(super) async fn what_is_not_there_is_not_found(fresh: Fresh) {
    let store = fresh.store().await;
    let id = job(&store, "without results").await;
    let nobody = JobId::new(77).unwrap();
    assert_refused!(store.job(nobody).await, StoreError::NotFound(_));
    assert_refused!(store.steps(nobody).await, StoreError::NotFound(_));
    assert_refused!(store.checks(nobody).await, StoreError::NotFound(_));
    assert_refused!(store.calls(nobody).await, StoreError::NotFound(_));
    assert_refused!(store.events(nobody, 0, 1).await, StoreError::NotFound(_));
    assert_refused!(store.resolve(RevisionRef::head(nobody)).await, StoreError::NotFound(_));
    assert_refused!(store.resolve(RevisionRef::head(id)).await, StoreError::NotFound(_));
    assert_refused!(store.revision(RevisionId(5)).await, StoreError::NotFound(_));
    assert_refused!(store.manifest(RevisionId(5)).await, StoreError::NotFound(_));
    assert_refused!(store.delta(RevisionId(5)).await, StoreError::NotFound(_));
    assert_refused!(store.claim(request(nobody, "me", NOW)).await, StoreError::NotFound(_));
    let guard = Guard::Version { job: nobody, version: 1 };
    assert_refused!(store.commit(Changes::new(guard, NOW)).await, StoreError::NotFound(_));
    assert_eq!(store.steps(id).await.unwrap(), []);
    assert_eq!(store.checks(id).await.unwrap(), []);
    assert_eq!(store.calls(id).await.unwrap(), []);
    assert_eq!(store.events(id, 0, 1).await.unwrap(), []);
    assert_eq!(store.blobs(&[]).await.unwrap(), []);
    assert_eq!(store.spend(Timestamp(0)).await.unwrap(), []);
}

pub(super) async fn stores_do_not_mix(fresh: Fresh) {
    let (one, two) = (fresh.store().await, fresh.store().await);
    let first = imported(&one, &[("a", "only in one")]).await.0;
    let second = job(&two, "other").await;
    assert_eq!(first, second, "every store counts for itself");
    assert_eq!(one.job(first).await.unwrap().spec.title, "import");
    assert_eq!(two.job(second).await.unwrap().spec.title, "other");
    assert_refused!(two.blobs(&[BlobHash::of(b"only in one")]).await, StoreError::NotFound(_));
}
