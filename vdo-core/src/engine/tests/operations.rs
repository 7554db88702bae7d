//! What is done with a job after its run: corrections, rollbacks, carrying children over, archiving.

use super::merge::{LINES, grown, merge, root};
use super::world::*;
use crate::conflict::Side;
use crate::content::{Blob, Entry};
use crate::engine::{Corrected, EngineError, RebaseEnd, Refusal, Resolution};
use crate::id::{JobId, RevisionRef};
use crate::job::{Cause, Job, JobStatus, MergePolicy, Stamp};
use crate::port::{JobQuery, Jobs, StoreError};

fn quiet() -> World {
    World::new(&[], &[])
}

/// Returns a job's files with some changed or, without a text, removed.
fn changed(world: &World, id: JobId, files: &[(&str, Option<&str>)]) -> Corrected {
    let head = finish(world.store.resolve(RevisionRef::head(id))).unwrap();
    let (mut tree, mut blobs) = (finish(world.store.manifest(head.id)).unwrap().tree(), Vec::new());
    for (path, text) in files {
        let path = path.parse().unwrap();
        match text {
            Some(text) => {
                let blob = Blob::new(text.as_bytes());
                tree.0.insert(path, Entry::file(blob.hash()));
                blobs.push(blob);
            }
            None => _ = tree.0.remove(&path),
        }
    }
    Corrected { tree, blobs, note: Some("by hand".to_owned()), author: "a person".to_owned() }
}

fn correct(world: &World, id: JobId, files: &[(&str, Option<&str>)]) -> Job {
    finish(world.engine().correct(id, changed(world, id, files))).unwrap().unwrap()
}

fn head(job: &Job) -> (u32, Cause, JobStatus) {
    let head = job.head.as_ref().unwrap();
    (head.number, head.cause, job.status)
}

/// Whose revision each line of a file is from.
fn blame(world: &World, id: JobId, path: &str) -> Vec<String> {
    let blamed = finish(world.engine().blame(RevisionRef::head(id), &path.parse().unwrap())).unwrap();
    blamed.lines.iter().map(|line| format!("{}@{}", line.job, line.revision)).collect()
}

/// A parent and its child, which change the two ends of a file.
fn pair(world: &World) -> [JobId; 2] {
    let root = root(world);
    let parent = grown(world, "Parent", &[root], &[("parent.py", Some("p\n"))]);
    let child = grown(
        world,
        "Child",
        &[parent],
        &[("app.py", Some(&LINES.replace("10\n", "ten\n"))), ("child.py", Some("c\n"))],
    );
    [parent, child]
}

#[test]
fn a_rollback_can_be_rolled_back_and_children_keep_what_they_stand_on() {
    let world = quiet();
    let [parent, child] = pair(&world);
    let before = finish(world.engine().files(RevisionRef::head(child))).unwrap();
    correct(&world, parent, &[("parent.py", Some("better\n")), ("old.py", None)]);
    let back = finish(world.engine().rollback(parent, None, "a person")).unwrap();
    assert_eq!(head(&back), (3, Cause::Rollback, JobStatus::Completed));
    assert_eq!(world.text(parent, "parent.py"), "p\n");
    assert_eq!(blame(&world, parent, "parent.py"), ["#2@1"], "the line is from where it was written first");
    let rows = finish(world.engine().files(RevisionRef::head(parent))).unwrap();
    let rows: Vec<_> = rows.iter().map(|row| format!("{} {}", row.source, row.filename)).collect();
    assert_eq!(rows, ["inherited app.py", "inherited base.html", "inherited old.py", "created parent.py"]);
    let again = finish(world.engine().rollback(parent, Some(2), "a person")).unwrap();
    assert_eq!((head(&again).0, world.text(parent, "parent.py")), (4, "better\n".to_owned()));
    assert_eq!(finish(world.engine().files(RevisionRef::head(child))).unwrap(), before);

    let refused = |to| match finish(world.engine().rollback(parent, to, "a person")) {
        Err(EngineError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(Some(4)), Refusal::IsCurrent { job: parent, number: 4 });
    assert_eq!(refused(Some(9)), Refusal::NoRevision { job: parent, number: 9, newest: 4 });
    let root = finish(world.engine().rollback(JobId::new(1).unwrap(), None, "a person"));
    assert!(matches!(root, Err(EngineError::Refused(Refusal::NothingBefore { .. }))), "{root:?}");
}

#[test]
fn a_correction_is_checked_kept_and_recorded_and_one_that_changes_nothing_is_none() {
    let world = World::short();
    let id = world.job();
    world.run(id);
    let runs = world.checks.runs.load(std::sync::atomic::Ordering::Relaxed);
    let job = correct(&world, id, &[("app.py", Some("hello = 2\nbye = 1\n"))]);
    assert_eq!((head(&job), job.stamps.clone()), ((2, Cause::Correction, JobStatus::Completed), vec![]));
    assert_eq!(world.checks.runs.load(std::sync::atomic::Ordering::Relaxed), runs + 1);
    let rows = finish(world.store.corrections(id)).unwrap();
    let numbers = |id| finish(world.store.revision(id)).unwrap().number;
    assert_eq!(rows.iter().map(|row| (row.job, numbers(row.from), numbers(row.to))).collect::<Vec<_>>(), [(id, 1, 2)]);
    assert_eq!(blame(&world, id, "app.py"), [format!("{id}@2"), format!("{id}@1")]);

    let same = changed(&world, id, &[]);
    assert!(finish(world.engine().correct(id, same)).unwrap().is_none());
    let job = correct(&world, id, &[("app.py", Some("BUG\n"))]);
    assert_eq!(head(&job), (3, Cause::Correction, JobStatus::NeedsDecision));
    assert!(job.reason.unwrap().contains("the checks fail on the new revision"));
    let back = finish(world.engine().rollback(id, Some(2), "a person")).unwrap();
    assert_eq!((head(&back), back.stamps), ((4, Cause::Rollback, JobStatus::Completed), vec![]), "it passed then");

    let mut clash = changed(&world, id, &[]);
    clash.tree.0.insert("APP.py".parse().unwrap(), Entry::file(crate::content::BlobHash::of(b"")));
    let refused = finish(world.engine().correct(id, clash));
    assert!(matches!(refused, Err(EngineError::Refused(Refusal::Tree(_)))), "{refused:?}");
    let queued = world.job();
    let refused = finish(world.engine().correct(queued, changed(&world, id, &[])));
    assert!(matches!(refused, Err(EngineError::Refused(Refusal::NoResult { .. }))), "{refused:?}");
}

#[test]
fn a_child_follows_its_corrected_parent_and_its_old_revision_stays_where_it_was() {
    let world = quiet();
    let [parent, child] = pair(&world);
    assert_eq!(finish(world.engine().rebase(child, None)).unwrap().end, RebaseEnd::UpToDate);
    correct(&world, parent, &[("app.py", Some(&LINES.replacen("1\n", "one\n", 1))), ("old.py", None)]);
    let rebased = finish(world.engine().rebase(child, None)).unwrap();
    assert_eq!(rebased.end, RebaseEnd::Carried);
    assert_eq!(rebased.job.stamps, [Stamp::Unverified]);
    assert_eq!(head(&rebased.job), (2, Cause::Rebase, JobStatus::NeedsDecision), "no command shows that it works");
    finish(world.engine().approve(child)).unwrap();
    let both = LINES.replacen("1\n", "one\n", 1).replace("10\n", "ten\n");
    assert_eq!(world.text(child, "app.py"), both);
    let lines = blame(&world, child, "app.py");
    assert_eq!((lines[0].as_str(), lines[1].as_str(), lines[9].as_str()), ("#2@2", "#1@1", "#3@1"));
    let rows = finish(world.engine().files(RevisionRef::head(child))).unwrap();
    let rows: Vec<_> = rows.iter().map(|row| format!("{} {}", row.source, row.filename)).collect();
    assert_eq!(rows, ["modified app.py", "inherited base.html", "created child.py", "inherited parent.py"]);
    let pins = |number| {
        let revision = finish(world.store.resolve(RevisionRef { job: child, number: Some(number) })).unwrap();
        let pins = finish(world.engine().pins(&revision)).unwrap();
        pins.iter().map(|pin| (pin.job, pin.number)).collect::<Vec<_>>()
    };
    assert_eq!((pins(1), pins(2)), (vec![(parent, 1)], vec![(parent, 2)]));
    assert_eq!(finish(world.engine().rebase(child, None)).unwrap().end, RebaseEnd::UpToDate);

    let onto = Some(RevisionRef { job: parent, number: Some(1) });
    assert_eq!(finish(world.engine().rebase(child, onto)).unwrap().end, RebaseEnd::Carried);
    assert_eq!(world.text(child, "app.py"), LINES.replace("10\n", "ten\n"), "and back");
    assert_eq!(world.text(child, "old.py"), "old\n");

    let root = JobId::new(1).unwrap();
    let refused = finish(world.engine().rebase(root, None));
    assert!(matches!(refused, Err(EngineError::Refused(Refusal::NoParent { .. }))), "{refused:?}");
    let refused = finish(world.engine().rebase(child, Some(RevisionRef::head(root))));
    assert!(matches!(refused, Err(EngineError::Refused(Refusal::NotAParent { .. }))), "{refused:?}");
}

#[test]
fn what_does_not_carry_over_waits_and_the_decision_is_used_once_it_is_there() {
    let world = quiet();
    let [parent, child] = pair(&world);
    correct(&world, parent, &[("app.py", Some(&LINES.replace("10\n", "X\n")))]);
    let engine = world.engine();
    let rebased = finish(engine.rebase(child, None)).unwrap();
    assert_eq!((rebased.end, head(&rebased.job).0), (RebaseEnd::Conflicts(1), 1));
    let views = finish(engine.conflicts(child)).unwrap();
    assert_eq!((views[0].ours.as_str(), views[0].theirs.as_str(), views[0].row.round), ("#2", "#3", 0));
    assert!(matches!(finish(engine.approve(child)), Err(EngineError::Refused(Refusal::Rebasing { .. }))));
    assert!(matches!(
        finish(engine.rollback(child, None, "a person")),
        Err(EngineError::Refused(Refusal::Rebasing { .. }))
    ));
    assert_eq!(finish(engine.rebase(child, None)).unwrap().end, RebaseEnd::Conflicts(1), "asking again asks no more");
    assert_eq!(finish(engine.conflicts(child)).unwrap().len(), 1);
    let path = "app.py".parse().unwrap();
    let job = finish(engine.resolve(child, &path, Resolution::Take(Side::Ours), "a person")).unwrap();
    assert_eq!(job.status, JobStatus::NeedsDecision);
    let job = finish(engine.run(child)).unwrap();
    assert_eq!(head(&job), (2, Cause::Rebase, JobStatus::NeedsDecision), "no command shows that it works");
    assert_eq!(world.text(child, "app.py"), LINES.replace("10\n", "X\n"));
    assert_eq!(world.text(child, "child.py"), "c\n");

    correct(&world, parent, &[("child.py", Some("p\n"))]);
    assert_eq!(finish(engine.rebase(child, None)).unwrap().end, RebaseEnd::Conflicts(1));
    let job = finish(engine.abort_rebase(child, "a person")).unwrap();
    assert_eq!(head(&job), (2, Cause::Rebase, JobStatus::Completed));
    assert!(matches!(
        finish(engine.abort_rebase(child, "a person")),
        Err(EngineError::Refused(Refusal::NotRebasing { .. }))
    ));
}

#[test]
fn a_merge_follows_whichever_parent_moved_and_its_checks_decide() {
    let world = quiet();
    let root = root(&world);
    let ours = grown(&world, "Ours", &[root], &[("ours.py", Some("o\n"))]);
    let theirs = grown(&world, "Theirs", &[root], &[("theirs.py", Some("t\n"))]);
    let both = merge(&world, &[ours, theirs], |spec| spec);
    assert_eq!(world.run(both).status, JobStatus::Completed);
    correct(&world, theirs, &[("theirs.py", Some("better\n"))]);
    let rebased = finish(world.engine().rebase(both, None)).unwrap();
    assert_eq!(head(&rebased.job), (2, Cause::Rebase, JobStatus::Completed));
    assert_eq!(blame(&world, both, "theirs.py"), ["#3@2"]);
    let pins = finish(world.engine().pins(rebased.job.head.as_ref().unwrap())).unwrap();
    assert_eq!(pins.iter().map(|pin| (pin.job, pin.number)).collect::<Vec<_>>(), [(ours, 1), (theirs, 2)]);
    let rows = finish(world.engine().files(RevisionRef::head(both))).unwrap();
    assert!(rows.iter().all(|row| row.source == "inherited"), "{rows:?}");

    correct(&world, ours, &[("ours.py", Some("BUG\n"))]);
    let rebased = finish(world.engine().rebase(both, None)).unwrap();
    assert_eq!(head(&rebased.job), (3, Cause::Rebase, JobStatus::NeedsDecision));
    let job = finish(world.engine().approve(both)).unwrap();
    assert_eq!((job.status, job.stamps), (JobStatus::Completed, vec![Stamp::Approved]));

    let strict = merge(&world, &[ours, theirs], |mut spec| {
        spec.merge = MergePolicy::Fail;
        spec.checks.clear();
        spec
    });
    world.run(strict);
    finish(world.engine().approve(strict)).unwrap();
    correct(&world, ours, &[("app.py", Some("mine\n"))]);
    correct(&world, strict, &[("app.py", Some("other\n"))]);
    let refused = finish(world.engine().rebase(strict, None));
    assert!(matches!(refused, Err(EngineError::Refused(Refusal::Conflicts { .. }))), "{refused:?}");
}

#[test]
fn an_archived_job_is_hidden_kept_and_restored_as_it_stood() {
    let world = quiet();
    let [parent, child] = pair(&world);
    let engine = world.engine();
    assert_eq!(finish(engine.archive(parent)).unwrap().status, JobStatus::Archived);
    let listed = |query: JobQuery| finish(world.store.jobs(&query)).unwrap().len();
    assert_eq!((listed(JobQuery::default()), listed(JobQuery::default().with_archived())), (2, 3));
    let again = finish(engine.archive(parent));
    assert!(matches!(again, Err(EngineError::NotDecidable { decision: "archived", .. })), "{again:?}");
    let spec = crate::job::JobSpec::new("More", "").with_parent(RevisionRef::head(parent));
    assert!(matches!(finish(engine.create(spec)), Err(EngineError::Store(StoreError::Parent { .. }))));
    assert_eq!(world.text(child, "parent.py"), "p\n");
    assert_eq!(finish(engine.restore(parent)).unwrap().status, JobStatus::Completed);
    assert!(matches!(finish(engine.restore(parent)), Err(EngineError::Refused(Refusal::NotArchived { .. }))));

    let run = world.job();
    let lease = world.store.usurp(run, 0);
    assert_eq!(lease.epoch, 1);
    let busy = finish(engine.archive(run));
    assert!(matches!(busy, Err(EngineError::Store(StoreError::Busy { .. }))), "{busy:?}");
}
