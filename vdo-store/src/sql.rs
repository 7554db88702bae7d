//! The statements that write a batch, and those that read for it. Their text never depends on the data.
//!
//! Every table has two parameters of its own: `$n`, the rows as a JSON array of arrays of numbers, and `$n+1`, the
//! bytes that texts and contents are cut from; see [`crate::rows`]. Several statements are sent as one text with one
//! list of values, so the numbers are unique among all of them. They are written `$n`, not `?n`: SQLite counts the
//! unused numbers below a `?n` as parameters of that statement, and the driver would run out of values for them. `MATERIALIZED`
//! has SQLite write out each row's JSON once, instead of once for every column taken from it.

/// New jobs.
pub(crate) const JOBS: &str = "
WITH batch AS MATERIALIZED (SELECT value FROM json_each($1))
INSERT INTO jobs (
  id, extends_job_id, is_extension, depth, root_id, kind, status, version, budget, autonomy, created, updated,
  title, repo, github_repo_url, template, project, idempotency_key, tags, checks, parameters, description,
  merge_policy, priority
) SELECT
  value->>0, value->>1, value->>2, value->>3, value->>4, CAST(substr($2, value->>5, value->>6) AS TEXT),
  CAST(substr($2, value->>7, value->>8) AS TEXT), value->>9, value->>10, CAST(substr($2, value->>11, value->>12)
  AS TEXT), value->>13, value->>14, CAST(substr($2, value->>15, value->>16) AS TEXT), CAST(substr($2,
  value->>17, value->>18) AS TEXT), CAST(substr($2, value->>19, value->>20) AS TEXT), CAST(substr($2,
  value->>21, value->>22) AS TEXT), CAST(substr($2, value->>23, value->>24) AS TEXT), CAST(substr($2,
  value->>25, value->>26) AS TEXT), CAST(substr($2, value->>27, value->>28) AS TEXT), CAST(substr($2,
  value->>29, value->>30) AS TEXT), CAST(substr($2, value->>31, value->>32) AS TEXT), CAST(substr($2,
  value->>33, value->>34) AS TEXT), CAST(substr($2, value->>35, value->>36) AS TEXT), value->>37
FROM batch;
";

/// The parents of new jobs.
pub(crate) const PARENTS: &str = "
WITH batch AS MATERIALIZED (SELECT value FROM json_each($3))
INSERT INTO job_parents (
  job_id, ordinal, parent_job_id, asked, number, parent_revision_id
) SELECT
  value->>0, value->>1, value->>2, value->>3, value->>3, value->>4
FROM batch;
";

/// Contents, each once.
pub(crate) const BLOBS: &str = "
WITH batch AS MATERIALIZED (SELECT value FROM json_each($5))
INSERT INTO blobs (
  hash, len, codec, data
) SELECT
  substr($6, value->>0, value->>1), value->>2, value->>3, substr($6, value->>4, value->>5)
FROM batch WHERE true ON CONFLICT (hash) DO NOTHING;
";

/// Steps: a state never goes back, and what is not given stays.
pub(crate) const STEPS: &str = "
WITH batch AS MATERIALIZED (SELECT value FROM json_each($7))
INSERT INTO steps (
  job_id, key, state, epoch, request_hash, len, codec, answer
) SELECT
  value->>0, CAST(substr($8, value->>1, value->>2) AS TEXT), value->>3, value->>4, substr($8, value->>5,
  value->>6), value->>7, value->>8, substr($8, value->>9, value->>10)
FROM batch WHERE true ON CONFLICT (job_id, key) DO UPDATE SET state = max(state, excluded.state), epoch = excluded.epoch,
  request_hash = coalesce(excluded.request_hash, request_hash), len = coalesce(excluded.len, len),
  codec = coalesce(excluded.codec, codec), answer = coalesce(excluded.answer, answer);
";

/// Calls: a row with the same step and number is replaced.
pub(crate) const CALLS: &str = "
WITH batch AS MATERIALIZED (SELECT value FROM json_each($9))
INSERT INTO calls (
  job_id, step, number, state, started, ended, reserved, cost, usage_known, usage_input, usage_cache_read,
  usage_cache_write, usage_cache_write_long, usage_output, usage_reasoning, usage_estimated, outcome, provider,
  model, prompt, edit_format, request_hash, prompt_hash, failure, first_ms, tier, priced, decision
) SELECT
  value->>0, CAST(substr($10, value->>1, value->>2) AS TEXT), value->>3, value->>4, value->>5, value->>6,
  value->>7, value->>8, value->>9, value->>10, value->>11, value->>12, value->>13, value->>14, value->>15,
  value->>16, value->>17, CAST(substr($10, value->>18, value->>19) AS TEXT), CAST(substr($10, value->>20,
  value->>21) AS TEXT), CAST(substr($10, value->>22, value->>23) AS TEXT), CAST(substr($10, value->>24,
  value->>25) AS TEXT), substr($10, value->>26, value->>27), substr($10, value->>28, value->>29),
  CAST(substr($10, value->>30, value->>31) AS TEXT), value->>32, value->>33, CAST(substr($10, value->>34,
  value->>35) AS TEXT), CAST(substr($10, value->>36, value->>37) AS TEXT)
FROM batch WHERE true ON CONFLICT (job_id, step, number) DO UPDATE SET
  state = excluded.state, started = excluded.started, ended = excluded.ended, reserved = excluded.reserved, cost
  = excluded.cost, usage_known = excluded.usage_known, usage_input = excluded.usage_input, usage_cache_read =
  excluded.usage_cache_read, usage_cache_write = excluded.usage_cache_write, usage_cache_write_long =
  excluded.usage_cache_write_long, usage_output = excluded.usage_output, usage_reasoning =
  excluded.usage_reasoning, usage_estimated = excluded.usage_estimated, outcome = excluded.outcome, provider =
  excluded.provider, model = excluded.model, prompt = excluded.prompt, edit_format = excluded.edit_format,
  request_hash = excluded.request_hash, prompt_hash = excluded.prompt_hash, failure = excluded.failure,
  first_ms = excluded.first_ms, tier = excluded.tier, priced = excluded.priced, decision = excluded.decision;
";

/// Events.
pub(crate) const EVENTS: &str = "
WITH batch AS MATERIALIZED (SELECT value FROM json_each($11))
INSERT INTO events (
  job_id, seq, at, len, codec, kind
) SELECT
  value->>0, value->>1, value->>2, value->>3, value->>4, substr($12, value->>5, value->>6)
FROM batch;
";

/// Revisions.
pub(crate) const REVISIONS: &str = "
WITH batch AS MATERIALIZED (SELECT value FROM json_each($13))
INSERT INTO revisions (
  id, job_id, number, base_id, chain, cause, created, root_hash, author, also
) SELECT
  value->>0, value->>1, value->>2, value->>3, value->>4, CAST(substr($14, value->>5, value->>6) AS TEXT),
  value->>7, substr($14, value->>8, value->>9), CAST(substr($14, value->>10, value->>11) AS TEXT),
  CAST(substr($14, value->>12, value->>13) AS TEXT)
FROM batch;
";

/// What revisions changed.
pub(crate) const FILES: &str = "
WITH batch AS MATERIALIZED (SELECT value FROM json_each($15))
INSERT INTO job_files (
  revision_id, path, blob_id, mode, op, renamed_from, step, origin_id
) SELECT
  value->>0, CAST(substr($16, value->>1, value->>2) AS TEXT), (SELECT id FROM blobs WHERE hash = substr($16,
  value->>3, value->>4)), value->>5, value->>6, CAST(substr($16, value->>7, value->>8) AS TEXT),
  CAST(substr($16, value->>9, value->>10) AS TEXT), value->>11
FROM batch;
";

/// Whole manifests, now and then.
pub(crate) const SNAPSHOTS: &str = "
WITH batch AS MATERIALIZED (SELECT value FROM json_each($17))
INSERT INTO snapshots (
  revision_id, manifest
) SELECT
  value->>0, substr($18, value->>1, value->>2)
FROM batch;
";

/// Parents that are pinned now.
pub(crate) const PINS: &str = "
WITH batch AS MATERIALIZED (SELECT value FROM json_each($19))
UPDATE job_parents SET number = v.number, parent_revision_id = v.parent_revision_id
FROM (SELECT
  value->>0 AS job_id, value->>1 AS ordinal, value->>2 AS number, value->>3 AS parent_revision_id
  FROM batch) v
WHERE job_parents.job_id = v.job_id AND job_parents.ordinal = v.ordinal;
";

/// Evidence.
pub(crate) const CHECKS: &str = "
WITH batch AS MATERIALIZED (SELECT value FROM json_each($21))
INSERT INTO checks (
  job_id, phase, attempt, passed, tier, tree_hash, at, len, codec, report
) SELECT
  value->>0, CAST(substr($22, value->>1, value->>2) AS TEXT), value->>3, value->>4, CAST(substr($22, value->>5,
  value->>6) AS TEXT), substr($22, value->>7, value->>8), value->>9, value->>10, value->>11, substr($22,
  value->>12, value->>13)
FROM batch;
";

/// What moves with almost every write to a job; touches no index.
pub(crate) const COUNTERS: &str = "
WITH batch AS MATERIALIZED (SELECT value FROM json_each($23))
UPDATE jobs SET
  version = v.version, lease_owner = v.lease_owner, lease_epoch = v.lease_epoch, lease_until = v.lease_until,
  next_seq = v.next_seq, cost = v.cost, reserved = v.reserved, usage_input = v.usage_input, usage_cache_read =
  v.usage_cache_read, usage_cache_write = v.usage_cache_write, usage_cache_write_long =
  v.usage_cache_write_long, usage_output = v.usage_output, usage_reasoning = v.usage_reasoning, usage_estimated
  = v.usage_estimated
FROM (SELECT
  value->>0 AS id, value->>1 AS version, CAST(substr($24, value->>2, value->>3) AS TEXT) AS lease_owner,
  value->>4 AS lease_epoch, value->>5 AS lease_until, value->>6 AS next_seq, value->>7 AS cost, value->>8 AS
  reserved, value->>9 AS usage_input, value->>10 AS usage_cache_read, value->>11 AS usage_cache_write,
  value->>12 AS usage_cache_write_long, value->>13 AS usage_output, value->>14 AS usage_reasoning, value->>15 AS
  usage_estimated
  FROM batch) v
WHERE jobs.id = v.id;
";

/// What moves rarely.
pub(crate) const STATES: &str = "
WITH batch AS MATERIALIZED (SELECT value FROM json_each($25))
UPDATE jobs SET status = v.status, updated = v.updated, cancel_requested = v.cancel_requested, stamps = v.stamps,
  head_id = v.head_id, head_number = v.head_number, reason = v.reason, branch = coalesce(v.branch, jobs.branch),
  note = iif(v.rating IS NULL, jobs.note, v.note), is_reference = coalesce(v.is_reference, jobs.is_reference),
  rating = coalesce(v.rating, jobs.rating), not_before = v.not_before, crashes = v.crashes,
  tries_transient = v.tries_transient, tries_fatal = v.tries_fatal, tries_verdict = v.tries_verdict,
  tries_infrastructure = v.tries_infrastructure
FROM (SELECT
  value->>0 AS id, CAST(substr($26, value->>1, value->>2) AS TEXT) AS status, value->>3 AS updated, value->>4 AS
  cancel_requested, value->>5 AS stamps, value->>6 AS head_id, value->>7 AS head_number, CAST(substr($26,
  value->>8, value->>9) AS TEXT) AS reason, CAST(substr($26, value->>10, value->>11) AS TEXT) AS branch,
  value->>12 AS rating, value->>13 AS is_reference, CAST(substr($26, value->>14, value->>15) AS TEXT) AS note,
  value->>16 AS not_before, value->>17 AS crashes, value->>18 AS tries_transient, value->>19 AS tries_fatal,
  value->>20 AS tries_verdict, value->>21 AS tries_infrastructure
  FROM batch) v
WHERE jobs.id = v.id;
";

/// What became of replies.
pub(crate) const OUTCOMES: &str = "
UPDATE calls SET outcome = v.outcome
FROM (SELECT
  value->>0 AS job_id, CAST(substr($28, value->>1, value->>2) AS TEXT) AS step, value->>3 AS number,
  value->>4 AS outcome
  FROM json_each($27)) v
WHERE calls.job_id = v.job_id AND calls.step = v.step AND calls.number = v.number;
";

/// What merges left to decide: a row with the same number is replaced.
pub(crate) const CONFLICTS: &str = "
WITH batch AS MATERIALIZED (SELECT value FROM json_each($29))
INSERT OR REPLACE INTO conflicts (
  job_id, ordinal, round, created, base_mode, ours_mode, theirs_mode, result_mode, decided, state, path, base_blob,
  ours_blob, theirs_blob, result_blob, base_path, ours_path, theirs_path, reason, how, author,
  kind
) SELECT
  value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7, value->>8,
  CAST(substr($30, value->>9, value->>10) AS TEXT), CAST(substr($30, value->>11, value->>12) AS TEXT),
  substr($30, value->>13, value->>14), substr($30, value->>15, value->>16), substr($30, value->>17, value->>18),
  substr($30, value->>19, value->>20), CAST(substr($30, value->>21, value->>22) AS TEXT), CAST(substr($30,
  value->>23, value->>24) AS TEXT), CAST(substr($30, value->>25, value->>26) AS TEXT), CAST(substr($30,
  value->>27, value->>28) AS TEXT), CAST(substr($30, value->>29, value->>30) AS TEXT), CAST(substr($30,
  value->>31, value->>32) AS TEXT), CAST(substr($30, value->>33, value->>34) AS TEXT)
FROM batch;
";

/// What people changed by hand.
pub(crate) const CORRECTIONS: &str = "
WITH batch AS MATERIALIZED (SELECT value FROM json_each($31))
INSERT INTO corrections (
  job_id, from_revision_id, to_revision_id, at
) SELECT
  value->>0, value->>1, value->>2, value->>3
FROM batch;
";

/// What is spent and reserved of budgets.
pub(crate) const BUDGET_SUMS: &str = "
WITH batch AS MATERIALIZED (SELECT value FROM json_each($33))
INSERT OR REPLACE INTO budget_sums (
  scope, period, start, spent, reserved, alerted
) SELECT
  CAST(substr($34, value->>0, value->>1) AS TEXT), CAST(substr($34, value->>2, value->>3) AS TEXT), value->>4,
  value->>5, value->>6, value->>7
FROM batch;
";

/// How providers and models have been doing.
pub(crate) const HEALTH: &str = "
WITH batch AS MATERIALIZED (SELECT value FROM json_each($35))
INSERT OR REPLACE INTO health (
  provider, model, state
) SELECT
  CAST(substr($36, value->>0, value->>1) AS TEXT), CAST(substr($36, value->>2, value->>3) AS TEXT),
  CAST(substr($36, value->>4, value->>5) AS TEXT)
FROM batch;
";

/// When the calls of some providers were sent: as JSON, arrays of provider, now, and since when.
pub(crate) const READ_RECENT: &str = "
SELECT c.provider, c.started FROM json_each(?1) e
CROSS JOIN calls c ON c.started > e.value->>2 AND c.provider = e.value->>0";

/// How many calls of some providers are under way, as [`READ_RECENT`]: those of leases that ran out are not.
pub(crate) const READ_UNDER_WAY: &str = "
SELECT c.provider, count(*) FROM json_each(?1) e
CROSS JOIN calls c ON c.state IN (0, 3) AND c.state = 0 AND c.provider = e.value->>0
JOIN jobs j ON j.id = c.job_id
WHERE j.lease_owner IS NOT NULL AND j.lease_until > e.value->>1 GROUP BY c.provider";

/// The budgets.
pub(crate) const READ_BUDGETS: &str = "SELECT scope, period, amount, action, hard FROM budgets";

/// Where some budgets stand: as JSON, arrays of scope, period and the moment the period began.
pub(crate) const READ_SUMS: &str = "
SELECT s.scope, s.period, s.start, s.spent, s.reserved, s.alerted FROM json_each(?1) e
CROSS JOIN budget_sums s ON s.scope = e.value->>0 AND s.period = e.value->>1 AND s.start = e.value->>2";

/// How some providers and models have been doing: as JSON, arrays of provider and model.
pub(crate) const READ_HEALTH: &str = "
SELECT h.provider, h.model, h.state FROM json_each(?1) e
CROSS JOIN health h ON h.provider = e.value->>0 AND h.model = e.value->>1";

/// What the calls that a budget covers cost and have reserved, by day.
pub(crate) const DAYS: &str = "
SELECT c.started - c.started % ?1 AS day, coalesce(sum(c.cost), 0), coalesce(sum(c.reserved) FILTER (WHERE c.state IN (0, 3)), 0)
FROM calls c JOIN jobs j ON j.id = c.job_id WHERE {covered} GROUP BY day";

/// The sums of some calls, as the end of a SELECT.
pub(crate) const SUMS: &str = "
count(*), sum(c.usage_input), sum(c.usage_cache_read), sum(c.usage_cache_write), sum(c.usage_cache_write_long),
  sum(c.usage_output), sum(c.usage_reasoning), max(c.usage_estimated), sum(c.cost),
  sum(c.reserved) FILTER (WHERE c.state IN (0, 3)), count(*) FILTER (WHERE c.state = 1 AND c.cost IS NULL)
FROM calls c JOIN jobs j ON j.id = c.job_id";

/// The jobs that a batch depends on.
pub(crate) const READ_JOBS: &str = "
SELECT id, status, updated, version, lease_owner, lease_epoch, lease_until, next_seq, cost, reserved, usage_input,
  usage_cache_read, usage_cache_write, usage_cache_write_long, usage_output, usage_reasoning, usage_estimated,
  cancel_requested, stamps, head_id, head_number, budget, depth, root_id, reason, (
    SELECT json_group_array(json_array(parent_job_id, number, parent_revision_id, asked) ORDER BY ordinal)
    FROM job_parents WHERE job_id = jobs.id
  ) AS parents, not_before, crashes, tries_transient, tries_fatal, tries_verdict, tries_infrastructure
FROM jobs WHERE id IN (SELECT value FROM json_each(?1))";

/// What runs in some projects, as JSON of their roots: as `status` says, or claimed and not yet begun.
pub(crate) const READ_LIVE: &str = "
SELECT id, root_id, lease_until, (
    SELECT json_group_array(parent_job_id) FROM job_parents WHERE job_id = jobs.id
  ) AS parents
FROM jobs WHERE status IN ('queued', 'running') AND lease_owner IS NOT NULL
  AND root_id IN (SELECT value FROM json_each(?1))";

/// What of merges runs anywhere.
pub(crate) const READ_LIVE_MERGES: &str = "
SELECT id, root_id, lease_until, (
    SELECT json_group_array(parent_job_id) FROM job_parents WHERE job_id = jobs.id
  ) AS parents
FROM jobs WHERE status IN ('queued', 'running') AND lease_owner IS NOT NULL
  AND EXISTS (SELECT 1 FROM job_parents p WHERE p.job_id = jobs.id AND p.ordinal = 1)";

/// The revisions that a batch depends on.
pub(crate) const READ_REVISIONS: &str =
    "SELECT id, job_id, number FROM revisions WHERE id IN (SELECT value FROM json_each(?1))";

/// The revisions that new jobs name by job and number.
pub(crate) const READ_NUMBERED: &str = "
SELECT r.id, r.job_id, r.number FROM json_each(?1) e
CROSS JOIN revisions r ON r.job_id = e.value->>0 AND r.number = e.value->>1";

/// The jobs that have one of some idempotency keys.
pub(crate) const READ_KEYS: &str =
    "SELECT id, idempotency_key FROM jobs WHERE idempotency_key IN (SELECT value FROM json_each(?1))";

/// Which of some contents are there.
pub(crate) const READ_HASHES: &str = "
SELECT b.hash FROM json_each(?1) e CROSS JOIN blobs b ON b.hash = unhex(e.value)";

/// The last ids given out.
pub(crate) const READ_IDS: &str = "SELECT name, seq FROM sqlite_sequence WHERE name IN ('jobs', 'revisions')";

/// Jobs with their parents and newest revisions.
pub(crate) const SELECT_JOBS: &str = "
SELECT j.id, j.depth, j.root_id, j.kind, j.status, j.version, j.cost, j.reserved, j.usage_input, j.usage_cache_read,
  j.usage_cache_write, j.usage_cache_write_long, j.usage_output, j.usage_reasoning, j.usage_estimated,
  j.cancel_requested, j.stamps, j.budget, j.autonomy, j.rating, j.is_reference, j.created, j.updated, j.reason,
  j.branch, j.note, j.title, j.repo, j.github_repo_url, j.template, j.project, j.idempotency_key, j.tags, j.checks,
  j.parameters, j.description, j.merge_policy, (
    SELECT json_group_array(json_array(parent_job_id, number, parent_revision_id, asked) ORDER BY ordinal)
    FROM job_parents WHERE job_id = j.id
  ) AS parents, j.head_id, j.head_number, h.base_id AS head_base_id, h.cause AS head_cause,
  h.created AS head_created, h.root_hash AS head_root_hash, h.author AS head_author, h.also AS head_also,
  j.priority, j.not_before, j.crashes, j.tries_transient, j.tries_fatal, j.tries_verdict, j.tries_infrastructure
FROM jobs j LEFT JOIN revisions h ON h.id = j.head_id";

/// A revision and the bases below it, down to the nearest snapshot, the deepest first.
pub(crate) const CHAIN: &str = "
WITH RECURSIVE walk(id, level) AS (
  SELECT ?1, 0
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
FROM json_each(?1) e CROSS JOIN job_files f ON f.revision_id = e.value LEFT JOIN blobs b ON b.id = f.blob_id
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
SELECT provider, model, count(*) AS calls, sum(usage_input) AS usage_input,
  sum(usage_cache_read) AS usage_cache_read, sum(usage_cache_write) AS usage_cache_write,
  sum(usage_cache_write_long) AS usage_cache_write_long, sum(usage_output) AS usage_output,
  sum(usage_reasoning) AS usage_reasoning, max(usage_estimated) AS usage_estimated,
  coalesce(sum(cost), 0) AS cost, coalesce(sum(reserved) FILTER (WHERE state IN (0, 3)), 0) AS reserved,
  count(*) FILTER (WHERE state = 1 AND cost IS NULL) AS unpriced
FROM calls WHERE started >= ?1 GROUP BY provider, model ORDER BY provider, model";

/// The contents after one, for looking through all of them.
pub(crate) const ALL_CONTENTS: &str = "
SELECT b.hash, b.len, b.codec, b.data, b.id FROM blobs b WHERE b.id > ?1 ORDER BY b.id LIMIT 64";
