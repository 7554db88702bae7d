//! Imports of folders and repositories.

#![cfg(all(feature = "git", feature = "scan"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use common::git;
use vdo_core::content::Mode;
use vdo_workspace::import::{ImportError, ImportLimits, Imported, SkipReason, import_folder};
use vdo_workspace::repository::{import, import_repository};

fn names(imported: &Imported) -> Vec<&str> {
    imported.tree.0.keys().map(|path| path.as_str()).collect()
}

fn put(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn a_folder_is_taken_less_what_is_ignored_and_what_cannot_be() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for (name, text) in [
        (".gitignore", "*.log\nbuild/\n"),
        (".vdoignore", "big/\n"),
        (".hidden", "kept"),
        (".git/config", "no"),
        ("sub/.git/config", "no"),
        ("sub/a.py", "x"),
        ("b.log", "no"),
        ("build/x", "no"),
        ("big/x", "no"),
        ("Case.txt", "1"),
        ("case.txt", "2"),
        ("back\\slash", "no"),
        ("huge", &"x".repeat(2000)),
    ] {
        put(root, name, text);
    }
    put(root, "run.sh", "#!/bin/sh");
    fs::set_permissions(root.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("/etc/passwd", root.join("link")).unwrap();
    symlink("/etc", root.join("dirlink")).unwrap();
    fs::write(root.join(std::ffi::OsStr::from_bytes(b"bad\xff")), "x").unwrap();
    assert!(std::process::Command::new("mkfifo").arg(root.join("pipe")).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(root.join("sock")).unwrap();
    let limits = ImportLimits::default().with_file_bytes(1000);
    let imported = import_folder(root, &limits).unwrap();
    let wanted = [".gitignore", ".hidden", ".vdoignore", "Case.txt", "dirlink", "link", "run.sh", "sub/a.py"];
    assert_eq!(names(&imported), wanted);
    let mode = |name: &str| imported.tree.0.get(name).unwrap().mode;
    assert_eq!((mode("link"), mode("run.sh"), mode(".hidden")), (Mode::Symlink, Mode::Executable, Mode::File));
    let skipped: Vec<_> = imported.skipped.iter().map(|skipped| (skipped.path.as_str(), &skipped.reason)).collect();
    assert!(
        matches!(
            skipped[..],
            [
                ("back\\slash", SkipReason::Path(_)),
                ("bad\u{fffd}", SkipReason::Name),
                ("case.txt", SkipReason::Tree(_)),
                ("huge", SkipReason::TooLarge { limit: 1000 }),
                ("pipe", SkipReason::Special),
                ("sock", SkipReason::Special),
            ]
        ),
        "{skipped:?}"
    );
    assert!(imported.tree.faults().is_empty() && imported.title.starts_with("Import "));
    let again = import_folder(root, &limits).unwrap();
    assert_eq!((again.tree, again.skipped), (imported.tree, imported.skipped));
}

#[test]
fn what_is_no_folder_or_too_much_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let limits = ImportLimits::default();
    assert!(matches!(import(&root.join("none"), &limits), Err(ImportError::NotAFolder(_))));
    assert!(matches!(import(root, &limits), Err(ImportError::Empty(_))));
    assert!(matches!(import_repository(root, &limits), Err(ImportError::NotARepository(_))));
    put(root, "a", "12345");
    put(root, "b", "12345");
    assert!(matches!(import(&root.join("a"), &limits), Err(ImportError::NotAFolder(_))));
    assert!(matches!(import(root, &limits.clone().with_files(1)), Err(ImportError::TooManyFiles { limit: 1, .. })));
    assert!(matches!(import(root, &limits.with_total_bytes(9)), Err(ImportError::TooManyBytes { limit: 9, .. })));
}

#[test]
fn a_repository_is_taken_as_its_working_tree_is() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("r");
    git(dir.path(), &["init", "-q", "inner"]);
    let inner = dir.path().join("inner");
    git(&inner, &["commit", "-q", "--allow-empty", "-m", "inner"]);
    git(dir.path(), &["init", "-q", "r"]);
    for (name, text) in [
        (".gitignore", "*.log\n"),
        ("kept.log", "tracked"),
        ("gone", "1"),
        ("changed", "1"),
        ("d/f", "1"),
        ("same", "1"),
    ] {
        put(&root, name, text);
    }
    git(&root, &["add", "-f", "."]);
    git(&root, &["submodule", "--quiet", "add", inner.to_str().unwrap(), "lib/sub"]);
    git(&root, &["commit", "-q", "-m", "one"]);
    let clean = import(&root, &ImportLimits::default()).unwrap();
    let origin = clean.origin.clone().unwrap();
    assert_eq!((origin.dirty, origin.branch.as_deref()), (false, Some("main")));
    assert_eq!(origin.head.as_deref(), Some(git(&root, &["rev-parse", "HEAD"]).trim()));
    let listed = git(&root, &["ls-tree", "-r", "--name-only", "HEAD"]);
    assert_eq!(names(&clean), listed.lines().collect::<Vec<_>>());
    fs::remove_file(root.join("gone")).unwrap();
    put(&root, "changed", "2");
    put(&root, "new", "3");
    put(&root, "new.log", "ignored");
    put(&root, "nested/.git/HEAD", "ref: refs/heads/x");
    put(&root, "nested/x", "theirs");
    fs::remove_dir_all(root.join("d")).unwrap();
    symlink("/etc", root.join("d")).unwrap();
    let dirty = import(&root, &ImportLimits::default()).unwrap();
    assert!(dirty.origin.unwrap().dirty);
    assert_eq!(
        dirty.tree.0.keys().map(|p| p.as_str()).collect::<Vec<_>>(),
        [".gitignore", ".gitmodules", "changed", "d", "kept.log", "lib/sub", "new", "same"]
    );
    assert_eq!(dirty.tree.0.get("lib/sub").unwrap().mode, Mode::Submodule);
    assert_eq!(
        dirty.skipped.iter().map(|s| (s.path.as_str(), &s.reason)).collect::<Vec<_>>(),
        [("nested", &SkipReason::Repository)]
    );
    let limited = import(&root, &ImportLimits::default().with_file_bytes(2)).unwrap();
    assert!(limited.skipped.iter().any(|skipped| skipped.path == "kept.log" && skipped.tracked));
}

#[test]
fn an_empty_repository_gives_its_untracked_files() {
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q", "r"]);
    put(&dir.path().join("r"), "a", "1");
    let imported = import(&dir.path().join("r"), &ImportLimits::default()).unwrap();
    let origin = imported.origin.clone().unwrap();
    assert_eq!((origin.head, origin.branch.as_deref(), origin.dirty), (None, Some("main"), true));
    assert_eq!(names(&imported), ["a"]);
}
