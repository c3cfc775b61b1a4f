-- Moves at most $2 batches that are older than $1 milliseconds before $3 (null: the server's clock)
-- out of the tables that calls are decided on.
select tollgate.archive(coalesce($3::timestamptz, clock_timestamp())
  - $1::bigint * interval '1 millisecond', $2::integer) as moved
