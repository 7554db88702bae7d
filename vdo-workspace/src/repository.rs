//! Taking a git repository in: the commit that is checked out with the changes of the working tree.
//!
//! Never writes to the repository. Tracked files come as they lie in the working tree; what git ignores
//! stays out unless it is tracked; a bare repository gives its HEAD commit.
//! Invariant: a clean checkout without content filters gives exactly the tree of its commit.

use std::collections::BTreeMap;
use std::path::Path;

use git2::{ErrorCode, ObjectType, Oid, Repository, TreeWalkMode, TreeWalkResult};
use vdo_core::content::Mode;
use vdo_core::path::RepoPath;

use crate::gather::Gathering;
use crate::git::{mode_of, open};
use crate::import::{self, GitOrigin, ImportError, ImportLimits, Imported, SkipReason};
use crate::walk::{self, WalkOptions, WalkedKind};

/// Takes `root` in: as a repository if it is one, else as a folder. Repositories above `root` do not count.
///
/// Blocks while it reads.
///
/// # Errors
/// [`ImportError`]; single files that cannot be taken are listed as skipped.
pub fn import(root: &Path, limits: &ImportLimits) -> Result<Imported, ImportError> {
    match import_repository(root, limits) {
        Err(ImportError::NotARepository(_)) => import::import_folder(root, limits),
        other => other,
    }
}

/// Takes the repository `root` in: the folder with its `.git`, a linked worktree or a bare repository.
///
/// Blocks while it reads.
///
/// # Errors
/// [`ImportError::NotARepository`] and the other variants; single files that cannot be taken are listed as skipped.
pub fn import_repository(root: &Path, limits: &ImportLimits) -> Result<Imported, ImportError> {
    if !root.is_dir() {
        return Err(ImportError::NotAFolder(root.to_owned()));
    }
    let fail = |error: git2::Error| ImportError::Read { root: root.to_owned(), source: error.into() };
    let repository = open(root).map_err(|error| match error.code() {
        ErrorCode::NotFound => ImportError::NotARepository(root.to_owned()),
        _ => fail(error),
    })?;
    let committed = committed(&repository).map_err(fail)?;
    let root = repository.workdir().unwrap_or(root);
    let mut gathering = Gathering::open(root, limits)?;
    match repository.workdir() {
        Some(_) => take_checkout(&repository, root, &mut gathering)?,
        None => take_commit(&repository, &committed, &mut gathering)?,
    }
    let head = repository.head().ok();
    let origin = GitOrigin {
        head: head.as_ref().and_then(|head| head.peel_to_commit().ok()).map(|commit| commit.id().to_string()),
        branch: branch(&repository),
        dirty: is_dirty(&gathering, &committed).map_err(fail)?,
    };
    gathering.finish(Some(origin))
}

/// Returns the branch HEAD names, also one without a commit.
fn branch(repository: &Repository) -> Option<String> {
    let head = repository.find_reference("HEAD").ok()?;
    let target = head.symbolic_target().ok().flatten()?;
    Some(target.strip_prefix("refs/heads/")?.to_owned())
}

type Committed = BTreeMap<Vec<u8>, (Oid, Option<Mode>)>;

fn committed(repository: &Repository) -> Result<Committed, git2::Error> {
    let tree = match repository.head() {
        Ok(head) => head.peel_to_tree()?,
        Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => {
            return Ok(Committed::new());
        }
        Err(error) => return Err(error),
    };
    let mut files = Committed::new();
    tree.walk(TreeWalkMode::PreOrder, |above, entry| {
        if entry.kind() != Some(ObjectType::Tree) {
            let name = [above.as_bytes(), entry.name_bytes()].concat();
            files.insert(name, (entry.id(), mode_of(entry.filemode())));
        }
        TreeWalkResult::Ok
    })?;
    Ok(files)
}

fn take_commit(repository: &Repository, files: &Committed, gathering: &mut Gathering<'_>) -> Result<(), ImportError> {
    for (name, (oid, mode)) in files {
        let (Ok(name), Some(mode)) = (str::from_utf8(name), mode) else {
            gathering.skip(&String::from_utf8_lossy(name), SkipReason::Name);
            continue;
        };
        gathering.tracked.insert(name.to_owned());
        if *mode == Mode::Submodule {
            gathering.add(name, Mode::Submodule, oid.to_string().into_bytes())?;
            continue;
        }
        match repository.find_blob(*oid) {
            Ok(blob) => add_bounded(gathering, name, *mode, blob.content())?,
            Err(_) => gathering.skip(name, SkipReason::Unreadable),
        }
    }
    Ok(())
}

fn add_bounded(gathering: &mut Gathering<'_>, name: &str, mode: Mode, bytes: &[u8]) -> Result<(), ImportError> {
    let limit = gathering.limits.file_bytes;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
        gathering.skip(name, SkipReason::TooLarge { limit });
        return Ok(());
    }
    gathering.add(name, mode, bytes.to_vec())
}

fn take_checkout(repository: &Repository, root: &Path, gathering: &mut Gathering<'_>) -> Result<(), ImportError> {
    let fail = |error: git2::Error| ImportError::Read { root: root.to_owned(), source: error.into() };
    let index = repository.index().map_err(fail)?;
    let mut paths: BTreeMap<String, Option<WalkedKind>> = BTreeMap::new();
    let mut submodules: BTreeMap<String, Oid> = BTreeMap::new();
    for entry in index.iter() {
        let Ok(name) = String::from_utf8(entry.path.clone()) else {
            gathering.skip(&String::from_utf8_lossy(&entry.path), SkipReason::Name);
            continue;
        };
        gathering.tracked.insert(name.clone());
        if mode_of(i32::try_from(entry.mode).unwrap_or(0)) == Some(Mode::Submodule) {
            submodules.insert(name, entry.id);
        } else {
            paths.insert(name, None);
        }
    }
    let options = WalkOptions {
        closed: submodules.keys().cloned().collect(),
        close_repositories: true,
        max_files: gathering.limits.files,
    };
    let (found, missed) = walk::walk(root, &options)?;
    gathering.missed(missed);
    paths.extend(found.into_iter().map(|walked| (walked.name, Some(walked.kind))));
    for (name, recorded) in submodules {
        // A submodule that is gone from the working tree is deleted; one that was never filled is an empty folder.
        if !root.join(&name).symlink_metadata().is_ok_and(|data| data.is_dir()) {
            continue;
        }
        let inner = open(&root.join(&name)).ok();
        let head = inner.and_then(|inner| inner.head().ok().and_then(|head| head.target()));
        gathering.add(&name, Mode::Submodule, head.unwrap_or(recorded).to_string().into_bytes())?;
    }
    for (name, kind) in paths {
        gathering.take(&name, kind)?;
    }
    Ok(())
}

fn is_dirty(gathering: &Gathering<'_>, committed: &Committed) -> Result<bool, git2::Error> {
    let tree = &gathering.tree;
    if tree.len() != committed.len() {
        return Ok(true);
    }
    for (name, (oid, mode)) in committed {
        let path = str::from_utf8(name).ok().and_then(|name| name.parse::<RepoPath>().ok());
        let Some(entry) = path.and_then(|path| tree.get(&path)) else { return Ok(true) };
        if Some(entry.mode) != *mode {
            return Ok(true);
        }
        let Some(blob) = gathering.blobs.get(&entry.blob) else { return Ok(true) };
        let same = match entry.mode {
            Mode::Submodule => oid.to_string().as_bytes() == &**blob.bytes(),
            Mode::File | Mode::Executable | Mode::Symlink => Oid::hash_object(ObjectType::Blob, blob.bytes())? == *oid,
        };
        if !same {
            return Ok(true);
        }
    }
    Ok(false)
}
