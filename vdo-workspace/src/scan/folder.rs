//! A folder's files and the hashes of their contents, without reading what did not change.
//!
//! A file's size, times and inode only spare its bytes from being hashed again; every decision is by hash. What was
//! changed so shortly before a scan that a further change might leave its times alone is hashed again the next time.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::cache::Cache;
use crate::walk::{Stamp, Stated};

/// Times of files are only as fine as the kernel's tick; so much has to lie between a change and the scan.
const QUIET_NANOSECONDS: i128 = 50_000_000;

/// What is known of the files of a folder since the last scan.
#[derive(Debug, Default)]
pub(super) struct Stats {
    name: String,
    known: HashMap<String, (Stamp, [u8; 32])>,
    /// When this scan began, by the clock of the cache's file system; 0 if that is not known.
    began: i128,
}

#[derive(Debug, Serialize, Deserialize)]
struct Row {
    name: String,
    stamp: Stamp,
    hash: [u8; 32],
}

impl Stats {
    /// Reads what is known of the folder `root`.
    pub(super) fn load(cache: &Cache, root: &Path) -> Self {
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let name = blake3::hash(root.as_os_str().as_encoded_bytes()).to_hex();
        let name = format!("stat-{}", name.get(..16).unwrap_or_default());
        let rows = cache.single(&name).and_then(|record| postcard::from_bytes::<Vec<Row>>(record.as_slice()).ok());
        let known = rows.unwrap_or_default().into_iter().map(|row| (row.name, (row.stamp, row.hash))).collect();
        Self { name, known, began: began(cache.folder()).unwrap_or(0) }
    }

    /// Returns the hash of a file that did not change.
    pub(super) fn hash(&self, file: &Stated) -> Option<[u8; 32]> {
        let (stamp, hash) = self.known.get(&file.name)?;
        (*stamp == file.stamp).then_some(*hash)
    }

    /// Keeps the hashes of files for the next scan.
    pub(super) fn keep<'f>(&self, cache: &Cache, files: impl Iterator<Item = (&'f Stated, [u8; 32])>) {
        let rows: Vec<Row> = files
            .filter(|(file, _)| file.stamp.changed() + QUIET_NANOSECONDS < self.began)
            .map(|(file, hash)| Row { name: file.name.clone(), stamp: file.stamp, hash })
            .collect();
        let is_known = |row: &Row| self.known.get(&row.name) == Some(&(row.stamp, row.hash));
        if rows.len() == self.known.len() && rows.iter().all(is_known) {
            return;
        }
        if let Ok(bytes) = postcard::to_stdvec(&rows) {
            cache.keep(&self.name, &bytes);
        }
    }
}

/// Returns the time a file written now gets.
fn began(folder: &Path) -> Option<i128> {
    std::fs::create_dir_all(folder).ok()?;
    let path = folder.join(crate::beside::temporary());
    std::fs::write(&path, b"").ok()?;
    let data = std::fs::metadata(&path);
    let _ = std::fs::remove_file(&path);
    let data = data.ok()?;
    Some(i128::from(data.mtime()) * 1_000_000_000 + i128::from(data.mtime_nsec()))
}
