-- What was charged, summed by hour and by day, so that long spans are read without their entries;
-- and how far the estimates of each agent were off. Both follow the entries, a few seconds behind,
-- outside of the transactions that decide calls.

-- One row for each charge of a settled entry: a commit when it came, an expiry when it was presumed
-- spent, a late commit as the difference. An id may stand for several calls when its request id was
-- used again: the one of then. settled is 1 for a commit, of which alone estimated_* (what had been
-- held for the call) and actual_* (the whole of what it used, also when it came late) are known;
-- succeeded is 1 when its caller said so.
create view tollgate.charge as
  select c.tenant, c.batch, e.n, c.at, r.agent collate "C" as agent, r.team collate "C" as team,
    r.user_id collate "C" as user_id, r.platform collate "C" as provider,
    r.model collate "C" as model, e.decision_id,
    e.committed_cost, e.committed_input, e.committed_output, e.committed_invocations,
    (e.operation = 'commit')::integer as settled,
    (e.operation = 'commit' and e.ending = 'success')::integer as succeeded,
    case e.operation when 'commit' then p.cost - e.held_cost else 0 end as estimated_cost,
    case e.operation when 'commit' then p.input - e.held_input else 0 end as estimated_input,
    case e.operation when 'commit' then p.output - e.held_output else 0 end as estimated_output,
    case e.operation when 'commit' then p.cost + e.committed_cost else 0 end as actual_cost,
    case e.operation when 'commit' then p.input + e.committed_input else 0 end as actual_input,
    case e.operation when 'commit' then p.output + e.committed_output else 0 end as actual_output
  from tollgate.chain_all c
  join tollgate.entry_all e on e.tenant = c.tenant and e.batch = c.batch
  cross join lateral (
    select r.agent, r.team, r.user_id, r.platform, r.model from tollgate.reservation_all r
    where r.tenant = e.tenant and r.reservation_id = e.reservation_id and r.created_at <= c.at
    order by r.created_at desc limit 1
  ) r
  -- What an expiry had presumed before a late commit: how the reservation stands now without it.
  cross join lateral (select split_part(e.stand, '|', 4) as now) s
  cross join lateral (select
    case e.verdict when 'late' then split_part(s.now, ',', 1)::bigint - e.committed_cost
      else 0 end as cost,
    case e.verdict when 'late' then split_part(s.now, ',', 2)::bigint - e.committed_input
      else 0 end as input,
    case e.verdict when 'late' then split_part(s.now, ',', 3)::bigint - e.committed_output
      else 0 end as output
  ) p
  where e.verdict in ('settled', 'late') and e.operation <> 'release';

-- Where a moment belongs. In UTC, whatever zone the session is in.
create function tollgate.start_of(span text, moment timestamptz) returns timestamptz
language sql immutable as $$
  select date_trunc(span, moment at time zone 'UTC') at time zone 'UTC'
$$;

-- Names what charges are told apart by in 16 bytes: five texts are too long for an index.
create function tollgate.usage_key(agent text, team text, user_id text, provider text, model text)
returns uuid language sql immutable as $$
  select md5(concat_ws(E'\x1f', agent, team, user_id, provider, model))::uuid
$$;

-- Sums of tollgate.charge by hour and by day of UTC, over the batches up to usage_head. A
-- correction can make them negative.
create table tollgate.usage (
  tenant text collate "C" not null,
  span text collate "C" not null check (span in ('hour', 'day')),
  start timestamptz not null,
  key uuid not null,
  agent text collate "C" not null,
  team text collate "C" not null,
  user_id text collate "C" not null,
  provider text collate "C" not null,
  model text collate "C" not null,
  charges bigint not null,
  committed_cost bigint not null,
  committed_input bigint not null,
  committed_output bigint not null,
  committed_invocations bigint not null,
  settled bigint not null,
  succeeded bigint not null,
  estimated_cost bigint not null,
  estimated_input bigint not null,
  estimated_output bigint not null,
  actual_cost bigint not null,
  actual_input bigint not null,
  actual_output bigint not null,
  primary key (tenant, span, start, key)
) with (fillfactor = 80);

-- The last batch of each tenant that is in its sums, and when it was written.
create table tollgate.usage_head (
  tenant text collate "C" primary key,
  batch bigint not null,
  at timestamptz not null
) with (fillfactor = 50);

-- How far the estimates of an agent were off, by the calls that Tollgate priced itself and that were
-- committed since the factor was last found. estimated_cost is what the price table of
-- price_version said, without buffer and without factor; so that calls that were priced before the
-- factor changed say the same as those after it.
create table tollgate.calibration (
  tenant text collate "C" not null,
  agent text collate "C" not null,
  price_version text not null,
  factor_per_mille integer not null check (factor_per_mille between 250 and 4000),
  calls bigint not null,
  estimated_cost bigint not null,
  actual_cost bigint not null,
  since timestamptz not null,
  primary key (tenant, agent)
) with (fillfactor = 50);

-- Adds the charges of a tenant's batches after one and up to another; its head is locked.
create function tollgate.add_usage(of_tenant text, after bigint, upto bigint) returns void
language plpgsql as $$
begin
  with charged as materialized (
    select h.* from charge h where h.tenant = of_tenant and h.batch > after and h.batch <= upto
  ), summed as (
    insert into usage as u
      select of_tenant, s.span, start_of(s.span, h.at),
        usage_key(h.agent, h.team, h.user_id, h.provider, h.model),
        h.agent, h.team, h.user_id, h.provider, h.model, count(*),
        sum(h.committed_cost), sum(h.committed_input), sum(h.committed_output),
        sum(h.committed_invocations), sum(h.settled), sum(h.succeeded),
        sum(h.estimated_cost), sum(h.estimated_input), sum(h.estimated_output),
        sum(h.actual_cost), sum(h.actual_input), sum(h.actual_output)
      from charged h cross join (values ('hour'), ('day')) s(span)
      group by s.span, start_of(s.span, h.at), h.agent, h.team, h.user_id, h.provider, h.model
    on conflict (tenant, span, start, key) do update set
      charges = u.charges + excluded.charges,
      committed_cost = u.committed_cost + excluded.committed_cost,
      committed_input = u.committed_input + excluded.committed_input,
      committed_output = u.committed_output + excluded.committed_output,
      committed_invocations = u.committed_invocations + excluded.committed_invocations,
      settled = u.settled + excluded.settled,
      succeeded = u.succeeded + excluded.succeeded,
      estimated_cost = u.estimated_cost + excluded.estimated_cost,
      estimated_input = u.estimated_input + excluded.estimated_input,
      estimated_output = u.estimated_output + excluded.estimated_output,
      actual_cost = u.actual_cost + excluded.actual_cost,
      actual_input = u.actual_input + excluded.actual_input,
      actual_output = u.actual_output + excluded.actual_output
  ), priced as (
    -- The price as the record has it, cut out of the text: reading all of it as JSON, or looking for
    -- it with an expression, takes longer than everything else here. A record that is gone, or that
    -- has no such price, says nothing.
    select h.agent, h.batch, h.n, h.at, h.actual_cost,
      case when m.base ~ '^[0-9]{1,18}$' then m.base::bigint end as base, m.version
    from charged h
    cross join lateral (select l.detail from lineage_all l
      where l.tenant = h.tenant and l.decision_id = h.decision_id limit 1) l
    cross join lateral (select split_part(split_part(l.detail, '"price":{"baseMicroUsd":"', 2),
      '}', 1) as price) c
    cross join lateral (select split_part(c.price, '"', 1) as base, split_part(
      split_part(c.price || '}', '"tableVersion":"', 2), '"', 1) as version) m
    where h.settled = 1 and m.version <> ''
  ), newest as (
    select distinct on (p.agent) p.agent, p.version, p.at from priced p
    where p.base is not null
    order by p.agent, p.batch desc, p.n desc
  )
  insert into calibration as k
    select of_tenant, p.agent, p.version, 1000, count(*), sum(p.base), sum(p.actual_cost), max(n.at)
    from priced p join newest n on n.agent = p.agent and n.version = p.version
    where p.base is not null
    group by p.agent, p.version
  on conflict (tenant, agent) do update set
    price_version = excluded.price_version,
    (factor_per_mille, calls, estimated_cost, actual_cost, since) = (
      select case when same then k.factor_per_mille else 1000 end,
        excluded.calls + case when same then k.calls else 0 end,
        excluded.estimated_cost + case when same then k.estimated_cost else 0 end,
        excluded.actual_cost + case when same then k.actual_cost else 0 end,
        case when same then k.since else excluded.since end
      from (values (k.price_version = excluded.price_version)) x(same));
end $$;

-- Finds the factors of a tenant's agents anew where at least 100 calls were off by more than 15 % of
-- what they would be estimated at now, and answers a JSON list of those that changed. Where they
-- were not, the older calls count half from the thousandth on, so that a change is noticed.
create function tollgate.recalibrate(of_tenant text, moment timestamptz) returns jsonb
language plpgsql as $$
declare
  changed jsonb;
begin
  with off as (
    select k.tenant, k.agent, k.factor_per_mille as before, k.calls,
      least(4000, greatest(250, round(k.actual_cost * 1000.0 / k.estimated_cost)))::integer as after
    from calibration k
    where k.tenant = of_tenant and k.calls >= 100 and k.estimated_cost > 0
      and abs(k.actual_cost * 1000.0 - k.estimated_cost::numeric * k.factor_per_mille) * 100
        > k.estimated_cost::numeric * k.factor_per_mille * 15
  ), found as (
    update calibration k set factor_per_mille = o.after, calls = 0, estimated_cost = 0,
      actual_cost = 0, since = moment
    from off o where k.tenant = o.tenant and k.agent = o.agent
  )
  select jsonb_agg(jsonb_build_object('tenant', o.tenant, 'agent', o.agent, 'before', o.before,
      'after', o.after, 'calls', o.calls) order by o.agent)
    into changed from off o where o.before <> o.after;
  update calibration k set calls = k.calls / 2, estimated_cost = k.estimated_cost / 2,
    actual_cost = k.actual_cost / 2
  where k.tenant = of_tenant and k.calls >= 1000;
  return coalesce(changed, '[]');
end $$;

-- Brings the sums closer to the entries: at least one batch of a tenant that is behind, and no more
-- batches than have so many entries. Several processes may ask at once: each takes tenants that no
-- other is at. Those that are behind for longest come first.
--
-- batches       batches that are in the sums now and were not before
-- entries       their entries
-- behind        batches of all tenants that are not in the sums yet
-- recalibrated  what tollgate.recalibrate answered, of all tenants
create function tollgate.roll_up(most_entries integer, out batches bigint, out entries bigint,
  out behind bigint, out recalibrated jsonb)
language plpgsql
set search_path = tollgate, pg_catalog
set jit = off
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set lock_timeout = '2s'
as $$
declare
  lagging record;
  head tollgate.usage_head;
  goal record;
begin
  batches := 0;
  entries := 0;
  recalibrated := '[]';
  for lagging in
    select h.tenant from chain_head h left join usage_head u on u.tenant = h.tenant
    where h.batch > coalesce(u.batch, 0)
    order by u.at nulls first, h.tenant limit 100
  loop
    exit when entries >= most_entries;
    continue when not pg_try_advisory_xact_lock(hashtext('tollgate.roll_up'),
      hashtext(lagging.tenant));
    insert into usage_head values (lagging.tenant, 0, 'epoch') on conflict do nothing;
    select u.* into head from usage_head u where u.tenant = lagging.tenant for update;
    select max(c.batch) as batch, max(c.at) as at, max(c.so_far) as entries into goal from (
      select c.batch, c.at, c.entries, sum(c.entries) over (order by c.batch) as so_far
      from (select c.batch, c.at, c.entries from chain_all c
        where c.tenant = lagging.tenant and c.batch > head.batch
        order by c.batch limit most_entries) c
    ) c where c.so_far <= most_entries - roll_up.entries or c.batch = head.batch + 1;
    continue when goal.batch is null;
    perform add_usage(lagging.tenant, head.batch, goal.batch);
    update usage_head u set batch = goal.batch, at = goal.at where u.tenant = lagging.tenant;
    batches := batches + goal.batch - head.batch;
    entries := entries + goal.entries;
    recalibrated := recalibrated || recalibrate(lagging.tenant, goal.at);
  end loop;
  select coalesce(sum(h.batch - coalesce(u.batch, 0)), 0) into behind
    from chain_head h left join usage_head u on u.tenant = h.tenant;
end $$;
