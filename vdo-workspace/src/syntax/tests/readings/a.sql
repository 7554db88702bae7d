-- People.
CREATE TABLE IF NOT EXISTS users (
  id int
);
create or replace function total(x int) returns int as $$ select 1 $$;
