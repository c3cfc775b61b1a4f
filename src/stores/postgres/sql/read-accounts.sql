-- Accounts as they stand, under the caps of their specs; those never opened as they would be
-- opened. $1 specs and $2 accounts (tollgate.specs_at), $3 moment or null for the server's clock.
select l.line
from unnest(tollgate.specs_at($1::jsonb, $2::text::tollgate.named[],
  coalesce($3::timestamptz, clock_timestamp()))) x
cross join lateral (select tollgate.balance_line(a) || a.identity as line
  from tollgate.account_now(x) a) l
order by x.place
