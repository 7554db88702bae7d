//! Trees and merges against the real git, over random histories with edits, deletes, renames, modes and merges.
//!
//! Every commit is described to git as the same edits, and to VDO as deltas; the trees must be equal. Every merge is done by
//! both with languages unknown; where both are clean, the trees must be equal. Where git is clean, VDO may only be in
//! conflict over what it refuses and git does not: paths that differ only in case, ancestors that do not agree, and binary
//! files that were renamed and changed in one step, which git takes for one file by their likeness. Where there are several
//! nearest ancestors and they conflict, git's base has conflict markers in it and hides that the sides renamed one file to two
//! places: it keeps both files, VDO asks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use common::git;
use vdo_core::content::{Blob, BlobHash, Entry, Mode};
use vdo_core::contents::Contents;
use vdo_core::diff::is_binary;
use vdo_core::id::RevisionId;
use vdo_core::lineage::Lineage;
use vdo_core::merge::{self, Conflict, ConflictKind, Fold, Merged};
use vdo_core::path::RepoPath;
use vdo_core::syntax::NoSyntax;
use vdo_core::tree::FileTree;

const HISTORIES: u64 = 500;

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

/// All histories: what git imports, and what VDO makes of the same.
#[derive(Default)]
struct World {
    stream: Vec<u8>,
    graph: Vec<(RevisionId, Vec<RevisionId>)>,
    trees: BTreeMap<RevisionId, FileTree>,
    contents: Contents,
    merges: Vec<(RevisionId, RevisionId, Merged)>,
    texts: u64,
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::File => "100644",
        Mode::Executable => "100755",
        Mode::Symlink => "120000",
        Mode::Submodule => "160000",
    }
}

impl World {
    fn text(&mut self, dice: &mut Dice) -> Vec<u8> {
        self.texts += 1;
        match dice.roll(12) {
            0 => Vec::new(),
            1 => format!("\0{} {}", self.texts, "binary ".repeat(20)).into_bytes(),
            _ => (0..dice.roll(25) + 5)
                .map(|line| format!("text {} line {line}\n", self.texts))
                .collect::<String>()
                .into(),
        }
    }

    fn edited(&mut self, dice: &mut Dice, text: &[u8]) -> Vec<u8> {
        let mut lines: Vec<Vec<u8>> = text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        for _ in 0..=dice.roll(2) {
            self.texts += 1;
            let (at, new) = (dice.roll(lines.len() + 1), format!("edit {}\n", self.texts).into_bytes());
            match dice.roll(4) {
                0 if at < lines.len() => drop(lines.remove(at)),
                1 => lines.insert(at, new),
                2 if at < lines.len() => lines[at].retain(|byte| *byte != b'\n'),
                _ if at < lines.len() => lines[at] = new,
                _ => lines.push(new),
            }
        }
        lines.concat()
    }

    fn entry(&mut self, text: Vec<u8>, mode: Mode) -> Entry {
        let blob = Blob::new(text);
        self.contents.add(&blob);
        Entry { blob: blob.hash(), mode }
    }

    fn bytes(&self, hash: BlobHash) -> Vec<u8> {
        self.contents.get(hash).unwrap().to_vec()
    }

    fn begin(&mut self, parents: &[RevisionId]) -> RevisionId {
        let id = RevisionId(self.graph.len() as u64 + 1);
        writeln!(
            self.stream,
            "commit refs/heads/h\nmark :{}\ncommitter A <a@example.org> {} +0000\ndata 0",
            id.0, id.0
        )
        .unwrap();
        for (at, parent) in parents.iter().enumerate() {
            writeln!(self.stream, "{} :{}", if at == 0 { "from" } else { "merge" }, parent.0).unwrap();
        }
        self.graph.push((id, parents.to_vec()));
        id
    }

    fn put(&mut self, path: &RepoPath, entry: Entry) {
        let bytes = self.bytes(entry.blob);
        writeln!(self.stream, "M {} inline {path}\ndata {}", mode(entry.mode), bytes.len()).unwrap();
        self.stream.extend_from_slice(&bytes);
        self.stream.push(b'\n');
    }

    /// Ends a commit: what VDO keeps of it is its delta.
    fn end(&mut self, id: RevisionId, tree: FileTree) -> RevisionId {
        let parent = self.graph.last().unwrap().1.first().copied();
        let base = parent.map_or_else(FileTree::default, |parent| self.trees[&parent].clone());
        let delta = tree.delta_from(&base, &BTreeMap::new());
        self.trees.insert(id, base.with(&delta));
        self.stream.push(b'\n');
        id
    }

    fn root(&mut self, dice: &mut Dice) -> RevisionId {
        let id = self.begin(&[]);
        let (mut tree, mut names) = (FileTree::default(), Vec::new());
        for number in 0..dice.roll(8) + 3 {
            let folder = ["", "src/", "docs/", "src/deep/"][dice.roll(4)];
            names.push(format!("{folder}f{number}"));
        }
        for name in names {
            let (text, path) = (self.text(dice), name.parse().unwrap());
            let entry = self.entry(text, if dice.roll(6) == 0 { Mode::Executable } else { Mode::File });
            self.put(&path, entry);
            tree.0.insert(path, entry);
        }
        self.end(id, tree)
    }

    fn commit(&mut self, dice: &mut Dice, parent: RevisionId) -> RevisionId {
        let id = self.begin(&[parent]);
        let mut tree = self.trees[&parent].clone();
        for _ in 0..=dice.roll(4) {
            self.change(dice, &mut tree);
        }
        self.end(id, tree)
    }

    fn change(&mut self, dice: &mut Dice, tree: &mut FileTree) {
        let paths: Vec<RepoPath> = tree.0.keys().cloned().collect();
        let Some(path) = paths.get(dice.roll(paths.len().max(1))).cloned() else { return };
        let entry = tree.0[&path];
        match dice.roll(10) {
            0 => {
                writeln!(self.stream, "D {path}").unwrap();
                tree.0.remove(&path);
            }
            1 | 2 => {
                let Some(to) = self.name(dice, tree, &path) else { return };
                writeln!(self.stream, "R {path} {to}").unwrap();
                tree.0.remove(&path);
                tree.0.insert(to.clone(), entry);
                if entry.mode.is_file() && dice.roll(2) == 0 {
                    self.edit(dice, tree, &to);
                }
            }
            3 if entry.mode.is_file() => {
                let mode = if entry.mode == Mode::File { Mode::Executable } else { Mode::File };
                let entry = Entry { mode, ..entry };
                self.put(&path, entry);
                tree.0.insert(path, entry);
            }
            4 => {
                let Some(new) = self.name(dice, tree, &path) else { return };
                let entry = match dice.roll(5) {
                    0 => self.entry(path.as_str().as_bytes().to_vec(), Mode::Symlink),
                    _ => {
                        let text = self.text(dice);
                        self.entry(text, Mode::File)
                    }
                };
                self.put(&new, entry);
                tree.0.insert(new, entry);
            }
            _ if entry.mode.is_file() => self.edit(dice, tree, &path),
            _ => {}
        }
    }

    fn edit(&mut self, dice: &mut Dice, tree: &mut FileTree, path: &RepoPath) {
        let entry = tree.0[path];
        let text = self.edited(dice, &self.bytes(entry.blob));
        let entry = self.entry(text, entry.mode);
        self.put(path, entry);
        tree.0.insert(path.clone(), entry);
    }

    /// Finds a new name; some are the same in several branches, one differs in case only.
    fn name(&mut self, dice: &mut Dice, tree: &FileTree, old: &RepoPath) -> Option<RepoPath> {
        let folder = ["", "src/", "docs/", "lib/", "f1/"][dice.roll(5)];
        let name = match dice.roll(4) {
            0 => old.file_name().to_owned(),
            1 => format!("n{}", dice.roll(6)),
            2 => format!("N{}", dice.roll(6)),
            _ => {
                self.texts += 1;
                format!("u{}", self.texts)
            }
        };
        let path: RepoPath = format!("{folder}{name}").parse().unwrap();
        let free = !tree.0.contains_key(&path) && tree.fault_at(&path).is_none() && tree.case_twin(&path).is_none();
        free.then_some(path)
    }

    /// Merges two revisions, as a commit if that is clean.
    fn merge(&mut self, ours: RevisionId, theirs: RevisionId) -> Option<RevisionId> {
        let lineage = Lineage::new(self.graph.iter().cloned()).unwrap();
        let plan = merge::plan(&lineage, &[ours, theirs]).ok()?;
        let trees = plan.revisions().into_iter().map(|id| (id, self.trees[&id].clone())).collect();
        let mut fold = Fold::new(plan, trees).unwrap();
        let mut at_hand = Contents::default();
        while !fold.is_done() {
            for hash in fold.needed() {
                if !at_hand.has(hash) {
                    at_hand.add(&Blob::new(self.contents.get(hash).unwrap()));
                }
            }
            fold.step(&mut at_hand, &NoSyntax);
        }
        let merged = fold.finish();
        for blob in &merged.blobs {
            self.contents.add(blob);
        }
        let clean = merged.conflicts.is_empty();
        let tree = merged.tree.clone();
        self.merges.push((ours, theirs, merged));
        clean.then(|| {
            let id = self.begin(&[ours, theirs]);
            self.stream.extend_from_slice(b"deleteall\n");
            for (path, entry) in &tree.0 {
                self.put(path, *entry);
            }
            self.end(id, tree)
        })
    }

    fn may_refuse(&self, conflict: &Conflict, ancestors: usize) -> bool {
        let binary = || conflict.base.is_some_and(|base| is_binary(&self.bytes(base.blob)));
        match conflict.kind {
            ConflictKind::Clash | ConflictKind::Ancestors => true,
            ConflictKind::Deleted => binary(),
            ConflictKind::Renamed => ancestors > 1,
            _ => false,
        }
    }

    fn history(&mut self, seed: u64) {
        let mut dice = Dice(seed);
        writeln!(self.stream, "reset refs/heads/h\n").unwrap();
        let root = self.root(&mut dice);
        let (mut one, mut other) = (self.commit(&mut dice, root), self.commit(&mut dice, root));
        if dice.roll(2) == 0 {
            other = self.commit(&mut dice, other);
        }
        let merged = self.merge(one, other);
        if dice.roll(3) == 0
            && let (Some(left), Some(right)) = (merged, self.merge(other, one))
        {
            // Two merges of the same: they have two nearest common ancestors from here on.
            one = self.commit(&mut dice, left);
            other = self.commit(&mut dice, right);
            self.merge(one, other);
        } else if let Some(merged) = merged {
            let third = self.commit(&mut dice, root);
            self.merge(merged, third);
        }
    }
}

/// Feeds git and returns what it printed.
fn fed(dir: &Path, args: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("git")
        .current_dir(dir)
        .args(["-c", "merge.directoryRenames=false", "-c", "core.ignoreCase=false"])
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let printed = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).unwrap());
        child.wait_with_output().unwrap()
    });
    assert!(printed.status.success(), "git {args:?}");
    printed.stdout
}

/// A tree as `git ls-tree -r` shows it.
fn listed(tree: &FileTree, contents: &Contents) -> BTreeMap<String, (u32, git2::Oid)> {
    let row = |(path, entry): (&RepoPath, &Entry)| {
        let bytes = contents.get(entry.blob).unwrap();
        let oid = git2::Oid::hash_object(git2::ObjectType::Blob, &bytes).unwrap();
        (path.to_string(), (u32::from_str_radix(mode(entry.mode), 8).unwrap(), oid))
    };
    tree.0.iter().map(row).collect()
}

fn listed_by_git(tree: &git2::Tree<'_>) -> BTreeMap<String, (u32, git2::Oid)> {
    let mut rows = BTreeMap::new();
    tree.walk(git2::TreeWalkMode::PreOrder, |folder, entry| {
        if entry.kind() != Some(git2::ObjectType::Tree) {
            let path = format!("{folder}{}", entry.name().unwrap());
            rows.insert(path, (u32::try_from(entry.filemode()).unwrap(), entry.id()));
        }
        git2::TreeWalkResult::Ok
    })
    .unwrap();
    rows
}

/// What `git merge-tree --stdin` says of one merge: the tree, if it is clean.
fn outcomes(printed: &[u8]) -> Vec<Option<git2::Oid>> {
    let mut fields =
        printed.split(|byte| *byte == 0).map(|field| String::from_utf8_lossy(field).into_owned()).peekable();
    let mut outcomes = Vec::new();
    while let Some(status) = fields.next().filter(|status| !status.is_empty()) {
        let tree = git2::Oid::from_str(&fields.next().unwrap()).unwrap();
        outcomes.push((status == "1").then_some(tree));
        // Conflicted files, an empty field, messages of several fields, an empty field.
        if status == "0" {
            while fields.next().is_some_and(|field| !field.is_empty()) {}
        }
        while let Some(count) = fields.next().filter(|field| !field.is_empty()) {
            for _ in 0..count.parse::<usize>().unwrap() + 2 {
                fields.next();
            }
        }
    }
    outcomes
}

#[test]
fn histories_and_merges_give_the_trees_that_git_gives() {
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q", "--bare", "."]);
    let mut world = World::default();
    for seed in 0..HISTORIES {
        world.history(seed);
    }
    let marks = dir.path().join("marks");
    fed(
        dir.path(),
        &["fast-import", "--quiet", "--force", &format!("--export-marks={}", marks.display())],
        &world.stream,
    );
    let repository = git2::Repository::open(dir.path()).unwrap();
    let commits: BTreeMap<RevisionId, git2::Oid> = std::fs::read_to_string(marks)
        .unwrap()
        .lines()
        .map(|line| line.strip_prefix(':').unwrap().split_once(' ').unwrap())
        .map(|(mark, oid)| (RevisionId(mark.parse().unwrap()), git2::Oid::from_str(oid).unwrap()))
        .collect();
    assert_eq!(commits.len(), world.graph.len());
    for (id, oid) in &commits {
        let commit = repository.find_commit(*oid).unwrap();
        assert_eq!(
            listed(&world.trees[id], &world.contents),
            listed_by_git(&commit.tree().unwrap()),
            "commit {}",
            id.0
        );
    }
    let mut asked = String::new();
    for (ours, theirs, _) in &world.merges {
        writeln!(asked, "{} {}", commits[ours], commits[theirs]).unwrap();
    }
    let outcomes = outcomes(&fed(dir.path(), &["merge-tree", "--write-tree", "--stdin"], asked.as_bytes()));
    assert_eq!(outcomes.len(), world.merges.len());
    let lineage = Lineage::new(world.graph.iter().cloned()).unwrap();
    let (mut both, mut refused, mut ours_only, mut neither) = (0, 0, 0, 0);
    for ((ours, theirs, merged), outcome) in world.merges.iter().zip(outcomes) {
        let name = format!("{} and {}: {:?}", commits[ours], commits[theirs], merged.conflicts);
        match (outcome, merged.conflicts.is_empty()) {
            (Some(tree), true) => {
                let tree = repository.find_tree(tree).unwrap();
                assert_eq!(listed(&merged.tree, &world.contents), listed_by_git(&tree), "{name}");
                both += 1;
            }
            (Some(_), false) => {
                let ancestors = lineage.nearest_common_ancestors(*ours, *theirs).len();
                assert!(merged.conflicts.iter().all(|conflict| world.may_refuse(conflict, ancestors)), "{name}");
                refused += 1;
            }
            (None, true) => ours_only += 1,
            (None, false) => neither += 1,
        }
    }
    let told = format!("{both} clean, {refused} refused, {ours_only} clean here only, {neither} in conflict");
    assert!(both > 400 && neither > 100 && refused < 30, "{told}");
    eprintln!("{told}");
}
