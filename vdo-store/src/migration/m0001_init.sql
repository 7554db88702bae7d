CREATE TABLE jobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  extends_job_id INTEGER REFERENCES jobs(id) ON DELETE RESTRICT,
  is_extension BOOLEAN NOT NULL DEFAULT FALSE,
  depth INTEGER NOT NULL,
  root_id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  status TEXT NOT NULL,
  version INTEGER NOT NULL,
  lease_owner TEXT,
  lease_epoch INTEGER NOT NULL DEFAULT 0,
  lease_until INTEGER,
  next_seq INTEGER NOT NULL DEFAULT 1,
  cost INTEGER NOT NULL DEFAULT 0,
  reserved INTEGER NOT NULL DEFAULT 0,
  usage_input INTEGER NOT NULL DEFAULT 0,
  usage_cache_read INTEGER NOT NULL DEFAULT 0,
  usage_cache_write INTEGER NOT NULL DEFAULT 0,
  usage_cache_write_long INTEGER NOT NULL DEFAULT 0,
  usage_output INTEGER NOT NULL DEFAULT 0,
  usage_reasoning INTEGER NOT NULL DEFAULT 0,
  usage_estimated BOOLEAN NOT NULL DEFAULT FALSE,
  cancel_requested BOOLEAN NOT NULL DEFAULT FALSE,
  stamps INTEGER NOT NULL DEFAULT 0,
  head_id INTEGER,
  head_number INTEGER NOT NULL DEFAULT 0,
  budget INTEGER,
  autonomy TEXT NOT NULL,
  rating INTEGER,
  is_reference BOOLEAN NOT NULL DEFAULT FALSE,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  reason TEXT,
  branch TEXT,
  note TEXT,
  title TEXT NOT NULL,
  repo TEXT,
  github_repo_url TEXT,
  template TEXT,
  project TEXT,
  idempotency_key TEXT UNIQUE,
  tags TEXT,
  checks TEXT,
  parameters TEXT,
  description TEXT NOT NULL
);
CREATE INDEX idx_jobs_extends ON jobs(extends_job_id);
CREATE INDEX idx_jobs_status ON jobs(status);
CREATE INDEX idx_jobs_root ON jobs(root_id);

CREATE VIEW job_lineage AS
  SELECT id, title, extends_job_id, depth, root_id FROM jobs;

CREATE TABLE revisions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  job_id INTEGER NOT NULL REFERENCES jobs(id) ON DELETE RESTRICT,
  number INTEGER NOT NULL,
  base_id INTEGER REFERENCES revisions(id) ON DELETE RESTRICT,
  chain INTEGER NOT NULL,
  cause TEXT NOT NULL,
  created INTEGER NOT NULL,
  root_hash BLOB NOT NULL,
  author TEXT NOT NULL,
  UNIQUE (job_id, number)
);
CREATE INDEX idx_revisions_base ON revisions(base_id);

CREATE TABLE job_parents (
  job_id INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL,
  parent_job_id INTEGER NOT NULL REFERENCES jobs(id) ON DELETE RESTRICT,
  asked INTEGER,
  number INTEGER,
  parent_revision_id INTEGER REFERENCES revisions(id) ON DELETE RESTRICT,
  PRIMARY KEY (job_id, ordinal)
) WITHOUT ROWID;
CREATE INDEX idx_job_parents_parent ON job_parents(parent_job_id);

CREATE TABLE blobs (
  id INTEGER PRIMARY KEY,
  hash BLOB NOT NULL UNIQUE,
  len INTEGER NOT NULL,
  codec INTEGER NOT NULL,
  data BLOB NOT NULL
);

CREATE TABLE job_files (
  revision_id INTEGER NOT NULL REFERENCES revisions(id) ON DELETE CASCADE,
  path TEXT NOT NULL,
  blob_id INTEGER REFERENCES blobs(id) ON DELETE RESTRICT,
  mode INTEGER,
  op INTEGER NOT NULL,
  renamed_from TEXT,
  step TEXT,
  PRIMARY KEY (revision_id, path)
) WITHOUT ROWID;
CREATE INDEX idx_job_files_blob ON job_files(blob_id);

CREATE TABLE snapshots (
  revision_id INTEGER PRIMARY KEY REFERENCES revisions(id) ON DELETE CASCADE,
  manifest BLOB NOT NULL
);

CREATE TABLE steps (
  id INTEGER PRIMARY KEY,
  job_id INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  state INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  request_hash BLOB,
  len INTEGER,
  codec INTEGER,
  answer BLOB,
  UNIQUE (job_id, key)
);

CREATE TABLE calls (
  id INTEGER PRIMARY KEY,
  job_id INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
  step TEXT NOT NULL,
  number INTEGER NOT NULL,
  state INTEGER NOT NULL,
  started INTEGER NOT NULL,
  ended INTEGER,
  reserved INTEGER,
  cost INTEGER,
  usage_known BOOLEAN NOT NULL,
  usage_input INTEGER NOT NULL,
  usage_cache_read INTEGER NOT NULL,
  usage_cache_write INTEGER NOT NULL,
  usage_cache_write_long INTEGER NOT NULL,
  usage_output INTEGER NOT NULL,
  usage_reasoning INTEGER NOT NULL,
  usage_estimated BOOLEAN NOT NULL,
  outcome INTEGER,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  prompt TEXT NOT NULL,
  edit_format TEXT,
  request_hash BLOB NOT NULL,
  prompt_hash BLOB NOT NULL,
  failure TEXT,
  UNIQUE (job_id, step, number)
);
CREATE INDEX idx_calls_started ON calls(started);

CREATE TABLE checks (
  id INTEGER PRIMARY KEY,
  job_id INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
  phase TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  passed BOOLEAN NOT NULL,
  tier TEXT NOT NULL,
  tree_hash BLOB NOT NULL,
  at INTEGER NOT NULL,
  len INTEGER NOT NULL,
  codec INTEGER NOT NULL,
  report BLOB NOT NULL
);
CREATE INDEX idx_checks_job ON checks(job_id);

CREATE TABLE events (
  job_id INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  len INTEGER NOT NULL,
  codec INTEGER NOT NULL,
  kind BLOB NOT NULL,
  PRIMARY KEY (job_id, seq)
) WITHOUT ROWID;

CREATE TABLE corrections (
  job_id INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
  from_revision_id INTEGER NOT NULL REFERENCES revisions(id) ON DELETE CASCADE,
  to_revision_id INTEGER NOT NULL REFERENCES revisions(id) ON DELETE CASCADE,
  at INTEGER NOT NULL,
  PRIMARY KEY (job_id, to_revision_id)
) WITHOUT ROWID;

CREATE TABLE budgets (
  scope TEXT NOT NULL,
  period TEXT NOT NULL,
  amount INTEGER NOT NULL,
  action TEXT NOT NULL,
  PRIMARY KEY (scope, period)
) WITHOUT ROWID;
