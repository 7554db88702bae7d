//! What scans keep between them, in a folder of their own.
//!
//! Records are found by the content and the path they were made from, never by time or tree, so that another commit, a branch or
//! a child job finds what it has in common with what was scanned before. A cache is never needed: what cannot be read is
//! made again, what cannot be written is not kept. Files are written whole under a name of their own and renamed, so
//! that any number of scans may share the folder.
//!
//! Invariant: a record that is returned was written whole, under the same fingerprint.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use vdo_core::content::Bytes;

use super::segment::{self, Key, Segment};
use crate::beside;

/// So many segments of one kind are merged into one.
const MAX_SEGMENTS: usize = 8;
/// Merged segments of one kind have at most so many bytes; above, only what was used last is kept.
const MAX_BYTES: usize = 1 << 30;

/// A folder with segments: one below the given folder for each fingerprint. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    folder: PathBuf,
    fingerprint: Key,
}

/// The records of one kind.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    segments: Vec<(Option<PathBuf>, Segment)>,
}

/// A record: a range of shared bytes.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) bytes: Bytes,
    pub(super) range: std::ops::Range<usize>,
}

impl Record {
    /// Returns the record's bytes.
    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(self.range.clone()).unwrap_or_default()
    }
}

impl Shelf {
    /// Returns a shelf of records that are kept nowhere.
    pub(super) fn of(records: &BTreeMap<Key, Vec<u8>>) -> Self {
        let bytes = segment::written(&[0; 32], records.iter().map(|(key, record)| (key, record.as_slice())));
        Self { segments: Segment::read(bytes.into(), &[0; 32]).map(|segment| (None, segment)).into_iter().collect() }
    }

    /// Returns the record of `key`.
    pub(super) fn find(&self, key: &Key) -> Option<Record> {
        self.segments
            .iter()
            .find_map(|(_, segment)| Some(Record { range: segment.find(key)?, bytes: Bytes::clone(segment.bytes()) }))
    }

    /// Returns the number of records; one that lies in two segments counts twice.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.segments.iter().map(|(_, segment)| segment.len()).sum()
    }
}

impl Cache {
    /// Returns the cache in `folder`, of records made by what has this fingerprint.
    pub(super) fn new(folder: &Path, fingerprint: Key) -> Self {
        let name = blake3::Hash::from_bytes(fingerprint).to_hex();
        Self { folder: folder.join(name.get(..16).unwrap_or_default()), fingerprint }
    }

    /// Returns the folder the files lie in.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Reads the records of a kind. Files that are spoiled are removed, and so is what killed scans left.
    pub(super) fn load(&self, kind: &str) -> Shelf {
        beside::sweep(&self.folder);
        let mut paths: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if name.to_str().is_some_and(|name| name.starts_with(kind) && name.ends_with(".vdo")) {
                paths.push(entry.path());
            }
        }
        paths.sort();
        let segments = paths.into_iter().filter_map(|path| {
            let segment = read(&path).and_then(|bytes| Segment::read(bytes, &self.fingerprint));
            if segment.is_none() {
                let _ = fs::remove_file(&path);
            }
            Some((Some(path), segment?))
        });
        Shelf { segments: segments.collect() }
    }

    /// Adds records to a kind, which are at hand on the shelf from now on. `used` gives the keys that were asked for.
    pub(super) fn add(
        &self,
        kind: &str,
        shelf: &mut Shelf,
        records: &BTreeMap<Key, Vec<u8>>,
        used: impl FnOnce() -> HashSet<Key>,
    ) {
        if records.is_empty() {
            return;
        }
        let bytes = segment::written(&self.fingerprint, records.iter().map(|(key, record)| (key, record.as_slice())));
        let path = self.write(kind, &bytes);
        if let Some(segment) = Segment::read(bytes.into(), &self.fingerprint) {
            shelf.segments.push((path, segment));
        }
        if shelf.segments.len() > MAX_SEGMENTS {
            self.merge(kind, shelf, &used());
        }
    }

    /// Puts all segments into one.
    fn merge(&self, kind: &str, shelf: &mut Shelf, used: &HashSet<Key>) {
        let size: usize = shelf.segments.iter().map(|(_, segment)| segment.size()).sum();
        let mut all: BTreeMap<Key, &[u8]> = BTreeMap::new();
        for (key, record) in shelf.segments.iter().flat_map(|(_, segment)| segment.iter()) {
            if size <= MAX_BYTES || used.contains(&key) {
                all.insert(key, record);
            }
        }
        let bytes = segment::written(&self.fingerprint, all.iter().map(|(key, record)| (key, *record)));
        let Some(path) = self.write(kind, &bytes) else { return };
        let Some(segment) = Segment::read(bytes.into(), &self.fingerprint) else { return };
        // Whoever has listed the old ones and opens one too late makes its records again.
        for old in shelf.segments.iter().filter_map(|(old, _)| old.as_ref()).filter(|old| **old != path) {
            let _ = fs::remove_file(old);
        }
        shelf.segments = vec![(Some(path), segment)];
    }

    /// Reads the one record that is kept under a name.
    pub(super) fn single(&self, name: &str) -> Option<Record> {
        let segment = Segment::read(read(&self.folder.join(format!("{name}.vdo")))?, &self.fingerprint)?;
        Some(Record { range: segment.find(&[0; 32])?, bytes: Bytes::clone(segment.bytes()) })
    }

    /// Keeps one record under a name, in place of the one before.
    pub(super) fn keep(&self, name: &str, record: &[u8]) {
        let bytes = segment::written(&self.fingerprint, std::iter::once((&[0; 32], record)));
        self.put(&format!("{name}.vdo"), &bytes);
    }

    /// Writes a segment under a name that its bytes give it; `None` if it could not be.
    fn write(&self, kind: &str, bytes: &[u8]) -> Option<PathBuf> {
        let name = blake3::hash(bytes).to_hex();
        self.put(&format!("{kind}-{}.vdo", name.get(..16)?), bytes)
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Option<PathBuf> {
        let path = self.folder.join(name);
        let other = self.folder.join(beside::temporary());
        let done = fs::create_dir_all(&self.folder)
            .and_then(|()| fs::File::create_new(&other))
            .and_then(|mut file| file.write_all(bytes))
            .and_then(|()| fs::rename(&other, &path));
        if let Err(error) = done {
            tracing::debug!(%error, path = %path.display(), "the scan is not kept");
            let _ = fs::remove_file(&other);
            return None;
        }
        Some(path)
    }
}

/// Reads a file into shared bytes, without a copy between.
fn read(path: &Path) -> Option<Bytes> {
    let mut file = fs::File::open(path).ok()?;
    let length = usize::try_from(file.metadata().ok().filter(|data| data.is_file())?.len()).ok()?;
    let mut bytes: Bytes = std::iter::repeat_n(0, length).collect();
    file.read_exact(Arc::get_mut(&mut bytes)?).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(from: u8, to: u8) -> BTreeMap<Key, Vec<u8>> {
        (from..to).map(|key| ([key; 32], vec![key; usize::from(key)])).collect()
    }

    #[test]
    fn records_come_back_and_many_segments_become_one() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path(), [1; 32]);
        for at in 0..12 {
            let mut shelf = cache.load("terms");
            cache.add("terms", &mut shelf, &records(at * 4, at * 4 + 4), HashSet::new);
        }
        let shelf = cache.load("terms");
        assert!(shelf.segments.len() < MAX_SEGMENTS, "{}", shelf.segments.len());
        assert_eq!(shelf.len(), 48);
        for key in 0..48 {
            assert_eq!(shelf.find(&[key; 32]).unwrap().as_slice(), vec![key; usize::from(key)]);
        }
        assert_eq!(fs::read_dir(&cache.folder).unwrap().count(), shelf.segments.len());
    }

    #[test]
    fn spoiled_files_are_removed_and_two_writers_do_not_meet() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path(), [1; 32]);
        let (mut one, mut other) = (cache.load("terms"), cache.load("terms"));
        cache.add("terms", &mut one, &records(0, 4), HashSet::new);
        cache.add("terms", &mut other, &records(2, 6), HashSet::new);
        let spoiled = cache.folder.join("terms-0000000000000000.vdo");
        fs::write(&spoiled, b"no segment").unwrap();
        fs::create_dir(cache.folder.join("terms-folder.vdo")).unwrap();
        assert!((0..6).all(|key| cache.load("terms").find(&[key; 32]).is_some()));
        assert!(!spoiled.exists());
        assert_eq!(Cache::new(folder.path(), [2; 32]).load("terms").len(), 0);
        assert!(cache.load("facts").find(&[1; 32]).is_none());
    }

    #[test]
    fn a_folder_that_cannot_be_written_keeps_nothing_and_fails_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, b"x").unwrap();
        let cache = Cache::new(&file.join("below"), [1; 32]);
        let mut shelf = cache.load("terms");
        cache.add("terms", &mut shelf, &records(0, 4), HashSet::new);
        assert!(shelf.find(&[1; 32]).is_some(), "what was added is at hand all the same");
        cache.keep("stat", b"x");
        assert!(cache.single("stat").is_none());
    }
}
