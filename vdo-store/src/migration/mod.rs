//! The schema's versions, in order. A version that was released is never changed; a new one is added.
//!
//! Never derives the schema from the entities: what is in a user's file is what these texts say.

mod m0001_init;
mod m0002_merge;
mod m0003_operations;
mod m0004_accounts;
mod m0005_workers;

use sea_orm_migration::{MigrationTrait, MigratorTrait};

/// Brings a store's schema up to date.
#[derive(Debug)]
pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_init::Migration),
            Box::new(m0002_merge::Migration),
            Box::new(m0003_operations::Migration),
            Box::new(m0004_accounts::Migration),
            Box::new(m0005_workers::Migration),
        ]
    }
}
