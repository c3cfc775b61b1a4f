-- Recomputes what every account carries from its predecessor, and what that one passed on. $1
-- tenant or null, $2 since (unused: all are looked at).
with pair as (
  select n.tenant, n.account_id, p.account_id as predecessor_id, n.predecessor,
    p.successor is not distinct from n.account_key as linked, n.idle_periods as idle, m.*
  from tollgate.account n
  left join tollgate.account p on p.tenant = n.tenant and p.account_key = n.predecessor
  cross join lateral (values
    ('cost', n.rollover_cost, n.cap_cost, n.carried_cost, p.cap_cost, p.carried_cost,
      p.passed_on_cost, p.held_cost + p.committed_cost),
    ('input', n.rollover_input, n.cap_input, n.carried_input, p.cap_input, p.carried_input,
      p.passed_on_input, p.held_input + p.committed_input),
    ('output', n.rollover_output, n.cap_output, n.carried_output, p.cap_output, p.carried_output,
      p.passed_on_output, p.held_output + p.committed_output),
    ('total', n.rollover_total, n.cap_total, n.carried_total, p.cap_total, p.carried_total,
      p.passed_on_total, p.held_input + p.committed_input + p.held_output + p.committed_output),
    ('invocations', n.rollover_invocations, n.cap_invocations, n.carried_invocations,
      p.cap_invocations, p.carried_invocations, p.passed_on_invocations,
      p.held_invocations + p.committed_invocations)
  ) m(metric, rollover, next_cap, carried, cap, before, passed_on, used)
  where n.predecessor is not null and ($1::text is null or n.tenant = $1)
    and ($2::bigint is null or $2::bigint is not null)
), compared as (
  select tenant, account_id as key, 'predecessor' as column_name, 'linked both ways' as expected,
    'not linked' as found
  from pair where linked is not true
  union all
  select tenant, account_id, 'carried_' || metric, expected::text, carried::text from (
    select p.*, tollgate.carry_of(p.rollover, p.next_cap, p.cap, p.before, p.used, p.idle)
      as expected
    from pair p
  ) c where c.expected is distinct from c.carried
  union all
  select tenant, predecessor_id, 'passed_on_' || metric, expected::text, passed_on::text from (
    select p.*, tollgate.passed_on_of(p.carried, p.cap, p.before, p.used) as expected from pair p
  ) c where c.expected is distinct from c.passed_on
)
select (select count(distinct (tenant, account_id)) from pair)::text as checked,
  (select jsonb_build_object('table', 'account', 'key', tenant || '/' || key,
    'column', column_name, 'expected', expected, 'found', found)::text
   from compared order by tenant, column_name, key limit 1) as first
