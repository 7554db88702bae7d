//! How rows are written: for every table its columns and what becomes of a row that is there, from which the statements of
//! both databases are made.
//!
//! The rows of a table travel as two bound values whatever their number (see [`crate::rows`]): a JSON array of arrays of
//! numbers, and the bytes that texts and contents are cut from. Pure; the text never depends on the data.

use std::fmt::Write as _;
use std::sync::OnceLock;

use sea_orm::DbBackend;

/// What a column holds, and so how its value lies in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A number: one place.
    Int,
    /// A truth value: one place, 0 or 1.
    Flag,
    /// A text that has no zero in it: two places, where it starts in the bytes and how long it is.
    Text,
    /// Any text: as a text, kept and restored by [`crate::dialect`].
    Free,
    /// Bytes: as a text.
    Bytes,
    /// A content, named by its hash; the column has its row's number. As bytes.
    Content,
}

use Kind::{Bytes, Content, Flag, Free, Int, Text};

/// What is done with the rows.
#[derive(Debug, Clone, Copy)]
enum Verb {
    /// They are added; then what becomes of one that is there already, as SQL.
    Insert(&'static str),
    /// The rows with all columns the same are taken away.
    Delete,
    /// The rows with these columns the same are changed, as SQL over `v`.
    Update(&'static [&'static str], &'static str),
}

/// The statements that write one table.
#[derive(Debug)]
pub(crate) struct Table {
    name: &'static str,
    columns: &'static [(&'static str, Kind)],
    verb: Verb,
    sqlite: OnceLock<(usize, String)>,
    postgres: OnceLock<String>,
}

impl Table {
    const fn new(name: &'static str, columns: &'static [(&'static str, Kind)], verb: Verb) -> Self {
        Self { name, columns, verb, sqlite: OnceLock::new(), postgres: OnceLock::new() }
    }

    /// Returns a table whose rows are added; then what becomes of one that is there already, as SQL.
    pub(crate) const fn adding(
        name: &'static str,
        columns: &'static [(&'static str, Kind)],
        there: &'static str,
    ) -> Self {
        Self::new(name, columns, Verb::Insert(there))
    }

    /// Returns its name.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns its columns, in the order of a row's values.
    pub(crate) const fn columns(&self) -> &'static [(&'static str, Kind)] {
        self.columns
    }

    /// Returns PostgreSQL's statement; its parameters are `$1` and `$2`.
    pub(crate) fn postgres(&self) -> &str {
        self.postgres.get_or_init(|| self.text(DbBackend::Postgres, 1))
    }

    /// Adds SQLite's statement to `text`; its parameters are `$number` and the one after it.
    pub(crate) fn sqlite(&self, text: &mut String, number: usize) {
        // A table is always at the same place.
        match self.sqlite.get_or_init(|| (number, self.text(DbBackend::Sqlite, number))) {
            (known, made) if *known == number => text.push_str(made),
            _ => text.push_str(&self.text(DbBackend::Sqlite, number)),
        }
    }

    fn text(&self, backend: DbBackend, number: usize) -> String {
        let json = format!("${number}");
        let bytes = format!("${}", number + 1);
        let rows = match backend {
            DbBackend::Postgres => format!("SELECT value FROM jsonb_array_elements(CAST({json} AS jsonb)) AS value"),
            _ => format!("SELECT value FROM json_each({json})"),
        };
        let mut place = 0;
        let mut values = Vec::with_capacity(self.columns.len());
        for (_, kind) in self.columns {
            values.push(value(backend, *kind, place, &bytes));
            place += if matches!(kind, Int | Flag) { 1 } else { 2 };
        }
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        let mut text = String::new();
        // Written to a string: that cannot fail. `MATERIALIZED` has each row's JSON written out once instead of once for
        // every column taken from it.
        let _ = write!(text, "\nWITH batch AS MATERIALIZED ({rows})\n");
        let _ = match self.verb {
            Verb::Insert(rest) => {
                let (names, values) = (names.join(", "), values.join(", "));
                writeln!(text, "INSERT INTO {} ({names}) SELECT {values} FROM batch WHERE true {rest};", self.name)
            }
            Verb::Delete => {
                let (names, values) = (names.join(", "), values.join(", "));
                writeln!(text, "DELETE FROM {} WHERE ({names}) IN (SELECT {values} FROM batch);", self.name)
            }
            Verb::Update(keys, set) => {
                let pairs: Vec<String> =
                    values.iter().zip(&names).map(|(value, name)| format!("{value} AS {name}")).collect();
                let same: Vec<String> = keys.iter().map(|key| format!("{}.{key} = v.{key}", self.name)).collect();
                let (table, pairs, same) = (self.name, pairs.join(", "), same.join(" AND "));
                writeln!(text, "UPDATE {table} SET {set} FROM (SELECT {pairs} FROM batch) v WHERE {same};")
            }
        };
        text
    }
}

/// Returns the SQL that takes a value out of a row.
fn value(backend: DbBackend, kind: Kind, place: usize, bytes: &str) -> String {
    let (first, second) = (place, place + 1);
    let is_postgres = backend == DbBackend::Postgres;
    match kind {
        Int | Flag if !is_postgres => format!("value->>{first}"),
        Int => format!("CAST(value->>{first} AS BIGINT)"),
        Flag => format!("CAST(value->>{first} AS BIGINT) <> 0"),
        Text | Free | Bytes if is_postgres => {
            let cut = format!("substring({bytes}, CAST(value->>{first} AS INT), CAST(value->>{second} AS INT))");
            if kind != Bytes { format!("convert_from({cut}, 'UTF8')") } else { cut }
        }
        Text | Free => format!("CAST(substr({bytes}, value->>{first}, value->>{second}) AS TEXT)"),
        Bytes => format!("substr({bytes}, value->>{first}, value->>{second})"),
        Content => format!("(SELECT id FROM blobs WHERE hash = {})", value(backend, Bytes, place, bytes)),
    }
}

/// New jobs.
pub(crate) static JOBS: Table = Table::new(
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
        ("budget", Int),
        ("autonomy", Text),
        ("created", Int),
        ("updated", Int),
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
    ],
    Verb::Insert(""),
);

/// The parents of new jobs.
pub(crate) static PARENTS: Table = Table::new(
    "job_parents",
    &[
        ("job_id", Int),
        ("ordinal", Int),
        ("parent_job_id", Int),
        ("asked", Int),
        ("number", Int),
        ("parent_revision_id", Int),
    ],
    Verb::Insert(""),
);

/// Contents, each once.
pub(crate) static BLOBS: Table = Table::new(
    "blobs",
    &[("hash", Bytes), ("len", Int), ("codec", Int), ("data", Bytes)],
    Verb::Insert("ON CONFLICT (hash) DO NOTHING"),
);

/// Contents that are written are no garbage.
pub(crate) static WANTED: Table = Table::new("garbage", &[("hash", Bytes)], Verb::Delete);

/// Steps: a state never goes back, and what is not given stays.
pub(crate) static STEPS: Table = Table::new(
    "steps",
    &[
        ("job_id", Int),
        ("key", Text),
        ("state", Int),
        ("epoch", Int),
        ("request_hash", Bytes),
        ("len", Int),
        ("codec", Int),
        ("answer", Bytes),
    ],
    Verb::Insert(
        "ON CONFLICT (job_id, key) DO UPDATE SET \
         state = CASE WHEN excluded.state > steps.state THEN excluded.state ELSE steps.state END, epoch = excluded.epoch, \
         request_hash = coalesce(excluded.request_hash, steps.request_hash), len = coalesce(excluded.len, steps.len), \
         codec = coalesce(excluded.codec, steps.codec), answer = coalesce(excluded.answer, steps.answer)",
    ),
);

/// Calls: a row with the same step and number is replaced.
pub(crate) static CALLS: Table = Table::new(
    "calls",
    &[
        ("job_id", Int),
        ("step", Text),
        ("number", Int),
        ("state", Int),
        ("started", Int),
        ("ended", Int),
        ("reserved", Int),
        ("cost", Int),
        ("usage_known", Flag),
        ("usage_input", Int),
        ("usage_cache_read", Int),
        ("usage_cache_write", Int),
        ("usage_cache_write_long", Int),
        ("usage_output", Int),
        ("usage_reasoning", Int),
        ("usage_estimated", Flag),
        ("outcome", Int),
        ("provider", Text),
        ("model", Text),
        ("prompt", Text),
        ("edit_format", Text),
        ("request_hash", Bytes),
        ("prompt_hash", Bytes),
        ("failure", Text),
        ("first_ms", Int),
        ("tier", Int),
        ("priced", Text),
        ("decision", Text),
    ],
    Verb::Insert(
        "ON CONFLICT (job_id, step, number) DO UPDATE SET \
         state = excluded.state, started = excluded.started, ended = excluded.ended, reserved = excluded.reserved, \
         cost = excluded.cost, usage_known = excluded.usage_known, usage_input = excluded.usage_input, \
         usage_cache_read = excluded.usage_cache_read, usage_cache_write = excluded.usage_cache_write, \
         usage_cache_write_long = excluded.usage_cache_write_long, usage_output = excluded.usage_output, \
         usage_reasoning = excluded.usage_reasoning, usage_estimated = excluded.usage_estimated, \
         outcome = excluded.outcome, provider = excluded.provider, model = excluded.model, prompt = excluded.prompt, \
         edit_format = excluded.edit_format, request_hash = excluded.request_hash, prompt_hash = excluded.prompt_hash, \
         failure = excluded.failure, first_ms = excluded.first_ms, tier = excluded.tier, priced = excluded.priced, \
         decision = excluded.decision",
    ),
);

/// Events.
pub(crate) static EVENTS: Table = Table::new(
    "events",
    &[("job_id", Int), ("seq", Int), ("at", Int), ("len", Int), ("codec", Int), ("kind", Bytes)],
    Verb::Insert(""),
);

/// Revisions.
pub(crate) static REVISIONS: Table = Table::new(
    "revisions",
    &[
        ("id", Int),
        ("job_id", Int),
        ("number", Int),
        ("base_id", Int),
        ("chain", Int),
        ("cause", Text),
        ("created", Int),
        ("root_hash", Bytes),
        ("author", Free),
        ("also", Text),
    ],
    Verb::Insert(""),
);

/// What revisions changed.
pub(crate) static FILES: Table = Table::new(
    "job_files",
    &[
        ("revision_id", Int),
        ("path", Text),
        ("blob_id", Content),
        ("mode", Int),
        ("op", Int),
        ("renamed_from", Text),
        ("step", Text),
        ("origin_id", Int),
    ],
    Verb::Insert(""),
);

/// Whole manifests, now and then.
pub(crate) static SNAPSHOTS: Table =
    Table::new("snapshots", &[("revision_id", Int), ("manifest", Bytes)], Verb::Insert(""));

/// Parents that are pinned now.
pub(crate) static PINS: Table = Table::new(
    "job_parents",
    &[("job_id", Int), ("ordinal", Int), ("number", Int), ("parent_revision_id", Int)],
    Verb::Update(&["job_id", "ordinal"], "number = v.number, parent_revision_id = v.parent_revision_id"),
);

/// Evidence.
pub(crate) static CHECKS: Table = Table::new(
    "checks",
    &[
        ("job_id", Int),
        ("phase", Text),
        ("attempt", Int),
        ("passed", Flag),
        ("tier", Text),
        ("tree_hash", Bytes),
        ("at", Int),
        ("len", Int),
        ("codec", Int),
        ("report", Bytes),
    ],
    Verb::Insert(""),
);

/// What moves with almost every write to a job; touches no index.
pub(crate) static COUNTERS: Table = Table::new(
    "jobs",
    &[
        ("id", Int),
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
    ],
    Verb::Update(
        &["id"],
        "version = v.version, lease_owner = v.lease_owner, lease_epoch = v.lease_epoch, lease_until = v.lease_until, \
         next_seq = v.next_seq, cost = v.cost, reserved = v.reserved, usage_input = v.usage_input, \
         usage_cache_read = v.usage_cache_read, usage_cache_write = v.usage_cache_write, \
         usage_cache_write_long = v.usage_cache_write_long, usage_output = v.usage_output, \
         usage_reasoning = v.usage_reasoning, usage_estimated = v.usage_estimated",
    ),
);

/// What moves rarely.
pub(crate) static STATES: Table = Table::new(
    "jobs",
    &[
        ("id", Int),
        ("status", Text),
        ("updated", Int),
        ("cancel_requested", Flag),
        ("stamps", Int),
        ("head_id", Int),
        ("head_number", Int),
        ("reason", Free),
        ("branch", Free),
        ("rating", Int),
        ("is_reference", Flag),
        ("note", Free),
        ("not_before", Int),
        ("crashes", Int),
        ("tries_transient", Int),
        ("tries_fatal", Int),
        ("tries_verdict", Int),
        ("tries_infrastructure", Int),
    ],
    Verb::Update(
        &["id"],
        "status = v.status, updated = v.updated, cancel_requested = v.cancel_requested, stamps = v.stamps, \
         head_id = v.head_id, head_number = v.head_number, reason = v.reason, branch = coalesce(v.branch, jobs.branch), \
         note = CASE WHEN v.rating IS NULL THEN jobs.note ELSE v.note END, \
         is_reference = coalesce(v.is_reference, jobs.is_reference), rating = coalesce(v.rating, jobs.rating), \
         not_before = v.not_before, crashes = v.crashes, tries_transient = v.tries_transient, \
         tries_fatal = v.tries_fatal, tries_verdict = v.tries_verdict, tries_infrastructure = v.tries_infrastructure",
    ),
);

/// What became of replies.
pub(crate) static OUTCOMES: Table = Table::new(
    "calls",
    &[("job_id", Int), ("step", Text), ("number", Int), ("outcome", Int)],
    Verb::Update(&["job_id", "step", "number"], "outcome = v.outcome"),
);

/// What merges left to decide: a row with the same number is replaced.
pub(crate) static CONFLICTS: Table = Table::new(
    "conflicts",
    &[
        ("job_id", Int),
        ("ordinal", Int),
        ("round", Int),
        ("created", Int),
        ("base_mode", Int),
        ("ours_mode", Int),
        ("theirs_mode", Int),
        ("result_mode", Int),
        ("decided", Int),
        ("state", Text),
        ("path", Text),
        ("base_blob", Bytes),
        ("ours_blob", Bytes),
        ("theirs_blob", Bytes),
        ("result_blob", Bytes),
        ("base_path", Text),
        ("ours_path", Text),
        ("theirs_path", Text),
        ("reason", Free),
        ("how", Text),
        ("author", Free),
        ("kind", Text),
    ],
    Verb::Insert(
        "ON CONFLICT (job_id, ordinal) DO UPDATE SET round = excluded.round, created = excluded.created, \
         base_mode = excluded.base_mode, ours_mode = excluded.ours_mode, theirs_mode = excluded.theirs_mode, \
         result_mode = excluded.result_mode, decided = excluded.decided, state = excluded.state, path = excluded.path, \
         base_blob = excluded.base_blob, ours_blob = excluded.ours_blob, theirs_blob = excluded.theirs_blob, \
         result_blob = excluded.result_blob, base_path = excluded.base_path, ours_path = excluded.ours_path, \
         theirs_path = excluded.theirs_path, reason = excluded.reason, how = excluded.how, author = excluded.author, \
         kind = excluded.kind",
    ),
);

/// What people changed by hand.
pub(crate) static CORRECTIONS: Table = Table::new(
    "corrections",
    &[("job_id", Int), ("from_revision_id", Int), ("to_revision_id", Int), ("at", Int)],
    Verb::Insert(""),
);

/// What is spent and reserved of budgets.
pub(crate) static BUDGET_SUMS: Table = Table::new(
    "budget_sums",
    &[("scope", Text), ("period", Text), ("start", Int), ("spent", Int), ("reserved", Int), ("alerted", Int)],
    Verb::Insert(
        "ON CONFLICT (scope, period, start) DO UPDATE SET spent = excluded.spent, reserved = excluded.reserved, \
         alerted = excluded.alerted",
    ),
);

/// How providers and models have been doing.
pub(crate) static HEALTH: Table = Table::new(
    "health",
    &[("provider", Text), ("model", Text), ("state", Text)],
    Verb::Insert("ON CONFLICT (provider, model) DO UPDATE SET state = excluded.state"),
);

/// What arrived of replies under way: appended to what is there.
pub(crate) static PARTIALS: Table = Table::new(
    "partials",
    &[("job_id", Int), ("step", Text), ("number", Int), ("text", Free)],
    Verb::Insert("ON CONFLICT (job_id, step, number) DO UPDATE SET text = partials.text || excluded.text"),
);

/// What is kept of replies that are whole now.
pub(crate) static NEEDLESS: Table =
    Table::new("partials", &[("job_id", Int), ("step", Text), ("number", Int)], Verb::Delete);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_databases_take_the_same_row() {
        let mut text = String::new();
        BLOBS.sqlite(&mut text, 5);
        assert_eq!(
            text,
            "\nWITH batch AS MATERIALIZED (SELECT value FROM json_each($5))\nINSERT INTO blobs (hash, len, codec, data) \
             SELECT substr($6, value->>0, value->>1), value->>2, value->>3, substr($6, value->>4, value->>5) FROM batch \
             WHERE true ON CONFLICT (hash) DO NOTHING;\n"
        );
        assert_eq!(
            PINS.postgres(),
            "\nWITH batch AS MATERIALIZED (SELECT value FROM jsonb_array_elements(CAST($1 AS jsonb)) AS value)\n\
             UPDATE job_parents SET number = v.number, parent_revision_id = v.parent_revision_id \
             FROM (SELECT CAST(value->>0 AS BIGINT) AS job_id, CAST(value->>1 AS BIGINT) AS ordinal, \
             CAST(value->>2 AS BIGINT) AS number, CAST(value->>3 AS BIGINT) AS parent_revision_id FROM batch) v \
             WHERE job_parents.job_id = v.job_id AND job_parents.ordinal = v.ordinal;\n"
        );
    }
}
