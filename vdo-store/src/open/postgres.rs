//! Connects to a PostgreSQL server.
//!
//! Never tells the password: the place that errors name is the address without it.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx::{Connection as _, PgConnection};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr, RuntimeErr};
use vdo_core::port::StoreError;

use super::{Opened, migrate};
use crate::fault::StoreFault;
use crate::options::{Durability, Options};

/// How long a connection is waited for.
const CONNECT: Duration = Duration::from_secs(10);
/// Prepared statements kept per connection.
const STATEMENTS: usize = 256;

/// Opens the store in the database at `address` and brings its schema up to date.
pub(super) async fn open(address: &str, options: &Options) -> Result<Opened, StoreError> {
    let place = without_password(address);
    let fault = |error| StoreFault::of(error).at(&place);
    // A pool would go on trying for as long as it may wait for a connection.
    let plain = PgConnection::connect(address)
        .await
        .map_err(|error| fault(DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error)))))?;
    // That it was possible is all that was asked.
    let _ = plain.close().await;
    let writer = connect(address, options, 1).await.map_err(fault)?;
    migrate(&writer, &place).await?;
    let readers = connect(address, options, options.readers.max(1)).await.map_err(fault)?;
    Ok(Opened { place, writer, readers })
}

async fn connect(address: &str, options: &Options, connections: u32) -> Result<DatabaseConnection, DbErr> {
    // The one form that the driver takes.
    let address = match address.strip_prefix("postgresql://") {
        Some(rest) => format!("postgres://{rest}"),
        None => address.to_owned(),
    };
    let mut connect = ConnectOptions::new(address);
    connect
        .max_connections(connections)
        .min_connections(1)
        // A server that was restarted is connected to again.
        .test_before_acquire(connections > 1)
        .connect_timeout(CONNECT)
        .acquire_timeout(CONNECT)
        .sqlx_logging(false);
    let synchronous = match options.durability {
        Durability::Full => "on",
        Durability::Normal => "off",
    };
    let settings = [
        ("synchronous_commit", synchronous.to_owned()),
        ("lock_timeout", options.busy_timeout.as_millis().to_string()),
        ("idle_in_transaction_session_timeout", options.stall_timeout.as_millis().to_string()),
        // The server notices within this time that a client is gone or cut off.
        ("tcp_keepalives_idle", "5".to_owned()),
        ("tcp_keepalives_interval", "2".to_owned()),
        ("tcp_keepalives_count", "3".to_owned()),
    ];
    connect.map_sqlx_postgres_opts(move |postgres| {
        postgres.statement_cache_capacity(STATEMENTS).application_name("vdo").options(settings.clone())
    });
    connect.map_sqlx_postgres_pool_opts(|pool| pool.idle_timeout(None).max_lifetime(None));
    Database::connect(connect).await
}

/// Returns an address without the password in it.
pub(crate) fn without_password(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) => format!("{}@{host}", user.split(':').next().unwrap_or_default()),
        None => authority.to_owned(),
    };
    let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
    let kept: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("password=")).collect();
    let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    format!("{scheme}://{authority}{path}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_part_of_the_place() {
        for (address, place) in [
            ("postgres://me:secret@host:5432/vdo", "postgres://me@host:5432/vdo"),
            ("postgres://me:se@cret@host/vdo?sslmode=require", "postgres://me@host/vdo?sslmode=require"),
            ("postgresql:///vdo?host=/run/pg&password=secret", "postgresql:///vdo?host=/run/pg"),
            ("postgres://host/vdo", "postgres://host/vdo"),
            ("postgres://me:secret@host", "postgres://me@host"),
        ] {
            assert_eq!(without_password(address), place);
        }
    }
}
