-- A page of what was charged, by span of time and dimension. $1 tenant, $2 from and $3 to
-- (milliseconds, to is exclusive), $4 unit of date_trunc or null for all in one, $5 zone, $6 the
-- dimensions that rows are told apart by, $7 to $11 agent, team, user, provider and model that are
-- asked for or null, $12 row after which to go on (jsonb array) or null, $13 most rows.
--
-- Days and hours that lie within one span of the answer come from tollgate.usage; the rest of the
-- time, and the batches that are not summed yet, from the entries.
with asked as (
  select timestamptz 'epoch' + $2::bigint * interval '1 millisecond' as from_at,
    timestamptz 'epoch' + $3::bigint * interval '1 millisecond' as to_at,
    coalesce((select h.batch from tollgate.usage_head h where h.tenant = $1), 0) as head
), day as (
  select d.start, d.start + interval '24 hours' as ends, x.bucket,
    $4::text is distinct from 'hour' and d.start >= d.from_at
      and d.start + interval '24 hours' <= d.to_at and x.bucket is not distinct from x.last_bucket
      as whole
  from (select distinct u.start, a.from_at, a.to_at from asked a
    join tollgate.usage u on u.tenant = $1 and u.span = 'day'
      and u.start >= tollgate.start_of('day', a.from_at) and u.start < a.to_at) d
  cross join lateral (select
    date_trunc($4::text, d.start at time zone $5::text) at time zone $5::text as bucket,
    date_trunc($4::text, (d.start + interval '24 hours' - interval '1 microsecond')
      at time zone $5::text) at time zone $5::text as last_bucket) x
), hour as (
  select h.start, h.start + interval '1 hour' as ends, x.bucket,
    h.start >= h.from_at and h.start + interval '1 hour' <= h.to_at
      and x.bucket is not distinct from x.last_bucket as whole
  from (select distinct u.start, a.from_at, a.to_at from asked a
    cross join (select d.start, d.ends from day d where not d.whole) d
    join tollgate.usage u on u.tenant = $1 and u.span = 'hour'
      and u.start >= greatest(d.start, tollgate.start_of('hour', a.from_at))
      and u.start < least(d.ends, a.to_at)) h
  cross join lateral (select
    date_trunc($4::text, h.start at time zone $5::text) at time zone $5::text as bucket,
    date_trunc($4::text, (h.start + interval '1 hour' - interval '1 microsecond')
      at time zone $5::text) at time zone $5::text as last_bucket) x
), part as (
  select s.bucket, u.agent, u.team, u.user_id, u.provider, u.model, u.charges, u.committed_cost,
    u.committed_input, u.committed_output, u.committed_invocations, u.settled, u.succeeded,
    u.estimated_cost, u.actual_cost
  from (
    select 'day' as span, d.start, d.bucket from day d where d.whole
    union all
    select 'hour', h.start, h.bucket from hour h where h.whole
  ) s
  join tollgate.usage u on u.tenant = $1 and u.span = s.span and u.start = s.start
  union all
  select date_trunc($4::text, c.at at time zone $5::text) at time zone $5::text, c.agent, c.team,
    c.user_id, c.provider, c.model, 1, c.committed_cost, c.committed_input, c.committed_output,
    c.committed_invocations, c.settled, c.succeeded, c.estimated_cost, c.actual_cost
  from (
    select c.* from asked a
    join tollgate.charge c on c.tenant = $1 and c.batch > a.head
      and c.at >= a.from_at and c.at < a.to_at
    union all
    select c.* from asked a
    -- Hours that follow one another are read as one.
    cross join (select min(h.start) as start, max(h.ends) as ends from (
        select h.start, h.ends, h.start - row_number() over (order by h.start) * interval '1 hour'
          as island
        from hour h where not h.whole) h
      group by h.island) h
    join tollgate.charge c on c.tenant = $1 and c.batch <= a.head
      and c.at >= greatest(h.start, a.from_at) and c.at < least(h.ends, a.to_at)
  ) c
), charge as (
  select coalesce(date_part('epoch', p.bucket) * 1000, 0)::bigint as bucket,
    case when 'agent' = any (g.by) then p.agent else '' end as agent,
    case when 'team' = any (g.by) then p.team else '' end as team,
    case when 'user' = any (g.by) then p.user_id else '' end as user_id,
    case when 'provider' = any (g.by) then p.provider else '' end as provider,
    case when 'model' = any (g.by) then p.model else '' end as model,
    p.charges, p.committed_cost, p.committed_input, p.committed_output, p.committed_invocations,
    p.settled, p.succeeded, p.estimated_cost, p.actual_cost
  from part p cross join (select string_to_array($6::text, ',') as by) g
  where ($7::text is null or p.agent = $7) and ($8::text is null or p.team = $8)
    and ($9::text is null or p.user_id = $9) and ($10::text is null or p.provider = $10)
    and ($11::text is null or p.model = $11)
)
select bucket::text, agent, team, user_id, provider, model, sum(charges)::text as charges,
  concat(sum(committed_cost), ',', sum(committed_input), ',', sum(committed_output), ',',
    sum(committed_invocations)) as committed,
  concat(sum(settled), ',', sum(succeeded), ',', sum(estimated_cost), ',', sum(actual_cost))
    as settled
from charge
where $12::jsonb is null or (bucket, agent, team, user_id, provider, model)
  > (($12::jsonb ->> 0)::bigint, $12::jsonb ->> 1, $12::jsonb ->> 2, $12::jsonb ->> 3,
    $12::jsonb ->> 4, $12::jsonb ->> 5)
group by bucket, agent, team, user_id, provider, model
order by bucket, agent, team, user_id, provider, model
limit $13::integer
