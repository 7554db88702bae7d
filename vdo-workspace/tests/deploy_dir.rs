//! Deliveries to folders.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use common::{id, job, revision, snapshot, source};
use vdo_core::content::BlobHash;
use vdo_core::file::FileRow;
use vdo_core::job::JobKind;
use vdo_core::path::RepoPath;
use vdo_core::port::{Delivery, DeployError, Deployer, Deployment, TreeSource};
use vdo_core::tree::{Manifest, ManifestEntry};
use vdo_workspace::deploy::{DirDeployer, RECORD_NAME};
use vdo_workspace::folder::MemorySource;

async fn deliver(dir: &Path, number: u32, tree: &MemorySource) -> Result<Delivery, DeployError> {
    let (job, _) = job(1, "x", &[], JobKind::Work, tree);
    let revision = revision(1, number, tree.tree().root_hash());
    DirDeployer::new(dir).deploy(Deployment::new(&job, &revision, &[], tree)).await
}

fn names(dir: &Path) -> Vec<String> {
    snapshot(dir).into_iter().map(|(name, ..)| name).collect()
}

fn drift(result: Result<Delivery, DeployError>) -> String {
    match result {
        Err(DeployError::Drift { what, .. }) => what,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_folder_holds_the_newest_tree_and_nothing_stale() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("new/out");
    let one = source(&[("a", "1"), ("x:b/run", "2"), ("old/deep/c", "3"), ("l:link", "b/run")]);
    let two = source(&[("a", "2"), ("b/run", "2")]);
    assert_eq!(deliver(&out, 1, &one).await.unwrap().files, 4);
    let before = snapshot(&out);
    assert_eq!(
        before.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>(),
        [RECORD_NAME, "a", "b/run", "link", "old/deep/c"]
    );
    let inode = |path: &Path| std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap());
    let node = inode(&out);
    deliver(&out, 1, &one).await.unwrap();
    assert_eq!((snapshot(&out), inode(&out)), (before, node));
    deliver(&out, 2, &two).await.unwrap();
    assert_eq!(names(&out), [RECORD_NAME, "a", "b/run"]);
    assert!(!out.join("old").exists());
    assert_eq!(fs::read_dir(dir.path().join("new")).unwrap().count(), 1, "nothing is left beside it");
    deliver(&out, 3, &one).await.unwrap();
    assert_eq!(names(&out).len(), 5);
}

#[tokio::test]
async fn the_record_tells_where_each_file_comes_from() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let tree = source(&[("app.py", "2"), ("base.html", "1"), ("x:run", "3")]);
    let (root, first) = job(1, "root", &[], JobKind::Import, &source(&[]));
    let (child, _) = job(2, "child", &[1], JobKind::Work, &tree);
    let second = revision(2, 3, tree.tree().root_hash());
    let lineage = [(root, first), (child.clone(), second.clone())];
    let origins = [("app.py", 2, "modified"), ("base.html", 1, "inherited"), ("run", 2, "created")];
    let (mut manifest, mut rows) = (Manifest::default(), Vec::new());
    for (path, job, source) in origins {
        let path: RepoPath = path.parse().unwrap();
        manifest.0.insert(path.clone(), ManifestEntry { entry: tree.tree().0[&path], job: id(job) });
        rows.push(FileRow { filename: path, source: source.to_owned(), from_job: None });
    }
    rows.push(FileRow { filename: "gone.py".parse().unwrap(), source: "deleted".to_owned(), from_job: None });
    let deployment = || Deployment::new(&child, &second, &lineage, &tree).with_manifest(&manifest).with_files(&rows);
    DirDeployer::new(&out).deploy(deployment()).await.unwrap();
    let record: serde_json::Value = serde_json::from_slice(&fs::read(out.join(RECORD_NAME)).unwrap()).unwrap();
    let hash = |text: &str| BlobHash::of(text.as_bytes()).to_string();
    assert_eq!(
        record,
        serde_json::json!({
            "version": 2, "job": 2, "revision": 3, "root_hash": tree.tree().root_hash().to_string(),
            "files": {
                "app.py": {"blob": hash("2"), "mode": "file", "job": 2, "revision": 3, "source": "modified"},
                "base.html": {"blob": hash("1"), "mode": "file", "job": 1, "revision": 1, "source": "inherited"},
                "run": {"blob": hash("3"), "mode": "executable", "job": 2, "revision": 3, "source": "created"},
            },
        })
    );
    // A record that an older version wrote is known, and replaced.
    let old = fs::read_to_string(out.join(RECORD_NAME)).unwrap().replace("\"version\": 2", "\"version\": 1");
    fs::write(out.join(RECORD_NAME), old).unwrap();
    DirDeployer::new(&out).deploy(deployment()).await.unwrap();
    assert!(fs::read_to_string(out.join(RECORD_NAME)).unwrap().contains("\"version\": 2"));
}

#[tokio::test]
async fn what_others_did_to_the_folder_is_told_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let (one, two) = (source(&[("a", "1"), ("b/c", "2")]), source(&[("a", "2")]));
    deliver(&out, 1, &one).await.unwrap();
    fs::write(out.join("a"), "mine").unwrap();
    fs::write(out.join("b/mine"), "x").unwrap();
    fs::remove_file(out.join("b/c")).unwrap();
    fs::create_dir(out.join("empty")).unwrap();
    let before = snapshot(&out);
    let what = drift(deliver(&out, 2, &two).await);
    assert_eq!(what, "a was changed, empty was added, b/mine was added, b/c was deleted");
    assert_eq!(snapshot(&out), before);
    assert_eq!(drift(deliver(&out, 1, &one).await), what, "also for the same revision");
    for number in 0..30 {
        fs::write(out.join(format!("n{number}")), "").unwrap();
    }
    assert_eq!(drift(deliver(&out, 2, &two).await).split(", ").count(), 10);
}

#[tokio::test]
async fn unfit_targets_are_refused_and_stay_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let tree = source(&[("a", "1")]);
    let full = dir.path().join("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("mine"), "x").unwrap();
    fs::write(dir.path().join("file"), "x").unwrap();
    fs::create_dir(dir.path().join("empty")).unwrap();
    std::os::unix::fs::symlink("empty", dir.path().join("link")).unwrap();
    for name in ["full", "file", "link"] {
        assert!(matches!(deliver(&dir.path().join(name), 1, &tree).await, Err(DeployError::Target { .. })), "{name}");
    }
    assert_eq!(names(&full), ["mine"]);
    deliver(&dir.path().join("empty"), 1, &tree).await.unwrap();
    let out = dir.path().join("out");
    for hostile in [source(&[("a", "1"), ("l:x", "../..")]), source(&[(".VDO-deploy.json", "{}")])] {
        assert!(matches!(deliver(&out, 1, &hostile).await, Err(DeployError::Target { .. })));
    }
    assert!(!out.exists() && !dir.path().join(".out.vdo-stage").exists());
}

#[tokio::test]
async fn what_a_killed_delivery_left_is_cleared() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let (one, two) = (source(&[("a", "1")]), source(&[("a", "2")]));
    deliver(&out, 1, &one).await.unwrap();
    // Killed while building.
    fs::create_dir(dir.path().join(".out.vdo-stage")).unwrap();
    fs::write(dir.path().join(".out.vdo-stage/half"), "x").unwrap();
    deliver(&out, 2, &two).await.unwrap();
    assert_eq!(fs::read_to_string(out.join("a")).unwrap(), "2");
    // Killed between two renames, on a file system that cannot exchange.
    fs::rename(&out, dir.path().join(".out.vdo-aside")).unwrap();
    deliver(&out, 3, &one).await.unwrap();
    assert_eq!((names(&out).len(), fs::read_dir(dir.path()).unwrap().count()), (2, 1));
    // Killed after the exchange; then somebody worked in what is left.
    fs::create_dir(dir.path().join(".out.vdo-stage")).unwrap();
    fs::copy(out.join(RECORD_NAME), dir.path().join(".out.vdo-stage").join(RECORD_NAME)).unwrap();
    fs::write(dir.path().join(".out.vdo-stage/mine"), "x").unwrap();
    assert!(matches!(deliver(&out, 4, &two).await, Err(DeployError::Target { .. })));
    assert!(dir.path().join(".out.vdo-stage/mine").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_see_one_tree_or_the_other_and_deliveries_take_turns() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let trees: Vec<MemorySource> = (0..2)
        .map(|version| {
            (0..20).fold(MemorySource::default(), |tree, file| {
                tree.with_file(format!("f{file}").parse().unwrap(), vdo_core::content::Mode::File, format!("{version}"))
            })
        })
        .collect();
    deliver(&out, 1, &trees[0]).await.unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0_u32;
            while !stop.load(Ordering::Relaxed) {
                // A handle on the folder, as a server would hold one: what it lists belongs together.
                let handle = fs::File::open(&out).expect("the folder is always there");
                let base = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&handle));
                let seen: Vec<String> =
                    (0..20).filter_map(|file| fs::read_to_string(format!("{base}/f{file}")).ok()).collect();
                assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
                reads += 1;
            }
            reads
        });
        let writers: Vec<_> = (0..2_u32)
            .map(|writer| {
                let (out, trees) = (&out, &trees);
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    for round in 0..20_u32 {
                        let tree = &trees[usize::try_from((round + writer) % 2).unwrap()];
                        runtime.block_on(deliver(out, 2 + round * 2 + writer, tree)).unwrap();
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}
