//! The statements that read. Their text never depends on the data.
//!
//! Written in the words of SQLite and put into PostgreSQL's by [`crate::dialect::sql`]; what writes is in [`crate::tables`].

/// What is kept of one job's replies that never came to their end.
pub(crate) const SELECT_PARTIALS: &str = "SELECT step, number, text FROM partials WHERE job_id = ?1 ORDER BY id";

/// When the calls of some providers were sent: as JSON, arrays of provider, now, and since when.
pub(crate) const READ_RECENT: &str = "
SELECT c.provider, c.started FROM json_each(?1) e
CROSS JOIN calls c ON c.started > CAST(e.value->>2 AS BIGINT) AND c.provider = e.value->>0";

/// How many calls of some providers are under way, as [`READ_RECENT`]: those of leases that ran out are not.
pub(crate) const READ_UNDER_WAY: &str = "
SELECT c.provider, count(*) FROM json_each(?1) e
CROSS JOIN calls c ON c.state IN (0, 3) AND c.state = 0 AND c.provider = e.value->>0
JOIN jobs j ON j.id = c.job_id
WHERE j.lease_owner IS NOT NULL AND j.lease_until > CAST(e.value->>1 AS BIGINT) GROUP BY c.provider";

/// The budgets.
pub(crate) const READ_BUDGETS: &str = "SELECT scope, period, amount, action, hard FROM budgets";

/// Where some budgets stand: as JSON, arrays of scope, period and the moment the period began.
pub(crate) const READ_SUMS: &str = "
SELECT s.scope, s.period, s.start, s.spent, s.reserved, s.alerted FROM json_each(?1) e
CROSS JOIN budget_sums s ON s.scope = e.value->>0 AND s.period = e.value->>1 AND s.start = CAST(e.value->>2 AS BIGINT)";

/// How some providers and models have been doing: as JSON, arrays of provider and model.
pub(crate) const READ_HEALTH: &str = "
SELECT h.provider, h.model, h.state FROM json_each(?1) e
CROSS JOIN health h ON h.provider = e.value->>0 AND h.model = e.value->>1";

/// What the calls that a budget covers cost and have reserved, by day.
pub(crate) const DAYS: &str = "
SELECT c.started - c.started % ?1 AS day, CAST(coalesce(sum(c.cost), 0) AS BIGINT),
  CAST(coalesce(sum(c.reserved) FILTER (WHERE c.state IN (0, 3)), 0) AS BIGINT)
FROM calls c JOIN jobs j ON j.id = c.job_id WHERE {covered} GROUP BY day";

/// The sums of some calls, as the end of a SELECT.
pub(crate) const SUMS: &str = "
count(*), CAST(sum(c.usage_input) AS BIGINT), CAST(sum(c.usage_cache_read) AS BIGINT),
  CAST(sum(c.usage_cache_write) AS BIGINT), CAST(sum(c.usage_cache_write_long) AS BIGINT),
  CAST(sum(c.usage_output) AS BIGINT), CAST(sum(c.usage_reasoning) AS BIGINT),
  CAST(sum(CASE WHEN c.usage_estimated THEN 1 ELSE 0 END) AS BIGINT), CAST(sum(c.cost) AS BIGINT),
  CAST(sum(c.reserved) FILTER (WHERE c.state IN (0, 3)) AS BIGINT),
  count(*) FILTER (WHERE c.state = 1 AND c.cost IS NULL)
FROM calls c JOIN jobs j ON j.id = c.job_id";

/// The jobs that a batch depends on.
pub(crate) const READ_JOBS: &str = "
SELECT id, status, updated, version, lease_owner, lease_epoch, lease_until, next_seq, cost, reserved, usage_input,
  usage_cache_read, usage_cache_write, usage_cache_write_long, usage_output, usage_reasoning, usage_estimated,
  cancel_requested, stamps, head_id, head_number, budget, depth, root_id, reason, (
    SELECT coalesce(CAST(json_group_array(
      json_array(parent_job_id, number, parent_revision_id, asked) ORDER BY ordinal) AS TEXT), '[]')
    FROM job_parents WHERE job_id = jobs.id
  ) AS parents, not_before, crashes, tries_transient, tries_fatal, tries_verdict, tries_infrastructure
FROM jobs WHERE id IN (SELECT value FROM json_each(?1))";

/// What runs in some projects, as JSON of their roots: as `status` says, or claimed and not yet begun.
pub(crate) const READ_LIVE: &str = "
SELECT id, root_id, lease_until, (
    SELECT coalesce(CAST(json_group_array(parent_job_id) AS TEXT), '[]') FROM job_parents WHERE job_id = jobs.id
  ) AS parents
FROM jobs WHERE status IN ('queued', 'running') AND lease_owner IS NOT NULL
  AND root_id IN (SELECT value FROM json_each(?1))";

/// What of merges runs anywhere.
pub(crate) const READ_LIVE_MERGES: &str = "
SELECT id, root_id, lease_until, (
    SELECT coalesce(CAST(json_group_array(parent_job_id) AS TEXT), '[]') FROM job_parents WHERE job_id = jobs.id
  ) AS parents
FROM jobs WHERE status IN ('queued', 'running') AND lease_owner IS NOT NULL
  AND EXISTS (SELECT 1 FROM job_parents p WHERE p.job_id = jobs.id AND p.ordinal = 1)";

/// The revisions that a batch depends on.
pub(crate) const READ_REVISIONS: &str =
    "SELECT id, job_id, number FROM revisions WHERE id IN (SELECT value FROM json_each(?1))";

/// The revisions that new jobs name by job and number.
pub(crate) const READ_NUMBERED: &str = "
SELECT r.id, r.job_id, r.number FROM json_each(?1) e
CROSS JOIN revisions r ON r.job_id = CAST(e.value->>0 AS BIGINT) AND r.number = CAST(e.value->>1 AS BIGINT)";

/// The jobs that have one of some idempotency keys.
pub(crate) const READ_KEYS: &str =
    "SELECT id, idempotency_key FROM jobs WHERE idempotency_key IN (SELECT value FROM json_each+(?1))";

/// Which of some contents are there.
pub(crate) const READ_HASHES: &str = "
SELECT b.hash FROM json_each(?1) e CROSS JOIN blobs b ON b.hash = unhex(e.value)";

/// The last ids given out, in SQLite.
pub(crate) const READ_IDS_SQLITE: &str = "SELECT name, seq FROM sqlite_sequence WHERE name IN ('jobs', 'revisions')";

/// The last ids given out, in PostgreSQL.
pub(crate) const READ_IDS_POSTGRES: &str = "
SELECT 'jobs' AS name, CASE WHEN is_called THEN last_value ELSE 0 END AS seq FROM jobs_id_seq
UNION ALL SELECT 'revisions', CASE WHEN is_called THEN last_value ELSE 0 END FROM revisions_id_seq";

/// Notes the last ids given out, in PostgreSQL; SQLite does so by itself.
pub(crate) const KEEP_JOB_ID: &str = "SELECT setval('jobs_id_seq', ?1)";

/// As [`KEEP_JOB_ID`].
pub(crate) const KEEP_REVISION_ID: &str = "SELECT setval('revisions_id_seq', ?1)";

/// Jobs with their parents and newest revisions.
pub(crate) const SELECT_JOBS: &str = "
SELECT j.id, j.depth, j.root_id, j.kind, j.status, j.version, j.cost, j.reserved, j.usage_input, j.usage_cache_read,
  j.usage_cache_write, j.usage_cache_write_long, j.usage_output, j.usage_reasoning, j.usage_estimated,
  j.cancel_requested, j.stamps, j.budget, j.autonomy, j.rating, j.is_reference, j.created, j.updated, j.reason,
  j.branch, j.note, j.title, j.repo, j.github_repo_url, j.template, j.project, j.idempotency_key, j.tags, j.checks,
  j.parameters, j.description, j.merge_policy, (
    SELECT coalesce(CAST(json_group_array(
      json_array(parent_job_id, number, parent_revision_id, asked) ORDER BY ordinal) AS TEXT), '[]')
    FROM job_parents WHERE job_id = j.id
  ) AS parents, j.head_id, j.head_number, h.base_id AS head_base_id, h.cause AS head_cause,
  h.created AS head_created, h.root_hash AS head_root_hash, h.author AS head_author, h.also AS head_also,
  j.priority, j.not_before, j.crashes, j.tries_transient, j.tries_fatal, j.tries_verdict, j.tries_infrastructure
FROM jobs j LEFT JOIN revisions h ON h.id = j.head_id";

/// A revision and the bases below it, down to the nearest snapshot, the deepest first.
pub(crate) const CHAIN: &str = "
WITH RECURSIVE walk(id, level) AS (
  SELECT CAST(?1 AS BIGINT), 0
  UNION ALL
  SELECT r.base_id, level + 1 FROM walk w JOIN revisions r ON r.id = w.id
  WHERE r.base_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM snapshots s WHERE s.revision_id = w.id)
)
SELECT r.id, r.job_id, r.chain, r.root_hash, s.manifest
FROM walk w CROSS JOIN revisions r ON r.id = w.id LEFT JOIN snapshots s ON s.revision_id = r.id
ORDER BY level DESC";

/// What some revisions changed, in the order they are named.
pub(crate) const DELTAS: &str = "
SELECT f.revision_id, f.path, f.mode, b.hash, f.origin_id
FROM json_each(?1) e CROSS JOIN job_files f ON f.revision_id = CAST(e.value AS BIGINT) LEFT JOIN blobs b ON b.id = f.blob_id
ORDER BY e.key";

/// What one revision changed.
pub(crate) const DELTA: &str = "
SELECT f.path, f.op, f.mode, b.hash, f.renamed_from, f.step, f.origin_id
FROM job_files f LEFT JOIN blobs b ON b.id = f.blob_id WHERE f.revision_id = ?1";

/// What the merge of one job left to decide.
pub(crate) const SELECT_CONFLICTS: &str = "
SELECT ordinal, round, created, path, base_mode, base_blob, ours_mode, ours_blob, theirs_mode, theirs_blob,
  base_path, ours_path, theirs_path, kind, reason, how, author, decided, result_mode, result_blob
FROM conflicts WHERE job_id = ?1 ORDER BY ordinal";

/// What people changed by hand in one job, or beginning there.
pub(crate) const SELECT_CORRECTIONS: &str = "
SELECT c.job_id, c.from_revision_id, c.to_revision_id, c.at FROM corrections c
WHERE c.job_id = ?1 OR c.from_revision_id IN (SELECT id FROM revisions WHERE job_id = ?1)
ORDER BY c.to_revision_id";

/// Some contents.
pub(crate) const CONTENTS: &str = "
SELECT b.hash, b.len, b.codec, b.data FROM json_each(?1) e CROSS JOIN blobs b ON b.hash = unhex(e.value)";

/// The first files that have a content.
pub(crate) const USERS: &str = "
SELECT DISTINCT f.path, r.job_id FROM blobs b JOIN job_files f ON f.blob_id = b.id JOIN revisions r ON r.id = f.revision_id
WHERE b.hash = ?1 ORDER BY r.job_id, f.path LIMIT 5";

/// All calls since a moment, summed. The states are those of [`crate::names::call_number`].
pub(crate) const SPEND: &str = "
SELECT provider, model, count(*) AS calls,
  CAST(sum(usage_input) AS BIGINT) AS usage_input,
  CAST(sum(usage_cache_read) AS BIGINT) AS usage_cache_read,
  CAST(sum(usage_cache_write) AS BIGINT) AS usage_cache_write,
  CAST(sum(usage_cache_write_long) AS BIGINT) AS usage_cache_write_long,
  CAST(sum(usage_output) AS BIGINT) AS usage_output,
  CAST(sum(usage_reasoning) AS BIGINT) AS usage_reasoning,
  CAST(sum(CASE WHEN usage_estimated THEN 1 ELSE 0 END) AS BIGINT) AS usage_estimated,
  CAST(coalesce(sum(cost), 0) AS BIGINT) AS cost,
  CAST(coalesce(sum(reserved) FILTER (WHERE state IN (0, 3)), 0) AS BIGINT) AS reserved,
  count(*) FILTER (WHERE state = 1 AND cost IS NULL) AS unpriced
FROM calls WHERE started >= ?1 GROUP BY provider, model ORDER BY provider, model";

/// The contents after one, for looking through all of them.
pub(crate) const ALL_CONTENTS: &str = "
SELECT b.hash, b.len, b.codec, b.data, b.id FROM blobs b WHERE b.id > ?1 ORDER BY b.id LIMIT 64";
