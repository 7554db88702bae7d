-- Contents that nothing referred to when somebody looked, and since when. A content that is written again is taken off.
CREATE TABLE garbage (
  hash BLOB PRIMARY KEY,
  since INTEGER NOT NULL
) WITHOUT ROWID;
