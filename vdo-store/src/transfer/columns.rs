//! What is copied of each table, and which columns hold ids that are others in another store.
//!
//! Pure. A test insists that every column of the schema is named here or left out on purpose.

use crate::tables::{self, Kind, Table};

use Kind::{Bytes, Content, Flag, Free, Int, Text};

/// What a column holds, as far as another store has other values for the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The same everywhere.
    Plain,
    /// A job.
    Job,
    /// A revision.
    Revision,
    /// A JSON list of revisions.
    Revisions,
    /// A manifest, which names jobs.
    Manifest,
    /// An event, which may name jobs.
    Event,
    /// A job's key, which another job may have.
    Key,
    /// Who runs a job: nobody, in another store.
    Lease,
}

/// A table as it is copied.
#[derive(Debug)]
pub(super) struct Copied {
    /// What writes it.
    pub(super) table: Table,
    /// Which of its rows are a job's, as SQL; `?1` is the job.
    pub(super) of_job: &'static str,
    /// The order of rows.
    pub(super) order: &'static str,
}

impl Copied {
    /// Describes a table; `there` says what becomes of a row that is there already, as SQL.
    const fn new(
        name: &'static str,
        columns: &'static [(&'static str, Kind)],
        of_job: &'static str,
        order: &'static str,
        there: &'static str,
    ) -> Self {
        Self { table: Table::adding(name, columns, there), of_job, order }
    }

    /// Describes a table that a commit writes whole rows of.
    const fn like(table: &'static Table, of_job: &'static str, order: &'static str, there: &'static str) -> Self {
        Self::new(table.name(), table.columns(), of_job, order, there)
    }

    /// Returns what a column holds.
    pub(super) fn role(&self, column: &str) -> Role {
        match (self.table.name(), column) {
            ("jobs", "id" | "extends_job_id" | "root_id") | (_, "job_id" | "parent_job_id" | "origin_id") => Role::Job,
            ("jobs", "head_id") | ("revisions", "id" | "base_id") => Role::Revision,
            (_, "revision_id" | "parent_revision_id" | "from_revision_id" | "to_revision_id") => Role::Revision,
            ("revisions", "also") => Role::Revisions,
            ("snapshots", "manifest") => Role::Manifest,
            ("events", "kind") => Role::Event,
            ("jobs", "idempotency_key") => Role::Key,
            ("jobs", "lease_owner" | "lease_until") => Role::Lease,
            _ => Role::Plain,
        }
    }

    /// Returns the SQL that reads a job's rows, every column in its place.
    pub(super) fn select(&self) -> String {
        let columns: Vec<String> = self.table.columns().iter().map(|(name, kind)| expression(name, *kind)).collect();
        format!(
            "SELECT {} FROM {} t WHERE {} ORDER BY {}",
            columns.join(", "),
            self.table.name(),
            self.of_job,
            self.order
        )
    }
}

/// Returns the SQL of one column of `t`: a content is told by its hash.
pub(super) fn expression(name: &str, kind: Kind) -> String {
    match kind {
        Content => format!("(SELECT b.hash FROM blobs b WHERE b.id = t.{name}) AS {name}"),
        Int | Flag | Text | Free | Bytes => format!("t.{name}"),
    }
}

/// The rows of jobs, in an order in which each refers only to what came before.
pub(super) static TABLES: [Copied; 12] = [
    Copied::new(
        "jobs",
        &[
            ("id", Int),
            ("extends_job_id", Int),
            ("is_extension", Flag),
            ("depth", Int),
            ("root_id", Int),
            ("kind", Text),
            ("status", Text),
            ("version", Int),
            ("lease_owner", Text),
            ("lease_epoch", Int),
            ("lease_until", Int),
            ("next_seq", Int),
            ("cost", Int),
            ("reserved", Int),
            ("usage_input", Int),
            ("usage_cache_read", Int),
            ("usage_cache_write", Int),
            ("usage_cache_write_long", Int),
            ("usage_output", Int),
            ("usage_reasoning", Int),
            ("usage_estimated", Flag),
            ("cancel_requested", Flag),
            ("stamps", Int),
            ("head_id", Int),
            ("head_number", Int),
            ("budget", Int),
            ("autonomy", Text),
            ("rating", Int),
            ("is_reference", Flag),
            ("created", Int),
            ("updated", Int),
            ("reason", Free),
            ("branch", Free),
            ("note", Free),
            ("title", Free),
            ("repo", Free),
            ("github_repo_url", Free),
            ("template", Free),
            ("project", Free),
            ("idempotency_key", Free),
            ("tags", Text),
            ("checks", Text),
            ("parameters", Text),
            ("description", Free),
            ("merge_policy", Text),
            ("priority", Int),
            ("not_before", Int),
            ("tries_transient", Int),
            ("tries_fatal", Int),
            ("tries_verdict", Int),
            ("tries_infrastructure", Int),
            ("crashes", Int),
        ],
        "t.id = ?1",
        "t.id",
        "",
    ),
    Copied::like(&tables::REVISIONS, "t.job_id = ?1", "t.id", ""),
    Copied::like(&tables::PARENTS, "t.job_id = ?1", "t.ordinal", ""),
    Copied::like(
        &tables::BLOBS,
        // The contents of its files and conflicts; those of its attempts are found in its events.
        "t.id IN (SELECT f.blob_id FROM job_files f JOIN revisions r ON r.id = f.revision_id WHERE r.job_id = ?1) \
         OR t.hash IN (SELECT base_blob FROM conflicts WHERE job_id = ?1 UNION SELECT ours_blob FROM conflicts WHERE job_id = ?1 \
         UNION SELECT theirs_blob FROM conflicts WHERE job_id = ?1 UNION SELECT result_blob FROM conflicts WHERE job_id = ?1)",
        "t.hash",
        "ON CONFLICT (hash) DO NOTHING",
    ),
    Copied::like(
        &tables::FILES,
        "t.revision_id IN (SELECT id FROM revisions WHERE job_id = ?1)",
        "t.revision_id, t.path",
        "",
    ),
    Copied::like(
        &tables::SNAPSHOTS,
        "t.revision_id IN (SELECT id FROM revisions WHERE job_id = ?1)",
        "t.revision_id",
        "",
    ),
    Copied::like(&tables::STEPS, "t.job_id = ?1", "t.id", ""),
    Copied::like(&tables::CALLS, "t.job_id = ?1", "t.id", ""),
    Copied::like(&tables::PARTIALS, "t.job_id = ?1", "t.id", ""),
    Copied::like(&tables::CHECKS, "t.job_id = ?1", "t.id", ""),
    Copied::like(&tables::EVENTS, "t.job_id = ?1", "t.seq", ""),
    Copied::like(&tables::CONFLICTS, "t.job_id = ?1", "t.ordinal", ""),
];

/// Corrections, written once all revisions are there.
pub(super) static CORRECTIONS: Copied = Copied::like(&tables::CORRECTIONS, "t.job_id = ?1", "t.to_revision_id", "");

/// What belongs to the store and to no job; part of a copy of the whole store only.
pub(super) static SHARED: [Copied; 5] = [
    Copied::new(
        "budgets",
        &[("scope", Text), ("period", Text), ("amount", Int), ("action", Text), ("hard", Flag)],
        "true",
        "t.scope, t.period",
        "ON CONFLICT (scope, period) DO NOTHING",
    ),
    Copied::like(
        &tables::BUDGET_SUMS,
        "true",
        "t.scope, t.period, t.start",
        "ON CONFLICT (scope, period, start) DO NOTHING",
    ),
    Copied::like(&tables::HEALTH, "true", "t.provider, t.model", "ON CONFLICT (provider, model) DO NOTHING"),
    Copied::new(
        "settings",
        &[("name", Text), ("value", Free)],
        "t.name <> 'export'",
        "t.name",
        "ON CONFLICT (name) DO NOTHING",
    ),
    Copied::new(
        "redactions",
        &[("at", Int), ("hash", Bytes), ("tombstone", Bytes), ("author", Text), ("reason", Text)],
        "true",
        "t.hash",
        "ON CONFLICT (hash) DO NOTHING",
    ),
];
