//! Deliveries to branches, judged by the real git.

#![cfg(all(feature = "git", feature = "scan"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::path::Path;

use common::{git, id, job, revision, snapshot, source};
use vdo_core::job::{Job, JobKind, Revision};
use vdo_core::port::{Delivery, DeployError, Deployer, Deployment, TreeSource};
use vdo_workspace::folder::{MemorySource, materialise};
use vdo_workspace::git::GitBranchDeployer;
use vdo_workspace::import::ImportLimits;
use vdo_workspace::repository;

async fn deliver(
    repo: &Path,
    (job, revision): &(Job, Revision),
    lineage: &[(Job, Revision)],
    source: &dyn TreeSource,
) -> Result<Delivery, DeployError> {
    GitBranchDeployer::new(repo).deploy(Deployment::new(job, revision, lineage, source)).await
}

fn files() -> MemorySource {
    source(&[
        ("README.md", "hello\n"),
        ("a-b", "1"),
        ("a/b/c.txt", "deep"),
        ("a/b.txt", ""),
        ("a.txt", "2"),
        ("x:run.sh", "#!/bin/sh\n"),
        ("l:link", "a/b/c.txt"),
        ("ü ñ.txt", "unicode"),
        ("m:lib/sub", "0123456789abcdef0123456789abcdef01234567"),
    ])
}

/// The lines `git ls-tree -r` must print for a tree.
async fn expected(repo: &Path, source: &dyn TreeSource) -> Vec<String> {
    use vdo_core::content::Mode;
    let mut lines = Vec::new();
    for (path, entry) in &source.tree().0 {
        let bytes = source.read(&[entry.blob]).await.unwrap().remove(0);
        let scratch = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(scratch.path(), &bytes).unwrap();
        let oid = git(repo, &["hash-object", "--no-filters", scratch.path().to_str().unwrap()]).trim().to_owned();
        lines.push(match entry.mode {
            Mode::File => format!("100644 blob {oid}\t{path}"),
            Mode::Executable => format!("100755 blob {oid}\t{path}"),
            Mode::Symlink => format!("120000 blob {oid}\t{path}"),
            Mode::Submodule => format!("160000 commit {}\t{path}", str::from_utf8(&bytes).unwrap()),
        });
    }
    lines.sort_by(|one, two| one.split('\t').nth(1).cmp(&two.split('\t').nth(1)));
    lines
}

fn listed(repo: &Path, branch: &str) -> Vec<String> {
    let text = git(repo, &["-c", "core.quotePath=false", "ls-tree", "-r", branch]);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort_by(|one, two| one.split('\t').nth(1).cmp(&two.split('\t').nth(1)));
    lines
}

#[tokio::test]
async fn the_branch_holds_exactly_the_tree_in_every_kind_of_repository() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    git(root, &["init", "-q", "empty"]);
    git(root, &["init", "-q", "--bare", "bare"]);
    git(root, &["init", "-q", "detached"]);
    git(&root.join("detached"), &["commit", "-q", "--allow-empty", "-m", "one"]);
    git(&root.join("detached"), &["checkout", "-q", "--detach"]);
    git(root, &["init", "-q", "main"]);
    git(&root.join("main"), &["commit", "-q", "--allow-empty", "-m", "one"]);
    git(&root.join("main"), &["worktree", "add", "-q", "../tree"]);
    let tree = files();
    for name in ["empty", "bare", "detached", "tree"] {
        let repo = root.join(name);
        let one = job(1, "Say hello", &[], JobKind::Work, &tree);
        let delivery = deliver(&repo, &one, &[], &tree).await.unwrap();
        assert_eq!(delivery.branch.as_deref(), Some("vdo/job-1-say-hello"));
        assert_eq!(listed(&repo, "vdo/job-1-say-hello"), expected(&repo, &tree).await, "{name}");
        git(&repo, &["fsck", "--strict"]);
        let before = git(&repo, &["rev-parse", "vdo/job-1-say-hello"]);
        assert_eq!(deliver(&repo, &one, &[], &tree).await.unwrap(), delivery);
        assert_eq!(git(&repo, &["rev-parse", "vdo/job-1-say-hello"]), before);
        let trailers = git(&repo, &["log", "-1", "--format=%(trailers:only)|%an|%s", "vdo/job-1-say-hello"]);
        let hash = tree.tree().root_hash();
        assert!(trailers.starts_with("VDO-Job: 1\nVDO-Revision: 1\n"), "{trailers}");
        assert!(trailers.contains(&format!("VDO-Root-Hash: {hash}\n")) && trailers.ends_with("|VDO|Say hello\n"));
    }
}

#[tokio::test]
async fn a_dirty_checkout_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let repo = dir.path().join("r");
    git(dir.path(), &["init", "-q", "r"]);
    std::fs::write(repo.join("a.txt"), "one").unwrap();
    git(&repo, &["add", "."]);
    git(&repo, &["commit", "-q", "-m", "one"]);
    std::fs::write(repo.join("a.txt"), "two").unwrap();
    std::fs::write(repo.join("b.txt"), "staged").unwrap();
    git(&repo, &["add", "b.txt"]);
    std::fs::write(repo.join("b.txt"), "and changed").unwrap();
    std::fs::write(repo.join("new.txt"), "untracked").unwrap();
    let state = || {
        let status = git(&repo, &["status", "--porcelain=v2", "--branch"]);
        let refs = git(&repo, &["for-each-ref", "--format=%(refname) %(objectname)"]);
        let refs: Vec<_> = refs.lines().filter(|line| !line.contains("/vdo/")).map(str::to_owned).collect();
        let mut files = snapshot(&repo);
        files.retain(|(name, ..)| !name.starts_with(".git/objects") && !name.contains("/vdo/"));
        (status, refs, files)
    };
    let before = state();
    let tree = files();
    deliver(&repo, &job(1, "x", &[], JobKind::Work, &tree), &[], &tree).await.unwrap();
    assert_eq!(state(), before);
}

#[tokio::test]
async fn the_commit_graph_is_the_lineage() {
    let dir = tempfile::tempdir().unwrap();
    let repo = dir.path().join("r");
    git(dir.path(), &["init", "-q", "r"]);
    std::fs::write(repo.join("a.txt"), "one").unwrap();
    git(&repo, &["add", "."]);
    git(&repo, &["commit", "-q", "-m", "one"]);
    let head = git(&repo, &["rev-parse", "HEAD"]).trim().to_owned();
    let imported = repository::import(&repo, &ImportLimits::default()).unwrap();
    assert!(!imported.origin.as_ref().unwrap().dirty);
    let spec = imported.spec();
    let base = imported.into_source();
    let mut import = job(1, "Import r", &[], JobKind::Import, &base);
    import.0.spec = spec;
    // The user goes on working; the recorded commit is still the parent.
    git(&repo, &["commit", "-q", "--allow-empty", "-m", "two"]);
    let (two, three, four) = (source(&[("a.txt", "2")]), source(&[("a.txt", "3")]), source(&[("a.txt", "4")]));
    let (j2, j3) = (job(2, "two", &[1], JobKind::Work, &two), job(3, "three", &[1], JobKind::Work, &three));
    let j4 = job(4, "merge", &[2, 3], JobKind::Work, &four);
    let parents = |branch: &str| git(&repo, &["log", "-1", "--format=%P", branch]).trim().to_owned();
    deliver(&repo, &j2, &[import.clone(), j2.clone()], &two).await.unwrap();
    assert_eq!(parents("vdo/job-2-two"), head);
    // Job 3 was never delivered; its tree is at hand and becomes a commit without a branch.
    let lineage = [import.clone(), j2.clone(), j3.clone(), j4.clone()];
    let ancestors: [(_, &dyn TreeSource); 1] = [(id(3), &three)];
    let deployment = Deployment::new(&j4.0, &j4.1, &lineage, &four).with_ancestors(&ancestors);
    GitBranchDeployer::new(&repo).deploy(deployment).await.unwrap();
    let tip2 = git(&repo, &["rev-parse", "vdo/job-2-two"]).trim().to_owned();
    let merged = parents("vdo/job-4-merge");
    let (first, second) = merged.split_once(' ').unwrap();
    assert_eq!(first, tip2);
    assert_eq!(git(&repo, &["log", "-1", "--format=%s %P", second]).trim(), format!("three {head}"));
    assert!(git(&repo, &["log", "-1", "--format=%B", "vdo/job-4-merge"]).contains("VDO-Parent: 2\nVDO-Parent: 3\n"));
    // Delivering job 3 afterwards gives the very commit the merge was built on.
    deliver(&repo, &j3, &[import, j3.clone()], &three).await.unwrap();
    assert_eq!(git(&repo, &["rev-parse", "vdo/job-3-three"]).trim(), second);
    git(&repo, &["fsck", "--strict"]);
}

#[tokio::test]
async fn an_import_with_uncommitted_work_sits_on_the_commit_it_came_from() {
    let dir = tempfile::tempdir().unwrap();
    let repo = dir.path().join("r");
    git(dir.path(), &["init", "-q", "r"]);
    std::fs::write(repo.join("a.txt"), "one").unwrap();
    git(&repo, &["add", "."]);
    git(&repo, &["commit", "-q", "-m", "one"]);
    let head = git(&repo, &["rev-parse", "HEAD"]).trim().to_owned();
    std::fs::write(repo.join("a.txt"), "work").unwrap();
    let imported = repository::import(&repo, &ImportLimits::default()).unwrap();
    assert!(imported.origin.as_ref().unwrap().dirty);
    let spec = imported.spec();
    let base = imported.into_source();
    let mut import = job(1, "Import r", &[], JobKind::Import, &base);
    import.0.spec = spec;
    let two = source(&[("a.txt", "2")]);
    let j2 = job(2, "two", &[1], JobKind::Work, &two);
    let lineage = [import, j2.clone()];
    let ancestors: [(_, &dyn TreeSource); 1] = [(id(1), &base)];
    let deployment = Deployment::new(&j2.0, &j2.1, &lineage, &two).with_ancestors(&ancestors);
    GitBranchDeployer::new(&repo).deploy(deployment).await.unwrap();
    assert_eq!(git(&repo, &["show", "vdo/job-2-two^:a.txt"]), "work");
    assert_eq!(git(&repo, &["rev-parse", "vdo/job-2-two^^"]).trim(), head);
}

#[tokio::test]
async fn a_new_revision_is_a_further_commit_and_strangers_work_is_drift() {
    let dir = tempfile::tempdir().unwrap();
    let repo = dir.path().join("r");
    git(dir.path(), &["init", "-q", "r"]);
    git(&repo, &["commit", "-q", "--allow-empty", "-m", "one"]);
    let (one, two) = (source(&[("a", "1")]), source(&[("a", "2")]));
    let (mut j, r1) = job(7, "seven", &[], JobKind::Work, &one);
    deliver(&repo, &(j.clone(), r1), &[], &one).await.unwrap();
    j.spec.title = "another title".to_owned();
    let r2 = revision(7, 2, two.tree().root_hash());
    deliver(&repo, &(j.clone(), r2.clone()), &[], &two).await.unwrap();
    assert_eq!(
        git(&repo, &["log", "--format=%(trailers:key=VDO-Revision,valueonly,separator=)", "vdo/job-7-seven"]),
        "2\n1\n"
    );
    assert_eq!(git(&repo, &["branch", "--list", "vdo/*", "--format=%(refname:short)"]), "vdo/job-7-seven\n");
    // A job of the same number from another store.
    let mut other = j.clone();
    other.created.0 += 1;
    other.spec.title = "seven".to_owned();
    let three = source(&[("a", "3")]);
    let r3 = revision(7, 3, three.tree().root_hash());
    let before = git(&repo, &["rev-parse", "vdo/job-7-seven"]);
    let delivery = deliver(&repo, &(other, r3.clone()), &[], &three).await.unwrap();
    assert_eq!(delivery.branch.as_deref(), Some("vdo/job-7-seven-2"), "it gets a branch of its own");
    assert_eq!(git(&repo, &["rev-parse", "vdo/job-7-seven"]), before, "and this one stays as it was");
    // The branch is checked out.
    git(&repo, &["checkout", "-q", "vdo/job-7-seven"]);
    j.branch = Some("vdo/job-7-seven".to_owned());
    assert!(matches!(deliver(&repo, &(j.clone(), r3.clone()), &[], &three).await, Err(DeployError::Target { .. })));
    deliver(&repo, &(j.clone(), r2), &[], &two).await.unwrap();
    // Somebody amends it, keeping the message; then commits on top.
    std::fs::write(repo.join("a"), "mine").unwrap();
    git(&repo, &["commit", "-q", "-a", "--amend", "--no-edit"]);
    git(&repo, &["checkout", "-q", "main"]);
    let tip = git(&repo, &["rev-parse", "vdo/job-7-seven"]);
    assert!(matches!(deliver(&repo, &(j.clone(), r3.clone()), &[], &three).await, Err(DeployError::Drift { .. })));
    git(&repo, &["checkout", "-q", "vdo/job-7-seven"]);
    git(&repo, &["commit", "-q", "--allow-empty", "-m", "human"]);
    git(&repo, &["checkout", "-q", "main"]);
    let error = deliver(&repo, &(j, r3), &[], &three).await.unwrap_err();
    assert!(matches!(error, DeployError::Drift { .. }), "{error}");
    assert_eq!(git(&repo, &["rev-parse", "vdo/job-7-seven^"]), tip);
}

#[tokio::test]
async fn unfit_targets_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let tree = files();
    let one = job(1, "x", &[], JobKind::Work, &tree);
    assert!(matches!(deliver(dir.path(), &one, &[], &tree).await, Err(DeployError::Target { .. })));
    git(dir.path(), &["init", "-q", "r"]);
    let repo = dir.path().join("r");
    let sub = repo.join("sub");
    std::fs::create_dir(&sub).unwrap();
    assert!(matches!(deliver(&sub, &one, &[], &tree).await, Err(DeployError::Target { .. })));
    git(&repo, &["commit", "-q", "--allow-empty", "-m", "one"]);
    git(&repo, &["branch", "vdo"]);
    assert!(matches!(deliver(&repo, &one, &[], &tree).await, Err(DeployError::Target { .. })));
    // An unborn branch of that name is checked out.
    git(dir.path(), &["init", "-q", "-b", "vdo/job-1-x", "unborn"]);
    assert!(matches!(deliver(&dir.path().join("unborn"), &one, &[], &tree).await, Err(DeployError::Target { .. })));
    let other = source(&[("a", "1")]);
    assert!(matches!(deliver(&repo, &one, &[], &other).await, Err(DeployError::Target { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_jobs_may_be_delivered_at_once() {
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q", "r"]);
    let repo = dir.path().join("r");
    let base = files();
    let parent = job(1, "base", &[], JobKind::Work, &base);
    let tasks: Vec<_> = (2..10)
        .map(|number| {
            let (repo, parent, base) = (repo.clone(), parent.clone(), base.clone());
            tokio::spawn(async move {
                let tree =
                    base.clone().with_file("n".parse().unwrap(), vdo_core::content::Mode::File, number.to_string());
                let one = job(number, "t", &[1], JobKind::Work, &tree);
                let lineage = [parent];
                let ancestors: [(_, &dyn TreeSource); 1] = [(id(1), &base)];
                let deployment = Deployment::new(&one.0, &one.1, &lineage, &tree).with_ancestors(&ancestors);
                GitBranchDeployer::new(&repo).deploy(deployment).await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let bases = git(&repo, &["for-each-ref", "--format=%(parent)", "refs/heads/vdo"]);
    let bases: Vec<_> = bases.lines().collect();
    assert_eq!((bases.len(), bases.iter().all(|base| base == &bases[0])), (8, true));
    git(&repo, &["fsck", "--strict"]);
}

#[tokio::test]
async fn what_was_delivered_is_imported_as_the_same_tree() {
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q", "--bare", "-b", "vdo/job-1-x", "bare"]);
    let repo = dir.path().join("bare");
    let tree = files();
    deliver(&repo, &job(1, "x", &[], JobKind::Work, &tree), &[], &tree).await.unwrap();
    let bare = repository::import(&repo, &ImportLimits::default()).unwrap();
    assert_eq!((&bare.tree, bare.origin.unwrap().dirty), (tree.tree(), false));
    git(dir.path(), &["clone", "-q", "bare", "clone"]);
    let clone = repository::import(&dir.path().join("clone"), &ImportLimits::default()).unwrap();
    assert_eq!((&clone.tree, clone.origin.unwrap().dirty), (tree.tree(), false));
    let out = dir.path().join("out");
    assert_eq!(materialise(&tree, &out).await.unwrap().refused, []);
}
