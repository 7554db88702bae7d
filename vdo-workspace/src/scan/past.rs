//! The commits a repository's HEAD grew out of, as the ranking wants them.
//!
//! Looks at nothing that HEAD does not reach. A commit never changes, so what it amounts to is kept under its name; so is
//! the list of commits that a HEAD reaches. A repository without commits, a shallow one, or one with objects missing
//! gives what there is.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use git2::{DiffOptions, Oid, Repository, Sort};
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
    let listed = shelf.find(&key("list", head)).map(|record| oids(record.as_slice()));
    let commits = listed.unwrap_or_else(|| {
        let commits = reached(&repository, head);
        made.insert(key("list", head), commits.iter().flat_map(|oid| oid.as_bytes().to_vec()).collect());
        commits
    });
    let missing: Vec<Oid> = commits.iter().copied().filter(|oid| shelf.find(&key("commit", *oid)).is_none()).collect();
    let records =
        threads::map(&missing, 32, || open(&place).ok(), |repository, oid| encoded(repository.as_ref(), *oid));
    made.extend(missing.iter().zip(records).map(|(oid, record)| (key("commit", *oid), record)));
    let used =
        || -> HashSet<Key> { commits.iter().map(|oid| key("commit", *oid)).chain([key("list", head)]).collect() };
    match cache {
        Some(cache) => cache.add(KIND, &mut shelf, &made, used),
        None => shelf = Shelf::of(&made),
    }
    let below = prefix(&place, root);
    commits.iter().filter_map(|oid| read(&shelf, *oid, &below)).collect()
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
fn encoded(repository: Option<&Repository>, oid: Oid) -> Vec<u8> {
    let told = repository.and_then(|repository| told(repository, oid).ok());
    told.map(|(message, files)| Past::encode(&message, files.iter().map(String::as_str))).unwrap_or_default()
}

fn told(repository: &Repository, oid: Oid) -> Result<(String, Vec<String>), git2::Error> {
    let commit = repository.find_commit(oid)?;
    let message = String::from_utf8_lossy(commit.message_bytes()).into_owned();
    let before = commit.parent(0).and_then(|parent| parent.tree()).ok();
    let mut options = DiffOptions::new();
    options.skip_binary_check(true);
    // A shallow repository ends at a commit whose parent is not there: all its files would count as touched.
    if before.is_none() && commit.parent_count() > 0 {
        return Ok((message, Vec::new()));
    }
    let diff = repository.diff_tree_to_tree(before.as_ref(), Some(&commit.tree()?), Some(&mut options))?;
    let mut files = Vec::new();
    for delta in diff.deltas() {
        let path = delta.new_file().path().and_then(Path::to_str).unwrap_or_default();
        if !path.contains('\n') && path.parse::<RepoPath>().is_ok_and(|path| class::of_path(&path) == FileClass::Source)
        {
            files.push(path.to_owned());
        }
        if files.len() > MAX_FILES {
            break;
        }
    }
    Ok((message, files))
}
