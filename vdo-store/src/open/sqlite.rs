//! Finds and opens a file.
//!
//! Never makes folders.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr, sqlx};
use vdo_core::port::StoreError;

use super::{Opened, migrate};
use crate::fault::StoreFault;
use crate::options::{Durability, Options};

/// Prepared statements kept per connection; the writer's texts come in a few dozen combinations.
const STATEMENTS: usize = 256;
/// Kibibytes of pages that the writer keeps in memory, negative as SQLite wants it.
const CACHE: &str = "-4096";
/// As [`CACHE`], of each reading connection: what it keeps is void after every write.
const READERS_CACHE: &str = "-1024";
/// Pages in the log before they move to the file; fewer moves than SQLite's 1,000 where the same pages change often.
const CHECKPOINT: &str = "4000";
/// How often a file that another process is just creating is tried again.
const TRIES: u32 = 50;

/// Opens the store at `address` and brings its schema up to date.
pub(super) async fn open(address: &str, options: &Options) -> Result<Opened, StoreError> {
    let path = path(address).map_err(|fault| fault.at(address))?;
    let place = path.display().to_string();
    look(&path).map_err(|fault| fault.at(&place))?;
    let writer = writer(&path, options).await.map_err(|error| StoreFault::of(error).at(&place))?;
    migrate(&writer, &place).await?;
    let readers = connect(&path, options, options.readers.clamp(1, threads()), READERS_CACHE).await;
    let readers = readers.map_err(|error| StoreFault::of(error).at(&place))?;
    Ok(Opened { place, writer, readers })
}

/// Returns how many connections may read at once: each reads on a thread of its own, and more threads than processors only take
/// memory. At least two, so that a long read holds no other up.
fn threads() -> u32 {
    std::thread::available_parallelism().map_or(2, |count| u32::try_from(count.get()).unwrap_or(u32::MAX)).max(2)
}

fn path(address: &str) -> Result<PathBuf, StoreFault> {
    let refuse = || StoreFault::Address(address.to_owned());
    let path = match address.strip_prefix("sqlite:") {
        Some(rest) => rest.strip_prefix("//").unwrap_or(rest),
        None if address.contains("://") => return Err(refuse()),
        None => address,
    };
    if path.is_empty() || path == ":memory:" || path.contains(['?', '\0']) { Err(refuse()) } else { Ok(path.into()) }
}

fn look(path: &Path) -> Result<(), StoreFault> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) | None => Path::new("."),
    };
    if !folder.is_dir() {
        return Err(StoreFault::FolderMissing(folder.display().to_string()));
    }
    match std::fs::metadata(path) {
        Ok(file) if file.is_dir() => Err(StoreFault::NotAStore("it is a folder".into())),
        // SQLite would open a file that it may not write, and fail at the first commit.
        Ok(_) => match std::fs::OpenOptions::new().append(true).open(path) {
            Ok(_) => Ok(()),
            Err(error) => Err(StoreFault::ReadOnly(error.into())),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StoreFault::CannotOpen(error.into())),
    }
}

async fn connect(
    path: &Path,
    options: &Options,
    connections: u32,
    cache: &'static str,
) -> Result<DatabaseConnection, DbErr> {
    let mut connect = ConnectOptions::new("sqlite:store");
    connect
        .max_connections(connections)
        .min_connections(1)
        .test_before_acquire(false)
        .connect_timeout(options.busy_timeout.max(Duration::from_secs(1)))
        .acquire_timeout(Duration::from_secs(60))
        .sqlx_logging(false);
    let (path, busy) = (path.to_owned(), options.busy_timeout);
    let synchronous = match options.durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
    };
    connect.map_sqlx_sqlite_opts(move |sqlite| {
        sqlite
            .filename(&path)
            .create_if_missing(true)
            .foreign_keys(true)
            .busy_timeout(busy)
            .statement_cache_capacity(STATEMENTS)
            .pragma("journal_mode", "WAL")
            .pragma("synchronous", synchronous)
            .pragma("cache_size", cache)
            .pragma("temp_store", "MEMORY")
            .pragma("wal_autocheckpoint", CHECKPOINT)
    });
    connect.map_sqlx_sqlite_pool_opts(|pool| {
        pool.idle_timeout(None).max_lifetime(None).after_release(|connection, _| {
            // A transaction that SQLite took back by itself, as on a full disk, is still open to the driver: what came after would be
            // nested in one that nobody commits, and acknowledged without being on the disk. Such a connection is not used again.
            let is_sound = !sqlx::Connection::is_in_transaction(connection);
            Box::pin(async move { Ok(is_sound) })
        })
    });
    Database::connect(connect).await
}

/// Connects; waits while another process turns a new file into a store, which SQLite's own timeout does not cover.
async fn writer(path: &Path, options: &Options) -> Result<DatabaseConnection, DbErr> {
    let mut tries = 0;
    loop {
        tries += 1;
        match connect(path, options, 1, CACHE).await {
            Err(error) if tries < TRIES && is_locked(&error) => tokio::time::sleep(Duration::from_millis(20)).await,
            result => return result,
        }
    }
}

fn is_locked(error: &DbErr) -> bool {
    error.to_string().contains("database is locked")
}
