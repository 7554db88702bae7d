//! Trees and commits in a repository's object store, and comparing them with VDO's.

use std::collections::{BTreeMap, HashMap};

use git2::{ObjectType, Oid, Repository, Signature, Time, TreeWalkMode, TreeWalkResult};
use vdo_core::content::{BlobHash, Entry, Mode};
use vdo_core::path::RepoPath;
use vdo_core::tree::FileTree;

use super::facts::JobFacts;
use super::{bits_of, message, mode_of};

/// Where each content lies in the object store. Submodules have no object; theirs is the commit they name.
pub(super) type Objects = HashMap<BlobHash, Oid>;

/// A name in a folder, its object and its file mode.
type Child = (String, Oid, i32);

/// Writes the trees of `files` and returns the root's.
pub(super) fn write_tree(repo: &Repository, files: &FileTree, objects: &Objects) -> Result<Oid, git2::Error> {
    let mut folders: BTreeMap<(usize, String), Vec<Child>> = BTreeMap::new();
    for (path, entry) in &files.0 {
        let oid = objects.get(&entry.blob).ok_or_else(|| git2::Error::from_str("a content was not written"))?;
        let above = path.ancestors().next().unwrap_or_default();
        folders.entry(key(above)).or_default().push((path.file_name().to_owned(), *oid, bits_of(entry.mode)));
    }
    folders.entry(key("")).or_default();
    // The deepest folders come last, and each adds itself to the one above it.
    loop {
        let Some(((depth, name), entries)) = folders.pop_last() else {
            return Err(git2::Error::from_str("a tree has no root"));
        };
        let mut builder = repo.treebuilder(None)?;
        for (name, oid, bits) in entries {
            builder.insert(name, oid, bits)?;
        }
        let oid = builder.write()?;
        if depth == 0 {
            return Ok(oid);
        }
        let (above, name) = name.rsplit_once('/').unwrap_or(("", &name));
        folders.entry(key(above)).or_default().push((name.to_owned(), oid, 0o040_000));
    }
}

fn key(folder: &str) -> (usize, String) {
    let depth = if folder.is_empty() { 0 } else { folder.split('/').count() };
    (depth, folder.to_owned())
}

/// Writes the commit of a job's revision. The same job, tree and parents give the same commit.
pub(super) fn write_commit(
    repo: &Repository,
    job: &JobFacts,
    identity: (&str, &str),
    tree: Oid,
    parents: &[Oid],
) -> Result<Oid, git2::Error> {
    let signature = Signature::new(identity.0, identity.1, &Time::new(job.made, 0))?;
    let parents = parents.iter().map(|oid| repo.find_commit(*oid)).collect::<Result<Vec<_>, _>>()?;
    let parents: Vec<_> = parents.iter().collect();
    let tree = repo.find_tree(tree)?;
    repo.commit(None, &signature, &signature, &message::message(job), &tree, &parents)
}

/// Returns VDO's hash of the tree of `commit`; `None` if VDO cannot hold that tree.
pub(super) fn root_hash(repo: &Repository, commit: Oid) -> Result<Option<BlobHash>, git2::Error> {
    let mut names: Vec<(Vec<u8>, Oid, i32)> = Vec::new();
    repo.find_commit(commit)?.tree()?.walk(TreeWalkMode::PreOrder, |above, entry| {
        if entry.kind() != Some(ObjectType::Tree) {
            names.push(([above.as_bytes(), entry.name_bytes()].concat(), entry.id(), entry.filemode()));
        }
        TreeWalkResult::Ok
    })?;
    let mut files = FileTree::default();
    for (name, oid, bits) in names {
        let path: Option<RepoPath> = str::from_utf8(&name).ok().and_then(|name| name.parse().ok());
        let (Some(path), Some(mode)) = (path, mode_of(bits)) else { return Ok(None) };
        let blob = match mode {
            Mode::Submodule => BlobHash::of(oid.to_string().as_bytes()),
            Mode::File | Mode::Executable | Mode::Symlink => BlobHash::of(repo.find_blob(oid)?.content()),
        };
        files.0.insert(path, Entry { blob, mode });
    }
    Ok(Some(files.root_hash()))
}
