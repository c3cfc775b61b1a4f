-- Recomputes every account from its entries. $1 tenant or null, $2 since (milliseconds) or null:
-- then from the line that the first batch since keeps of the account, and only accounts that were
-- touched since. The server sums on disk when it has to.
with first as (
  select c.tenant, min(c.batch) as batch from tollgate.chain_all c
  where ($1::text is null or c.tenant = $1)
    and ($2::bigint is null or c.at >= timestamptz 'epoch' + $2::bigint * interval '1 millisecond')
  group by c.tenant
), opening as (
  select distinct on (c.tenant, x.fields[1]) c.tenant, x.fields[1]::uuid as account_key, x.fields
  from first f
  join tollgate.chain_all c on c.tenant = f.tenant and c.batch >= f.batch
  cross join lateral unnest(c.accounts) line
  cross join lateral (select string_to_array(line, '|')) x(fields)
  where $2::bigint is not null
  order by c.tenant, x.fields[1], c.batch
), summed as (
  select e.tenant, x.account_key, sum(e.held_cost) as held_cost, sum(e.held_input) as held_input,
    sum(e.held_output) as held_output, sum(e.held_invocations) as held_invocations,
    sum(e.committed_cost) as committed_cost, sum(e.committed_input) as committed_input,
    sum(e.committed_output) as committed_output,
    sum(e.committed_invocations) as committed_invocations
  from first f
  join tollgate.entry_all e on e.tenant = f.tenant and e.batch >= f.batch
  cross join lateral unnest(e.account_keys) x(account_key)
  group by e.tenant, x.account_key
), expected as (
  select coalesce(a.tenant, s.tenant) as tenant,
    coalesce(a.account_id, s.account_key::text) as account_id, a.tenant is not null as there, v.*
  from (select * from tollgate.account a where $1::text is null or a.tenant = $1) a
  full join summed s on s.tenant = a.tenant and s.account_key = a.account_key
  left join opening o on o.tenant = s.tenant and o.account_key = s.account_key
  cross join lateral (values
    ('held_cost', s.held_cost, o.fields[24], a.held_cost),
    ('held_input', s.held_input, o.fields[25], a.held_input),
    ('held_output', s.held_output, o.fields[26], a.held_output),
    ('held_invocations', s.held_invocations, o.fields[27], a.held_invocations),
    ('committed_cost', s.committed_cost, o.fields[20], a.committed_cost),
    ('committed_input', s.committed_input, o.fields[21], a.committed_input),
    ('committed_output', s.committed_output, o.fields[22], a.committed_output),
    ('committed_invocations', s.committed_invocations, o.fields[23], a.committed_invocations)
  ) v(column_name, sum, opening, found)
  where $2::bigint is null or s.tenant is not null
), compared as (
  select e.tenant, e.account_id, case when e.there then e.column_name else 'account_id' end
      as column_name,
    case when e.there then (coalesce(e.sum, 0) + coalesce(e.opening::bigint, 0))::text
      else 'an account' end as expected,
    case when e.there then e.found::text else 'none' end as found
  from expected e
  where e.found is distinct from coalesce(e.sum, 0) + coalesce(e.opening::bigint, 0)
)
select (select count(distinct (tenant, account_id)) from expected)::text as checked,
  (select jsonb_build_object('table', 'account', 'key', tenant || '/' || account_id,
    'column', column_name, 'expected', expected, 'found', found)::text
   from compared order by tenant, account_id, column_name limit 1) as first
