//! Merge jobs: what comes together by itself costs nothing, what does not is a question, and a crash changes neither.

use std::sync::atomic::Ordering;

use serde_json::Value;

use super::world::*;
use crate::conflict::{How, Side};
use crate::content::Entry;
use crate::engine::{EngineError, MergeRefusal, Resolution, ResolveRefusal, lock};
use crate::event::EventKind;
use crate::id::{JobId, RevisionRef};
use crate::job::{Cause, Job, JobSpec, JobStatus, MergePolicy, Stamp};
use crate::port::changes::{Changes, Guard, NewRevision};
use crate::port::{Jobs, Journal, Store, StoreError};
use crate::tree::FileTree;

/// Ten lines, so that changes at both ends do not touch.
pub(super) const LINES: &str = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n";

pub(super) fn root(world: &World) -> JobId {
    world.import(&[("app.py", LINES), ("base.html", "<nav></nav>\n"), ("old.py", "old\n")])
}

/// Makes a finished job out of one or several others, with these files changed or, without a text, removed.
pub(super) fn grown(world: &World, title: &str, parents: &[JobId], files: &[(&str, Option<&str>)]) -> JobId {
    let mut spec = JobSpec::new(title, format!("{title}, please."));
    spec.parents = parents.iter().map(|id| RevisionRef { job: *id, number: Some(1) }).collect();
    let manifests: Vec<_> = spec.parents.iter().map(|parent| manifest(world, *parent)).collect();
    let base: FileTree = manifests[0].1.tree();
    let mut tree = base.clone();
    let mut changes = Changes::new(Guard::Create(Box::new(spec)), crate::time::Timestamp(0));
    for (path, text) in files {
        let path = path.parse().unwrap();
        match text {
            Some(text) => {
                let blob = crate::content::Blob::new(text.as_bytes());
                tree.0.insert(path, Entry::file(blob.hash()));
                changes.blobs.push(blob);
            }
            None => _ = tree.0.remove(&path),
        }
    }
    changes.revision = Some(NewRevision {
        root_hash: tree.root_hash(),
        base: Some(manifests[0].0),
        delta: tree.delta_from(&base, &std::collections::BTreeMap::new()),
        also: Vec::new(),
        cause: Cause::Run,
        author: "mock".to_owned(),
    });
    finish(world.store.commit(changes.with_status(JobStatus::Completed, None))).unwrap().job
}

fn manifest(world: &World, reference: RevisionRef) -> (crate::id::RevisionId, crate::tree::Manifest) {
    let revision = finish(world.store.resolve(reference)).unwrap();
    (revision.id, finish(world.store.manifest(revision.id)).unwrap())
}

fn merging(parents: &[JobId], change: impl FnOnce(JobSpec) -> JobSpec) -> JobSpec {
    let mut spec = JobSpec::new("Merge", "").with_check("make check");
    spec.parents = parents.iter().map(|id| RevisionRef::head(*id)).collect();
    change(spec)
}

pub(super) fn merge(world: &World, parents: &[JobId], change: impl FnOnce(JobSpec) -> JobSpec) -> JobId {
    finish(world.engine().create(merging(parents, change))).unwrap()
}

fn with(policy: MergePolicy) -> impl FnOnce(JobSpec) -> JobSpec {
    move |mut spec| {
        spec.merge = policy;
        spec
    }
}

/// Two children that change the two ends of a file, and each something of its own.
pub(super) fn apart(world: &World) -> [JobId; 2] {
    let root = root(world);
    let first = LINES.replacen("1\n", "one\n", 1);
    let last = LINES.replace("10\n", "ten\n");
    [
        grown(world, "Ours", &[root], &[("app.py", Some(&first)), ("ours.py", Some("o\n")), ("old.py", None)]),
        grown(world, "Theirs", &[root], &[("app.py", Some(&last)), ("theirs.py", Some("t\n"))]),
    ]
}

/// Two children that change one line differently, and one that removed what the other changed.
fn at_odds(world: &World) -> [JobId; 2] {
    let root = root(world);
    let (one, other) = (LINES.replace("5\n", "five\n"), LINES.replace("5\n", "V\n"));
    [
        grown(world, "Ours", &[root], &[("app.py", Some(&one)), ("old.py", None)]),
        grown(world, "Theirs", &[root], &[("app.py", Some(&other)), ("old.py", Some("old\nnew\n"))]),
    ]
}

fn quiet() -> World {
    World::new(&[], &[])
}

fn sources(world: &World, id: JobId) -> Vec<String> {
    let rows = finish(world.engine().files(RevisionRef::head(id))).unwrap();
    let from = |job: Option<JobId>| job.map_or(String::new(), |job| format!(" from {job}"));
    rows.iter().map(|row| format!("{} {}{}", row.source, row.filename, from(row.from_job))).collect()
}

fn kinds(world: &World, id: JobId) -> Vec<EventKind> {
    world.events(id).into_iter().map(|event| event.kind).collect()
}

#[test]
fn a_clean_merge_whose_checks_pass_asks_nobody_and_every_file_knows_where_it_comes_from() {
    let world = quiet();
    let [ours, theirs] = apart(&world);
    let id = merge(&world, &[ours, theirs], |spec| spec);
    let job = world.run(id);
    assert_eq!((job.status, job.reason.clone(), job.stamps.clone()), (JobStatus::Completed, None, vec![]));
    assert_eq!((world.calls(id).len(), world.author.asked(), world.critic.asked()), (0, vec![], vec![]));
    assert_eq!(world.checks.runs.load(Ordering::Relaxed), 2, "the checks and the sandbox");
    assert_eq!(world.text(id, "app.py"), "one\n2\n3\n4\n5\n6\n7\n8\n9\nten\n");
    assert_eq!(job.head.as_ref().unwrap().author, "merge");
    let pins: Vec<_> = job.parents.iter().map(|link| (link.job, link.number)).collect();
    assert_eq!(pins, [(ours, Some(1)), (theirs, Some(1))]);
    let expected = [
        "modified app.py".to_owned(),
        "inherited base.html from #1".to_owned(),
        format!("inherited ours.py from {ours}"),
        format!("inherited theirs.py from {theirs}"),
    ];
    assert_eq!(sources(&world, id), expected);
    let child = grown(&world, "Child", &[id], &[("more.py", Some("m\n"))]);
    assert!(sources(&world, child).contains(&format!("inherited theirs.py from {theirs}")));
}

#[test]
fn a_merge_needs_no_provider_until_there_is_something_to_ask() {
    let world = quiet();
    let [ours, theirs] = apart(&world);
    let id = merge(&world, &[ours, theirs], |spec| spec);
    let bare = world.builder().routes(crate::route::Routes::default()).build();
    assert_eq!(finish(bare.run(id)).unwrap().status, JobStatus::Completed);
    let [ours, theirs] = at_odds(&world);
    let id = merge(&world, &[ours, theirs], |spec| spec);
    let job = finish(world.builder().routes(crate::route::Routes::default()).build().run(id)).unwrap();
    assert_eq!(job.status, JobStatus::NeedsDecision);
}

#[test]
fn parents_come_together_in_their_order_and_a_third_is_merged_with_what_the_first_two_share() {
    let world = quiet();
    let [ours, theirs] = apart(&world);
    let middle = LINES.replace("5\n", "five\n");
    let third = grown(&world, "Third", &[JobId::new(1).unwrap()], &[("app.py", Some(&middle))]);
    let id = merge(&world, &[ours, theirs, third], |spec| spec);
    assert_eq!(world.run(id).status, JobStatus::Completed);
    assert_eq!(world.text(id, "app.py"), "one\n2\n3\n4\nfive\n6\n7\n8\n9\nten\n");
    let merged: Vec<_> = kinds(&world, id)
        .into_iter()
        .filter_map(|kind| match kind {
            EventKind::Merged { parent, conflicts, .. } => Some((parent.job, conflicts)),
            _ => None,
        })
        .collect();
    assert_eq!(merged, [(theirs, 0), (third, 0)]);
}

#[test]
fn several_nearest_common_ancestors_are_merged_first() {
    let world = quiet();
    let [ours, theirs] = apart(&world);
    let both = "one\n2\n3\n4\n5\n6\n7\n8\n9\nten\n";
    let one = grown(
        &world,
        "Left",
        &[ours, theirs],
        &[("app.py", Some(&both.replace("4\n", "four\n"))), ("theirs.py", Some("t\n"))],
    );
    let other = grown(
        &world,
        "Right",
        &[theirs, ours],
        &[("app.py", Some(&both.replace("7\n", "seven\n"))), ("ours.py", Some("o\n")), ("old.py", None)],
    );
    let id = merge(&world, &[one, other], |spec| spec);
    assert_eq!(world.run(id).status, JobStatus::Completed);
    assert_eq!(world.text(id, "app.py"), "one\n2\n3\nfour\n5\n6\nseven\n8\n9\nten\n");
}

#[test]
fn merges_that_make_no_sense_are_refused_with_the_reason_and_nothing_is_made() {
    let world = quiet();
    let [ours, theirs] = apart(&world);
    let deep = grown(&world, "Deep", &[ours], &[("deep.py", Some("d\n"))]);
    let waiting = finish(world.engine().create(JobSpec::new("W", "").with_parent(RevisionRef::head(deep)))).unwrap();
    let mut import = import(&[("other.py", "x\n")]);
    import.spec.repo = Some("/srv/other".to_owned());
    let stranger = finish(world.engine().import(import)).unwrap();
    let archived = grown(&world, "Archived", &[ours], &[("x.py", Some("x\n"))]);
    let version = finish(world.store.job(archived)).unwrap().version;
    let hide = Changes::new(Guard::Version { job: archived, version }, crate::time::Timestamp(0));
    finish(world.store.commit(hide.with_status(JobStatus::Archived, None))).unwrap();
    let unknown = JobId::new(99).unwrap();

    let count = || finish(world.store.jobs(&crate::port::JobQuery::default())).unwrap().len();
    let before = count();
    let refused = |parents: &[JobId]| finish(world.engine().create(merging(parents, |spec| spec))).unwrap_err();
    let root = JobId::new(1).unwrap();
    for (parents, ancestor, within) in [
        ([root, ours], root, ours),
        ([deep, ours], ours, deep),
        ([theirs, root], root, theirs),
        ([ours, waiting], ours, waiting),
        ([waiting, root], root, waiting),
    ] {
        match refused(&parents) {
            EngineError::Merge(MergeRefusal::Contained { ancestor: a, within: w }) => {
                assert_eq!((a.job, w.job), (ancestor, within))
            }
            other => panic!("{parents:?}: {other:?}"),
        }
    }
    let error = refused(&[ours, stranger]).to_string();
    assert_eq!(error, format!("{ours} and {stranger} are unrelated: the one goes back to #1, the other to {stranger}"));
    let error = refused(&[ours, ours]).to_string();
    assert_eq!(error, format!("job {ours} is named as a parent twice"));
    for parent in [unknown, archived] {
        let error = refused(&[theirs, parent]);
        assert!(
            matches!(&error, EngineError::Store(StoreError::Parent { parent: p, .. }) if p.job == parent),
            "{error:?}"
        );
    }
    assert_eq!(count(), before);

    let id = merge(&world, &[theirs, waiting], |spec| spec);
    let error = finish(world.engine().run(id)).unwrap_err();
    assert!(matches!(error, EngineError::WaitsFor { parent, .. } if parent == waiting), "{error}");
    assert_eq!(finish(world.store.job(id)).unwrap().status, JobStatus::Queued);
}

#[test]
fn an_older_revision_can_be_extended_and_merged() {
    let world = quiet();
    let [ours, theirs] = apart(&world);
    let job = finish(world.store.job(ours)).unwrap();
    let (revision, manifest) = manifest(&world, RevisionRef::head(ours));
    let mut tree = manifest.tree();
    tree.0.remove("ours.py");
    let guard = Guard::Version { job: ours, version: job.version };
    let mut changes = Changes::new(guard, crate::time::Timestamp(0));
    changes.revision = Some(NewRevision {
        root_hash: tree.root_hash(),
        base: Some(revision),
        delta: tree.delta_from(&manifest.tree(), &std::collections::BTreeMap::new()),
        also: Vec::new(),
        cause: Cause::Correction,
        author: "a person".to_owned(),
    });
    finish(world.store.commit(changes)).unwrap();
    let old = finish(world.engine().create(merging(&[], |mut spec| {
        spec.parents = vec![RevisionRef { job: ours, number: Some(1) }, RevisionRef::head(theirs)];
        spec
    })))
    .unwrap();
    let new = merge(&world, &[ours, theirs], |spec| spec);
    let has = |id| sources(&world, id).iter().any(|row| row.contains("ours.py"));
    assert_eq!([world.run(old).status, world.run(new).status], [JobStatus::Completed; 2]);
    assert_eq!((has(old), has(new)), (true, false));
    // The newest revision is not in a job that stands on the older one.
    let child = grown(&world, "Child of the old one", &[ours], &[("c.py", Some("c\n"))]);
    assert_eq!(world.run(merge(&world, &[child, ours], |spec| spec)).status, JobStatus::Completed);
}

fn answers_with(text: &str) -> Value {
    says("merge", None, 1, format!("app.py\n```\n{text}```\n"))
}

fn resolved_text() -> String {
    LINES.replace("5\n", "five\nV\n")
}

#[test]
fn conflicts_of_text_go_to_a_model_side_by_side_and_the_rest_waits_for_a_person() {
    let world = World::new(&[answers_with(&resolved_text())], &[]);
    let [ours, theirs] = at_odds(&world);
    let id = merge(&world, &[ours, theirs], |spec| spec);
    let job = world.run(id);
    assert_eq!(job.status, JobStatus::NeedsDecision);
    assert_eq!(
        job.reason.unwrap(),
        format!(
            "1 path is in conflict: old.py (one side deleted the file, the other changed it). \
             See vdo conflicts {0}, decide with vdo resolve {0} PATH --take …",
            id.number()
        )
    );
    assert_eq!(world.author.asked(), ["merge/c1/1/1"], "what was deleted is nothing for a model");
    let rows = finish(world.store.conflicts(id)).unwrap();
    let found: Vec<_> = rows
        .iter()
        .map(|row| (row.ordinal, row.path.as_str(), row.decision.as_ref().map(|d| (d.how, d.author.as_str()))))
        .collect();
    assert_eq!(found, [(1, "app.py", Some((How::Model, "author:w"))), (2, "old.py", None)]);

    let engine = world.engine();
    let views = finish(engine.conflicts(id)).unwrap();
    assert_eq!((views[0].ours.as_str(), views[0].theirs.as_str()), (&*ours.to_string(), &*theirs.to_string()));
    let marked = views[0].marked.as_ref().unwrap();
    assert!(
        marked.contains(&format!("<<<<<<< {ours}\nfive\n||||||| base\n5\n=======\nV\n>>>>>>> {theirs}\n")),
        "{marked}"
    );
    assert_eq!(views[1].marked, None);

    let job = finish(engine.resolve(id, &"old.py".parse().unwrap(), Resolution::Take(Side::Ours), "a person")).unwrap();
    assert_eq!(job.status, JobStatus::Queued);
    let job = world.run(id);
    assert_eq!((job.status, world.author.asked().len()), (JobStatus::Completed, 1), "nothing is asked again");
    assert_eq!(world.text(id, "app.py"), resolved_text());
    assert_eq!(sources(&world, id), ["modified app.py", "inherited base.html from #1"]);
    assert_eq!(job.head.unwrap().author, "author:w");
    let decided: Vec<_> = kinds(&world, id)
        .into_iter()
        .filter_map(|kind| match kind {
            EventKind::Resolved { path, how, author } => Some(format!("{path} {} {author}", how.as_str())),
            EventKind::Conflict { path, .. } => Some(format!("{path}?")),
            _ => None,
        })
        .collect();
    assert_eq!(decided, ["app.py?", "old.py?", "app.py model author:w", "old.py ours a person"]);
}

#[test]
fn an_answer_that_does_not_hold_goes_back_once_and_then_a_person_is_asked() {
    let marked = LINES.replace("5\n", "<<<<<<< #2\nfive\n=======\nV\n>>>>>>> #3\n");
    let other = says("merge", None, 2, "other.py\n```\nx\n```\n");
    for (second, status) in [
        (other, JobStatus::NeedsDecision),
        (says("merge", None, 2, format!("Here it is:\n```python\n{}```", resolved_text())), JobStatus::Completed),
    ] {
        let world = World::new(&[answers_with(&marked), second], &[]);
        let root = root(&world);
        let sides = ["five\n", "V\n"]
            .map(|text| grown(&world, text.trim(), &[root], &[("app.py", Some(&LINES.replace("5\n", text)))]));
        let id = merge(&world, &sides, |spec| spec);
        assert_eq!(world.run(id).status, status);
        assert_eq!(world.author.asked(), ["merge/c1/1/1", "merge/c1/2/1"]);
        let faults: Vec<String> = kinds(&world, id)
            .into_iter()
            .filter_map(|kind| match kind {
                EventKind::Refused { faults, .. } => Some(faults.join("; ")),
                _ => None,
            })
            .collect();
        assert_eq!(faults[0], "line 5 is still a conflict marker: <<<<<<< #2");
        if status == JobStatus::NeedsDecision {
            assert_eq!(faults[1], "only app.py is asked for, not other.py");
        } else {
            assert_eq!(world.text(id, "app.py"), resolved_text());
        }
    }
}

#[test]
fn each_policy_does_what_it_says() {
    for (policy, clean, conflict, asked, runs) in [
        (MergePolicy::Fail, JobStatus::Completed, JobStatus::Failed, 0, 2),
        (MergePolicy::Clean, JobStatus::Completed, JobStatus::NeedsDecision, 0, 0),
        (MergePolicy::Verified, JobStatus::Completed, JobStatus::NeedsDecision, 1, 2),
        (MergePolicy::Ask, JobStatus::NeedsDecision, JobStatus::NeedsDecision, 0, 2),
    ] {
        let world = World::new(&[answers_with(&resolved_text())], &[]);
        let [ours, theirs] = apart(&world);
        let id = merge(&world, &[ours, theirs], with(policy));
        let job = world.run(id);
        assert_eq!((job.status, world.author.asked().len()), (clean, 0), "{policy:?}");
        assert_eq!(world.checks.runs.load(Ordering::Relaxed), runs, "{policy:?}");
        assert!(job.head.is_some());
        let stamps = if policy == MergePolicy::Clean { vec![Stamp::Unverified] } else { vec![] };
        assert_eq!(job.stamps, stamps, "{policy:?}");

        let [ours, theirs] = at_odds(&world);
        let id = merge(&world, &[ours, theirs], with(policy));
        let job = world.run(id);
        assert_eq!((job.status, world.author.asked().len(), job.head), (conflict, asked, None), "{policy:?}");
        if policy == MergePolicy::Fail {
            let reason = job.reason.unwrap();
            assert!(reason.starts_with("the policy is to fail: 2 paths are in conflict: app.py ("), "{reason}");
        }
    }
}

#[test]
fn a_merge_that_people_accept_is_kept_until_then_and_handed_over_with_their_word() {
    let world = quiet();
    let shelf = std::sync::Arc::new(Shelf { is_full: false, taken: std::sync::Mutex::default() });
    let place = shelf.clone();
    let engine = world.builder().deliveries(std::sync::Arc::new(move |_| Some(place.clone()))).build();
    let [ours, theirs] = apart(&world);
    let id = merge(&world, &[ours, theirs], with(MergePolicy::Ask));
    let job = finish(engine.run(id)).unwrap();
    assert_eq!((job.status, job.branch, lock(&shelf.taken).len()), (JobStatus::NeedsDecision, None, 0));
    let job = finish(engine.approve(id)).unwrap();
    assert_eq!((job.status, job.branch.as_deref()), (JobStatus::Completed, Some("vdo/x")));
    assert_eq!(*lock(&shelf.taken), [job.head.unwrap().root_hash]);
}

#[test]
fn what_cannot_be_decided_so_is_refused_and_nothing_changes() {
    let world = quiet();
    let [ours, theirs] = at_odds(&world);
    let id = merge(&world, &[ours, theirs], with(MergePolicy::Clean));
    assert_eq!(world.run(id).status, JobStatus::NeedsDecision);
    let engine = world.engine();
    let path = |text: &str| text.parse().unwrap();
    let resolve = |text: &str, resolution| finish(engine.resolve(id, &path(text), resolution, "a person"));
    let before = (finish(world.store.job(id)).unwrap(), world.events(id), finish(world.store.conflicts(id)).unwrap());
    let file = |text: &str| Resolution::File(text.as_bytes().to_vec());
    let refusal = |text: &str, resolution| match resolve(text, resolution) {
        Err(EngineError::Resolve(refusal)) => refusal.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refusal("no.py", Resolution::Take(Side::Ours)),
        format!("no.py is not in conflict in job {id}; open are app.py, old.py")
    );
    assert_eq!(refusal("app.py", file("a\n>>>>>>> #3\n")), "app.py: line 2 is still a conflict marker: >>>>>>> #3");
    let huge = Resolution::File(vec![b'a'; 16 * 1024 * 1024 + 1]);
    assert_eq!(refusal("app.py", huge), "app.py: it has 16777217 bytes; at most 16777216 are taken");
    assert_eq!(
        refusal("app.py", Resolution::Delete),
        "app.py is there on both sides; take one of them, or give the file"
    );
    assert_eq!(
        (finish(world.store.job(id)).unwrap(), world.events(id), finish(world.store.conflicts(id)).unwrap()),
        before
    );

    assert_eq!(resolve("app.py", file("mine\n")).unwrap().status, JobStatus::NeedsDecision);
    assert_eq!(refusal("app.py", Resolution::Take(Side::Ours)), "app.py is decided already: file by a person");
    // Two people at once: the one is told that the other was there.
    let both = ["old.py", "old.py"].map(|text| {
        let (engine, path) = (engine.clone(), path(text));
        async move { engine.resolve(id, &path, Resolution::Delete, "a person").await }
    });
    let [one, other] = both;
    let (one, other) = finish(futures_util::future::join(one, other));
    let refused = [&one, &other].into_iter().filter(|result| {
        matches!(
            result,
            Err(EngineError::Store(StoreError::Conflict { .. }) | EngineError::Resolve(ResolveRefusal::Decided { .. }))
        )
    });
    assert_eq!((one.is_ok() != other.is_ok(), refused.count()), (true, 1));
    assert!(matches!(resolve("old.py", Resolution::Delete), Err(EngineError::Resolve(ResolveRefusal::Decided { .. }))));
    let job = world.run(id);
    assert_eq!((job.status, world.text(id, "app.py").as_str()), (JobStatus::Completed, "mine\n"));
    assert!(matches!(resolve("old.py", Resolution::Delete), Err(EngineError::Resolve(_))));
}

#[test]
fn a_merge_with_a_description_is_planned_built_and_reviewed_like_any_job() {
    let tasks = plan(serde_json::json!([{"id": "a", "title": "A", "modify": ["app.py"], "create": ["theirs2.py"]}]));
    let build = format!("{}theirs2.py\n```\nx\n```\n", edit("app.py", "ten", "TEN"));
    let world = World::new(
        &[says("plan", None, 1, tasks), says("build", Some("a"), 1, build)],
        &[says("critique", None, 1, r#"{"findings": []}"#)],
    );
    let [ours, theirs] = apart(&world);
    let id = merge(&world, &[ours, theirs], |mut spec| {
        spec.description = "And shout.".to_owned();
        spec
    });
    assert_eq!(world.run(id).status, JobStatus::Completed);
    assert_eq!(world.text(id, "app.py"), "one\n2\n3\n4\n5\n6\n7\n8\n9\nTEN\n");
    assert_eq!(world.critic.asked(), ["critique/-/1/1"]);
    assert!(sources(&world, id).contains(&"created theirs2.py".to_owned()));
}

/// Two sides that are fine alone and whose merge fails the checks; and a conflict that a model solves.
fn story() -> World {
    World::new(
        &[answers_with(&resolved_text()), says("repair", None, 1, edit("theirs.py", "BUG", "fine"))],
        &[says("critique", None, 1, r#"{"findings": []}"#)],
    )
}

fn told(world: &World) -> JobId {
    let root = root(world);
    let (one, other) = (LINES.replace("5\n", "five\n"), LINES.replace("5\n", "V\n"));
    let ours = grown(world, "Ours", &[root], &[("app.py", Some(&one)), ("ours.py", Some("o\n"))]);
    let theirs = grown(world, "Theirs", &[root], &[("app.py", Some(&other)), ("theirs.py", Some("BUG\n"))]);
    merge(world, &[ours, theirs], |spec| spec)
}

fn outcome(world: &World, job: &Job) -> (JobStatus, Option<crate::content::BlobHash>, Vec<String>, Vec<String>) {
    let events = world.events(job.id);
    assert!(events.iter().map(|event| event.seq).eq(1..=events.len() as u64));
    let lasting = events.iter().filter_map(|event| match &event.kind {
        EventKind::Started { .. } | EventKind::CallSent { .. } | EventKind::CallFailed { .. } => None,
        EventKind::CallAnswered { step, cost, .. } => Some(format!("answered {step} {cost:?}")),
        other => Some(format!("{other:?}")),
    });
    let rows = finish(world.store.conflicts(job.id)).unwrap();
    let rows = rows.iter().map(|row| format!("{:?}", (row.ordinal, &row.path, &row.decision)));
    (job.status, job.head.as_ref().map(|head| head.root_hash), lasting.collect(), rows.collect())
}

#[test]
fn a_merge_whose_checks_fail_is_mended_and_reviewed() {
    let world = story();
    let id = told(&world);
    assert_eq!(world.run(id).status, JobStatus::Completed);
    assert_eq!(world.author.asked(), ["merge/c1/1/1", "repair/-/1/1"]);
    assert_eq!(world.critic.asked(), ["critique/-/1/1"]);
    let expected =
        ["modified app.py", "inherited base.html from #1", "inherited old.py from #1", "inherited ours.py from #2"];
    assert_eq!(sources(&world, id)[..4], expected);
    assert_eq!(sources(&world, id)[4], "modified theirs.py", "a repair wrote it last");
}

#[test]
fn a_merge_dropped_or_failing_anywhere_ends_with_the_same_tree_and_repeats_no_call() {
    let wanted = {
        let world = story();
        let id = told(&world);
        let job = world.run(id);
        outcome(&world, &job)
    };
    let mut polls = 1;
    loop {
        let world = story();
        let id = told(&world);
        if poll_times(world.engine().run(id), polls).is_some() {
            break;
        }
        let answered = world.author.answered();
        let kept: Vec<String> =
            world.steps(id).iter().filter(|step| step.answer.is_some()).map(|step| step.key.to_string()).collect();
        let job = world.run(id);
        assert_eq!(outcome(&world, &job), wanted, "dropped after {polls} polls");
        for step in kept.iter().filter(|step| answered.contains(step)) {
            let times = world.author.answered().iter().filter(|other| *other == step).count();
            assert_eq!(times, 1, "{step} is not asked again after {polls} polls");
        }
        polls += 1;
    }
    assert!(polls > 40, "the run waits in {polls} places only");
    for fault in [Fault::FailBefore, Fault::FailAfter] {
        let mut at = 0;
        loop {
            let world = story();
            let id = told(&world);
            *lock(&world.store.fault) = Some((at, fault));
            match finish(world.engine().run(id)) {
                Ok(_) => break,
                Err(EngineError::Store(StoreError::Backend { .. })) => {}
                Err(other) => panic!("{other:?}"),
            }
            let job = world.run(id);
            assert_eq!(outcome(&world, &job), wanted, "{fault:?} at commit {at}");
            at += 1;
        }
        assert!(at > 8, "the run commits {at} times only");
    }
}

#[test]
fn a_child_is_told_of_all_it_builds_on_and_of_every_file() {
    let tasks = plan(serde_json::json!([{"id": "a", "title": "A", "modify": ["theirs.py"]}]));
    let mut told = says("plan", None, 1, tasks);
    let lines = [
        "## This job extends\n- #4 Merge\n- #3 Theirs\n  Theirs, please.\n- #2 Ours\n  Ours, please.\n- #1 app\n",
        "- app.py\n- base.html\n- ours.py\n- theirs.py\n",
        "theirs.py\n```\nt\n```\n",
        "## The job\nMore\n\nMore of theirs.py, please.\n",
    ];
    told["when"]["contains"] = serde_json::json!(lines);
    let world = World::new(
        &[told, says("build", Some("a"), 1, edit("theirs.py", "t", "tt"))],
        &[says("critique", None, 1, r#"{"findings": []}"#)],
    );
    let [ours, theirs] = apart(&world);
    let merged = merge(&world, &[ours, theirs], |spec| spec);
    world.run(merged);
    let spec = JobSpec::new("More", "More of theirs.py, please.").with_parent(RevisionRef::head(merged));
    let id = finish(world.engine().create(spec.with_check("make check"))).unwrap();
    assert_eq!(world.run(id).status, JobStatus::Completed);
}
