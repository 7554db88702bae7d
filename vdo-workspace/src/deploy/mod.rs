//! Delivering a tree to a folder.
//!
//! The tree is built beside the folder and then put in its place by one rename, so that the folder holds the
//! old tree or the new one, also if VDO is killed in between. Never touches a file VDO did not put there: a folder
//! with anything else in it is refused. Not flushed to the disk: after a power failure, deliver again.
//!
//! Whoever has the old folder open keeps the old folder. Invariant: what is removed is exactly what an
//! earlier delivery wrote.

mod record;
mod swap;

use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use vdo_core::port::{Delivery, DeployError, Deployer, Deployment};

use crate::blocking;
use crate::folder::{self, MaterialiseError};
use record::Record;
use swap::{Lock, Place};

pub use record::RECORD_NAME;

/// Delivers to a folder on this machine.
///
/// The folder is made, with those above it, if it is not there. An empty one is taken; one with files needs the
/// record [`RECORD_NAME`] of an earlier delivery and no difference from it. Symbolic links must stay inside the
/// folder, else the whole tree is refused. Submodules become empty folders.
#[derive(Debug, Clone)]
pub struct DirDeployer {
    dir: PathBuf,
}

impl DirDeployer {
    /// Returns a deployer to `dir`.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }
}

#[async_trait]
impl Deployer for DirDeployer {
    async fn deploy(&self, deployment: Deployment<'_>) -> Result<Delivery, DeployError> {
        let tree = deployment.source.tree();
        if tree.root_hash() != deployment.revision.root_hash {
            return Err(target(&self.dir, "the tree at hand is not the revision's"));
        }
        if tree.0.keys().any(|path| path.folded() == RECORD_NAME) {
            return Err(target(&self.dir, "the tree has a file with the name of the delivery's own record"));
        }
        let record = Record::new(&deployment);
        let delivery = Delivery {
            how: "dir".to_owned(),
            place: self.dir.display().to_string(),
            branch: None,
            files: u64::try_from(tree.len()).unwrap_or(u64::MAX),
        };
        let dir = self.dir.clone();
        let wanted = record.clone();
        let begun = self.on_thread(move || begin(&dir, &wanted)).await?;
        let Some((place, lock)) = begun else { return Ok(delivery) };
        let staged = match folder::materialise(deployment.source, &place.stage).await {
            Ok(done) => match done.refused.first() {
                Some(link) => {
                    Err(target(&self.dir, &format!("the link {} cannot be delivered: {}", link.path, link.reason)))
                }
                None => Ok(()),
            },
            Err(error) => Err(self.unwritten(error)),
        };
        if let Err(error) = staged {
            let stage = place.stage.clone();
            // What was built is removed; the next delivery would do so as well.
            let _ = self.on_thread(move || std::fs::remove_dir_all(&stage).map_err(|error| write(&stage, error))).await;
            return Err(error);
        }
        self.on_thread(move || finish(&place, &record, lock)).await?;
        Ok(delivery)
    }
}

impl DirDeployer {
    async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, DeployError> + Send + 'static,
    ) -> Result<T, DeployError> {
        blocking::run(work).await.map_err(|error| write(&self.dir, error))?
    }

    fn unwritten(&self, error: MaterialiseError) -> DeployError {
        match error {
            MaterialiseError::Source(error) => DeployError::Source(error),
            MaterialiseError::Tree(fault) => target(&self.dir, &format!("a folder cannot hold this tree: {fault}")),
            other @ (MaterialiseError::NotEmpty(_) | MaterialiseError::Write { .. }) => {
                DeployError::Write { target: self.dir.display().to_string(), source: other.into() }
            }
        }
    }
}

fn target(dir: &Path, reason: &str) -> DeployError {
    DeployError::Target { target: dir.display().to_string(), reason: reason.to_owned() }
}

fn write(dir: &Path, error: io::Error) -> DeployError {
    DeployError::Write { target: dir.display().to_string(), source: error.into() }
}

/// Locks the target, clears what a killed delivery left and checks the target; `None` if it is as wanted.
fn begin(dir: &Path, wanted: &Record) -> Result<Option<(Place, Lock)>, DeployError> {
    let place = Place::new(dir)?;
    let lock = place.lock()?;
    place.recover()?;
    let old = check(&place.target, &place.shown)?;
    if old.as_ref() == Some(wanted) {
        // A delivery that was killed right after the swap left the old tree; what somebody did in there stays.
        let _ = place.clear_stage();
        return Ok(None);
    }
    place.clear_stage()?;
    Ok(Some((place, lock)))
}

/// Returns the record of what the target holds; `None` if it is not there or empty.
fn check(dir: &Path, shown: &Path) -> Result<Option<Record>, DeployError> {
    match dir.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(write(shown, error)),
        Ok(data) if data.is_symlink() => return Err(target(shown, "it is a link; name the folder it leads to")),
        Ok(data) if !data.is_dir() => return Err(target(shown, "it is not a folder")),
        Ok(_) => {}
    }
    let Some(record) = Record::read(dir).map_err(|error| write(shown, error))? else {
        let mut names = std::fs::read_dir(dir).map_err(|error| write(shown, error))?;
        return match names.next() {
            None => Ok(None),
            Some(_) => Err(target(shown, "it has files that VDO did not put there; name an empty or new folder")),
        };
    };
    let differences = record.differences(dir).map_err(|error| write(shown, error))?;
    if differences.is_empty() {
        return Ok(Some(record));
    }
    Err(DeployError::Drift { target: shown.display().to_string(), what: differences.join(", ") })
}

fn finish(place: &Place, record: &Record, lock: Lock) -> Result<(), DeployError> {
    record.write(&place.stage).map_err(|error| write(&place.shown, error))?;
    // Whatever happened to the target meanwhile is not overwritten.
    check(&place.target, &place.shown)?;
    place.swap().map_err(|error| write(&place.shown, error))?;
    if place.stage.symlink_metadata().is_ok() {
        if let Err(error) = check(&place.stage, &place.shown) {
            place.swap().map_err(|error| write(&place.shown, error))?;
            return Err(error);
        }
        place.clear_stage()?;
    }
    drop(lock);
    Ok(())
}
