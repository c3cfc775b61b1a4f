-- Applies a batch of ledger operations. $1 batch, $2 records, $3 careful (see
-- tollgate.budget_apply), $4 moment or null for the server's clock.
select tollgate.budget_apply($1::jsonb, $2::text, $3::boolean, $4::timestamptz)::text as answer
