-- What arrived of a reply that is being streamed: appended to now and then, taken away with the answer.
CREATE TABLE partials (
  id INTEGER PRIMARY KEY,
  job_id INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
  step TEXT NOT NULL,
  number INTEGER NOT NULL,
  text TEXT NOT NULL,
  UNIQUE (job_id, step, number)
);
