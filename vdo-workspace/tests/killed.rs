//! Processes that are killed while they deliver to a folder, deliver to a branch, or keep a scan: what is there afterwards is
//! the old or the new, byte for byte, and the next one finishes. The processes are this test again, in the part of
//! [`a_child_that_is_killed`]; they are killed after random times.

#![cfg(all(feature = "git", feature = "scan", feature = "syntax"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use common::{git, job, revision, snapshot, source};
use vdo_core::context::query::Query;
use vdo_core::context::rank::Weights;
use vdo_core::edit::Whole;
use vdo_core::job::JobKind;
use vdo_core::port::{Deployer, Deployment, FileClass, TreeSource};
use vdo_workspace::deploy::{DirDeployer, RECORD_NAME};
use vdo_workspace::folder::{EditFailure, FolderEdit, MemorySource};
use vdo_workspace::git::GitBranchDeployer;
use vdo_workspace::scan::WorkspaceScanner;
use vdo_workspace::syntax::TreeSitterSyntax;

const ROLE: &str = "VDO_TEST_ROLE";
const PLACE: &str = "VDO_TEST_PLACE";
const BEGIN: &str = "VDO_TEST_BEGIN";

/// Numbers that look random and are the same in every run.
struct Lots(u64);

impl Lots {
    fn next(&mut self, below: u64) -> u64 {
        // The constants of Knuth's MMIX.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

/// The tree of a version: many files, some of which only every other version has.
fn tree(version: u32) -> MemorySource {
    let mut files = vec![("link".to_owned(), "d0/f0".to_owned())];
    for number in 0..120 {
        files.push((format!("d{}/f{number}", number % 7), format!("{version} {number}\n").repeat(50)));
    }
    files.push((format!("only/{}", version % 2), format!("{version}")));
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (if path == "link" { "l:link" } else { path.as_str() }, text.as_str()))
        .collect();
    source(&files)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn deliver(deployer: &dyn Deployer, version: u32) {
    let tree = tree(version);
    let (job, _) = job(1, "x", &[], JobKind::Work, &tree);
    let revision = revision(1, version, tree.tree().root_hash());
    runtime().block_on(deployer.deploy(Deployment::new(&job, &revision, &[], &tree))).unwrap();
}

/// Starts a child in a role, waits for its first round, and kills it after a random time.
fn kill(role: &str, place: &Path, begin: u32, lots: &mut Lots, longest: u64) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_child_that_is_killed", "--ignored", "--nocapture"])
        .envs([(ROLE, role), (PLACE, place.to_str().unwrap()), (BEGIN, &begin.to_string())])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("begun")), "the child did not begin");
    std::thread::sleep(Duration::from_micros(lots.next(longest)));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
#[ignore = "is started by the others, and killed"]
fn a_child_that_is_killed() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let place = PathBuf::from(std::env::var(PLACE).unwrap());
    let begin: u32 = std::env::var(BEGIN).unwrap().parse().unwrap();
    println!("begun");
    for version in begin.. {
        match role.as_str() {
            "dir" => deliver(&DirDeployer::new(place.join("out")), version),
            "git" => deliver(&GitBranchDeployer::new(&place), version),
            "scan" => drop(scan(&place, version)),
            "apply" => apply(&place, version).unwrap(),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_delivery_to_a_folder_that_is_killed_leaves_the_old_tree_or_the_new_and_the_next_one_finishes() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let mut lots = Lots(1);
    let (mut version, mut left) = (1, 0);
    deliver(&DirDeployer::new(&out), version);
    for round in 0..40 {
        kill("dir", dir.path(), version + 1, &mut lots, 30_000);
        let record: serde_json::Value = serde_json::from_slice(&fs::read(out.join(RECORD_NAME)).unwrap()).unwrap();
        let found = u32::try_from(record["revision"].as_u64().unwrap()).unwrap();
        assert!(found >= version, "round {round}: {found} after {version}");
        assert_holds(&out, found);
        left += usize::from(fs::read_dir(dir.path()).unwrap().count() > 1);
        // The same again finishes and cleans up; so does the next.
        version = found + u32::from(round % 2 == 0);
        deliver(&DirDeployer::new(&out), version);
        assert_holds(&out, version);
        let names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["out"], "round {round}");
    }
    assert!(left > 0, "no delivery was killed in the middle");
}

#[track_caller]
fn assert_holds(out: &Path, version: u32) {
    let mut found = snapshot(out);
    found.retain(|(name, ..)| name != RECORD_NAME);
    let wanted = tempfile::tempdir().unwrap();
    let wanted = wanted.path().join("out");
    runtime().block_on(vdo_workspace::folder::materialise(&tree(version), &wanted)).unwrap();
    assert!(found == snapshot(&wanted), "the folder is not exactly version {version}");
}

#[test]
fn a_delivery_to_a_branch_that_is_killed_leaves_the_old_commit_or_the_new_and_the_next_one_finishes() {
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q"]);
    fs::write(dir.path().join("mine"), "mine").unwrap();
    git(dir.path(), &["add", "-A"]);
    git(dir.path(), &["commit", "-q", "-m", "mine"]);
    let mut lots = Lots(2);
    let mut version = 1;
    deliver(&GitBranchDeployer::new(dir.path()), version);
    for round in 0..30 {
        kill("git", dir.path(), version + 1, &mut lots, 40_000);
        git(dir.path(), &["fsck", "--strict"]);
        let found: u32 = git(dir.path(), &["show", "vdo/job-1-x:d0/f0"]).split(' ').next().unwrap().parse().unwrap();
        assert!(found >= version, "round {round}");
        assert_branch_holds(dir.path(), found);
        version = found + u32::from(round % 2 == 0);
        make_old(&dir.path().join(".git/refs/heads/vdo/job-1-x.lock"));
        deliver(&GitBranchDeployer::new(dir.path()), version);
        assert_branch_holds(dir.path(), version);
        assert_eq!(git(dir.path(), &["status", "--porcelain"]), "", "round {round}");
    }
    git(dir.path(), &["fsck", "--strict"]);
}

#[track_caller]
fn assert_branch_holds(repo: &Path, version: u32) {
    let out = tempfile::tempdir().unwrap();
    let (branch, out) = ("vdo/job-1-x", out.path().join("out"));
    git(repo, &["worktree", "prune"]);
    fs::create_dir(&out).unwrap();
    let tar = out.with_extension("tar");
    git(repo, &["archive", "-o", tar.to_str().unwrap(), branch]);
    assert!(Command::new("tar").arg("-xf").arg(&tar).arg("-C").arg(&out).status().unwrap().success());
    let wanted = out.with_extension("wanted");
    runtime().block_on(vdo_workspace::folder::materialise(&tree(version), &wanted)).unwrap();
    assert!(snapshot(&out) == snapshot(&wanted), "the branch is not exactly version {version}");
}

/// Makes a lock as old as it is when a person starts the command again.
fn make_old(lock: &Path) {
    if let Ok(file) = fs::OpenOptions::new().write(true).open(lock) {
        file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
    }
}

#[test]
fn the_lock_of_a_delivery_that_was_killed_is_in_nobodys_way() {
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q", "--bare"]);
    deliver(&GitBranchDeployer::new(dir.path()), 1);
    let lock = dir.path().join("refs/heads/vdo/job-1-x.lock");
    fs::write(&lock, "").unwrap();
    make_old(&lock);
    deliver(&GitBranchDeployer::new(dir.path()), 2);
    assert_branch_holds(dir.path(), 2);
    assert!(!lock.exists());
    // One that is young may be somebody's at work: it is left, and told.
    fs::write(&lock, "").unwrap();
    let tree = tree(3);
    let (job, _) = job(1, "x", &[], JobKind::Work, &tree);
    let revision = revision(1, 3, tree.tree().root_hash());
    let deployer = GitBranchDeployer::new(dir.path());
    let error = runtime().block_on(deployer.deploy(Deployment::new(&job, &revision, &[], &tree))).unwrap_err();
    assert!(error.to_string().contains("another process holds the lock of refs/heads/vdo/job-1-x"), "{error}");
    assert!(lock.exists());
    assert_branch_holds(dir.path(), 2);
}

/// Scans a folder whose files are others in every version; returns what is found.
fn scan(place: &Path, version: u32) -> Vec<String> {
    let (root, cache) = (place.join(format!("root{version}")), place.join("cache"));
    if !root.exists() {
        for number in 0..30 {
            let file = root.join(format!("m{}/f{number}.py", number % 3));
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, format!("def discount_{version}_{number}(customer):\n    return {version}\n")).unwrap();
        }
    }
    let scanner = WorkspaceScanner::new(Arc::new(TreeSitterSyntax)).with_cache(&cache);
    let found = scanner.folder(&root).unwrap();
    let ranked = found.ranked(FileClass::Source, &Query::of("discount customer"), &Weights::default(), 100);
    ranked.iter().map(|file| file.path.to_string()).collect()
}

#[test]
fn a_scan_that_is_killed_leaves_a_cache_that_the_next_one_reads_and_cleans() {
    let dir = tempfile::tempdir().unwrap();
    let mut lots = Lots(3);
    let mut version = 1;
    for round in 0..25 {
        kill("scan", dir.path(), version, &mut lots, 60_000);
        version = (1..).find(|version| !dir.path().join(format!("root{version}")).exists()).unwrap();
        // What the child did not write whole of the folder it was killed in is not of interest.
        let _ = fs::remove_dir_all(dir.path().join(format!("root{}", version - 1)));
        let fresh = tempfile::tempdir().unwrap();
        let (found, wanted) = (scan(dir.path(), version), scan_at(fresh.path(), dir.path(), version));
        assert_eq!(found, wanted, "round {round}");
        let left: Vec<String> =
            files(&dir.path().join("cache")).into_iter().filter(|name| name.ends_with(".tmp")).collect();
        assert_eq!(left, Vec::<String>::new(), "round {round}");
        version += 1;
    }
}

/// As [`scan`], with another cache.
fn scan_at(cache: &Path, place: &Path, version: u32) -> Vec<String> {
    let scanner = WorkspaceScanner::new(Arc::new(TreeSitterSyntax)).with_cache(cache);
    let found = scanner.folder(&place.join(format!("root{version}"))).unwrap();
    let ranked = found.ranked(FileClass::Source, &Query::of("discount customer"), &Weights::default(), 100);
    ranked.iter().map(|file| file.path.to_string()).collect()
}

fn files(dir: &Path) -> Vec<String> {
    snapshot(dir).into_iter().map(|(name, ..)| name).collect()
}

/// Makes an edit of twelve files that turns the version before into this one.
fn apply(root: &Path, version: u32) -> Result<(), EditFailure> {
    let mut reply = String::new();
    for number in 0..12 {
        let text = |version: u32| format!("version {version}\n");
        reply.push_str(&format!(
            "p{}/f{number}.txt\n<<<<<<< SEARCH\n{}=======\n{}>>>>>>> REPLACE\n\n",
            number % 3,
            text(version - 1),
            text(version)
        ));
    }
    FolderEdit::plan(root, &reply, None, Whole::Yes)?.write().map(drop)
}

#[test]
fn edits_that_are_killed_are_taken_back_whole_and_can_be_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut lots = Lots(4);
    let mut interrupted = 0;
    for round in 0..40 {
        for number in 0..12 {
            let file = dir.path().join(format!("p{}/f{number}.txt", number % 3));
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "version 1\n").unwrap();
        }
        kill("apply", dir.path(), 2, &mut lots, 30_000);
        let back = FolderEdit::recover(dir.path()).unwrap();
        interrupted += usize::from(!back.is_empty());
        let mut versions = BTreeSet::new();
        for (name, bytes, _) in snapshot(dir.path()).into_iter().filter(|(name, ..)| !name.ends_with(".tmp")) {
            let text = String::from_utf8(bytes).unwrap();
            let version = text.strip_prefix("version ").and_then(|rest| rest.strip_suffix('\n')?.parse::<u32>().ok());
            versions.insert(version.unwrap_or_else(|| panic!("round {round}: {name} is {text:?}")));
        }
        assert_eq!(versions.len(), 1, "round {round}: all of it or nothing: {versions:?}");
        let found = *versions.first().unwrap();
        apply(dir.path(), found + 1).unwrap();
        let left: Vec<String> = files(dir.path()).into_iter().filter(|name| name.starts_with(".vdo")).collect();
        assert_eq!(left, Vec::<String>::new(), "round {round}");
        assert_eq!(files(dir.path()).len(), 12, "round {round}");
    }
    assert!(interrupted > 0, "no edit was killed in the middle");
}

#[test]
fn what_somebody_changed_after_the_kill_is_not_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut lots = Lots(5);
    for round in 0.. {
        assert!(round < 200, "no edit was killed in the middle");
        for number in 0..12 {
            let file = dir.path().join(format!("p{}/f{number}.txt", number % 3));
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "version 1\n").unwrap();
        }
        kill("apply", dir.path(), 2, &mut lots, 30_000);
        if dir.path().join(".vdo-apply.json").exists() {
            break;
        }
    }
    fs::write(dir.path().join("p0/f0.txt"), "mine\n").unwrap();
    let refused = apply(dir.path(), 9);
    assert!(matches!(refused, Err(EditFailure::Refused(_) | EditFailure::Io { .. })), "{refused:?}");
    FolderEdit::recover(dir.path()).unwrap();
    assert_eq!(fs::read_to_string(dir.path().join("p0/f0.txt")).unwrap(), "mine\n");
    assert!(!dir.path().join(".vdo-apply.json").exists());
}
