-- A page of what was charged, by span of time and dimension. $1 tenant, $2 from and $3 to
-- (milliseconds, to is exclusive), $4 unit of date_trunc or null for all in one, $5 zone, $6 the
-- dimensions that rows are told apart by, $7 to $11 agent, team, user, provider and model that are
-- asked for or null, $12 row after which to go on (jsonb array) or null, $13 most rows.
with charge as (
  select coalesce(date_part('epoch', date_trunc($4::text, c.at at time zone $5::text)
      at time zone $5::text) * 1000, 0)::bigint as bucket,
    case when 'agent' = any (g.by) then r.agent else '' end collate "C" as agent,
    case when 'team' = any (g.by) then r.team else '' end collate "C" as team,
    case when 'user' = any (g.by) then r.user_id else '' end collate "C" as user_id,
    case when 'provider' = any (g.by) then r.platform else '' end collate "C" as provider,
    case when 'model' = any (g.by) then r.model else '' end collate "C" as model,
    e.committed_cost, e.committed_input, e.committed_output, e.committed_invocations
  from (select string_to_array($6::text, ',') as by) g
  cross join tollgate.chain_all c
  join tollgate.entry_all e on e.tenant = c.tenant and e.batch = c.batch
  -- An id may stand for several calls when its request id was used again: the one of then.
  cross join lateral (
    select r.agent, r.team, r.user_id, r.platform, r.model from tollgate.reservation_all r
    where r.tenant = e.tenant and r.reservation_id = e.reservation_id and r.created_at <= c.at
    order by r.created_at desc limit 1
  ) r
  where c.tenant = $1
    and c.at >= timestamptz 'epoch' + $2::bigint * interval '1 millisecond'
    and c.at < timestamptz 'epoch' + $3::bigint * interval '1 millisecond'
    and e.verdict in ('settled', 'late') and e.operation <> 'release'
    and ($7::text is null or r.agent = $7) and ($8::text is null or r.team = $8)
    and ($9::text is null or r.user_id = $9) and ($10::text is null or r.platform = $10)
    and ($11::text is null or r.model = $11)
)
select bucket::text, agent, team, user_id, provider, model, count(*)::text as charges,
  concat(sum(committed_cost), ',', sum(committed_input), ',', sum(committed_output), ',',
    sum(committed_invocations)) as committed
from charge
where $12::jsonb is null or (bucket, agent, team, user_id, provider, model)
  > (($12::jsonb ->> 0)::bigint, $12::jsonb ->> 1, $12::jsonb ->> 2, $12::jsonb ->> 3,
    $12::jsonb ->> 4, $12::jsonb ->> 5)
group by bucket, agent, team, user_id, provider, model
order by bucket, agent, team, user_id, provider, model
limit $13::integer
