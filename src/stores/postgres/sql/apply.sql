-- Applies a batch of ledger operations. $1 operations, $2 specs, $3 accounts, $4 records, $5 way
-- (see tollgate.budget_apply), $6 moment or null for the server's clock.
select tollgate.budget_apply($1::text::tollgate.op[], $2::text::jsonb,
  $3::text::tollgate.named[], $4::text, $5::text, $6::timestamptz) as answer
