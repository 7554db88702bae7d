//! Looking after a store, on both databases: what nothing needs goes, damage is named, projects move from store to store.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

#[path = "common/mod.rs"]
mod common;
#[cfg(feature = "postgres")]
#[path = "common/postgres.rs"]
mod server;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use common::{NOW, Place, blob, claim, job, leased, note};
use sea_orm::{ConnectionTrait as _, Database};
use vdo_core::content::{Blob, BlobHash, Entry};
use vdo_core::id::{JobId, RevisionId, RevisionRef, StepKey};
use vdo_core::job::{Cause, JobSpec, JobStatus};
use vdo_core::money::NanoUsd;
use vdo_core::port::changes::{CallWrite, Changes, Guard, LeaseChange, NewRevision, StepWrite};
use vdo_core::port::upkeep::{Collected, Collection, Upkeep as _};
use vdo_core::port::{
    Blobs as _, CallRow, CallState, EventLog as _, Jobs as _, Journal as _, Ledger as _, StepState, Store as _,
    StoreError,
};
use vdo_core::time::Timestamp;
use vdo_core::tree::FileTree;
use vdo_core::usage::Usage;
#[cfg(feature = "postgres")]
use vdo_store::Options;
use vdo_store::SqlStore;

const HOUR: Duration = Duration::from_secs(3600);

/// A store, the address that others open it at, and what keeps it.
struct On {
    store: Arc<SqlStore>,
    address: String,
    _keep: Box<dyn std::any::Any>,
}

async fn sqlite() -> On {
    let place = Place::new();
    On { store: place.open().await, address: format!("sqlite://{}?mode=rw", place.path()), _keep: Box::new(place) }
}

#[cfg(feature = "postgres")]
async fn postgres() -> On {
    let server = server::Postgres::start();
    let address = server.database();
    let store = Arc::new(SqlStore::open(&address, Options::default()).await.unwrap());
    On { store, address, _keep: Box::new(server) }
}

/// Makes one test of each claim for each database.
macro_rules! on_both {
    ($($name:ident)*) => { $(
        mod $name {
            #[tokio::test]
            async fn in_a_file() {
                super::checks::$name(super::sqlite().await).await;
            }

            #[cfg(feature = "postgres")]
            #[tokio::test]
            async fn in_postgres() {
                super::checks::$name(super::postgres().await).await;
            }
        }
    )* };
}

on_both! {
    what_is_too_large_to_be_followed_is_refused_by_name
    what_nothing_refers_to_goes_after_the_grace_and_nothing_else
    journals_of_jobs_that_are_over_go_when_asked_for
    damage_is_named_with_what_to_do
    a_project_moves_to_another_store_and_beside_itself
    a_whole_store_comes_back_from_its_backup
}

fn collection(hours: u32) -> Collection {
    let now = NOW.after(HOUR * hours);
    Collection { now, grace: HOUR * 2, journals_before: None, compact: false, is_trial: false }
}

fn call(number: u32, state: CallState, reserved: i64, cost: Option<i64>) -> CallRow {
    CallRow {
        step: "build/t1/1/1".parse().unwrap(),
        number,
        provider: "p".to_owned(),
        model: "m".to_owned(),
        state,
        request_hash: BlobHash::of(b"request"),
        prompt: "build@1".to_owned(),
        prompt_hash: BlobHash::of(b"prompt"),
        edit_format: None,
        reserved: Some(NanoUsd(reserved)),
        usage: cost.map(|_| Usage { input: 10, output: 5, ..Usage::default() }),
        cost: cost.map(NanoUsd),
        failure: None,
        outcome: None,
        started: NOW,
        ended: None,
        first_ms: None,
        tier: Default::default(),
        priced: None,
        decision: None,
    }
}

/// Makes a job with a revision of `files`, an answered step, a paid call and a lost one, and ends it.
async fn whole_job(store: &SqlStore, spec: JobSpec, base: Option<RevisionId>, tree: (&FileTree, &FileTree)) -> JobId {
    let id = store.commit(Changes::new(Guard::Create(Box::new(spec)), NOW).with_event(note("made"))).await.unwrap().job;
    let lease = claim(store, id, "one").await;
    let mut sent = leased(&lease);
    sent.pins = base.map(|base| (0, base)).into_iter().collect();
    sent.calls =
        vec![CallWrite::new(call(1, CallState::Sent, 100, None)), CallWrite::new(call(2, CallState::Sent, 70, None))];
    store.commit(sent).await.unwrap();
    let mut changes = leased(&lease).with_event(note("built")).with_status(JobStatus::Completed, None);
    let key: StepKey = "build/t1/1/1".parse().unwrap();
    let answer = Some(b"an answer that is long enough to be kept".repeat(20).into());
    changes.steps = vec![StepWrite { key, state: StepState::Applied, request_hash: None, answer }];
    changes.calls = vec![
        CallWrite::new(call(1, CallState::Answered, 100, Some(60))).releasing(NanoUsd(100)),
        CallWrite::new(call(2, CallState::PossiblyBilled, 70, None)),
    ];
    changes.blobs = tree.1.0.keys().map(|path| Blob::new(format!("content of {path}").as_bytes())).collect();
    changes.revision = Some(NewRevision {
        root_hash: tree.1.root_hash(),
        base,
        also: Vec::new(),
        delta: tree.1.delta_from(tree.0, &BTreeMap::new()),
        cause: Cause::Run,
        author: "p:m".to_owned(),
    });
    changes.lease = LeaseChange::Release;
    store.commit(changes).await.unwrap();
    id
}

fn tree(paths: &[&str]) -> FileTree {
    let entry = |path: &str| Entry::file(BlobHash::of(format!("content of {path}").as_bytes()));
    paths.iter().map(|path| (path.parse().unwrap(), entry(path))).collect()
}

/// Makes a project of two jobs and returns them.
async fn project(store: &SqlStore) -> (JobId, JobId) {
    let (none, first, second) = (FileTree::default(), tree(&["a.py", "b.py"]), tree(&["a.py", "c \u{f8ff}.py"]));
    let mut spec = JobSpec::new("root", "a NUL \0 in it");
    spec.idempotency_key = Some("key".to_owned());
    let root = whole_job(store, spec, None, (&none, &first)).await;
    let base = store.job(root).await.unwrap().head.unwrap().id;
    let child = JobSpec::new("child", "").with_parent(RevisionRef::head(root));
    let child = whole_job(store, child, Some(base), (&first, &second)).await;
    (root, child)
}

mod checks {
    use super::*;

    pub(super) async fn what_is_too_large_to_be_followed_is_refused_by_name(on: On) {
        let id = job(&*on.store, "large").await;
        let lease = claim(&*on.store, id, "one").await;
        let refused = on.store.commit(leased(&lease).with_event(note("x".repeat(17 * 1024 * 1024)))).await;
        match refused {
            Err(StoreError::Invalid(text)) => assert!(text.starts_with("the event note has 178"), "{text}"),
            other => panic!("expected a refusal, got {other:?}"),
        }
        on.store.commit(leased(&lease).with_event(note("x".repeat(1024 * 1024)))).await.unwrap();
        assert_eq!(on.store.events(id, 0, 9).await.unwrap().len(), 1);
    }

    pub(super) async fn what_nothing_refers_to_goes_after_the_grace_and_nothing_else(on: On) {
        let store = &on.store;
        let (root, child) = project(store).await;
        let other = job(&**store, "given up").await;
        let lease = claim(&**store, other, "one").await;
        let (lost, lost_hash) = blob("lost");
        let (again, again_hash) = blob("written again");
        let mut changes = leased(&lease).with_status(JobStatus::Cancelled, None);
        changes.blobs = vec![lost, again.clone()];
        changes.lease = LeaseChange::Release;
        store.commit(changes).await.unwrap();

        let nothing = Collected { marked: 2, ..Collected::default() };
        assert_eq!(store.collect(&collection(0)).await.unwrap(), nothing, "marked, and within the grace");
        assert_eq!(store.collect(&collection(1)).await.unwrap(), nothing);
        // A run that begins now writes one of them, and waits for days.
        let running = job(&**store, "running").await;
        let lease = claim(&**store, running, "one").await;
        let mut changes = Changes::new(Guard::Lease(lease.clone()), NOW);
        changes.blobs = vec![again.clone()];
        let key: StepKey = "build/t1/1/1".parse().unwrap();
        changes.steps = vec![StepWrite { key, state: StepState::Intent, request_hash: None, answer: None }];
        store.commit(changes).await.unwrap();
        let trial = Collection { is_trial: true, ..collection(3) };
        let blocked = store.collect(&trial).await.unwrap();
        assert_eq!(
            (blocked.blobs, blocked.waits_for),
            (0, vec![running]),
            "the run was made at the moment of the marks"
        );
        // It ends without having used it.
        let mut ended = leased(&lease).with_status(JobStatus::Cancelled, None);
        ended.lease = LeaseChange::Release;
        store.commit(ended).await.unwrap();
        let would = store.collect(&trial).await.unwrap();
        assert_eq!((would.blobs, would.marked), (1, 1));
        assert!(would.bytes > 0);
        assert_eq!(store.blobs(&[lost_hash]).await.unwrap().len(), 1, "a trial takes nothing");
        let swept = store.collect(&collection(3)).await.unwrap();
        assert_eq!((swept.blobs, swept.marked), (1, 2), "the other was marked anew");
        assert!(matches!(store.blobs(&[lost_hash]).await, Err(StoreError::NotFound(_))));
        assert_eq!(store.blobs(&[again_hash]).await.unwrap(), [again]);
        let last = store.collect(&Collection { compact: true, ..collection(9) }).await.unwrap();
        assert_eq!((last.blobs, last.compacted), (1, true));
        for id in [root, child] {
            let head = store.job(id).await.unwrap().head.unwrap();
            let files: Vec<BlobHash> =
                store.manifest(head.id).await.unwrap().tree().0.values().map(|entry| entry.blob).collect();
            assert_eq!(store.blobs(&files).await.unwrap().len(), 2);
        }
        assert_eq!(store.check_integrity().await.unwrap(), Vec::<String>::new());
    }

    pub(super) async fn journals_of_jobs_that_are_over_go_when_asked_for(on: On) {
        let store = &on.store;
        let (root, child) = project(store).await;
        let kept = store.steps(root).await.unwrap();
        let young = Collection { journals_before: Some(NOW), ..collection(1) };
        assert_eq!(store.collect(&young).await.unwrap().answers, 0);
        assert_eq!(store.steps(root).await.unwrap(), kept);
        let old = Collection { journals_before: Some(Timestamp(NOW.0 + 1)), ..collection(1) };
        let collected = store.collect(&old).await.unwrap();
        assert_eq!(collected.answers, 2);
        assert!(collected.answer_bytes > 0);
        for id in [root, child] {
            let steps = store.steps(id).await.unwrap();
            assert_eq!((steps.len(), steps[0].state, steps[0].answer.clone()), (1, StepState::Applied, None));
        }
    }

    pub(super) async fn damage_is_named_with_what_to_do(on: On) {
        let store = &on.store;
        let (root, child) = project(store).await;
        assert_eq!(store.check_integrity().await.unwrap(), Vec::<String>::new());
        let budget = vdo_core::budget::Budget::new(
            vdo_core::budget::Scope::Total,
            vdo_core::budget::Period::Month,
            NanoUsd(1_000_000),
        );
        store.accounts().unwrap().set_budget(budget, NOW).await.unwrap();
        assert_eq!(store.check_integrity().await.unwrap(), Vec::<String>::new());
        let raw = Database::connect(&on.address).await.unwrap();
        let hash = BlobHash::of(b"content of a.py");
        let hex = match raw.get_database_backend() {
            sea_orm::DbBackend::Postgres => format!("decode('{hash}', 'hex')"),
            _ => format!("x'{hash}'"),
        };
        for (damage, undo, named) in [
            (
                "UPDATE jobs SET cost = cost + 1 WHERE id = 1",
                "UPDATE jobs SET cost = cost - 1 WHERE id = 1",
                "trust the calls",
            ),
            ("UPDATE budget_sums SET spent = spent - 1", "UPDATE budget_sums SET spent = spent + 1", "counted anew"),
            ("UPDATE jobs SET reserved = 7 WHERE id = 2", "UPDATE jobs SET reserved = 70 WHERE id = 2", "reserved"),
            (
                "UPDATE jobs SET next_seq = 9 WHERE id = 2",
                "UPDATE jobs SET next_seq = 3 WHERE id = 2",
                "events up to number 2",
            ),
            ("UPDATE jobs SET depth = 7 WHERE id = 2", "UPDATE jobs SET depth = 2 WHERE id = 2", "in the lineage"),
            ("UPDATE jobs SET head_number = 3 WHERE id = 1", "UPDATE jobs SET head_number = 1 WHERE id = 1", "newest"),
            (
                "UPDATE job_parents SET parent_job_id = 2 WHERE job_id = 2",
                "UPDATE job_parents SET parent_job_id = 1 WHERE job_id = 2",
                "which cannot be",
            ),
            (&format!("UPDATE blobs SET len = 3 WHERE hash = {hex}"), "", "vdo redact --blob"),
        ] {
            raw.execute_unprepared(damage).await.unwrap();
            let faults = store.check_integrity().await.unwrap();
            assert!(faults.iter().any(|fault| fault.contains(named)), "{damage}: {faults:?}");
            if !undo.is_empty() {
                raw.execute_unprepared(undo).await.unwrap();
                assert_eq!(store.check_integrity().await.unwrap(), Vec::<String>::new(), "{undo}");
            }
        }
        assert_eq!((root.number(), child.number()), (1, 2));
    }

    /// Returns everything that can be read of a job, less its ids.
    async fn told(store: &SqlStore, id: JobId) -> String {
        let job = store.job(id).await.unwrap();
        let head = job.head.clone().unwrap();
        let manifest = store.manifest(head.id).await.unwrap();
        let files: Vec<BlobHash> = manifest.0.values().map(|file| file.entry.blob).collect();
        let steps = store.steps(id).await.unwrap();
        let calls = store.calls(id).await.unwrap();
        let events: Vec<_> =
            store.events(id, 0, 100).await.unwrap().into_iter().map(|event| (event.seq, event.kind)).collect();
        let paths: Vec<_> = manifest.0.iter().map(|(path, file)| (path, file.entry, file.job == id)).collect();
        let spec = (&job.spec.title, &job.spec.description, job.status, job.cost, job.reserved, job.usage, job.depth);
        format!(
            "{spec:?} {:?} {paths:?} {:?} {steps:?} {calls:?} {events:?}",
            head.root_hash,
            store.blobs(&files).await.unwrap()
        )
    }

    pub(super) async fn a_project_moves_to_another_store_and_beside_itself(on: On) {
        let store = &on.store;
        let stranger = job(&**store, "of another project").await;
        let (root, child) = project(store).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("project.vdo");
        let exported = store.export(Some(child), &file, NOW).await.unwrap();
        assert_eq!((exported.jobs.clone(), exported.unfinished.clone()), (vec![root, child], vec![]));
        assert_eq!(SqlStore::inspect(&file).await.unwrap(), exported);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "one file");

        // Into a store that has nothing.
        let place = Place::new();
        let other = place.open().await;
        let imported = other.import(&file, NOW).await.unwrap();
        assert_eq!(imported.seal, exported.seal);
        let (new_root, new_child) = (imported.jobs[0].1, imported.jobs[1].1);
        assert_eq!(imported.jobs, [(root, new_root), (child, new_child)]);
        for (old, new) in &imported.jobs {
            assert_eq!(told(&other, *new).await, told(store, *old).await);
        }
        assert_eq!(other.check_integrity().await.unwrap(), Vec::<String>::new());
        assert_eq!(other.job(new_child).await.unwrap().root, new_root);

        // Beside itself: new ids, no key twice, and jobs go on being made.
        let imported = store.import(&file, NOW).await.unwrap();
        assert_eq!(imported.without_key, [imported.jobs[0].1]);
        for (old, new) in &imported.jobs {
            assert_ne!(old, new);
            assert_eq!(told(store, *new).await, told(store, *old).await);
        }
        assert_eq!(store.check_integrity().await.unwrap(), Vec::<String>::new());
        let next = job(&**store, "next").await;
        assert!(imported.jobs.iter().all(|(_, new)| *new < next), "{imported:?} {next}");
        assert_eq!(store.job(stranger).await.unwrap().spec.title, "of another project");

        // A file that somebody touched is refused, and nothing comes of it.
        let raw = Database::connect(format!("sqlite://{}?mode=rw", file.display())).await.unwrap();
        raw.execute_unprepared("UPDATE jobs SET cost = 0 WHERE id = (SELECT max(id) FROM jobs)").await.unwrap();
        raw.close().await.unwrap();
        let before = other.jobs(&Default::default()).await.unwrap();
        let refused = other.import(&file, NOW).await;
        assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
        std::fs::write(&file, "no store at all").unwrap();
        let refused = other.import(&file, NOW).await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
        assert_eq!(other.jobs(&Default::default()).await.unwrap(), before);
        let missing = other.export(JobId::new(99), &file, NOW).await;
        assert!(matches!(missing, Err(StoreError::NotFound(_))), "{missing:?}");
    }

    pub(super) async fn a_whole_store_comes_back_from_its_backup(on: On) {
        let store = &on.store;
        let (root, child) = project(store).await;
        let running = job(&**store, "running").await;
        let lease = claim(&**store, running, "one").await;
        let (content, hash) = blob("only the journal knows of it");
        let mut changes = leased(&lease).with_status(JobStatus::Running, None);
        changes.blobs = vec![content.clone()];
        let key: StepKey = "build/t1/1/1".parse().unwrap();
        let answer = Some(b"paid for".to_vec().into());
        changes.steps = vec![StepWrite { key, state: StepState::Answered, request_hash: None, answer }];
        store.commit(changes).await.unwrap();
        store.accounts().unwrap().set_setting("routes", Some("{}".to_owned())).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("backup.vdo");
        let exported = store.export(None, &file, NOW).await.unwrap();
        assert_eq!((exported.jobs.len(), exported.unfinished.len()), (3, 0));

        let place = Place::new();
        let other = place.open().await;
        other.import(&file, NOW).await.unwrap();
        for id in [root, child] {
            assert_eq!(told(&other, id).await, told(store, id).await);
        }
        assert_eq!(other.steps(running).await.unwrap(), store.steps(running).await.unwrap());
        assert_eq!(other.blobs(&[hash]).await.unwrap(), [content]);
        assert_eq!(other.accounts().unwrap().setting("routes").await.unwrap().as_deref(), Some("{}"));
        assert_eq!(other.job(running).await.unwrap().status, JobStatus::Queued, "nobody runs it there");
        assert_eq!(other.check_integrity().await.unwrap(), Vec::<String>::new());
    }
}
