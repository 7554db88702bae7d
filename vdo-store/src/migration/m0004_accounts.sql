ALTER TABLE calls ADD COLUMN first_ms INTEGER;
ALTER TABLE calls ADD COLUMN tier INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN priced TEXT;
ALTER TABLE calls ADD COLUMN decision TEXT;
CREATE INDEX idx_calls_unsettled ON calls(state) WHERE state IN (0, 3);

-- How much may be spent on what: `budgets` was laid out with the first version and never written.
ALTER TABLE budgets ADD COLUMN hard BOOLEAN NOT NULL DEFAULT 1;

-- What is spent and reserved of each budget, by the moment its period began. Moved with the calls; never older than they are.
CREATE TABLE budget_sums (
  scope TEXT NOT NULL,
  period TEXT NOT NULL,
  start INTEGER NOT NULL,
  spent INTEGER NOT NULL,
  reserved INTEGER NOT NULL,
  alerted INTEGER NOT NULL,
  PRIMARY KEY (scope, period, start)
) WITHOUT ROWID;

-- How providers (model '') and their models have been doing.
CREATE TABLE health (
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  state TEXT NOT NULL,
  PRIMARY KEY (provider, model)
) WITHOUT ROWID;

-- Settings that are changed while others run.
CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;
