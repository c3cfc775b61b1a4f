-- Recomputes every reservation from its history. $1 tenant or null, $2 since (milliseconds) or
-- null: only those held since. The server sums on disk when it has to. An id may stand for several
-- calls when its request id was used again after it was forgotten; they are compared together.
with first as (
  select c.tenant, min(c.batch) as batch from tollgate.chain_all c
  where ($1::text is null or c.tenant = $1)
    and ($2::bigint is null or c.at >= timestamptz 'epoch' + $2::bigint * interval '1 millisecond')
  group by c.tenant
), history as (
  select e.tenant, e.reservation_id, count(*) filter (where e.operation = 'hold') as calls,
    sum(e.held_cost) as held_cost, sum(e.held_input) as held_input,
    sum(e.held_output) as held_output, sum(e.held_invocations) as held_invocations,
    sum(e.committed_cost) as committed_cost, sum(e.committed_input) as committed_input,
    sum(e.committed_output) as committed_output,
    sum(e.committed_invocations) as committed_invocations,
    (array_agg(case e.operation when 'hold' then 'open' when 'extend' then 'open'
        when 'commit' then 'committed' when 'release' then 'released' else 'expired' end
      order by e.batch desc, e.n desc))[1] as state,
    (array_agg(e.ending order by e.batch desc, e.n desc))[1] as ending,
    (array_agg(e.account_keys::text order by e.batch desc, e.n desc))[1] as account_keys
  from first f
  join tollgate.entry_all e on e.tenant = f.tenant and e.batch >= f.batch
  where e.verdict in ('held', 'settled', 'late')
  group by e.tenant, e.reservation_id
  having $2::bigint is null or count(*) filter (where e.operation = 'hold') > 0
), kept as (
  select r.tenant, r.reservation_id, count(*) as calls,
    sum(r.held_cost) as held_cost, sum(r.held_input) as held_input,
    sum(r.held_output) as held_output, sum(r.held_invocations) as held_invocations,
    sum(r.committed_cost) as committed_cost, sum(r.committed_input) as committed_input,
    sum(r.committed_output) as committed_output,
    sum(r.committed_invocations) as committed_invocations,
    (array_agg(r.state order by r.created_at desc))[1] as state,
    (array_agg(r.ending order by r.created_at desc))[1] as ending,
    (array_agg(r.account_keys::text order by r.created_at desc))[1] as account_keys
  from tollgate.reservation_all r
  where ($1::text is null or r.tenant = $1)
    and ($2::bigint is null
      or r.created_at >= timestamptz 'epoch' + $2::bigint * interval '1 millisecond')
  group by r.tenant, r.reservation_id
), compared as (
  select coalesce(k.tenant, h.tenant) as tenant,
    coalesce(k.reservation_id, h.reservation_id) as reservation_id, c.*
  from kept k
  full join history h on h.tenant = k.tenant and h.reservation_id = k.reservation_id
  cross join lateral (values
    (1, 'reservation_id', coalesce(h.calls, 0) || ' held', coalesce(k.calls, 0) || ' kept',
      coalesce(h.calls, 0) = coalesce(k.calls, 0)),
    (2, 'state', h.state, k.state, h.state = k.state),
    (3, 'held_cost', h.held_cost::text, k.held_cost::text, h.held_cost = k.held_cost),
    (3, 'held_input', h.held_input::text, k.held_input::text, h.held_input = k.held_input),
    (3, 'held_output', h.held_output::text, k.held_output::text, h.held_output = k.held_output),
    (3, 'held_invocations', h.held_invocations::text, k.held_invocations::text,
      h.held_invocations = k.held_invocations),
    (3, 'committed_cost', h.committed_cost::text, k.committed_cost::text,
      h.committed_cost = k.committed_cost),
    (3, 'committed_input', h.committed_input::text, k.committed_input::text,
      h.committed_input = k.committed_input),
    (3, 'committed_output', h.committed_output::text, k.committed_output::text,
      h.committed_output = k.committed_output),
    (3, 'committed_invocations', h.committed_invocations::text, k.committed_invocations::text,
      h.committed_invocations = k.committed_invocations),
    (4, 'account_keys', h.account_keys, k.account_keys, h.account_keys = k.account_keys),
    (5, 'ending', coalesce(h.ending, ''), coalesce(k.ending, ''),
      h.ending is not distinct from k.ending)
  ) c(place, column_name, expected, found, agrees)
  where c.agrees is not true
)
select (select coalesce(sum(calls), 0) from kept)::text as checked,
  (select jsonb_build_object('table', 'reservation', 'key', tenant || '/' || reservation_id,
    'column', column_name, 'expected', coalesce(expected, 'nothing'),
    'found', coalesce(found, 'nothing'))::text
   from compared order by tenant, reservation_id, place, column_name limit 1) as first
