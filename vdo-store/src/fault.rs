//! What a database error means to a caller.
//!
//! Pure. Invariant: every [`StoreError::Backend`] of this crate names the place and carries a [`StoreFault`] that
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
pub enum StoreFault {
    /// The file or its folder cannot be written, or the server takes no writes.
    #[error("the store cannot be written; check the permissions, or name another place for the store")]
    ReadOnly(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The disk is full.
    #[error("the disk is full; nothing was written, and it can be tried again once there is room")]
    DiskFull(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The file or database is something else.
    #[error("this is not a VDO store; name another file or database")]
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
    /// Another process kept the store locked for longer than the busy timeout.
    #[error("another process kept the store locked for too long; try again")]
    Locked(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The address names no store.
    #[error("{0:?} names no store; give a path, sqlite:PATH, or postgres://USER@HOST/DATABASE")]
    Address(String),
    /// The server cannot be reached, or the connection to it broke. Whether a write was done that was under way is not known.
    #[error("the database server cannot be reached; what was under way may or may not be written")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server does not let this user in, or has no such database.
    #[error("the database server refused the connection; check user, password and the name of the database")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The task that writes is gone, as its runtime ended.
    #[error("the store's writer has ended with its runtime")]
    WriterGone,
    /// Anything else.
    #[error("the database failed")]
    Other(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What an error is, whatever the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Locked,
    ReadOnly,
    DiskFull,
    CannotOpen,
    NotAStore,
    Disk,
    Damaged,
    Unreachable,
    Refused,
    Other,
}

impl StoreFault {
    /// Sorts a database error.
    pub(crate) fn of(error: DbErr) -> Self {
        if matches!(&error, DbErr::Custom(text) if text == GONE) {
            return Self::Gone;
        }
        let sort = sort(&error);
        let source = Box::new(error);
        match sort {
            Sort::Locked => Self::Locked(source),
            Sort::ReadOnly => Self::ReadOnly(source),
            Sort::DiskFull => Self::DiskFull(source),
            Sort::CannotOpen => Self::CannotOpen(source),
            Sort::NotAStore => Self::NotAStore(source),
            Sort::Unreachable => Self::Unreachable(source),
            Sort::Refused => Self::Refused(source),
            Sort::Disk => Self::Disk(source),
            Sort::Damaged => Self::Damaged(source),
            Sort::Other => Self::Other(source),
        }
    }

    /// Returns the error with the place it happened at.
    pub(crate) fn at(self, place: &str) -> StoreError {
        StoreError::Backend { place: place.to_owned(), source: Box::new(self) }
    }
}

/// Returns the store's error for a database error.
pub(crate) fn error(error: DbErr, place: &str) -> StoreError {
    let detail = match &error {
        // Rows that no version of the store writes.
        DbErr::Type(detail) => detail.clone(),
        error if sort(error) == Sort::Damaged => {
            format!("{error}; stop writing to it, copy it, and go back to a backup")
        }
        _ => return StoreFault::of(error).at(place),
    };
    StoreError::Corrupt { what: format!("the database {place}"), detail }
}

/// Returns whether the database said no to a statement, so that nothing of its transaction was written. Otherwise nobody
/// knows.
pub(crate) fn is_refusal(error: &DbErr) -> bool {
    !matches!(sort(error), Sort::Unreachable)
        && sqlx_error(error).is_none_or(|error| error.as_database_error().is_some())
}

fn sqlx_error(error: &DbErr) -> Option<&sea_orm::SqlxError> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

fn sort(error: &DbErr) -> Sort {
    if matches!(error, DbErr::ConnectionAcquire(_)) {
        return Sort::Unreachable;
    }
    let Some(error) = sqlx_error(error) else { return Sort::Other };
    let Some(told) = error.as_database_error() else {
        return match error {
            sea_orm::sqlx::Error::Io(_)
            | sea_orm::sqlx::Error::Tls(_)
            | sea_orm::sqlx::Error::Protocol(_)
            | sea_orm::sqlx::Error::PoolTimedOut
            | sea_orm::sqlx::Error::PoolClosed => Sort::Unreachable,
            _ => Sort::Other,
        };
    };
    match told.code().as_deref() {
        Some(code) if code.len() == 5 && told.try_downcast_ref::<sea_orm::sqlx::sqlite::SqliteError>().is_none() => {
            by_state(code)
        }
        Some(code) => code.parse().map_or(Sort::Other, by_code),
        None => Sort::Other,
    }
}

/// Sorts one of SQLite's result codes; the low byte is the primary one: see <https://www.sqlite.org/rescode.html>.
fn by_code(code: i32) -> Sort {
    match code & 0xff {
        5 | 6 => Sort::Locked,
        8 => Sort::ReadOnly,
        10 => Sort::Disk,
        11 => Sort::Damaged,
        13 => Sort::DiskFull,
        14 => Sort::CannotOpen,
        26 => Sort::NotAStore,
        _ => Sort::Other,
    }
}

/// Sorts one of PostgreSQL's states: see the appendix "PostgreSQL Error Codes" of its manual.
fn by_state(state: &str) -> Sort {
    match state {
        "55P03" => Sort::Locked,
        "25006" => Sort::ReadOnly,
        "53100" => Sort::DiskFull,
        "58030" => Sort::Disk,
        "3D000" | "42501" => Sort::Refused,
        "XX001" | "XX002" => Sort::Damaged,
        // Shut down, crashed, starting up, the session ended for standing still, too many connections.
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "53300" => Sort::Unreachable,
        state if state.starts_with("28") => Sort::Refused,
        state if state.starts_with("08") => Sort::Unreachable,
        _ => Sort::Other,
    }
}
