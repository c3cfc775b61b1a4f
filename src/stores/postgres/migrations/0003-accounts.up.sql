-- Accounts: opened, carried over into the next period, moved.

-- What one metric of an account leaves for the next: nothing where the next one carries nothing or
-- either is uncapped. A period that nobody used leaves its whole cap.
create function tollgate.carry_of(rollover bigint, next_cap bigint, cap bigint, carried bigint,
  used bigint, idle integer) returns bigint
language sql immutable as $$
  select case when rollover is null or next_cap is null or cap is null then 0
    else least(rollover::numeric,
      greatest(cap::numeric + carried - used, 0) + cap::numeric * idle)::bigint end
$$;

create function tollgate.passed_on_of(moved bigint, cap bigint, carried bigint, used bigint)
returns bigint language sql immutable as $$
  select case when cap is null then 0 else least(moved, greatest(cap + carried - used, 0)) end
$$;

-- An account as it is opened, with what the last one of its owner leaves: the newest that ended
-- before, whatever lies between.
create function tollgate.unopened(s tollgate.spec) returns tollgate.account
language sql stable set search_path = tollgate, pg_catalog as $$
  select row(s.tenant, s.account_key, s.account_id, s.budget_id, s.owner, s.period_start,
    s.period_end, concat('|', ms(s.period_start), '|', ms(s.period_end), '|', s.account_id), s.soft, s.warn_per_mille, s.degrade_per_mille, s.alerts, 0,
    s.cap_cost, s.cap_input, s.cap_output, s.cap_total, s.cap_invocations,
    s.rollover_cost, s.rollover_input, s.rollover_output, s.rollover_total,
    s.rollover_invocations,
    carry_of(s.rollover_cost, s.cap_cost, p.cap_cost, p.carried_cost,
      p.held_cost + p.committed_cost, i.idle),
    carry_of(s.rollover_input, s.cap_input, p.cap_input, p.carried_input,
      p.held_input + p.committed_input, i.idle),
    carry_of(s.rollover_output, s.cap_output, p.cap_output, p.carried_output,
      p.held_output + p.committed_output, i.idle),
    carry_of(s.rollover_total, s.cap_total, p.cap_total, p.carried_total,
      p.held_input + p.committed_input + p.held_output + p.committed_output, i.idle),
    carry_of(s.rollover_invocations, s.cap_invocations, p.cap_invocations, p.carried_invocations,
      p.held_invocations + p.committed_invocations, i.idle),
    0, 0, 0, 0, 0, p.account_key, coalesce(i.idle, 0), null,
    null, null, null, null, null, 0, 0, 0, 0, 0, 0, 0, 0)::account
  from (values (true)) one(row)
  left join lateral (
    select a.* from account a
    where coalesce(s.rollover_cost, s.rollover_input, s.rollover_output, s.rollover_total,
        s.rollover_invocations) is not null
      and a.tenant || E'\x1f' || a.account_id < s.tenant || E'\x1f' || s.account_id
      and a.tenant || E'\x1f' || a.account_id
        >= concat(s.tenant, E'\x1f', s.budget_id, '/', s.owner, '/')
      and a.budget_id = s.budget_id and a.owner = s.owner and a.period_end <= s.period_start
    order by a.tenant || E'\x1f' || a.account_id desc limit 1
  ) p on true
  left join lateral (
    select case s.unit
        when 'month' then (extract(year from l.starts) - extract(year from l.ended)) * 12
          + extract(month from l.starts) - extract(month from l.ended)
        when 'week' then (l.starts::date - l.ended::date) / 7
        else l.starts::date - l.ended::date end::integer as idle
    from (select p.period_end at time zone s.zone as ended,
      s.period_start at time zone s.zone as starts) l
    where p.account_key is not null
  ) i on true
$$;

-- An account as it stands, or as it would be opened, under the caps of its spec.
create function tollgate.account_now(s tollgate.spec) returns tollgate.account
language plpgsql stable set search_path = tollgate, pg_catalog as $$
declare
  a tollgate.account;
begin
  select * into a from account x
    where x.tenant = s.tenant and x.account_key = s.account_key;
  if not found then
    return unopened(s);
  end if;
  a.soft := s.soft;
  a.warn_per_mille := s.warn_per_mille;
  a.degrade_per_mille := s.degrade_per_mille;
  a.cap_cost := s.cap_cost;
  a.cap_input := s.cap_input;
  a.cap_output := s.cap_output;
  a.cap_total := s.cap_total;
  a.cap_invocations := s.cap_invocations;
  return a;
end $$;

-- Opens the accounts that specs mean, as far as they are missing still. Two batches that open the same ones
-- wait for each other in the same order.
--
-- answer  the accounts that the new ones carry over from; they have to be locked as well, and what
--         is carried is worked out again then (tollgate.carry_over)
create function tollgate.open_accounts(specs tollgate.spec[]) returns uuid[]
language plpgsql as $$
declare
  wanted tollgate.spec;
  opened tollgate.account;
  predecessors uuid[] := '{}';
begin
  for wanted in
    select x.* from unnest(specs) x order by x.account_key
  loop
    opened := unopened(wanted);
    insert into account values (opened.*) on conflict do nothing;
    if found and opened.predecessor is not null then
      predecessors := predecessors || opened.predecessor;
    end if;
  end loop;
  return predecessors;
end $$;

-- Recomputes what accounts carry from their predecessors, as far as both are among those given,
-- after settlement. An open hold counts as spent; what its settlement gives back is carried then,
-- through as many periods as have been opened since.
create function tollgate.carry_over(inout accounts tollgate.account[],
  settlements tollgate.entry[])
language plpgsql as $$
declare
  pair record;
  old tollgate.account;
  new tollgate.account;
  used bigint[];
begin
  for pair in
    select x.i, p.i as before from
      (select account_key, predecessor, period_start, row_number() over () as i
        from unnest(accounts)) x
      join (select account_key, row_number() over () as i from unnest(accounts)) p
        on p.account_key = x.predecessor
    order by x.period_start
  loop
    old := accounts[pair.before];
    new := accounts[pair.i];
    -- Two periods opened at the same moment took the same account for the one before them. The one
    -- that comes second looks again.
    if old.successor <> new.account_key then
      raise exception 'another period has been opened meanwhile'
        using errcode = 'serialization_failure';
    end if;
    select array[
        old.held_cost + old.committed_cost
          + coalesce(sum(e.held_cost + e.committed_cost), 0)::bigint,
        old.held_input + old.committed_input
          + coalesce(sum(e.held_input + e.committed_input), 0)::bigint,
        old.held_output + old.committed_output
          + coalesce(sum(e.held_output + e.committed_output), 0)::bigint,
        old.held_invocations + old.committed_invocations
          + coalesce(sum(e.held_invocations + e.committed_invocations), 0)::bigint]
      into used
      from unnest(settlements) e where old.account_key = any (e.account_keys);
    new.carried_cost := carry_of(new.rollover_cost, new.cap_cost, old.cap_cost,
      old.carried_cost, used[1], new.idle_periods);
    new.carried_input := carry_of(new.rollover_input, new.cap_input, old.cap_input,
      old.carried_input, used[2], new.idle_periods);
    new.carried_output := carry_of(new.rollover_output, new.cap_output, old.cap_output,
      old.carried_output, used[3], new.idle_periods);
    new.carried_total := carry_of(new.rollover_total, new.cap_total, old.cap_total,
      old.carried_total, used[2] + used[3], new.idle_periods);
    new.carried_invocations := carry_of(new.rollover_invocations, new.cap_invocations,
      old.cap_invocations, old.carried_invocations, used[4], new.idle_periods);
    old.passed_on_cost :=
      passed_on_of(new.carried_cost, old.cap_cost, old.carried_cost, used[1]);
    old.passed_on_input :=
      passed_on_of(new.carried_input, old.cap_input, old.carried_input, used[2]);
    old.passed_on_output :=
      passed_on_of(new.carried_output, old.cap_output, old.carried_output, used[3]);
    old.passed_on_total :=
      passed_on_of(new.carried_total, old.cap_total, old.carried_total, used[2] + used[3]);
    old.passed_on_invocations := passed_on_of(new.carried_invocations, old.cap_invocations,
      old.carried_invocations, used[4]);
    old.successor := new.account_key;
    accounts[pair.before] := old;
    accounts[pair.i] := new;
  end loop;
end $$;

-- The locked accounts after settlement and what is asked for, under the caps that specs give.
-- Ceilings are set between the two: what is settled may pass a cap, what is asked for never does.
--
-- lines      their balance_line before both, under the same caps (written out here: every account
--            of every batch passes)
-- contested  positions of the accounts where what is asked for may not all fit; null for none
-- alarmed    positions of the accounts that have reached a threshold not told yet; null for none
create function tollgate.accounts_after(was tollgate.account[], specs tollgate.spec[],
  settlements tollgate.entry[], asks tollgate.entry[],
  out accounts tollgate.account[], out lines text[], out contested integer[],
  out alarmed integer[])
language plpgsql as $$
begin
  with moved as materialized (
    select x.account_key,
      count(*) filter (where e.asks) as asks,
      sum(e.held_cost) filter (where not e.asks) as back_cost,
      sum(e.held_input) filter (where not e.asks) as back_input,
      sum(e.held_output) filter (where not e.asks) as back_output,
      sum(e.held_invocations) filter (where not e.asks) as back_invocations,
      sum(e.committed_cost) as spent_cost, sum(e.committed_input) as spent_input,
      sum(e.committed_output) as spent_output, sum(e.committed_invocations) as spent_invocations,
      sum(e.held_cost) filter (where e.asks) as more_cost,
      sum(e.held_input) filter (where e.asks) as more_input,
      sum(e.held_output) filter (where e.asks) as more_output,
      sum(e.held_invocations) filter (where e.asks) as more_invocations
    from (
      select false as asks, s.* from unnest(settlements) s
      union all
      select true, a.* from unnest(asks) a
    ) e cross join lateral unnest(e.account_keys) x(account_key)
    group by x.account_key
  ), settled as materialized (
    select a.*, coalesce(d.asks, 0) as asks,
      coalesce(s.soft, a.soft) as now_soft,
      coalesce(s.warn_per_mille, a.warn_per_mille) as now_warn,
      coalesce(s.degrade_per_mille, a.degrade_per_mille) as now_degrade,
      coalesce(s.alerts, a.alerts) as now_alerts,
      case when s.place is null then a.cap_cost else s.cap_cost end as top_cost,
      case when s.place is null then a.cap_input else s.cap_input end as top_input,
      case when s.place is null then a.cap_output else s.cap_output end as top_output,
      case when s.place is null then a.cap_total else s.cap_total end as top_total,
      case when s.place is null then a.cap_invocations else s.cap_invocations end as top_invocations,
      a.held_cost + coalesce(d.back_cost, 0)::bigint as rest_cost,
      a.held_input + coalesce(d.back_input, 0)::bigint as rest_input,
      a.held_output + coalesce(d.back_output, 0)::bigint as rest_output,
      a.held_invocations + coalesce(d.back_invocations, 0)::bigint as rest_invocations,
      a.committed_cost + coalesce(d.spent_cost, 0)::bigint as paid_cost,
      a.committed_input + coalesce(d.spent_input, 0)::bigint as paid_input,
      a.committed_output + coalesce(d.spent_output, 0)::bigint as paid_output,
      a.committed_invocations + coalesce(d.spent_invocations, 0)::bigint as paid_invocations,
      coalesce(d.more_cost, 0)::bigint as more_cost,
      coalesce(d.more_input, 0)::bigint as more_input,
      coalesce(d.more_output, 0)::bigint as more_output,
      coalesce(d.more_invocations, 0)::bigint as more_invocations
    from (select row_number() over () as i, a.* from unnest(was) a) a
    left join moved d on d.account_key = a.account_key
    left join unnest(specs) s on s.account_key = a.account_key
  ), judged as materialized (
    select t.*,
      t.top_cost + t.carried_cost - t.passed_on_cost as most_cost,
      t.top_input + t.carried_input - t.passed_on_input as most_input,
      t.top_output + t.carried_output - t.passed_on_output as most_output,
      t.top_total + t.carried_total - t.passed_on_total as most_total,
      t.top_invocations + t.carried_invocations - t.passed_on_invocations as most_invocations,
      t.rest_cost + t.paid_cost as used_cost,
      t.rest_input + t.paid_input as used_input,
      t.rest_output + t.paid_output as used_output,
      t.rest_input + t.paid_input + t.rest_output + t.paid_output as used_total,
      t.rest_invocations + t.paid_invocations as used_invocations
    from settled t
  ), shared as materialized (
    select t.*, greatest(per_mille(t.used_cost + t.more_cost, t.top_cost + t.carried_cost),
      per_mille(t.used_input + t.more_input, t.top_input + t.carried_input),
      per_mille(t.used_output + t.more_output, t.top_output + t.carried_output),
      per_mille(t.used_total + t.more_input + t.more_output, t.top_total + t.carried_total),
      per_mille(t.used_invocations + t.more_invocations,
        t.top_invocations + t.carried_invocations)) as share
    from judged t
  )
  select
    coalesce(array_agg(row(t.tenant, t.account_key, t.account_id, t.budget_id, t.owner,
      t.period_start, t.period_end, t.identity, t.now_soft, t.now_warn, t.now_degrade, t.now_alerts, t.alerted,
      t.top_cost, t.top_input, t.top_output, t.top_total, t.top_invocations,
      t.rollover_cost, t.rollover_input, t.rollover_output, t.rollover_total,
      t.rollover_invocations,
      t.carried_cost, t.carried_input, t.carried_output, t.carried_total, t.carried_invocations,
      t.passed_on_cost, t.passed_on_input, t.passed_on_output, t.passed_on_total,
      t.passed_on_invocations, t.predecessor, t.idle_periods, t.successor,
      ceiling_of(t.now_soft, t.most_cost, t.used_cost),
      ceiling_of(t.now_soft, t.most_input, t.used_input),
      ceiling_of(t.now_soft, t.most_output, t.used_output),
      ceiling_of(t.now_soft, t.most_total, t.used_total),
      ceiling_of(t.now_soft, t.most_invocations, t.used_invocations),
      t.rest_cost + t.more_cost, t.rest_input + t.more_input, t.rest_output + t.more_output,
      t.rest_invocations + t.more_invocations,
      t.paid_cost, t.paid_input, t.paid_output, t.paid_invocations)::account order by t.i), '{}'),
    coalesce(array_agg(concat(t.account_key,
      '|', t.now_soft::integer, '|', t.now_warn, '|', t.now_degrade,
      '|', t.top_cost, '|', t.top_input, '|', t.top_output, '|', t.top_total,
      '|', t.top_invocations,
      '|', t.carried_cost, '|', t.carried_input, '|', t.carried_output, '|', t.carried_total,
      '|', t.carried_invocations,
      '|', t.passed_on_cost, '|', t.passed_on_input, '|', t.passed_on_output,
      '|', t.passed_on_total, '|', t.passed_on_invocations,
      '|', t.committed_cost, '|', t.committed_input, '|', t.committed_output,
      '|', t.committed_invocations,
      '|', t.held_cost, '|', t.held_input, '|', t.held_output, '|', t.held_invocations)
      order by t.i), '{}'),
    array_agg(t.i) filter (where t.asks > 0 and not t.now_soft and (
      t.used_cost + t.more_cost > t.most_cost or t.top_cost = 0
      or t.used_input + t.more_input > t.most_input or t.top_input = 0
      or t.used_output + t.more_output > t.most_output or t.top_output = 0
      or t.used_total + t.more_input + t.more_output > t.most_total or t.top_total = 0
      or t.used_invocations + t.more_invocations > t.most_invocations
      or t.top_invocations = 0)),
    array_agg(t.i) filter (where t.share >= t.now_alerts[1]
      and exists (select from unnest(t.now_alerts) x where x > t.alerted and x <= t.share))
    into accounts, lines, contested, alarmed
    from shared t;
end $$;
