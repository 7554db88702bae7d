ALTER TABLE revisions ADD COLUMN also TEXT;

CREATE INDEX idx_corrections_from ON corrections(from_revision_id);

CREATE TABLE redactions (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  hash BLOB NOT NULL,
  tombstone BLOB NOT NULL,
  author TEXT NOT NULL,
  reason TEXT
);
CREATE UNIQUE INDEX idx_redactions_hash ON redactions(hash);
