//! Finds, opens and migrates a store: a file, or a database of a server.
//!
//! Never opens a store that a newer version made, and never makes folders or databases.

#[cfg(feature = "postgres")]
pub(crate) mod postgres;
mod sqlite;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;
use vdo_core::port::StoreError;

use crate::fault::StoreFault;
use crate::migration::Migrator;
use crate::options::Options;

/// The lock of PostgreSQL that whoever writes to a store holds, so that writes of all processes come one after the other as
/// they do in a file. The number is `vdo store` in letters.
const LOCK: &str = "SELECT pg_advisory_xact_lock(8530797285480461925)";

/// An open store.
#[derive(Debug)]
pub(crate) struct Opened {
    /// Where it lies; never with a password.
    pub(crate) place: String,
    pub(crate) writer: DatabaseConnection,
    pub(crate) readers: DatabaseConnection,
}

/// Opens the store at `address` and brings its schema up to date.
pub(crate) async fn open(address: &str, options: &Options) -> Result<Opened, StoreError> {
    if ["postgres://", "postgresql://"].iter().any(|scheme| address.starts_with(scheme)) {
        #[cfg(feature = "postgres")]
        return postgres::open(address, options).await;
        #[cfg(not(feature = "postgres"))]
        return Err(StoreFault::Address("a postgres:// address (this build has no PostgreSQL)".to_owned()).at(""));
    }
    sqlite::open(address, options).await
}

/// Begins a transaction that is the only one that writes, from its start, so that it never has to be upgraded.
pub(crate) async fn begin(writer: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let transaction = writer.begin_with_options(options).await?;
    if writer.get_database_backend() == DbBackend::Postgres {
        transaction.execute_raw(Statement::from_string(DbBackend::Postgres, LOCK)).await?;
    }
    Ok(transaction)
}

async fn migrate(writer: &DatabaseConnection, place: &str) -> Result<(), StoreError> {
    let fault = |error| StoreFault::of(error).at(place);
    // Inside a transaction that is the only one to write: of two processes, the second finds the work done.
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
            return Err(StoreFault::NotAStore("it holds tables of another program".into()).at(place));
        }
        Migrator::up(&transaction, None).await.map_err(fault)?;
    }
    transaction.commit().await.map_err(fault)
}

/// Returns the names of the tables, and in a file of everything else that has one.
fn tables(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => {
            "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema()"
        }
        _ => "SELECT name FROM sqlite_master WHERE true",
    }
}

async fn applied(transaction: &DatabaseTransaction) -> Result<Vec<String>, DbErr> {
    let tables = tables(transaction.get_database_backend());
    let exists = format!("SELECT name FROM ({tables}) t WHERE name = 'seaql_migrations'");
    if names(transaction, &exists).await?.is_empty() {
        return Ok(Vec::new());
    }
    names(transaction, "SELECT version FROM seaql_migrations ORDER BY version").await
}

async fn is_empty(transaction: &DatabaseTransaction) -> Result<bool, DbErr> {
    let tables = tables(transaction.get_database_backend());
    let others = format!("SELECT name FROM ({tables}) t WHERE name <> 'seaql_migrations' LIMIT 1");
    Ok(names(transaction, &others).await?.is_empty())
}

async fn names(transaction: &DatabaseTransaction, sql: &str) -> Result<Vec<String>, DbErr> {
    let rows = transaction.query_all_raw(Statement::from_string(transaction.get_database_backend(), sql)).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}
