//! Finds, opens and migrates the file.
//!
//! Never opens a store that a newer version made, and never makes folders.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait, sqlx,
};
use sea_orm_migration::MigratorTrait;
use vdo_core::port::StoreError;

use crate::fault::SqliteFault;
use crate::migration::Migrator;
use crate::options::{Durability, Options};

/// Prepared statements kept per connection; the writer's texts come in a few dozen combinations.
const STATEMENTS: usize = 256;
/// Kibibytes of pages kept in memory, negative as SQLite wants it.
const CACHE: &str = "-16384";
/// Pages in the log before they move to the file; fewer moves than SQLite's 1,000 where the same pages change often.
const CHECKPOINT: &str = "4000";
/// How often a file that another process is just creating is tried again.
const TRIES: u32 = 50;

/// The open file.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) place: String,
    pub(crate) writer: DatabaseConnection,
    pub(crate) readers: DatabaseConnection,
}

/// Opens the store at `address` and brings its schema up to date.
pub(crate) async fn open(address: &str, options: &Options) -> Result<Opened, StoreError> {
    let path = path(address).map_err(|fault| fault.at(address))?;
    let place = path.display().to_string();
    look(&path).map_err(|fault| fault.at(&place))?;
    let writer = writer(&path, options).await.map_err(|error| SqliteFault::of(error).at(&place))?;
    migrate(&writer, &place).await?;
    let readers = connect(&path, options, options.readers.max(1)).await;
    let readers = readers.map_err(|error| SqliteFault::of(error).at(&place))?;
    Ok(Opened { place, writer, readers })
}

/// Begins a transaction that owns the write lock from its start, so that it never has to be upgraded.
pub(crate) async fn begin(writer: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    writer.begin_with_options(options).await
}

fn path(address: &str) -> Result<PathBuf, SqliteFault> {
    let refuse = || SqliteFault::Address(address.to_owned());
    let path = match address.strip_prefix("sqlite:") {
        Some(rest) => rest.strip_prefix("//").unwrap_or(rest),
        None if address.contains("://") => return Err(refuse()),
        None => address,
    };
    if path.is_empty() || path == ":memory:" || path.contains(['?', '\0']) { Err(refuse()) } else { Ok(path.into()) }
}

fn look(path: &Path) -> Result<(), SqliteFault> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) | None => Path::new("."),
    };
    if !folder.is_dir() {
        return Err(SqliteFault::FolderMissing(folder.display().to_string()));
    }
    match std::fs::metadata(path) {
        Ok(file) if file.is_dir() => Err(SqliteFault::NotAStore("it is a folder".into())),
        // SQLite would open a file that it may not write, and fail at the first commit.
        Ok(_) => match std::fs::OpenOptions::new().append(true).open(path) {
            Ok(_) => Ok(()),
            Err(error) => Err(SqliteFault::ReadOnly(error.into())),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(SqliteFault::CannotOpen(error.into())),
    }
}

async fn connect(path: &Path, options: &Options, connections: u32) -> Result<DatabaseConnection, DbErr> {
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
            .pragma("cache_size", CACHE)
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
        match connect(path, options, 1).await {
            Err(error) if tries < TRIES && is_locked(&error) => tokio::time::sleep(Duration::from_millis(20)).await,
            result => return result,
        }
    }
}

fn is_locked(error: &DbErr) -> bool {
    error.to_string().contains("database is locked")
}

async fn migrate(writer: &DatabaseConnection, place: &str) -> Result<(), StoreError> {
    let fault = |error| SqliteFault::of(error).at(place);
    // Inside a transaction that owns the write lock: of two processes, the second finds the work done.
    let transaction = begin(writer).await.map_err(fault)?;
    let migrations = Migrator::migrations();
    let known: Vec<&str> = migrations.iter().map(|migration| migration.name()).collect();
    let applied = applied(&transaction).await.map_err(fault)?;
    if let Some(found) = applied.iter().find(|name| !known.contains(&name.as_str())) {
        let known = known.last().copied().unwrap_or_default().to_owned();
        return Err(StoreError::Newer { found: found.clone(), known });
    }
    if applied.len() < known.len() {
        if applied.is_empty() && !is_empty(&transaction).await.map_err(fault)? {
            return Err(SqliteFault::NotAStore("it holds tables of another program".into()).at(place));
        }
        Migrator::up(&transaction, None).await.map_err(fault)?;
    }
    transaction.commit().await.map_err(fault)
}

async fn applied(transaction: &DatabaseTransaction) -> Result<Vec<String>, DbErr> {
    let exists = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'seaql_migrations'";
    if names(transaction, exists).await?.is_empty() {
        return Ok(Vec::new());
    }
    names(transaction, "SELECT version FROM seaql_migrations ORDER BY version").await
}

async fn is_empty(transaction: &DatabaseTransaction) -> Result<bool, DbErr> {
    Ok(names(transaction, "SELECT name FROM sqlite_master WHERE name <> 'seaql_migrations' LIMIT 1").await?.is_empty())
}

async fn names(transaction: &DatabaseTransaction, sql: &str) -> Result<Vec<String>, DbErr> {
    let rows = transaction.query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}
