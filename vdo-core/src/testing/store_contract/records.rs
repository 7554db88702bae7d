//! Steps, evidence and events.

use super::Fresh;
use super::fixtures::*;
use crate::check::{Exit, Tier};
use crate::conflict::How;
use crate::content::{BlobHash, Bytes};
use crate::event::{Event, EventKind};
use crate::failure::{Advice, Failure, FailureKind};
use crate::id::{JobId, Phase, RevisionRef, StepKey, TaskId};
use crate::job::JobStatus;
use crate::money::NanoUsd;
use crate::path::RepoPath;
use crate::port::changes::{CheckWrite, StepWrite};
use crate::port::{StepRow, StepState};
use crate::time::Timestamp;

fn step(key: StepKey, state: StepState, request: Option<&str>, answer: Option<&[u8]>) -> StepWrite {
    let request_hash = request.map(|request| BlobHash::of(request.as_bytes()));
    StepWrite { key, state, request_hash, answer: answer.map(Bytes::from) }
}

pub(super) async fn steps_move_on_and_keep_their_answers(fresh: Fresh) {
    let store = fresh.store().await;
    let (id, other) = (job(&store, "x").await, job(&store, "y").await);
    let (lease, second) = (claimed(&store, id).await, claimed(&store, other).await);
    let answer = "an answer with a \0 ".repeat(500);
    let plan = StepKey::first(Phase::Plan);
    let tool = key(1).with_tool(3).with_attempt(2);
    let commit = async |lease: &_, steps| {
        let mut changes = leased(lease);
        changes.steps = steps;
        store.commit(changes).await.unwrap();
    };
    commit(&lease, vec![step(tool.clone(), StepState::Intent, None, None)]).await;
    commit(&lease, vec![step(plan.clone(), StepState::Intent, Some("request"), None)]).await;
    commit(&second, vec![step(plan.clone(), StepState::Answered, None, Some(b"of the other job"))]).await;
    let row = |key: &StepKey, state, epoch, request: Option<&str>, answer: Option<&[u8]>| StepRow {
        key: key.clone(),
        state,
        epoch,
        request_hash: request.map(|request| BlobHash::of(request.as_bytes())),
        answer: answer.map(Bytes::from),
    };
    let expected =
        [row(&tool, StepState::Intent, 1, None, None), row(&plan, StepState::Intent, 1, Some("request"), None)];
    assert_eq!(store.steps(id).await.unwrap(), expected, "in the order they were first written");

    commit(
        &lease,
        vec![
            step(plan.clone(), StepState::Answered, None, Some(answer.as_bytes())),
            step(tool.clone(), StepState::Answered, Some("late"), Some(b"")),
        ],
    )
    .await;
    let again = claimed(&store, id).await;
    commit(&again, vec![step(plan.clone(), StepState::Applied, None, None)]).await;
    // An intent that is written again takes nothing back.
    commit(&again, vec![step(tool.clone(), StepState::Intent, None, None)]).await;
    let expected = [
        row(&tool, StepState::Answered, 2, Some("late"), Some(b"")),
        row(&plan, StepState::Applied, 2, Some("request"), Some(answer.as_bytes())),
    ];
    assert_eq!(store.steps(id).await.unwrap(), expected);
    let expected = [row(&plan, StepState::Answered, 1, None, Some(b"of the other job"))];
    assert_eq!(store.steps(other).await.unwrap(), expected);
}

pub(super) async fn evidence_comes_back_in_order(fresh: Fresh) {
    let store = fresh.store().await;
    let id = job(&store, "x").await;
    let reports = [
        (Phase::Test, 1, report(Exit::Code(1))),
        (Phase::Test, 2, report(Exit::Signal(9))),
        (Phase::Sandbox, 1, report(Exit::TimedOut)),
        (Phase::Test, 1, report(Exit::Code(0))),
    ];
    for pair in reports.chunks(2) {
        let checks = pair.iter().cloned().map(|(phase, attempt, report)| CheckWrite { phase, attempt, report });
        let checks = checks.collect();
        change(&store, id, |changes| changes.checks = checks).await;
    }
    assert_eq!(store.checks(id).await.unwrap(), reports);
}

fn every_event(job: JobId) -> Vec<EventKind> {
    let (task, path): (TaskId, RepoPath) = ("t1".parse().unwrap(), "src/ü.py".parse().unwrap());
    let call = |reserved: Option<i64>| EventKind::CallSent {
        step: key(1),
        number: 2,
        provider: "mock".to_owned(),
        model: "model-1".to_owned(),
        reserved: reserved.map(NanoUsd),
    };
    let mut events = vec![
        EventKind::Created { title: "x \u{0} \u{1F600}".to_owned() },
        EventKind::Started { owner: "host:1:1".to_owned(), epoch: u64::MAX, replayed: 0 },
        EventKind::Loaded { parents: vec![RevisionRef::head(job), RevisionRef { job, number: Some(2) }], files: 3 },
        EventKind::Merged { parent: RevisionRef { job, number: Some(1) }, files: 3, conflicts: u64::MAX },
        EventKind::Conflict { path: path.clone(), reason: "both".to_owned() },
        EventKind::Planned { summary: String::new(), tasks: vec![(task.clone(), "title".to_owned())] },
        EventKind::Refused { step: key(2).with_tool(1), faults: vec!["a".to_owned(), String::new()] },
        call(Some(5)),
        call(None),
        EventKind::CallAnswered {
            step: key(1),
            number: 2,
            provider: "mock".to_owned(),
            model: "model-1".to_owned(),
            usage: usage(),
            cost: None,
            duration_ms: 77,
        },
        EventKind::CallFailed {
            step: key(1),
            number: 1,
            failure: Failure {
                usage: Some(usage()),
                sent: true,
                ..Failure::new(FailureKind::RateLimited, "slow down")
                    .with_advice(Advice::RetrySame { after_ms: Some(50) })
            },
        },
        EventKind::Edited { task: None, path: path.clone(), operation: "created".to_owned() },
        EventKind::PlanAmended { task: task.clone(), path },
        EventKind::TaskDone { task },
        EventKind::Checked {
            phase: Phase::Test,
            attempt: 1,
            passed: false,
            report: report(Exit::TimedOut),
            comparison: None,
            from: None,
        },
        EventKind::Guarded { findings: vec!["[blocker] a.py: a test is gone (test-deleted)".to_owned()] },
        EventKind::Critiqued { attempt: 2, findings: vec!["a finding".to_owned()] },
        EventKind::Delivered { how: "branch".to_owned(), place: "vdo/job-1-x".to_owned(), files: 4 },
        EventKind::Note { text: "confined".to_owned(), tier: Some(Tier::T1) },
    ];
    let resolved = |how| EventKind::Resolved { path: "a".parse().unwrap(), how, author: "a person".to_owned() };
    events.extend(How::ALL.map(resolved));
    let status = |status| EventKind::Status { status, reason: Some("why".to_owned()) };
    events.extend(JobStatus::ALL.map(status));
    events.extend(Phase::ALL.map(|phase| EventKind::Phase { phase }));
    events
}

pub(super) async fn every_event_comes_back(fresh: Fresh) {
    let store = fresh.store().await;
    let id = job(&store, "x").await;
    let kinds = every_event(id);
    let mut changes = versioned(&store.job(id).await.unwrap());
    changes.at = Timestamp(-1);
    changes.events = kinds.clone();
    assert_eq!(store.commit(changes).await.unwrap().first_seq, 1);
    let expected: Vec<Event> =
        (1..).zip(kinds).map(|(seq, kind)| Event { job: id, seq, at: Timestamp(-1), kind }).collect();
    assert_eq!(store.events(id, 0, 1000).await.unwrap(), expected);
}

pub(super) async fn events_are_read_in_pages(fresh: Fresh) {
    let store = fresh.store().await;
    let (id, other) = (job(&store, "x").await, job(&store, "y").await);
    change(&store, other, |changes| changes.events = vec![note("of the other job")]).await;
    for batch in 0..3 {
        let receipt = change(&store, id, |changes| changes.events = vec![note("1"), note("2")]).await;
        assert_eq!(receipt.first_seq, batch * 2 + 1);
    }
    for (after, limit, expected) in [
        (0, 10, vec![1, 2, 3, 4, 5, 6]),
        (0, 2, vec![1, 2]),
        (4, 10, vec![5, 6]),
        (5, 1, vec![6]),
        (6, 10, vec![]),
        (u64::MAX, 10, vec![]),
        (0, 0, vec![]),
    ] {
        let found: Vec<u64> = store.events(id, after, limit).await.unwrap().iter().map(|event| event.seq).collect();
        assert_eq!(found, expected, "after {after}, at most {limit}");
    }
    assert_eq!(store.events(other, 0, 10).await.unwrap().len(), 1);
}

pub(super) async fn numbers_have_no_gaps_under_many_commits(fresh: Fresh) {
    let store = fresh.store().await;
    let ids = [job(&store, "x").await, job(&store, "y").await];
    let leases = [claimed(&store, ids[0]).await, claimed(&store, ids[1]).await];
    let writes = (0..120_usize).map(|number| {
        let mut changes = leased(&leases[number % 2]);
        if number % 10 == 9 {
            // Every tenth is refused and must not take numbers with it.
            changes.calls = vec![sent(1, 1, Some(-1))];
        }
        changes.events = (0..=number % 3).map(|part| note(&format!("{number}.{part}"))).collect();
        store.commit(changes)
    });
    let results = futures_util::future::join_all(writes).await;
    for (at, id) in ids.into_iter().enumerate() {
        let events = store.events(id, 0, 1000).await.unwrap();
        assert_eq!(
            events.iter().map(|event| event.seq).collect::<Vec<_>>(),
            (1..=events.len() as u64).collect::<Vec<_>>()
        );
        let mut written = 0;
        for (number, result) in results.iter().enumerate().filter(|(number, _)| number % 2 == at) {
            let Ok(receipt) = result else {
                assert_eq!(number % 10, 9, "{result:?}");
                continue;
            };
            for part in 0..=number % 3 {
                let event = &events[usize::try_from(receipt.first_seq).unwrap() - 1 + part];
                assert_eq!(event.kind, note(&format!("{number}.{part}")), "a commit's events stay together");
                written += 1;
            }
        }
        assert_eq!(written, events.len());
    }
}
