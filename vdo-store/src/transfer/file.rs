//! The file of an export: built beside its place and moved there once it is whole; looked through before it is read.
//!
//! Never changes a file that it reads: an older one is brought up to date in a copy.

use std::path::{Path, PathBuf};

use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, DbBackend};
use vdo_core::port::StoreError;

use super::{Exported, SEAL, copy};
use crate::dialect;
use crate::fault::{self, StoreFault};
use crate::open;
use crate::options::{Durability, Options};

fn io(path: &Path, error: std::io::Error) -> StoreError {
    let source: Box<dyn std::error::Error + Send + Sync> = error.into();
    StoreFault::CannotOpen(source).at(&path.display().to_string())
}

/// What the folders begin with that exports are built in; the process that made one follows.
const BEGIN: &str = ".vdo-export-";

/// Removes what exports of processes that are no more left in a folder. What cannot be removed stays.
fn sweep(folder: &Path) {
    let is_dead = |process: u32| Path::new("/proc/self").exists() && !Path::new(&format!("/proc/{process}")).exists();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(BEGIN)?.split('-').next()?.parse().ok());
        if process.is_some_and(is_dead) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// A file that is being built. What is unfinished goes with it.
#[derive(Debug)]
pub(super) struct Building {
    /// Where it will be.
    path: PathBuf,
    /// Where it is built.
    folder: tempfile::TempDir,
}

impl Building {
    pub(super) fn new(path: &Path) -> Result<Self, StoreError> {
        let parent = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
        if !parent.is_dir() {
            return Err(StoreFault::FolderMissing(parent.display().to_string()).at(&path.display().to_string()));
        }
        sweep(parent);
        let made = tempfile::Builder::new().prefix(&format!("{BEGIN}{}-", std::process::id())).tempdir_in(parent);
        Ok(Self { path: path.to_owned(), folder: made.map_err(|error| io(path, error))? })
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }

    /// Returns an empty store to copy into.
    pub(super) async fn store(&self) -> Result<DatabaseConnection, StoreError> {
        let options = Options::default().with_durability(Durability::Normal);
        let opened = open::open(&self.file().display().to_string(), &options).await?;
        let _ = opened.readers.close().await;
        Ok(opened.writer)
    }

    /// Makes it one file, flushes it and moves it to its place.
    pub(super) async fn finish(self, connection: DatabaseConnection) -> Result<(), StoreError> {
        let place = self.path.display().to_string();
        for sql in ["PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA journal_mode = DELETE"] {
            connection.execute_unprepared(sql).await.map_err(|error| fault::error(error, &place))?;
        }
        connection.close().await.map_err(|error| fault::error(error, &place))?;
        let moved = tokio::task::spawn_blocking(move || {
            let file = std::fs::File::open(self.file())?;
            file.sync_all()?;
            std::fs::rename(self.file(), &self.path)?;
            let parent = self.path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
            std::fs::File::open(parent)?.sync_all()
        });
        let moved = moved.await.map_err(|error| StoreFault::Other(Box::new(error)).at(&place))?;
        moved.map_err(|error| io(Path::new(&place), error))
    }
}

/// An export that was looked through.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) connection: DatabaseConnection,
    pub(super) exported: Exported,
    /// The copy that is read.
    _folder: tempfile::TempDir,
}

impl Opened {
    /// Opens a file and compares it with its seal.
    pub(super) async fn open(path: &Path) -> Result<Self, StoreError> {
        let place = path.display().to_string();
        let folder = tempfile::tempdir().map_err(|error| io(path, error))?;
        let copied = folder.path().join("store.db");
        let (source, target) = (path.to_owned(), copied.clone());
        let done = tokio::task::spawn_blocking(move || std::fs::copy(source, target)).await;
        done.map_err(|error| StoreFault::Other(Box::new(error)).at(&place))?.map_err(|error| io(path, error))?;
        let corrupt = |detail: String| StoreError::Corrupt { what: format!("the export {place}"), detail };
        let raw = Database::connect(format!("sqlite://{}?mode=rw", copied.display())).await;
        let no_export = || StoreError::Invalid(format!("{place} is no export of VDO; vdo export makes one"));
        let raw = raw.map_err(|error| match StoreFault::of(error) {
            StoreFault::NotAStore(_) => no_export(),
            other => other.at(&place),
        })?;
        let sql = "SELECT value FROM settings WHERE name = ?1";
        let found = raw.query_all_raw(dialect::statement(DbBackend::Sqlite, sql, [SEAL.into()])).await;
        let found = found.map_err(|error| match fault::error(error, &place) {
            StoreError::Corrupt { detail, .. } => corrupt(detail),
            _ => no_export(),
        })?;
        let row = found.first().ok_or_else(no_export)?;
        let text: String = row.try_get_by_index(0).map_err(|error| fault::error(error, &place))?;
        let exported: Exported = serde_json::from_str(&text).map_err(|error| corrupt(error.to_string()))?;
        let seal = copy::seal(&raw, &exported.columns).await.map_err(|error| corrupt(error.to_string()))?;
        if seal != exported.seal {
            return Err(corrupt(format!(
                "its rows have the hash {seal}, not {}, with which it was sealed; take another copy of it",
                exported.seal
            )));
        }
        raw.close().await.map_err(|error| fault::error(error, &place))?;
        let opened = open::open(&copied.display().to_string(), &Options::default()).await?;
        let _ = opened.readers.close().await;
        Ok(Self { connection: opened.writer, exported, _folder: folder })
    }
}
