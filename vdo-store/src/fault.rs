//! What a database error means to a caller.
//!
//! Pure. Invariant: every [`StoreError::Backend`] of this crate names the place and carries a [`SqliteFault`] that
//! tells the causes apart that somebody can do something about.

use sea_orm::{DbErr, RuntimeErr};
use vdo_core::port::StoreError;

/// What the writer says when the file is not the one it opened.
const GONE: &str = "the file is gone";

/// Returns the error for a file that is not the one that was opened.
pub(crate) fn gone() -> DbErr {
    DbErr::Custom(GONE.to_owned())
}

/// Which file is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity(Option<(u64, u64)>);

impl Identity {
    /// Looks at the path. SQLite goes on writing to a file that was removed, and nobody would ever see it again.
    pub(crate) fn of(path: &str) -> Self {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            Self(std::fs::metadata(path).ok().map(|data| (data.dev(), data.ino())))
        }
        #[cfg(not(unix))]
        Self(std::fs::metadata(path).ok().map(|_| (0, 0)))
    }
}

/// Why SQLite failed. Found as the source of [`StoreError::Backend`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqliteFault {
    /// The file or its folder cannot be written.
    #[error("the file or its folder cannot be written; check the permissions, or name another place for the store")]
    ReadOnly(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The disk is full.
    #[error("the disk is full; nothing was written, and it can be tried again once there is room")]
    DiskFull(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The file is something else.
    #[error("the file is not a VDO store; name another file")]
    NotAStore(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The file's folder does not exist.
    #[error("the folder {0} does not exist; create it first")]
    FolderMissing(String),
    /// The file cannot be opened.
    #[error("the file cannot be opened; check the permissions of the file and of its folder")]
    CannotOpen(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The disk did not take or give what it should, or a limit of the process forbids it.
    #[error(
        "the file cannot be read or written as it should; check the disk and the limits of the process, then try again"
    )]
    Disk(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The file's pages do not fit together.
    #[error("the file is damaged; stop writing to it, copy it, and go back to a backup")]
    Damaged(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The file is not the one that was opened.
    #[error(
        "the file was removed or replaced while it was open; nothing is written to it any more. Put it back, or open another store"
    )]
    Gone,
    /// Another process kept the file locked for longer than the busy timeout.
    #[error("another process kept the store locked for too long; try again")]
    Locked(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The address names no SQLite file.
    #[error("{0:?} names no SQLite file; give a path, or sqlite:PATH")]
    Address(String),
    /// The task that writes is gone, as its runtime ended.
    #[error("the store's writer has ended with its runtime")]
    WriterGone,
    /// Anything else.
    #[error("the database failed")]
    Other(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl SqliteFault {
    /// Sorts a database error.
    pub(crate) fn of(error: DbErr) -> Self {
        let code = code(&error);
        if matches!(&error, DbErr::Custom(text) if text == GONE) {
            return Self::Gone;
        }
        let source = Box::new(error);
        // The low byte is the primary result code; see https://www.sqlite.org/rescode.html.
        match code.map(|code| code & 0xff) {
            Some(5 | 6) => Self::Locked(source),
            Some(8) => Self::ReadOnly(source),
            Some(10) => Self::Disk(source),
            Some(11) => Self::Damaged(source),
            Some(13) => Self::DiskFull(source),
            Some(14) => Self::CannotOpen(source),
            Some(26) => Self::NotAStore(source),
            Some(_) | None => Self::Other(source),
        }
    }

    /// Returns the error with the place it happened at.
    pub(crate) fn at(self, place: &str) -> StoreError {
        StoreError::Backend { place: place.to_owned(), source: Box::new(self) }
    }
}

/// Returns the store's error for a database error.
pub(crate) fn error(error: DbErr, place: &str) -> StoreError {
    let detail = match (&error, code(&error)) {
        // Rows that no version of the store writes.
        (DbErr::Type(detail), _) => detail.clone(),
        (_, Some(code)) if code & 0xff == 11 => {
            format!("{error}; stop writing to it, copy it, and go back to a backup")
        }
        _ => return SqliteFault::of(error).at(place),
    };
    StoreError::Corrupt { what: format!("the database {place}"), detail }
}

fn code(error: &DbErr) -> Option<i32> {
    let (DbErr::Conn(RuntimeErr::SqlxError(error))
    | DbErr::Exec(RuntimeErr::SqlxError(error))
    | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return None;
    };
    error.as_database_error()?.code()?.parse().ok()
}
