-- Compares every account with the sum of its entries, and open holds with what is held. $1 tenant
-- or null, $2 since (milliseconds) or null: only accounts whose period ends after it. The server
-- sums on disk when it has to.
with summed as (
  select e.tenant, x.account_id, sum(e.held_cost) as held_cost, sum(e.held_input) as held_input,
    sum(e.held_output) as held_output, sum(e.held_invocations) as held_invocations,
    sum(e.committed_cost) as committed_cost, sum(e.committed_input) as committed_input,
    sum(e.committed_output) as committed_output,
      sum(e.committed_invocations) as committed_invocations
  from tollgate.entry e
  cross join lateral unnest(e.account_ids) x(account_id)
  where $1::text is null or e.tenant = $1
  group by e.tenant, x.account_id
), compared as (
  select coalesce(a.tenant, s.tenant) as tenant, coalesce(a.account_id, s.account_id) as account_id,
    c.*
  from (select * from tollgate.account a where $1::text is null or a.tenant = $1) a
  full join summed s on s.tenant = a.tenant and s.account_id = a.account_id
  cross join lateral (values
    ('account_id', 'an account', case when a.tenant is null then 'none' end, a.tenant is not null),
    ('held_cost', coalesce(s.held_cost, 0)::text, a.held_cost::text,
      coalesce(s.held_cost, 0) = a.held_cost),
    ('held_input', coalesce(s.held_input, 0)::text, a.held_input::text,
      coalesce(s.held_input, 0) = a.held_input),
    ('held_output', coalesce(s.held_output, 0)::text, a.held_output::text,
      coalesce(s.held_output, 0) = a.held_output),
    ('held_invocations', coalesce(s.held_invocations, 0)::text, a.held_invocations::text,
      coalesce(s.held_invocations, 0) = a.held_invocations),
    ('committed_cost', coalesce(s.committed_cost, 0)::text, a.committed_cost::text,
      coalesce(s.committed_cost, 0) = a.committed_cost),
    ('committed_input', coalesce(s.committed_input, 0)::text, a.committed_input::text,
      coalesce(s.committed_input, 0) = a.committed_input),
    ('committed_output', coalesce(s.committed_output, 0)::text, a.committed_output::text,
      coalesce(s.committed_output, 0) = a.committed_output),
    ('committed_invocations', coalesce(s.committed_invocations, 0)::text,
      a.committed_invocations::text,
      coalesce(s.committed_invocations, 0) = a.committed_invocations)
  ) c(column_name, expected, found, agrees)
  where c.agrees is not true
    and ($2::bigint is null or a.period_end is null
      or a.period_end > timestamptz 'epoch' + $2::bigint * interval '1 millisecond')
)
select (select count(*) from tollgate.account a where ($1::text is null or a.tenant = $1)
    and ($2::bigint is null or a.period_end is null
      or a.period_end > timestamptz 'epoch' + $2::bigint * interval '1 millisecond'
  ))::text as checked,
  null::text as last_tenant, null::text as last_id,
  (select jsonb_build_object('table', 'account', 'key', tenant || '/' || account_id, 'column',
    column_name,
    'expected', expected, 'found', found)::text
   from compared order by tenant, account_id, column_name limit 1) as first
