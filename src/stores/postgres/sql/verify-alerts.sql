-- Compares what was told with what happened: thresholds of accounts, overruns of commits. $1 tenant
-- or null, $2 since (milliseconds) or null: overruns since then; thresholds are all looked at.
with told as (
  select o.tenant, o.payload ->> 'account' as account_id,
    max((o.payload ->> 'perMille')::integer) as highest, count(*) as told
  from tollgate.outbox o
  where o.kind = 'budget.threshold' and ($1::text is null or o.tenant = $1)
  group by o.tenant, o.payload ->> 'account'
), standing as (
  select a.tenant, a.account_id, a.alerts, a.alerted, greatest(
      tollgate.per_mille(a.held_cost + a.committed_cost,
        a.cap_cost + a.carried_cost),
      tollgate.per_mille(a.held_input + a.committed_input,
        a.cap_input + a.carried_input),
      tollgate.per_mille(a.held_output + a.committed_output,
        a.cap_output + a.carried_output),
      tollgate.per_mille(a.held_input + a.committed_input + a.held_output + a.committed_output,
        a.cap_total + a.carried_total),
      tollgate.per_mille(a.held_invocations + a.committed_invocations,
        a.cap_invocations + a.carried_invocations)) as share
  from tollgate.account a where $1::text is null or a.tenant = $1
), first as (
  select c.tenant, min(c.batch) as batch from tollgate.chain_all c
  where ($1::text is null or c.tenant = $1)
    and ($2::bigint is null or c.at >= timestamptz 'epoch' + $2::bigint * interval '1 millisecond')
  group by c.tenant
), over as (
  select e.tenant, concat(e.reservation_id, '@', e.request_id) as event_key,
    e.held_cost + e.committed_cost as overrun
  from first f
  join tollgate.entry_all e on e.tenant = f.tenant and e.batch >= f.batch
  where e.operation = 'commit' and e.held_cost + e.committed_cost > 0
), overruns as (
  select o.tenant, o.event_key, (o.payload ->> 'overrunMicroUsd')::bigint as overrun
  from tollgate.outbox o
  where o.kind = 'budget.overrun' and ($1::text is null or o.tenant = $1)
    and ($2::bigint is null or o.at >= timestamptz 'epoch' + $2::bigint * interval '1 millisecond')
), compared as (
  select coalesce(s.tenant, t.tenant) as tenant, 'account' as "table",
    coalesce(s.account_id, t.account_id) as key, 'alerted' as column_name,
    coalesce(t.highest, 0)::text as expected, coalesce(s.alerted::text, 'no account') as found
  from standing s full join told t on t.tenant = s.tenant and t.account_id = s.account_id
  where s.alerted is distinct from coalesce(t.highest, 0)
  union all
  select s.tenant, 'outbox', concat(s.account_id, '@', x.per_mille), 'event_key', 'told',
    'not told'
  from standing s cross join lateral unnest(s.alerts) x(per_mille)
  where x.per_mille <= s.share and x.per_mille > s.alerted
  union all
  select coalesce(e.tenant, o.tenant), 'outbox', coalesce(e.event_key, o.event_key),
    'overrunMicroUsd', coalesce(e.overrun, 0)::text, coalesce(o.overrun, 0)::text
  from over e full join overruns o on o.tenant = e.tenant and o.event_key = e.event_key
  where e.overrun is distinct from o.overrun
)
select ((select coalesce(sum(told), 0) from told) + (select count(*) from overruns))::text
    as checked,
  (select jsonb_build_object('table', "table", 'key', tenant || '/' || key,
    'column', column_name, 'expected', expected, 'found', found)::text
   from compared order by tenant, "table", key limit 1) as first
