//! What the other ports do to a run: imports, trees, the sandbox, the target.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use super::world::*;
use crate::check::Tier;
use crate::content::{Blob, Entry};
use crate::engine::{Deliveries, lock};
use crate::event::EventKind;
use crate::id::{JobId, RevisionRef};
use crate::job::{Cause, JobStatus, Stamp};
use crate::port::changes::{Changes, Guard, NewRevision};
use crate::port::{CheckError, Deployer, Jobs, Store};
use crate::time::Timestamp;

#[test]
fn an_unchanged_tree_is_imported_once_per_place() {
    let world = World::short();
    let first = world.import(APP);
    assert_eq!(world.import(APP), first);
    let changed = world.import(&[("app.py", "hello = 2\n")]);
    assert_ne!(changed, first);
    assert_eq!(world.import(APP), first, "also when another was imported since");
    let mut elsewhere = import(APP);
    elsewhere.spec.repo = Some("/srv/other".to_owned());
    assert_ne!(finish(world.engine().import(elsewhere)).unwrap(), first);
    let job = finish(world.store.job(first)).unwrap();
    assert_eq!((job.status, job.spec.repo.as_deref()), (JobStatus::Completed, Some("/srv/app")));
}

#[test]
fn files_are_told_against_the_first_parent_whatever_revisions_lie_between() {
    let world = World::story(Tasks::InTurn);
    let id = world.job();
    let head = world.run(id).head.unwrap();
    // A person corrects the result: the new revision's delta is against the job's own first one.
    let before = finish(world.store.manifest(head.id)).unwrap().tree();
    let blob = Blob::new(b"note\n".as_slice());
    let mut after = before.clone();
    after.0.insert("NOTE".parse().unwrap(), Entry::file(blob.hash()));
    let version = finish(world.store.job(id)).unwrap().version;
    let mut changes = Changes::new(Guard::Version { job: id, version }, Timestamp(0));
    changes.blobs = vec![blob];
    changes.revision = Some(NewRevision {
        root_hash: after.root_hash(),
        base: Some(head.id),
        delta: after.delta_from(&before, &BTreeMap::new()),
        also: Vec::new(),
        cause: Cause::Correction,
        author: "somebody".to_owned(),
    });
    finish(world.store.commit(changes)).unwrap();

    let rows = |reference: &str| -> Vec<String> {
        let rows = finish(world.engine().files(reference.parse().unwrap())).unwrap();
        let from = |job: Option<JobId>| job.map(|job| job.to_string()).unwrap_or_default();
        rows.iter().map(|row| format!("{} {} {}", row.filename, row.source, from(row.from_job))).collect()
    };
    assert_eq!(rows("2@1"), ["app.py modified ", "b.py created ", "base.html inherited #1"]);
    assert_eq!(rows("2"), ["NOTE created ", "app.py modified ", "b.py created ", "base.html inherited #1"]);
    let line = finish(world.engine().lineage(RevisionRef::head(id))).unwrap();
    let line: Vec<_> = line.iter().map(|(job, revision)| (job.id.number(), revision.number)).collect();
    assert_eq!(line, [(1, 1), (2, 2)]);
}

#[test]
fn a_sandbox_that_fails_to_start_is_tried_three_times() {
    let launch = || CheckError::Launch("no pids left".to_owned());
    let world = World::short();
    let id = world.job();
    lock(&world.checks.errors).extend([launch(), launch()]);
    assert_eq!(world.run(id).status, JobStatus::Completed);

    let world = World::short();
    let id = world.job();
    lock(&world.checks.errors).extend([launch(), launch(), launch()]);
    let job = world.run(id);
    assert_eq!(
        (job.status, job.reason.as_deref(), world.checks.runs.load(Ordering::Relaxed)),
        (JobStatus::Failed, Some("the sandbox failed to start 3 times: no pids left"), 4)
    );
    let asked = world.author.asked();
    assert_eq!(world.run(id).status, JobStatus::Completed, "and goes on when it is run again");
    assert_eq!(world.author.asked(), asked, "without asking a model again");
}

#[test]
fn without_a_sandbox_the_job_fails_with_advice_and_goes_on_once_there_is_one() {
    let world = World::short();
    let id = world.job();
    let error =
        CheckError::Unavailable { reason: "bwrap is missing".to_owned(), advice: "install bubblewrap".to_owned() };
    lock(&world.checks.errors).push_back(error);
    let job = world.run(id);
    assert_eq!(
        (job.status, job.reason.as_deref()),
        (JobStatus::Failed, Some("no sandbox: bwrap is missing; install bubblewrap"))
    );
    assert_eq!(
        world.checks.runs.load(Ordering::Relaxed),
        2,
        "for what was there before and for the result; asking again would not help"
    );
    assert_eq!((world.run(id).status, world.author.asked().len()), (JobStatus::Completed, 2));
}

#[test]
fn a_result_checked_in_a_lower_tier_says_so() {
    let world = World::short();
    *lock(&world.checks.tier) = Tier::T1;
    let job = world.run(world.job());
    assert_eq!((job.status, job.stamps), (JobStatus::Completed, vec![Stamp::LowerTier]));
}

fn to(shelf: &Arc<Shelf>) -> Deliveries {
    let shelf = shelf.clone();
    Arc::new(move |root| {
        assert_eq!(root.spec.repo.as_deref(), Some("/srv/app"), "the root of the lineage is asked for");
        Some(shelf.clone() as Arc<dyn Deployer>)
    })
}

#[test]
fn a_finished_job_is_delivered_to_its_place_and_keeps_the_branch() {
    let world = World::short();
    let id = world.job();
    let shelf = Arc::new(Shelf { is_full: false, taken: Mutex::default() });
    let job = finish(world.builder().deliveries(to(&shelf)).build().run(id)).unwrap();
    assert_eq!((job.status, job.branch.as_deref()), (JobStatus::Completed, Some("vdo/x")));
    assert_eq!(*lock(&shelf.taken), [job.head.unwrap().root_hash]);
    let delivered = EventKind::Delivered { how: "branch".to_owned(), place: "vdo/x".to_owned(), files: 2 };
    assert!(world.events(id).iter().any(|event| event.kind == delivered));
}

#[test]
fn a_result_that_cannot_be_delivered_is_kept_and_a_person_decides() {
    let world = World::short();
    let id = world.job();
    let shelf = Arc::new(Shelf { is_full: true, taken: Mutex::default() });
    let job = finish(world.builder().deliveries(to(&shelf)).build().run(id)).unwrap();
    assert_eq!(
        (job.status, job.reason.as_deref(), job.branch),
        (JobStatus::NeedsDecision, Some("the result is in the store, but was not delivered: shelf: it is full"), None)
    );
    assert_eq!(world.text(id, "app.py"), "hello = 1\nbye = 1\n");
}

#[test]
fn a_job_dropped_while_it_is_delivered_has_one_revision_and_is_delivered_again() {
    let mut polls = 1;
    let mut twice = 0;
    loop {
        let world = World::short();
        let id = world.job();
        let shelf = Arc::new(Shelf { is_full: false, taken: Mutex::default() });
        let engine = world.builder().deliveries(to(&shelf)).build();
        if poll_times(engine.run(id), polls).is_some() {
            break;
        }
        let job = finish(engine.run(id)).unwrap();
        assert_eq!((job.status, job.branch.as_deref()), (JobStatus::Completed, Some("vdo/x")));
        let head = job.head.unwrap();
        assert_eq!(head.number, 1, "dropped after {polls} polls");
        let taken = lock(&shelf.taken).clone();
        assert!(taken.iter().all(|tree| *tree == head.root_hash));
        twice += usize::from(taken.len() == 2);
        polls += 1;
    }
    assert!(twice > 0, "a run was dropped between the delivery and its record");
}
