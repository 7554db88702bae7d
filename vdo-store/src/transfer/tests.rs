//! That nothing of the schema is forgotten.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

use super::columns::{CORRECTIONS, SHARED, TABLES};
use crate::open;
use crate::options::Options;

/// What is counted by the database, and what is made of other tables.
const LEFT_OUT: &[(&str, &str)] = &[
    ("blobs", "id"),
    ("steps", "id"),
    ("calls", "id"),
    ("partials", "id"),
    ("checks", "id"),
    ("redactions", "id"),
    ("garbage", "*"),
    ("seaql_migrations", "*"),
    ("sqlite_sequence", "*"),
    ("job_lineage", "*"),
];

#[tokio::test]
async fn every_column_of_the_schema_is_copied_or_left_out_on_purpose() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vdo.db");
    let opened = open::open(path.to_str().unwrap(), &Options::default()).await.unwrap();
    let sql =
        "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type IN ('table', 'view')";
    let rows = opened.writer.query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap();
    let name = |row: &sea_orm::QueryResult, at| row.try_get_by_index::<String>(at).unwrap();
    let mut known: BTreeSet<(String, String)> = rows.iter().map(|row| (name(row, 0), name(row, 1))).collect();
    known
        .retain(|(table, column)| !LEFT_OUT.iter().any(|(out, what)| out == table && (*what == "*" || what == column)));
    let copied = TABLES.iter().chain(&SHARED).chain([&CORRECTIONS]);
    let copied: BTreeSet<(String, String)> = copied
        .flat_map(|one| {
            one.table.columns().iter().map(|(column, _)| (one.table.name().to_owned(), (*column).to_owned()))
        })
        .collect();
    assert_eq!(copied, known);
}
