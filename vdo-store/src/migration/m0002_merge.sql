ALTER TABLE jobs ADD COLUMN merge_policy TEXT;

ALTER TABLE job_files ADD COLUMN origin_id INTEGER;

CREATE TABLE conflicts (
  job_id INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL,
  round INTEGER NOT NULL,
  state TEXT NOT NULL,
  created INTEGER NOT NULL,
  base_mode INTEGER,
  ours_mode INTEGER,
  theirs_mode INTEGER,
  result_mode INTEGER,
  decided INTEGER,
  path TEXT NOT NULL,
  base_blob BLOB,
  ours_blob BLOB,
  theirs_blob BLOB,
  result_blob BLOB,
  base_path TEXT,
  ours_path TEXT,
  theirs_path TEXT,
  kind TEXT NOT NULL,
  reason TEXT NOT NULL,
  how TEXT,
  author TEXT,
  PRIMARY KEY (job_id, ordinal)
) WITHOUT ROWID;
