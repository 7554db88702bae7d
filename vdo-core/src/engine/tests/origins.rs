//! Where files and lines come from, across runs, merges and renames.

use super::merge::{LINES, apart, grown, merge, root};
use super::world::*;
use crate::engine::EngineError;
use crate::id::{JobId, RevisionRef};
use crate::patch::Status;
use crate::port::StoreError;

fn rows(world: &World, job: JobId) -> Vec<(String, String, Option<JobId>)> {
    let rows = finish(world.engine().files(RevisionRef::head(job))).unwrap();
    rows.into_iter().map(|row| (row.filename.to_string(), row.source, row.from_job)).collect()
}

fn row(path: &str, source: &str, from: Option<JobId>) -> (String, String, Option<JobId>) {
    (path.to_owned(), source.to_owned(), from)
}

/// Returns the job, task and model of each line.
fn blame(world: &World, job: JobId, path: &str) -> Vec<(JobId, Option<String>, Option<String>)> {
    let blamed = finish(world.engine().blame(RevisionRef::head(job), &path.parse().unwrap())).unwrap();
    let task = |line: &crate::engine::BlamedLine| line.step.as_ref()?.task.as_ref().map(ToString::to_string);
    blamed.lines.iter().map(|line| (line.job, task(line), line.model.clone())).collect()
}

#[test]
fn files_of_a_merge_come_from_the_jobs_that_wrote_them() {
    let world = World::short();
    let [ours, theirs] = apart(&world);
    let origin = JobId::new(1).unwrap();
    let merged = merge(&world, &[ours, theirs], |spec| spec);
    world.run(merged);
    let expected = |app| {
        vec![
            app,
            row("base.html", "inherited", Some(origin)),
            row("ours.py", "inherited", Some(ours)),
            row("theirs.py", "inherited", Some(theirs)),
        ]
    };
    assert_eq!(rows(&world, merged), expected(row("app.py", "modified", None)));
    // The same from a job that extends the merge.
    let child = grown(&world, "Child", &[merged], &[("new.py", Some("n\n"))]);
    let mut all = expected(row("app.py", "inherited", Some(merged)));
    all.insert(2, row("new.py", "created", None));
    assert_eq!(rows(&world, child), all);
    // And from a merge of merges: what one of its parents deleted is no deletion of its own.
    let other = grown(&world, "Other", &[ours], &[("other.py", Some("x\n"))]);
    let again = merge(&world, &[other, child], |spec| spec);
    world.run(again);
    let mut all = expected(row("app.py", "inherited", Some(merged)));
    all.insert(2, row("new.py", "inherited", Some(child)));
    all.insert(3, row("other.py", "inherited", Some(other)));
    assert_eq!(rows(&world, again), all);
}

#[test]
fn lines_of_a_merge_come_from_the_jobs_that_wrote_them() {
    let world = World::short();
    let [ours, theirs] = apart(&world);
    let merged = merge(&world, &[ours, theirs], |spec| spec);
    world.run(merged);
    let moved = LINES.replacen("1\n", "one\n", 1).replace("10\n", "ten\n").replace("5\n", "five\n");
    let child = grown(&world, "Child", &[merged], &[("app.py", None), ("lib/app.py", Some(&moved))]);
    let mut expected = vec![(JobId::new(1).unwrap(), None, None); 10];
    expected[0].0 = ours;
    expected[9].0 = theirs;
    assert_eq!(blame(&world, merged, "app.py"), expected);
    expected[4].0 = child;
    assert_eq!(blame(&world, child, "lib/app.py"), expected);
    let none = finish(world.engine().blame(RevisionRef::head(child), &"app.py".parse().unwrap()));
    assert!(matches!(none, Err(EngineError::Store(StoreError::NotFound(_)))), "{none:?}");
}

#[test]
fn lines_of_a_run_name_the_task_and_the_model_that_wrote_them() {
    for tasks in [Tasks::SideBySide, Tasks::WithTools] {
        let world = World::story(tasks);
        let job = world.job();
        world.run(job);
        let lines = blame(&world, job, "app.py");
        let (own, old): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.0 == job);
        // A repair is nobody's task.
        assert_eq!(own, [(job, None, Some("author:w".to_owned()))]);
        assert!(!old.is_empty() && old.iter().all(|line| line.1.is_none() && line.2.is_none()), "{old:?}");
    }
    let world = World::short();
    let job = world.job();
    world.run(job);
    let own = blame(&world, job, "app.py").into_iter().find(|line| line.0 == job);
    assert_eq!(own, Some((job, Some("a".to_owned()), Some("author:w".to_owned()))));
}

#[test]
fn any_two_jobs_can_be_compared() {
    let world = World::short();
    let root = root(&world);
    let changed = LINES.replace("5\n", "five\n");
    let one = grown(&world, "One", &[root], &[("app.py", None), ("lib.py", Some(&changed))]);
    let other = grown(&world, "Other", &[root], &[("old.py", None)]);
    let changes = |before: Option<JobId>, after| {
        let changes = finish(world.engine().changes(before.map(RevisionRef::head), RevisionRef::head(after))).unwrap();
        let rows = changes.into_iter().map(|change| (change.path.to_string(), change.status()));
        rows.collect::<Vec<_>>()
    };
    assert_eq!(changes(None, one), [("lib.py".to_owned(), Status::Renamed)]);
    assert_eq!(changes(Some(one), root), [("app.py".to_owned(), Status::Renamed)]);
    let both = [("app.py".to_owned(), Status::Renamed), ("old.py".to_owned(), Status::Deleted)];
    assert_eq!(changes(Some(one), other), both);
    assert_eq!(changes(None, root).len(), 3);
}
