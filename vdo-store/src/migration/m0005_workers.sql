-- How much sooner than others a job is run.
ALTER TABLE jobs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;

-- Queued: not to be run before this. How often it was put back, by class, and how often a lease on it was taken over since its
-- last orderly end.
ALTER TABLE jobs ADD COLUMN not_before INTEGER;
ALTER TABLE jobs ADD COLUMN tries_transient INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN tries_fatal INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN tries_verdict INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN tries_infrastructure INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN crashes INTEGER NOT NULL DEFAULT 0;
