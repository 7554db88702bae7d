//! The commits a repository's HEAD grew out of, as the ranking wants them.
//!
//! Looks at nothing that HEAD does not reach. A commit never changes, so what it amounts to is kept under its name; so is
//! the list of commits that a HEAD reaches. A repository without commits, a shallow one, or one with objects missing
//! gives what there is.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;

use git2::{ObjectType, Oid, Repository, Sort};
use vdo_core::context::past::{MAX_FILES, Past};
use vdo_core::path::RepoPath;
use vdo_core::port::FileClass;

use super::cache::{Cache, Shelf};
use super::class;
use super::segment::Key;
use super::threads;
use crate::git::{discover, open};

/// So many commits are looked at, the newest first; merges do not count.
const MAX_COMMITS: usize = 4_000;
const KIND: &str = "past";
/// Folders are followed this deep.
const MAX_DEPTH: usize = 100;
/// So many entries of trees are remembered by each thread.
const MAX_ENTRIES: usize = 300_000;

/// Returns the changes that led to a commit of the repository that `root` lies in, or to its HEAD, newest first; none if it lies in none.
///
/// Paths are those from `root`.
pub(super) fn past(root: &Path, commit: Option<&str>, cache: Option<&Cache>) -> Vec<Past> {
    let Some(place) = discover(root) else { return Vec::new() };
    let Ok(repository) = open(&place) else { return Vec::new() };
    let head = match commit {
        Some(commit) => Oid::from_str(commit).ok(),
        None => repository.head().ok().and_then(|head| head.peel_to_commit().ok()).map(|commit| commit.id()),
    };
    let Some(head) = head else { return Vec::new() };
    let mut shelf = cache.map(|cache| cache.load(KIND)).unwrap_or_default();
    let mut made: BTreeMap<Key, Vec<u8>> = BTreeMap::new();
    let boundary = boundary(&repository);
    let list = key(&format!("list {boundary}"), head);
    let listed = shelf.find(&list).map(|record| oids(record.as_slice()));
    let commits = listed.unwrap_or_else(|| {
        let mut commits = reached(&repository, head);
        commits.retain(|oid| !boundary.contains(&oid.to_string()));
        made.insert(list, commits.iter().flat_map(|oid| oid.as_bytes().to_vec()).collect());
        commits
    });
    let missing: Vec<Oid> = commits.iter().copied().filter(|oid| shelf.find(&key("commit", *oid)).is_none()).collect();
    let records = threads::map(&missing, 64, || Trees::open(&place), |trees, oid| encoded(trees.as_mut(), *oid));
    made.extend(missing.iter().zip(records).map(|(oid, record)| (key("commit", *oid), record)));
    let used = || -> HashSet<Key> { commits.iter().map(|oid| key("commit", *oid)).chain([list]).collect() };
    match cache {
        Some(cache) => cache.add(KIND, &mut shelf, &made, used),
        None => shelf = Shelf::of(&made),
    }
    let below = prefix(&place, root);
    commits.iter().filter_map(|oid| read(&shelf, *oid, &below)).collect()
}

/// Returns the names of the commits at which a shallow repository was cut off: what they changed cannot be told.
fn boundary(repository: &Repository) -> String {
    let file = repository.commondir().join("shallow");
    if repository.is_shallow() { std::fs::read_to_string(file).unwrap_or_default() } else { String::new() }
}

fn key(what: &str, oid: Oid) -> Key {
    let mut hasher = blake3::Hasher::new();
    hasher.update(what.as_bytes());
    hasher.update(oid.as_bytes());
    *hasher.finalize().as_bytes()
}

fn oids(bytes: &[u8]) -> Vec<Oid> {
    bytes.chunks_exact(20).filter_map(|bytes| Oid::from_bytes(bytes).ok()).collect()
}

/// Returns the path from the repository's folder to `root`, with a `/` at its end, or nothing.
fn prefix(place: &Path, root: &Path) -> String {
    let (Ok(place), Ok(root)) = (place.canonicalize(), root.canonicalize()) else { return String::new() };
    match root.strip_prefix(&place).ok().and_then(Path::to_str) {
        Some(below) if !below.is_empty() => format!("{below}/"),
        _ => String::new(),
    }
}

fn read(shelf: &Shelf, oid: Oid, below: &str) -> Option<Past> {
    let record = shelf.find(&key("commit", oid))?;
    let mut past = Past::read_range(&record.bytes, record.range)?;
    if !below.is_empty() {
        past.files = past.files.iter().filter_map(|file| file.strip_prefix(below)).map(str::to_owned).collect();
    }
    (!past.files.is_empty()).then_some(past)
}

/// Returns the newest commits that `head` reaches and that are no merges.
fn reached(repository: &Repository, head: Oid) -> Vec<Oid> {
    let Ok(mut walk) = repository.revwalk() else { return Vec::new() };
    if walk.set_sorting(Sort::TIME).is_err() || walk.push(head).is_err() {
        return Vec::new();
    }
    let mut commits = Vec::new();
    // What cannot be followed any further ends the walk; what was found until then counts.
    for oid in walk.map_while(Result::ok) {
        let Ok(commit) = repository.find_commit(oid) else { break };
        if commit.parent_count() <= 1 {
            commits.push(oid);
        }
        if commits.len() == MAX_COMMITS {
            break;
        }
    }
    commits
}

/// Returns what a commit amounts to; nothing if it cannot be read.
fn encoded(trees: Option<&mut Trees>, oid: Oid) -> Vec<u8> {
    let told = trees.and_then(|trees| trees.told(oid).ok());
    told.map(|(message, files)| Past::encode(&message, files.iter().map(String::as_str))).unwrap_or_default()
}

/// Finds out what commits changed, by comparing trees entry by entry and going only where they differ.
///
/// Trees are remembered: a commit shares most of them with the one before.
struct Trees {
    repository: Repository,
    known: HashMap<Oid, Rc<Folder>>,
    /// How many entries are remembered.
    entries: usize,
}

/// The entries of a tree, in the order of their names.
#[derive(Default)]
struct Folder {
    /// All names, one after the other.
    names: Vec<u8>,
    children: Vec<Child>,
}

/// An entry of a tree.
#[derive(Clone)]
struct Child {
    name: Range<usize>,
    oid: Oid,
    is_tree: bool,
}

impl Folder {
    fn name(&self, child: &Child) -> &[u8] {
        self.names.get(child.name.clone()).unwrap_or_default()
    }

    fn find(&self, name: &[u8]) -> Option<&Child> {
        let place = self.children.binary_search_by(|child| self.name(child).cmp(name)).ok()?;
        self.children.get(place)
    }
}

impl Trees {
    fn open(place: &Path) -> Option<Self> {
        Some(Self { repository: open(place).ok()?, known: HashMap::new(), entries: 0 })
    }

    /// Returns the message of a commit and the sources it made or changed, or more than [`MAX_FILES`] of them.
    fn told(&mut self, oid: Oid) -> Result<(String, Vec<String>), git2::Error> {
        let (message, tree, before) = {
            let commit = self.repository.find_commit(oid)?;
            let message = String::from_utf8_lossy(commit.message_bytes()).into_owned();
            let before = commit.parent(0).ok().map(|parent| parent.tree_id());
            // Where a parent is not there all files would count as touched.
            if before.is_none() && commit.parent_count() > 0 {
                return Ok((message, Vec::new()));
            }
            (message, commit.tree_id(), before)
        };
        let mut files = Vec::new();
        self.compare(before, tree, &mut Vec::new(), &mut files, 0)?;
        Ok((message, files))
    }

    fn compare(
        &mut self,
        before: Option<Oid>,
        after: Oid,
        path: &mut Vec<u8>,
        files: &mut Vec<String>,
        depth: usize,
    ) -> Result<(), git2::Error> {
        if before == Some(after) || depth > MAX_DEPTH || files.len() > MAX_FILES {
            return Ok(());
        }
        let before = before.map(|before| self.folder(before)).transpose()?;
        let after = self.folder(after)?;
        for child in &after.children {
            let name = after.name(child);
            let known = before.as_deref().and_then(|before| before.find(name));
            if known.is_some_and(|known| known.oid == child.oid) {
                continue;
            }
            let length = path.len();
            path.extend_from_slice(name);
            if child.is_tree {
                path.push(b'/');
                let known = known.filter(|known| known.is_tree).map(|known| known.oid);
                if may_have_sources(path) {
                    self.compare(known, child.oid, path, files, depth + 1)?;
                }
            } else if let Some(file) = source(path) {
                files.push(file);
            }
            path.truncate(length);
            if files.len() > MAX_FILES {
                break;
            }
        }
        Ok(())
    }

    /// Returns the entries of a tree.
    fn folder(&mut self, oid: Oid) -> Result<Rc<Folder>, git2::Error> {
        if let Some(known) = self.known.get(&oid) {
            return Ok(Rc::clone(known));
        }
        let mut folder = Folder::default();
        for entry in &self.repository.find_tree(oid)? {
            let start = folder.names.len();
            folder.names.extend_from_slice(entry.name_bytes());
            let name = start..folder.names.len();
            let is_tree = entry.kind() == Some(ObjectType::Tree);
            folder.children.push(Child { name, oid: entry.id(), is_tree });
        }
        // Git sorts folders as if their names ended with a slash.
        let names = &folder.names;
        folder.children.sort_by(|one, other| names.get(one.name.clone()).cmp(&names.get(other.name.clone())));
        if self.entries > MAX_ENTRIES {
            self.known.clear();
            self.entries = 0;
        }
        self.entries += folder.children.len();
        let folder = Rc::new(folder);
        self.known.insert(oid, Rc::clone(&folder));
        Ok(folder)
    }
}

/// Tells whether a folder, of which the path ends with a slash, may hold sources.
fn may_have_sources(path: &[u8]) -> bool {
    let within = [path, b"a.rs"].concat();
    source(&within).is_some()
}

/// Returns the path if it is that of a source.
fn source(path: &[u8]) -> Option<String> {
    let path = str::from_utf8(path).ok().filter(|path| !path.contains('\n'))?;
    let is_source = path.parse::<RepoPath>().is_ok_and(|path| class::of_path(&path) == FileClass::Source);
    is_source.then(|| path.to_owned())
}
