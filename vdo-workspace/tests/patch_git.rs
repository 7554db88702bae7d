//! Patches against the real git: applied to the one tree, they give the other, to the byte.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use common::{git, snapshot};
use vdo_core::content::{Blob, Entry, Mode};
use vdo_core::contents::Contents;
use vdo_core::patch::{self, FileChange};
use vdo_core::path::RepoPath;
use vdo_core::tree::FileTree;

const ROUNDS: u64 = 400;

/// Numbers that look random and are the same every time (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((value ^ (value >> 31)) % sides as u64).unwrap()
    }
}

type Files = BTreeMap<String, (Mode, Vec<u8>)>;

const FOLDERS: [&str; 6] = ["", "src/", "src/ deep/", "ü \"x\"/", "-o/", "a/b/c/"];
const NAMES: [&str; 12] =
    ["f", "with blank", " lead", "trail ", "qu\"ote", "ümläut", "a => b", "{x}", "-dash", "dev null", "b", "日本.txt"];

fn text(dice: &mut Dice) -> Vec<u8> {
    let number = dice.roll(100_000);
    let end = if dice.roll(4) == 0 { "\r\n" } else { "\n" };
    let mut text: Vec<u8> =
        (0..dice.roll(30) + 3).map(|line| format!("{number} line {line}{end}")).collect::<String>().into();
    match dice.roll(9) {
        0 => text.clear(),
        1 => text.extend_from_slice(b"no final newline"),
        2 => text.extend_from_slice(b"\0binary\xff\xfe"),
        3 => text.extend_from_slice(b"latin \xe9\xe8\n"),
        4 => text = (0..dice.roll(70_000)).map(|_| u8::try_from(dice.roll(256)).unwrap()).collect(),
        5 => {
            text.extend_from_slice(b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-- \ndiff --git a/x b/x\n\\ No newline\n\r\n \t\n")
        }
        _ => {}
    }
    text
}

fn edited(dice: &mut Dice, text: &[u8]) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    for _ in 0..=dice.roll(3) {
        let at = dice.roll(lines.len() + 1);
        match dice.roll(5) {
            0 if at < lines.len() => drop(lines.remove(at)),
            1 if at < lines.len() => lines[at] = b"changed\r\n".to_vec(),
            2 => lines.push(b"at the end, open".to_vec()),
            _ => lines.insert(at, format!("new {}\n", dice.roll(1000)).into_bytes()),
        }
    }
    lines.concat()
}

fn free(files: &Files, path: &str) -> bool {
    let tree: FileTree =
        files.keys().map(|path| (path.parse().unwrap(), Entry::file(Blob::new(&b""[..]).hash()))).collect();
    let path: RepoPath = path.parse().unwrap();
    !tree.0.contains_key(&path) && tree.fault_at(&path).is_none()
}

fn add(dice: &mut Dice, files: &mut Files) -> Option<String> {
    let path = format!("{}{}", FOLDERS[dice.roll(FOLDERS.len())], NAMES[dice.roll(NAMES.len())]);
    if !free(files, &path) {
        return None;
    }
    let (mode, bytes) = match dice.roll(8) {
        0 => (Mode::Symlink, format!("to/{}", dice.roll(100)).into_bytes()),
        1 => (Mode::Executable, text(dice)),
        _ => (Mode::File, text(dice)),
    };
    files.insert(path.clone(), (mode, bytes));
    Some(path)
}

fn changed(dice: &mut Dice, old: &Files) -> Files {
    let mut files = old.clone();
    for _ in 0..dice.roll(10) {
        let paths: Vec<String> = files.keys().cloned().collect();
        let Some(path) = paths.get(dice.roll(paths.len().max(1))).cloned() else { break };
        let (mode, bytes) = files[&path].clone();
        match dice.roll(9) {
            0 => drop(files.remove(&path)),
            1 | 2 => {
                files.remove(&path);
                if let Some(to) = add(dice, &mut files) {
                    let edit = dice.roll(2) == 0 && mode.is_file();
                    let new = if edit { edited(dice, &bytes) } else { bytes };
                    files.insert(to, (mode, new));
                }
            }
            3 => drop(add(dice, &mut files)),
            4 if mode == Mode::File => drop(files.insert(path, (Mode::Executable, bytes))),
            5 => drop(files.insert(path, (Mode::Symlink, b"elsewhere".to_vec()))),
            6 => {
                // A file becomes a folder.
                files.remove(&path);
                files.insert(format!("{path}/inner"), (Mode::File, bytes));
            }
            _ if mode.is_file() => drop(files.insert(path, (mode, edited(dice, &bytes)))),
            _ => drop(files.insert(path, (Mode::File, text(dice)))),
        }
    }
    files
}

fn tree(files: &Files, contents: &mut Contents) -> FileTree {
    let mut tree = FileTree::default();
    for (path, (mode, bytes)) in files {
        let blob = Blob::new(bytes.as_slice());
        contents.add(&blob);
        tree.0.insert(path.parse().unwrap(), Entry { blob: blob.hash(), mode: *mode });
    }
    tree
}

fn lay_out(dir: &Path, files: &Files) {
    fs::create_dir(dir).unwrap();
    for (path, (mode, bytes)) in files {
        let place = dir.join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        if *mode == Mode::Symlink {
            symlink(std::str::from_utf8(bytes).unwrap(), &place).unwrap();
            continue;
        }
        fs::write(&place, bytes).unwrap();
        let bits = if *mode == Mode::Executable { 0o755 } else { 0o644 };
        fs::set_permissions(&place, fs::Permissions::from_mode(bits)).unwrap();
    }
}

/// Returns the changes from one tree to the other with the patch of all of them.
fn patched(old: &Files, new: &Files) -> (Vec<(FileChange, patch::Size)>, Vec<u8>) {
    let mut contents = Contents::default();
    let (before, after) = (tree(old, &mut contents), tree(new, &mut contents));
    let mut told = Contents::default();
    for hash in patch::needed(&before, &after) {
        told.add(&Blob::new(contents.get(hash).unwrap()));
    }
    let (mut rows, mut text) = (Vec::new(), Vec::new());
    for change in patch::changes(&before, &after, &told) {
        let bytes = |entry: Option<Entry>| entry.map(|entry| contents.get(entry.blob).unwrap()).unwrap_or_default();
        let (old, new) = (bytes(change.before), bytes(change.after));
        text.extend(patch::patch(&change, &old, &new));
        let size = patch::size(&old, &new);
        rows.push((change, size));
    }
    (rows, text)
}

#[test]
fn git_applies_patches_of_any_two_trees_to_the_byte() {
    let dir = tempfile::tempdir().unwrap();
    let (mut renames, mut binaries) = (0, 0);
    for round in 0..ROUNDS {
        let mut dice = Dice(round);
        let mut old = Files::new();
        for _ in 0..dice.roll(10) {
            add(&mut dice, &mut old);
        }
        let new = if dice.roll(5) == 0 { Files::new() } else { changed(&mut dice, &old) };
        let (old, new) = if dice.roll(2) == 0 { (old, new) } else { (new, old) };
        let (rows, text) = patched(&old, &new);
        renames += rows.iter().filter(|(change, _)| change.from.is_some()).count();
        binaries += rows.iter().filter(|(_, size)| size.binary.is_some()).count();
        let work = dir.path().join(format!("{round}"));
        let (expected, patch) = (dir.path().join(format!("{round}.new")), dir.path().join(format!("{round}.patch")));
        lay_out(&work, &old);
        lay_out(&expected, &new);
        fs::write(&patch, &text).unwrap();
        if !text.is_empty() {
            let output = Command::new("git")
                .current_dir(&work)
                .args(["apply", "--binary", "--whitespace=nowarn"])
                .arg(&patch)
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .env("GIT_CEILING_DIRECTORIES", dir.path())
                .output()
                .unwrap();
            assert!(
                output.status.success(),
                "round {round}: {}\n{}",
                String::from_utf8_lossy(&output.stderr),
                String::from_utf8_lossy(&text)
            );
        }
        assert_eq!(snapshot(&work), snapshot(&expected), "round {round}");
    }
    assert!(renames > 50 && binaries > 50, "{renames} renames, {binaries} binary files");
}

#[test]
fn the_sum_at_a_glance_is_that_of_git() {
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q", "."]);
    let lines = |from: u32, to: u32| (from..to).map(|line| format!("line {line}\n")).collect::<String>().into_bytes();
    let file = |bytes: Vec<u8>| (Mode::File, bytes);
    let long = "a/very/long/path/that/does/not/fit/into/eighty/columns/of/a/terminal/by/any/means/file.py";
    let old: Files = [
        ("src/a/x.py".to_owned(), file(lines(0, 100))),
        ("src/y.py".to_owned(), file(lines(200, 300))),
        ("top".to_owned(), file(lines(400, 420))),
        (long.to_owned(), file(lines(500, 520))),
        ("logo.png".to_owned(), file(b"\x00abc".to_vec())),
        ("run".to_owned(), file(lines(600, 610))),
        ("gone".to_owned(), file(lines(700, 1000))),
    ]
    .into();
    let new: Files = [
        ("src/b/x.py".to_owned(), file(lines(0, 95))),
        ("src/deep/y.py".to_owned(), file(lines(200, 300))),
        ("bottom".to_owned(), file(lines(400, 420))),
        (long.to_owned(), file(lines(500, 530))),
        ("logo.png".to_owned(), file(b"\x00abcdef".to_vec())),
        ("run".to_owned(), (Mode::Executable, lines(600, 610))),
        ("new ü".to_owned(), file(lines(2000, 2007))),
    ]
    .into();
    for (files, message) in [(&old, "old"), (&new, "new")] {
        for entry in fs::read_dir(dir.path()).unwrap().map(Result::unwrap).filter(|entry| entry.file_name() != ".git") {
            if entry.path().is_dir() { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) }
                .unwrap();
        }
        let stage = dir.path().join(format!(".git/{message}"));
        lay_out(&stage, files);
        for entry in fs::read_dir(&stage).unwrap() {
            let entry = entry.unwrap();
            fs::rename(entry.path(), dir.path().join(entry.file_name())).unwrap();
        }
        git(dir.path(), &["add", "-A"]);
        git(dir.path(), &["commit", "-qm", message]);
    }
    let expected = git(dir.path(), &["diff", "--stat=80", "-M", "HEAD~", "HEAD"]);
    assert_eq!(patch::stat(&patched(&old, &new).0), expected);
}
