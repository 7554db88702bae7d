//! Making a repository of a folder.

use std::path::Path;

use git2::{IndexAddOption, Repository, RepositoryInitOptions};

use super::Identity;

/// A repository was not made.
#[derive(Debug, thiserror::Error)]
#[error("{folder} cannot be made a git repository")]
pub struct FoundError {
    folder: String,
    #[source]
    source: git2::Error,
}

/// Makes a git repository of `folder` and commits all files in it to the branch `main`.
///
/// # Errors
/// [`FoundError`] if the folder is no folder, or a repository with commits already.
pub fn found(folder: &Path, message: &str) -> Result<(), FoundError> {
    commit_all(folder, message).map_err(|source| FoundError { folder: folder.display().to_string(), source })
}

fn commit_all(folder: &Path, message: &str) -> Result<(), git2::Error> {
    let repository = Repository::init_opts(folder, RepositoryInitOptions::new().initial_head("main").no_reinit(true))?;
    let mut index = repository.index()?;
    index.add_all(["*"], IndexAddOption::DEFAULT, None)?;
    index.write()?;
    let tree = repository.find_tree(index.write_tree()?)?;
    let who = Identity::default();
    let signature = git2::Signature::now(&who.name, &who.email)?;
    repository.commit(Some("HEAD"), &signature, &signature, message, &tree, &[])?;
    Ok(())
}
