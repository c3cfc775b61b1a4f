-- tollgate.budget_apply(batch, at): applies a whole batch of ledger operations in one transaction.
--
-- batch   {"specs": [account spec …], "ops": [operation …]}. Ops name specs by position, so that an
--         account that many calls share is described once. Amounts are decimal strings; fields are
--         those of tollgate.op and tollgate.specs_at.
-- at      the moment to decide at; null means the server's clock. Only tests and replays pass it.
-- answer  one JSON object per op, in the order of the ops.
--
-- An expire op stands alone in its batch: it locks the overdue reservations that nobody else holds.
--
-- How it stays exact: every batch takes its locks in the same order (reservations by id, then
-- accounts by depth with the organization last), so batches queue and never deadlock, and nothing
-- is read before its lock is held. A request id that another batch is just answering collides when
-- it is written, and the whole batch is rolled back with serialization_failure to be tried again;
-- the second try finds the stored answer.
--
-- How it stays fast, with fresh and with full tables: a statement touches a table only by looking
-- single rows up by primary key (cross join lateral … limit 1) and by insert … on conflict. Neither
-- leaves the planner a choice, so a plan made on an empty table is still right on a full one; joins
-- are between arrays in memory, and are hashed.
create function tollgate.budget_apply(batch jsonb, at timestamptz default null) returns jsonb
language plpgsql
set search_path = tollgate, pg_catalog
set jit = off
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_nestloop = off
set enable_mergejoin = off
set lock_timeout = '2s'
as $$
declare
  moment timestamptz := coalesce(at, clock_timestamp());
  batch_ops op[];
  batch_specs spec[];
  spec_accounts text[];      -- account id, by spec
  found_reservations reservation[];
  unextended reservation[];  -- the same before the extensions of this batch
  was account[];             -- locked accounts as they were found
  now_at account[];          -- the same after settlement, under the caps of this batch
  settlements entry[];
  holds entry[];
  charges charge[];
  verdicts text[];           -- by op; null while it is undecided
  twins integer[];           -- by op: the first op of this batch with the same request id
  give_cost bigint[];        -- by op: what is held for it
  give_input bigint[];
  give_output bigint[];
  give_invocations bigint[];
  readings jsonb[];          -- by op: its accounts afterwards
  contested integer[];       -- accounts in which not all that is asked for fits
  outcomes jsonb[];
  answer jsonb;
  candidate record;
begin
  select array_agg(row(j.n, o.kind, o.tenant, o.request_id, o.fingerprint, o.reservation_id,
    o.decision_id, o.specs,
      o.hold_for_ms, o.partial, o.authorized_by, o.pricing, coalesce(o.cost, 0),
        coalesce(o.input, 0),
      coalesce(o.output, 0), coalesce(o.invocations, 0), o.ending, o.duration_ms, o.error_message,
        o.most)::op
      order by j.n)
    into batch_ops
    from jsonb_array_elements(batch -> 'ops') with ordinality j(value, n)
    cross join lateral jsonb_to_record(j.value) o(kind text, tenant text, request_id text,
      fingerprint text,
      reservation_id text, decision_id text, specs integer[], hold_for_ms bigint, partial boolean,
        authorized_by text,
      pricing jsonb, cost bigint, input bigint, output bigint, invocations bigint, ending text,
        duration_ms bigint,
      error_message text, most integer);

  -- ── Reservations: locked by id; those to expire only when nobody else holds them ───────────────
  select coalesce(array_agg(l.r), '{}') into found_reservations
    from (select distinct tenant, reservation_id from unnest(batch_ops)
      where kind in ('commit', 'release', 'extend')
          order by tenant, reservation_id) k
    cross join lateral (select r from reservation r
      where r.tenant = k.tenant and r.reservation_id = k.reservation_id limit 1 for update) l;
  for candidate in select most from unnest(batch_ops) where kind = 'expire' loop
    found_reservations := found_reservations || array(
      select r from reservation r where r.state = 'open' and r.expires_at <= moment
      order by r.expires_at limit candidate.most for update skip locked);
  end loop;

  -- ── Requests: what was answered before is answered again ───────────────────────────────────────
  -- Read after the reservations are locked: a repeat that waited for its first try has to find it.
  select array_agg(s.verdict order by s.n), array_agg(s.first order by s.n) into verdicts, twins
    from (
      select o.n, first_value(o.n) over same as first,
        case
          when o.kind = 'expire' then 'expired'
          when q.fingerprint is not null then
            case when q.fingerprint = o.fingerprint
                   and q.operation = case o.kind when 'recall' then 'hold' else o.kind end
              then 'replay' else 'conflict' end
          when o.kind = 'recall' then 'nothing'
          when o.n = first_value(o.n) over same then null
          when o.kind = first_value(o.kind) over same
            and o.fingerprint = first_value(o.fingerprint) over same
            then 'same'
          else 'conflict'
        end as verdict
      from unnest(batch_ops) o
      left join lateral (select q.fingerprint, q.operation from request q
        where q.tenant = o.tenant and q.request_id = o.request_id limit 1) q on true
      window same as (partition by o.tenant, o.request_id, o.kind in ('recall', 'expire')
        order by o.n)
    ) s;

  -- A reservation id or a token that is there already belongs to an older request.
  if exists (select from unnest(batch_ops) where kind = 'hold') then
    select array_agg(coalesce(verdicts[o.n],
        case when r.taken then 'conflict' when t.taken then 'token_used' end) order by o.n)
      into verdicts
      from unnest(batch_ops) o
      left join lateral (select true as taken from reservation r where o.kind = 'hold'
        and verdicts[o.n] is null
        and r.tenant = o.tenant and r.reservation_id = o.reservation_id limit 1) r on true
      left join lateral (select true as taken from reservation r
        where o.kind = 'hold' and verdicts[o.n] is null and o.authorized_by <> ''
        and r.tenant = o.tenant and r.authorized_by = o.authorized_by
          and r.authorized_by <> '' limit 1) t on true;
  end if;

  -- ── Accounts: opened where they are missing, then locked deepest first ─────────────────────────
  -- Only what is decided now brings its configuration; of several for one account the last to
  -- arrive counts.
  select array_agg(x.account_id order by x.s), coalesce(array_agg(x
    order by u.latest) filter (where u.s >= 0), '{}')
    into spec_accounts, batch_specs
    from specs_at(batch -> 'specs', moment) x
    left join (
      select y.s, max(o.n) as latest from unnest(batch_ops) o cross
        join lateral unnest(o.specs) y(s)
      where coalesce(verdicts[o.n], 'token_used') = 'token_used' group by y.s
    ) u on u.s = x.s - 1;
  insert into account
    select s.tenant, s.account_id, s.budget_id, s.owner, s.period_start, s.period_end, s.depth,
      s.soft,
      s.warn_per_mille, s.degrade_per_mille, s.cap_cost, s.cap_input, s.cap_output, s.cap_total,
        s.cap_invocations,
      null, null, null, null, null, 0, 0, 0, 0, 0, 0, 0, 0
    from unnest(batch_specs) s
    left join lateral (select true as there from account a
      where a.tenant = s.tenant and a.account_id = s.account_id limit 1) a on true
    where a.there is null
    order by s.depth desc, s.tenant, s.account_id
    on conflict do nothing;
  select coalesce(array_agg(l.a), '{}') into was
    from (
      select k.tenant, k.account_id
      from (
        select s.tenant, s.account_id from unnest(batch_specs) s
        union
        select r.tenant, x.account_id from unnest(found_reservations) r cross
          join lateral unnest(r.account_ids) x(account_id)
      ) k
      cross join lateral (select a.depth from account a
        where a.tenant = k.tenant and a.account_id = k.account_id limit 1) d
      order by d.depth desc, k.tenant, k.account_id
    ) k
    cross join lateral (select a from account a
      where a.tenant = k.tenant and a.account_id = k.account_id limit 1 for update) l;

  -- ── Settlement: of several for one reservation, the first that its state allows wins ───────────
  select array_agg(coalesce(verdicts[o.n], s.verdict) order by o.n) into verdicts
    from unnest(batch_ops) o
    left join (
      select f.n,
        case when f.state is null then 'not_found'
          when f.n = min(f.n) filter (where f.applies) over (partition by f.tenant,
            f.reservation_id) then 'settled'
          else 'wrong_state' end as verdict
      from (
        select o.n, o.tenant, o.reservation_id, r.state,
          r.state = 'open' or (r.state = 'expired' and o.kind = 'commit') as applies
        from unnest(batch_ops) o
        left join unnest(found_reservations) r on r.tenant = o.tenant
          and r.reservation_id = o.reservation_id
        where o.kind in ('commit', 'release') and verdicts[o.n] is null
      ) f
    ) s on s.n = o.n;
  select coalesce(array_agg(row(m.tenant, m.reservation_id, null, m.request_id, m.kind,
      -m.held_cost, -m.held_input, -m.held_output, -m.held_invocations,
      m.cost - m.committed_cost, m.input - m.committed_input, m.output - m.committed_output,
      m.invocations - m.committed_invocations, m.account_ids, moment)::entry), '{}')
    into settlements
    from (
      select r.*, o.request_id,
        case when o.kind = 'release' then 'release' when r.state = 'expired' then 'correct'
          else 'commit' end as kind,
        o.cost, o.input, o.output, o.invocations
      from unnest(batch_ops) o
      join unnest(found_reservations) r on r.tenant = o.tenant
        and r.reservation_id = o.reservation_id
      where verdicts[o.n] = 'settled'
      union all
      select r.*, '', 'expire', r.held_cost, r.held_input, r.held_output, r.held_invocations
      from unnest(found_reservations) r
      where r.state = 'open' and r.expires_at <= moment
        and exists (select from unnest(batch_ops) where kind = 'expire')
    ) m;
  select coalesce(array_agg(row(r.tenant, r.reservation_id, r.decision_id, r.authorized_by,
      case e.kind when 'commit' then 'committed' when 'correct' then 'committed' when 'release'
        then 'released'
        when 'expire' then 'expired' else r.state end,
      r.held_cost + coalesce(e.held_cost, 0), r.held_input + coalesce(e.held_input, 0),
      r.held_output + coalesce(e.held_output, 0), r.held_invocations + coalesce(e.held_invocations,
        0),
      r.committed_cost + coalesce(e.committed_cost, 0),
        r.committed_input + coalesce(e.committed_input, 0),
      r.committed_output + coalesce(e.committed_output, 0),
      r.committed_invocations + coalesce(e.committed_invocations, 0),
      r.account_ids, r.expires_at, r.created_at, r.pricing)::reservation), '{}')
    into found_reservations
    from unnest(found_reservations) r
    left join unnest(settlements) e on e.tenant = r.tenant and e.reservation_id = r.reservation_id;
  select array_agg(coalesce(verdicts[o.n], case when o.kind = 'extend' then
      case when r.state is null then 'not_found' when r.state <> 'open' then 'wrong_state' end end)
        order by o.n)
    into verdicts
    from unnest(batch_ops) o
    left join unnest(found_reservations) r on r.tenant = o.tenant
      and r.reservation_id = o.reservation_id;

  now_at := accounts_after(was, batch_specs, settlements);

  -- ── Admission: all when all fit, otherwise in the order of arrival ─────────────────────────────
  select coalesce(array_agg(row(c.n, c.k, a.i, c.settles)::charge), '{}') into charges
    from (
      select o.n, x.k, o.tenant, spec_accounts[x.s + 1] as account_id, false as settles
      from unnest(batch_ops) o cross join lateral unnest(o.specs) with ordinality x(s, k)
      where o.kind = 'hold' and coalesce(verdicts[o.n], 'token_used') = 'token_used'
      union all
      select o.n, x.k, r.tenant, x.account_id, verdicts[o.n] is not null
      from unnest(batch_ops) o
      join unnest(found_reservations) r on r.tenant = o.tenant
        and r.reservation_id = o.reservation_id
      cross join lateral unnest(r.account_ids) with ordinality x(account_id, k)
      where o.kind <> 'hold' and coalesce(verdicts[o.n], 'settled') = 'settled'
    ) c
    join (select tenant, account_id, row_number() over () as i from unnest(now_at) a) a
      on a.tenant = c.tenant and a.account_id = c.account_id;
  select array_agg(case when asks then cost else 0 end order by n),
      array_agg(case when asks then input else 0 end order by n),
      array_agg(case when asks then output else 0 end order by n),
      array_agg(case when asks then invocations else 0 end order by n)
    into give_cost, give_input, give_output, give_invocations
    from (select o.*, verdicts[o.n] is null as asks from unnest(batch_ops) o) o;

  -- Once with everything that is asked for; again with what was given when not all of it fits.
  for pass in 1..2 loop
    select * into readings, contested
      from run_up(batch_ops, charges, now_at, give_cost, give_input, give_output, give_invocations);
    exit when pass = 2;
    if contested is null and not exists (
      select from unnest(batch_ops) o where verdicts[o.n] is null and o.authorized_by <> ''
      group by o.tenant, o.authorized_by having count(*) > 1) then
      exit;
    end if;

    select * into verdicts, give_cost, give_input, give_output, give_invocations
      from admit_in_order(batch_ops, charges, now_at, contested,
        verdicts, give_cost, give_input, give_output, give_invocations);
  end loop;

  select array_agg(coalesce(v.verdict, 'held') order by v.n) into verdicts from unnest(verdicts)
    with ordinality v(verdict, n);
  select coalesce(array_agg(row(h.tenant, h.account_id, h.budget_id, h.owner, h.period_start,
    h.period_end, h.depth,
      h.soft, h.warn_per_mille, h.degrade_per_mille,
      h.cap_cost, h.cap_input, h.cap_output, h.cap_total, h.cap_invocations,
      h.ceiling_cost, h.ceiling_input, h.ceiling_output, h.ceiling_total, h.ceiling_invocations,
      h.held_cost + coalesce(d.cost, 0), h.held_input + coalesce(d.input, 0),
        h.held_output + coalesce(d.output, 0),
      h.held_invocations + coalesce(d.invocations, 0),
      h.committed_cost, h.committed_input, h.committed_output, h.committed_invocations)::account),
        '{}')
    into now_at
    from (select row_number() over () as i, a.* from unnest(now_at) a) h
    left join (
      select c.i, sum(give_cost[c.n])::bigint as cost, sum(give_input[c.n])::bigint as input,
        sum(give_output[c.n])::bigint as output, sum(give_invocations[c.n])::bigint as invocations
      from unnest(charges) c group by c.i
    ) d on d.i = h.i;
  select coalesce(array_agg(row(o.tenant, o.reservation_id, null, o.request_id, o.kind,
      give_cost[o.n], give_input[o.n], give_output[o.n], give_invocations[o.n], 0, 0, 0, 0,
      coalesce(r.account_ids, array(select spec_accounts[x.s + 1] from unnest(o.specs)
        with ordinality x(s, k) order by x.k)),
      moment)::entry), '{}')
    into holds
    from unnest(batch_ops) o
    left join unnest(found_reservations) r on r.tenant = o.tenant
      and r.reservation_id = o.reservation_id
    where verdicts[o.n] = 'held';
  unextended := found_reservations;
  select coalesce(array_agg(row(r.tenant, r.reservation_id, r.decision_id, r.authorized_by, r.state,
      r.held_cost + coalesce(x.cost, 0), r.held_input + coalesce(x.input, 0),
        r.held_output + coalesce(x.output, 0),
      r.held_invocations + coalesce(x.invocations, 0),
      r.committed_cost, r.committed_input, r.committed_output, r.committed_invocations,
        r.account_ids,
      greatest(r.expires_at, x.expires_at), r.created_at, r.pricing)::reservation), '{}')
    || coalesce((select array_agg(row(o.tenant, o.reservation_id, o.decision_id, o.authorized_by,
      'open',
      give_cost[o.n], give_input[o.n], give_output[o.n], give_invocations[o.n], 0, 0, 0, 0,
      array(select spec_accounts[x.s + 1] from unnest(o.specs) with ordinality x(s, k)
        order by x.k),
      moment + o.hold_for_ms * interval '1 millisecond', moment, o.pricing)::reservation)
      from unnest(batch_ops) o where o.kind = 'hold' and verdicts[o.n] = 'held'), '{}')
    into found_reservations
    from unnest(found_reservations) r
    left join (
      select o.tenant, o.reservation_id, sum(o.cost)::bigint as cost, sum(o.input)::bigint as input,
        sum(o.output)::bigint as output, sum(o.invocations)::bigint as invocations,
        max(moment + o.hold_for_ms * interval '1 millisecond') as expires_at
      from unnest(batch_ops) o where o.kind = 'extend' and verdicts[o.n] = 'held'
      group by o.tenant, o.reservation_id
    ) x on x.tenant = r.tenant and x.reservation_id = r.reservation_id;

  -- ── What each op is answered ───────────────────────────────────────────────────────────────────
  select array_agg(case
      when verdicts[o.n] = 'held' then
        jsonb_build_object('kind', 'held', 'accounts', readings[o.n])
          || case when x.n is null then reservation_stand(r) else reservation_stand(x.extended) end
      when verdicts[o.n] in ('short', 'token_used') then
        jsonb_build_object('kind', 'denied', 'cause', verdicts[o.n], 'accounts', readings[o.n],
          'asked', concat(o.cost, ',', o.input, ',', o.output, ',', o.invocations))
      when verdicts[o.n] = 'settled' then
        jsonb_build_object('kind', 'settled', 'accounts', readings[o.n], 'late', e.kind = 'correct',
          'overrun', greatest(0, case when o.kind = 'commit'
            then e.held_cost + e.committed_cost end)::text)
          || reservation_stand(r)
      end order by o.n)
    into outcomes
    from unnest(batch_ops) o
    left join unnest(found_reservations) r on r.tenant = o.tenant
      and r.reservation_id = o.reservation_id
    left join unnest(settlements) e on e.tenant = o.tenant and e.reservation_id = o.reservation_id
    left join (
      -- Of several extensions of one reservation each answers how it stands after itself.
      select o.n, row(r.tenant, r.reservation_id, r.decision_id, r.authorized_by, r.state,
        (r.held_cost + sum(o.cost) over upto)::bigint,
        (r.held_input + sum(o.input) over upto)::bigint,
        (r.held_output + sum(o.output) over upto)::bigint,
        (r.held_invocations + sum(o.invocations) over upto)::bigint,
        r.committed_cost, r.committed_input, r.committed_output, r.committed_invocations,
        r.account_ids,
        greatest(r.expires_at, max(moment + o.hold_for_ms * interval '1 millisecond') over upto),
        r.created_at, r.pricing)::reservation as extended
      from unnest(batch_ops) o
      join unnest(unextended) r on r.tenant = o.tenant and r.reservation_id = o.reservation_id
      where o.kind = 'extend' and verdicts[o.n] = 'held'
      window upto as (partition by o.tenant, o.reservation_id order by o.n)
    ) x on x.n = o.n;

  perform write_batch(batch, moment, batch_ops, verdicts, outcomes, was, now_at, found_reservations,
    settlements, holds);

  -- ── Answers ────────────────────────────────────────────────────────────────────────────────────
  select jsonb_agg(case verdicts[o.n]
      when 'held' then outcomes[o.n] || jsonb_build_object('fixed', reservation_fixed(r))
      when 'settled' then outcomes[o.n] || jsonb_build_object('fixed', reservation_fixed(r))
      when 'short' then outcomes[o.n]
      when 'token_used' then outcomes[o.n]
      when 'wrong_state' then jsonb_build_object('kind', 'wrong_state', 'state', r.state)
      when 'same' then jsonb_build_object('kind', 'same', 'as', twins[o.n] - 1)
      when 'expired' then jsonb_build_object('kind', 'expired', 'count', cardinality(settlements))
      when 'replay' then tollgate.answer_again(o.tenant, o.request_id)
      else jsonb_build_object('kind', verdicts[o.n])
    end order by o.n)
    into answer
    from unnest(batch_ops) o
    left join unnest(found_reservations) r on r.tenant = o.tenant
      and r.reservation_id = o.reservation_id;
  return answer;
end $$;
