-- Applies a batch of ledger operations. $1 batch (jsonb), $2 moment or null for the server's clock.
select tollgate.budget_apply($1::jsonb, $2::timestamptz)::text as answer
