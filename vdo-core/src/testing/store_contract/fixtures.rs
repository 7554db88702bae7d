//! Values that the cases share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::check::{
    CheckCommand, CheckReport, CommandOutcome, CommandSource, Exit, Runner, TestResult, TestStatus, Tier,
};
use crate::content::{Blob, BlobHash, Entry};
use crate::event::EventKind;
use crate::failure::{Failure, FailureKind};
use crate::id::{JobId, Phase, RevisionId, StepKey};
use crate::job::{Cause, Job, JobSpec, JobStatus};
use crate::money::NanoUsd;
use crate::port::changes::{CallWrite, Changes, Guard, NewRevision, Receipt};
use crate::port::{CallRow, CallState, ClaimRequest, Lease, Store, StoreError};
use crate::time::Timestamp;
use crate::tree::FileTree;
use crate::usage::{ServiceTier, Usage};

pub(super) const NOW: Timestamp = Timestamp(1_700_000_000_000);

pub(super) type Shared = Arc<dyn Store>;

pub(super) fn creating(spec: JobSpec) -> Changes {
    Changes::new(Guard::Create(Box::new(spec)), NOW)
}

pub(super) async fn create(store: &Shared, spec: JobSpec) -> JobId {
    store.commit(creating(spec)).await.unwrap().job
}

pub(super) async fn job(store: &Shared, title: &str) -> JobId {
    create(store, JobSpec::new(title, "")).await
}

pub(super) fn request(job: JobId, owner: &str, now: Timestamp) -> ClaimRequest {
    let ttl = Duration::from_secs(60);
    ClaimRequest { job, owner: owner.to_owned(), now, ttl, presumed_dead: None, per_project: None }
}

pub(super) async fn claimed(store: &Shared, job: JobId) -> Lease {
    store.claim(request(job, "host:1:1", NOW)).await.unwrap()
}

pub(super) fn leased(lease: &Lease) -> Changes {
    Changes::new(Guard::Lease(lease.clone()), NOW)
}

pub(super) fn versioned(job: &Job) -> Changes {
    Changes::new(Guard::Version { job: job.id, version: job.version }, NOW)
}

/// Commits changes to a job as it is now.
pub(super) async fn change(store: &Shared, job: JobId, edit: impl FnOnce(&mut Changes)) -> Receipt {
    let mut changes = versioned(&store.job(job).await.unwrap());
    edit(&mut changes);
    store.commit(changes).await.unwrap()
}

pub(super) async fn archive(store: &Shared, id: JobId) {
    let changes = versioned(&store.job(id).await.unwrap()).with_status(JobStatus::Archived, None);
    store.commit(changes).await.unwrap();
}

pub(super) fn note(text: &str) -> EventKind {
    EventKind::Note { text: text.to_owned(), tier: None }
}

pub(super) fn key(turn: u32) -> StepKey {
    StepKey::first(Phase::Build).with_task("t1".parse().unwrap()).with_turn(turn)
}

/// Files by path and text.
pub(super) fn tree(files: &[(&str, &str)]) -> FileTree {
    files.iter().map(|(path, text)| (path.parse().unwrap(), Entry::file(BlobHash::of(text.as_bytes())))).collect()
}

pub(super) fn blobs(texts: &[&str]) -> Vec<Blob> {
    texts.iter().map(|text| Blob::new(text.as_bytes())).collect()
}

/// The revision that turns `base` into `tree`.
pub(super) fn revision(base: Option<(RevisionId, &FileTree)>, tree: &FileTree) -> NewRevision {
    let empty = FileTree::default();
    NewRevision {
        root_hash: tree.root_hash(),
        base: base.map(|(id, _)| id),
        delta: tree.delta_from(base.map_or(&empty, |(_, tree)| tree), &BTreeMap::new()),
        also: Vec::new(),
        cause: Cause::Run,
        author: "mock:model-1".to_owned(),
    }
}

/// Makes a root job whose first revision has these files.
pub(super) async fn imported(store: &Shared, files: &[(&str, &str)]) -> (JobId, RevisionId, FileTree) {
    let tree = tree(files);
    let mut changes = creating(JobSpec::new("import", ""));
    changes.blobs = files.iter().map(|(_, text)| Blob::new(text.as_bytes())).collect();
    changes.revision = Some(NewRevision { cause: Cause::Import, ..revision(None, &tree) });
    let receipt = store.commit(changes).await.unwrap();
    (receipt.job, receipt.revision.unwrap().0, tree)
}

pub(super) fn usage() -> Usage {
    Usage {
        input: 1200,
        cache_read: 30,
        cache_write: 4,
        cache_write_long: 5,
        output: 300,
        reasoning: 60,
        estimated: false,
    }
}

/// A call that is about to be sent.
pub(super) fn sent(turn: u32, number: u32, reserved: Option<i64>) -> CallWrite {
    CallWrite::new(CallRow {
        step: key(turn),
        number,
        provider: "mock".to_owned(),
        model: "model-1".to_owned(),
        state: CallState::Sent,
        request_hash: BlobHash::of(b"request"),
        prompt: "build@1".to_owned(),
        prompt_hash: BlobHash::of(b"prompt"),
        edit_format: Some("search-replace".to_owned()),
        reserved: reserved.map(NanoUsd),
        usage: None,
        cost: None,
        failure: None,
        outcome: None,
        started: NOW,
        ended: None,
        first_ms: None,
        tier: ServiceTier::Standard,
        priced: None,
        decision: None,
    })
}

/// The same call, ended.
pub(super) fn ended(call: &CallWrite, state: CallState, cost: Option<i64>) -> CallWrite {
    let mut call = call.clone();
    call.released = call.row.reserved.unwrap_or_default();
    call.row.state = state;
    call.row.cost = cost.map(NanoUsd);
    call.row.usage = Some(usage());
    call.row.ended = Some(Timestamp(NOW.0 + 5));
    call
}

pub(super) fn failure() -> Failure {
    Failure::new(FailureKind::Overloaded, "the provider has \u{0} too much to do").with_phase(Phase::Build)
}

pub(super) fn report(exit: Exit) -> CheckReport {
    let command = CheckCommand {
        run: "python3 -m unittest -v".to_owned(),
        source: CommandSource::Detected,
        runner: Runner::Unittest,
    };
    let test = |name: &str, status| TestResult { name: name.to_owned(), status };
    let outcome = CommandOutcome {
        command,
        exit,
        rerun: Some(Exit::TimedOut),
        output: "FAILED\n\u{1b}[0m ü ".repeat(100),
        tests: vec![
            test("a", TestStatus::Passed),
            test("b", TestStatus::Failed),
            test("c", TestStatus::Skipped),
            test("d", TestStatus::Flaky),
        ],
        duration_ms: 1234,
    };
    CheckReport {
        tier: Tier::T2,
        tree_hash: BlobHash::of(b"tree"),
        setup_failed: (exit == Exit::TimedOut).then(|| outcome.clone()),
        outcomes: vec![outcome],
    }
}

/// Asserts that a result is the error named by a pattern.
macro_rules! assert_refused {
    ($result:expr, $pattern:pat $(if $guard:expr)?) => {
        match $result {
            Err($pattern) $(if $guard)? => {}
            other => panic!("expected {}, got {other:?}", stringify!($pattern $(if $guard)?)),
        }
    };
}
pub(super) use assert_refused;

pub(super) fn is_invalid<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Invalid(_)))
}
