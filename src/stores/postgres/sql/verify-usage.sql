-- Recomputes the sums of usage from the entries, up to the batch that they go to. $1 tenant or null,
-- $2 since (milliseconds) or null: only hours and days that began since then. The server sums on
-- disk when it has to.
with head as (
  select h.tenant, h.batch, h.at from tollgate.usage_head h
  where $1::text is null or h.tenant = $1
), wrong_head as (
  select h.tenant, c.*
  from head h
  left join tollgate.chain_head l on l.tenant = h.tenant
  left join tollgate.chain_all w on w.tenant = h.tenant and w.batch = h.batch
  cross join lateral (values
    (1, 'batch', 'at most ' || coalesce(l.batch, 0), h.batch::text,
      h.batch <= coalesce(l.batch, 0)),
    (2, 'at', w.at::text, h.at::text, w.at = h.at)
  ) c(place, column_name, expected, found, agrees)
  where c.agrees is not true and (h.batch > 0 or c.place = 1)
), expected as (
  select c.tenant, s.span, tollgate.start_of(s.span, c.at) as start, c.agent, c.team, c.user_id,
    c.provider, c.model, count(*) as charges, sum(c.committed_cost) as committed_cost,
    sum(c.committed_input) as committed_input, sum(c.committed_output) as committed_output,
    sum(c.committed_invocations) as committed_invocations, sum(c.settled) as settled,
    sum(c.succeeded) as succeeded, sum(c.estimated_cost) as estimated_cost,
    sum(c.estimated_input) as estimated_input, sum(c.estimated_output) as estimated_output,
    sum(c.actual_cost) as actual_cost, sum(c.actual_input) as actual_input,
    sum(c.actual_output) as actual_output
  from head h
  join tollgate.charge c on c.tenant = h.tenant and c.batch <= h.batch
  cross join (values ('hour'), ('day')) s(span)
  where ($1::text is null or c.tenant = $1)
    and ($2::bigint is null or (
      c.at >= timestamptz 'epoch' + $2::bigint * interval '1 millisecond'
      and tollgate.start_of(s.span, c.at)
        >= timestamptz 'epoch' + $2::bigint * interval '1 millisecond'))
  group by c.tenant, s.span, tollgate.start_of(s.span, c.at), c.agent, c.team, c.user_id,
    c.provider, c.model
), kept as (
  select u.* from tollgate.usage u
  where ($1::text is null or u.tenant = $1)
    and ($2::bigint is null
      or u.start >= timestamptz 'epoch' + $2::bigint * interval '1 millisecond')
), compared as (
  select coalesce(k.tenant, x.tenant) as tenant, coalesce(k.span, x.span) as span,
    coalesce(k.start, x.start) as start, coalesce(k.key, x.key) as key, c.*
  from (
    select x.*, tollgate.usage_key(x.agent, x.team, x.user_id, x.provider, x.model) as key
    from expected x
  ) x
  full join kept k on k.tenant = x.tenant and k.span = x.span and k.start = x.start
    and k.key = x.key
  cross join lateral (values
    (1, 'charges', coalesce(x.charges, 0)::text, coalesce(k.charges, 0)::text),
    (2, 'agent', x.agent, k.agent),
    (2, 'team', x.team, k.team),
    (2, 'user_id', x.user_id, k.user_id),
    (2, 'provider', x.provider, k.provider),
    (2, 'model', x.model, k.model),
    (3, 'committed_cost', x.committed_cost::text, k.committed_cost::text),
    (3, 'committed_input', x.committed_input::text, k.committed_input::text),
    (3, 'committed_output', x.committed_output::text, k.committed_output::text),
    (3, 'committed_invocations', x.committed_invocations::text, k.committed_invocations::text),
    (4, 'settled', x.settled::text, k.settled::text),
    (4, 'succeeded', x.succeeded::text, k.succeeded::text),
    (5, 'estimated_cost', x.estimated_cost::text, k.estimated_cost::text),
    (5, 'estimated_input', x.estimated_input::text, k.estimated_input::text),
    (5, 'estimated_output', x.estimated_output::text, k.estimated_output::text),
    (6, 'actual_cost', x.actual_cost::text, k.actual_cost::text),
    (6, 'actual_input', x.actual_input::text, k.actual_input::text),
    (6, 'actual_output', x.actual_output::text, k.actual_output::text)
  ) c(place, column_name, expected, found)
  where c.expected is distinct from c.found
), first_head as (
  select jsonb_build_object('table', 'usage_head', 'key', w.tenant, 'column', w.column_name,
    'expected', coalesce(w.expected, 'none'), 'found', w.found)::text as wrong
  from wrong_head w order by w.tenant, w.place limit 1
), first_row as (
  select jsonb_build_object('table', 'usage',
    'key', concat_ws('/', c.tenant, c.span, to_char(c.start at time zone 'UTC',
      'YYYY-MM-DD"T"HH24:MI'), c.key),
    'column', c.column_name, 'expected', coalesce(c.expected, 'none'),
    'found', coalesce(c.found, 'none'))::text as wrong
  from compared c order by c.tenant, c.start, c.span, c.key, c.place, c.column_name limit 1
)
select (select count(*) from kept)::text as checked,
  coalesce((select wrong from first_head), (select wrong from first_row)) as first
