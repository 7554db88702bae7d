//! Taking back edits of several files whose process was killed between them.
//!
//! Before the first file is changed, what the files were is written down in the folder; after the last, that is removed. Whoever finds it
//! there, and its process gone, puts back what that process had changed. Never touches a file that somebody else changed since.
//! Invariant: with the record gone, all of the edits were made; with the record there, all of them can be taken back.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use vdo_core::content::{BlobHash, Entry, Mode};
use vdo_core::contents::Contents;
use vdo_core::path::RepoPath;

use super::confined::Confined;
use crate::beside;

/// The record, in the folder that is edited.
const NAME: &str = ".vdo-apply.json";
/// The largest record that is read, in bytes.
const MOST: u64 = 1 << 30;

/// What a file was.
#[derive(Debug, Serialize, Deserialize)]
enum Old {
    None,
    Text(String, Mode),
    Bytes(Vec<u8>, Mode),
}

#[derive(Debug, Serialize, Deserialize)]
struct Change {
    path: RepoPath,
    old: Old,
    /// What it becomes; nothing if it goes.
    new: Option<BlobHash>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    process: u32,
    changes: Vec<Change>,
}

/// Writes down what some files are before they change.
pub(super) fn begin(
    folder: &mut Confined,
    changes: &[(RepoPath, Option<Entry>, Option<Entry>)],
    contents: &Contents,
) -> io::Result<()> {
    if let Some(record) = read(folder)? {
        return Err(busy(&record));
    }
    let old = |entry: Option<Entry>| -> io::Result<Old> {
        let Some(entry) = entry else { return Ok(Old::None) };
        let bytes = contents.get(entry.blob).ok_or(io::ErrorKind::NotFound)?;
        Ok(match str::from_utf8(&bytes) {
            Ok(text) => Old::Text(text.to_owned(), entry.mode),
            Err(_) => Old::Bytes(bytes.to_vec(), entry.mode),
        })
    };
    let changes = changes.iter().map(|(path, before, after)| {
        Ok(Change { path: path.clone(), old: old(*before)?, new: after.map(|after| after.blob) })
    });
    let record = Record { process: std::process::id(), changes: changes.collect::<io::Result<_>>()? };
    folder.replace(NAME, &serde_json::to_vec(&record)?, false)
}

/// Says that all of the edits were made, or none.
pub(super) fn end(folder: &mut Confined) -> io::Result<()> {
    folder.remove(NAME)
}

/// Takes back what a process that was killed had made of its edits; returns the files it put back.
pub(super) fn recover(root: &Path) -> io::Result<Vec<RepoPath>> {
    let mut folder = Confined::open(root)?;
    let Some(record) = read(&mut folder)? else { return Ok(Vec::new()) };
    if !beside::is_dead(record.process) {
        return Err(busy(&record));
    }
    let mut back = Vec::new();
    // Files that came are taken away last: a crash in here leaves one too many rather than one too few.
    let (came, were): (Vec<_>, Vec<_>) = record.changes.into_iter().partition(|change| matches!(change.old, Old::None));
    for Change { path, old, new } in were.into_iter().chain(came) {
        let now = match folder.read(path.as_str(), MOST) {
            Ok(found) => found.map(|(bytes, _)| BlobHash::of(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if now != new {
            continue;
        }
        match old {
            Old::None => folder.remove(path.as_str())?,
            Old::Text(text, mode) => folder.replace(path.as_str(), text.as_bytes(), mode == Mode::Executable)?,
            Old::Bytes(bytes, mode) => folder.replace(path.as_str(), &bytes, mode == Mode::Executable)?,
        }
        back.push(path);
    }
    end(&mut folder)?;
    Ok(back)
}

fn read(folder: &mut Confined) -> io::Result<Option<Record>> {
    match folder.read(NAME, MOST) {
        Ok(Some((bytes, _))) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Ok(None) => Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("{NAME} is too large"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn busy(record: &Record) -> io::Error {
    let text = format!(
        "process {} is making edits here, or was killed while it did ({NAME}); let it end, or take its edits back first",
        record.process
    );
    io::Error::new(io::ErrorKind::ResourceBusy, text)
}
