//! The schema's versions, in order. A version that was released is never changed; a new one is added.
//!
//! Written for SQLite and put into PostgreSQL's words by [`crate::dialect::schema`]. Never derives the schema from the
//! entities: what is in a user's store is what these texts say.

use sea_orm_migration::prelude::{ConnectionTrait as _, DbErr, MigrationName, SchemaManager};
use sea_orm_migration::{MigrationTrait, MigratorTrait};

use crate::dialect;

/// Every version: its name and its text.
const VERSIONS: &[(&str, &str)] = &[
    // Everything the first release needs, and the columns that later faces fill.
    ("m0001_init", include_str!("m0001_init.sql")),
    // Merge jobs: their policy, what they left to decide, and which parent a file came with.
    ("m0002_merge", include_str!("m0002_merge.sql")),
    // What a revision grew out of besides its base, and what was redacted.
    ("m0003_operations", include_str!("m0003_operations.sql")),
    // Budgets and their sums, how providers are doing, settings, and why a call was routed as it was.
    ("m0004_accounts", include_str!("m0004_accounts.sql")),
    // How urgent a job is, and how often it was put back or cost a worker its life.
    ("m0005_workers", include_str!("m0005_workers.sql")),
    // What arrived of replies that are being streamed.
    ("m0006_partials", include_str!("m0006_partials.sql")),
    // What nothing refers to, until it is swept.
    ("m0007_garbage", include_str!("m0007_garbage.sql")),
];

/// One version.
struct Version {
    name: &'static str,
    text: &'static str,
}

impl MigrationName for Version {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Version {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let text = dialect::schema(manager.get_database_backend(), self.text);
        manager.get_connection().execute_unprepared(&text).await.map(drop)
    }

    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("a store is never taken back to an older schema".to_owned()))
    }
}

/// Brings a store's schema up to date.
#[derive(Debug)]
pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let version = |(name, text): &(&'static str, &'static str)| -> Box<dyn MigrationTrait> {
            Box::new(Version { name, text })
        };
        VERSIONS.iter().map(version).collect()
    }
}
