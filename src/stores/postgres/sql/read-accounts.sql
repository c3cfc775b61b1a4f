-- Accounts as they stand, under the caps of their specs; those never charged are empty.
-- $1 specs (jsonb), $2 moment or null for the server's clock.
select tollgate.account_line(row(s.tenant, s.account_id, s.budget_id, s.owner, s.period_start,
  s.period_end, s.depth,
  s.soft, s.warn_per_mille, s.degrade_per_mille,
  s.cap_cost, s.cap_input, s.cap_output, s.cap_total, s.cap_invocations, null, null, null, null,
    null,
  coalesce(a.held_cost, 0), coalesce(a.held_input, 0), coalesce(a.held_output, 0),
    coalesce(a.held_invocations, 0),
  coalesce(a.committed_cost, 0), coalesce(a.committed_input, 0), coalesce(a.committed_output, 0),
  coalesce(a.committed_invocations, 0))::tollgate.account) as line
from tollgate.specs_at($1::jsonb, coalesce($2::timestamptz, clock_timestamp())) s
left join lateral (select * from tollgate.account a
  where a.tenant = s.tenant and a.account_id = s.account_id limit 1) a on true
order by s.s
