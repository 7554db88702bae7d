//! What a delivery put into a folder and where each file comes from, kept in the folder itself.
//!
//! Per file: the content's hash, the kind, the job and the revision that wrote it, and what the delivered job did to it
//! (`created`, `modified`, `renamed` or `inherited`). Records of older versions are read too.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use vdo_core::content::{BlobHash, Entry, Mode};
use vdo_core::id::JobId;
use vdo_core::path::RepoPath;
use vdo_core::port::Deployment;

use crate::folder::confined::{Confined, Kind};

/// The name of the record in the folder.
pub const RECORD_NAME: &str = ".vdo-deploy.json";
/// The format written.
const VERSION: u32 = 2;
/// The oldest format that is read.
const OLDEST: u32 = 1;
/// The largest record that is read, in bytes.
const MAX_RECORD: u64 = 256 << 20;
/// How many differences are told.
const MAX_TOLD: usize = 10;

/// A file that was delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Delivered {
    blob: BlobHash,
    mode: Mode,
    /// The job that wrote it, where that was told.
    job: Option<JobId>,
    /// With which of its revisions, where that was told.
    #[serde(default)]
    revision: Option<u32>,
    /// What the delivered job did to it, where that was told.
    #[serde(default)]
    source: Option<String>,
}

/// What was delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    version: u32,
    job: JobId,
    revision: u32,
    root_hash: BlobHash,
    files: BTreeMap<RepoPath, Delivered>,
}

impl Record {
    pub(super) fn new(deployment: &Deployment<'_>) -> Self {
        let revisions: BTreeMap<JobId, u32> =
            deployment.lineage.iter().map(|(job, revision)| (job.id, revision.number)).collect();
        let sources: BTreeMap<&RepoPath, &str> =
            deployment.files.iter().map(|row| (&row.filename, row.source.as_str())).collect();
        let file = |path: &RepoPath, entry: &Entry| {
            let job = deployment.manifest.and_then(|manifest| manifest.0.get(path)).map(|file| file.job);
            let revision = job.and_then(|job| revisions.get(&job).copied());
            let source = sources.get(path).map(|source| (*source).to_owned());
            Delivered { blob: entry.blob, mode: entry.mode, job, revision, source }
        };
        let files = deployment.source.tree().0.iter().map(|(path, entry)| (path.clone(), file(path, entry)));
        Self {
            version: VERSION,
            job: deployment.job.id,
            revision: deployment.revision.number,
            root_hash: deployment.revision.root_hash,
            files: files.collect(),
        }
    }

    /// Reads the record of `dir`; `None` if there is none that VDO wrote.
    pub(super) fn read(dir: &Path) -> io::Result<Option<Self>> {
        let mut folder = Confined::open(dir)?;
        match folder.read(RECORD_NAME, MAX_RECORD) {
            Ok(Some((bytes, _))) => {
                let record: Option<Self> = serde_json::from_slice(&bytes).ok();
                Ok(record.filter(|record| (OLDEST..=VERSION).contains(&record.version)))
            }
            Ok(None) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn write(&self, dir: &Path) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(self)?;
        Confined::open(dir)?.write_new(RECORD_NAME, &bytes, false)
    }

    /// Returns how `dir` differs from the record, for people; at most ten differences.
    pub(super) fn differences(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut folder = Confined::open(dir)?;
        let mut told = Vec::new();
        let known: BTreeSet<&str> = self.files.keys().flat_map(RepoPath::ancestors).collect();
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let mut open = vec![String::new()];
        while let Some(above) = open.pop() {
            for (name, kind) in folder.list(&above)? {
                let name = String::from_utf8_lossy(&name).into_owned();
                let name = if above.is_empty() { name } else { format!("{above}/{name}") };
                if name == RECORD_NAME {
                    continue;
                }
                if kind == Kind::Folder && known.contains(name.as_str()) {
                    open.push(name);
                    continue;
                }
                match self.files.get(name.as_str()) {
                    None => told.push(format!("{name} was added")),
                    Some(file) => {
                        if !file.is_at(&mut folder, &name, kind)? {
                            told.push(format!("{name} was changed"));
                        }
                        seen.insert(name);
                    }
                }
                if told.len() >= MAX_TOLD {
                    return Ok(told);
                }
            }
        }
        let gone = self.files.keys().filter(|path| !seen.contains(path.as_str()));
        told.extend(gone.map(|path| format!("{path} was deleted")).take(MAX_TOLD - told.len()));
        Ok(told)
    }
}

impl Delivered {
    fn is_at(&self, folder: &mut Confined, name: &str, kind: Kind) -> io::Result<bool> {
        let (bytes, mode) = match kind {
            Kind::Folder => return Ok(self.mode == Mode::Submodule && folder.list(name)?.is_empty()),
            Kind::Special => return Ok(false),
            Kind::Link => (folder.read_link(name)?, Mode::Symlink),
            Kind::File => match folder.read(name, u64::MAX)? {
                Some(read) => read,
                None => return Ok(false),
            },
        };
        Ok(mode == self.mode && BlobHash::of(&bytes) == self.blob)
    }
}
