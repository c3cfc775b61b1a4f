-- tollgate.apply_plain: applies the batch that nearly all are, without looking left and right: holds
-- that all fit, and first settlements of open holds, of accounts whose configuration has not changed
-- and that neither reach a threshold nor carry anything over. tollgate.budget_apply is the rule;
-- this is the short way to the same rows and the same answers, and a test holds both together.

-- What a batch moves in one account.
create type tollgate.move as (
  tenant text collate "C",
  account_key uuid,
  asks integer,              -- how many calls are held here
  held_cost bigint,
  held_input bigint,
  held_output bigint,
  held_invocations bigint,
  committed_cost bigint,
  committed_input bigint,
  committed_output bigint,
  committed_invocations bigint,
  -- where something is asked for: what it is configured as
  soft boolean,
  warn_per_mille integer,
  degrade_per_mille integer,
  alerts integer[],
  cap_cost bigint,
  cap_input bigint,
  cap_output bigint,
  cap_total bigint,
  cap_invocations bigint
);

-- Sums amounts without leaving bigint.
create aggregate tollgate.total(bigint) (sfunc = int8pl, stype = bigint, initcond = '0');

create function tollgate.is_more(used bigint, cap bigint, carried bigint, passed_on bigint)
returns boolean language sql immutable as $$
  select used > cap + carried - passed_on or cap = 0
$$;

-- Whether a move asks for nothing but sums: no other configuration, nothing that does not fit, no
-- threshold reached that is not told yet, no later period that depends on this one.
create function tollgate.is_plain(a tollgate.account, m tollgate.move) returns boolean
language sql stable as $$
  select a.successor is null
    and (m.asks = 0 or (
      a.soft = m.soft and a.warn_per_mille = m.warn_per_mille
      and a.degrade_per_mille = m.degrade_per_mille and a.alerts = m.alerts
      and a.cap_cost is not distinct from m.cap_cost
      and a.cap_input is not distinct from m.cap_input
      and a.cap_output is not distinct from m.cap_output
      and a.cap_total is not distinct from m.cap_total
      and a.cap_invocations is not distinct from m.cap_invocations
      and (a.soft or (
        tollgate.is_more(a.held_cost + m.held_cost + a.committed_cost + m.committed_cost,
          a.cap_cost, a.carried_cost, a.passed_on_cost)
        or tollgate.is_more(a.held_input + m.held_input + a.committed_input + m.committed_input,
          a.cap_input, a.carried_input, a.passed_on_input)
        or tollgate.is_more(
          a.held_output + m.held_output + a.committed_output + m.committed_output,
          a.cap_output, a.carried_output, a.passed_on_output)
        or tollgate.is_more(a.held_input + m.held_input + a.committed_input + m.committed_input
            + a.held_output + m.held_output + a.committed_output + m.committed_output,
          a.cap_total, a.carried_total, a.passed_on_total)
        or tollgate.is_more(a.held_invocations + m.held_invocations + a.committed_invocations
            + m.committed_invocations,
          a.cap_invocations, a.carried_invocations, a.passed_on_invocations)) is not true)))
    and width_bucket(greatest(
        tollgate.per_mille(a.held_cost + m.held_cost + a.committed_cost + m.committed_cost,
          a.cap_cost + a.carried_cost),
        tollgate.per_mille(a.held_input + m.held_input + a.committed_input + m.committed_input,
          a.cap_input + a.carried_input),
        tollgate.per_mille(
          a.held_output + m.held_output + a.committed_output + m.committed_output,
          a.cap_output + a.carried_output),
        tollgate.per_mille(a.held_input + m.held_input + a.committed_input + m.committed_input
            + a.held_output + m.held_output + a.committed_output + m.committed_output,
          a.cap_total + a.carried_total),
        tollgate.per_mille(a.held_invocations + m.held_invocations + a.committed_invocations
            + m.committed_invocations,
          a.cap_invocations + a.carried_invocations), 0)::integer, a.alerts)
      <= width_bucket(a.alerted, a.alerts)
$$;

-- The line (tollgate.balance_line) of an account before a move that it has taken already.
create function tollgate.line_before(a tollgate.account, m tollgate.move) returns text
language sql stable as $$
  select concat(a.account_key,
    '|', a.soft::integer, '|', a.warn_per_mille, '|', a.degrade_per_mille,
    '|', a.cap_cost, '|', a.cap_input, '|', a.cap_output, '|', a.cap_total, '|', a.cap_invocations,
    '|', a.carried_cost, '|', a.carried_input, '|', a.carried_output, '|', a.carried_total,
    '|', a.carried_invocations,
    '|', a.passed_on_cost, '|', a.passed_on_input, '|', a.passed_on_output,
    '|', a.passed_on_total, '|', a.passed_on_invocations,
    '|', a.committed_cost - m.committed_cost, '|', a.committed_input - m.committed_input,
    '|', a.committed_output - m.committed_output,
    '|', a.committed_invocations - m.committed_invocations,
    '|', a.held_cost - m.held_cost, '|', a.held_input - m.held_input,
    '|', a.held_output - m.held_output, '|', a.held_invocations - m.held_invocations)
$$;

-- Moves accounts, each only when it is plain; they are locked in the order of moves by the very
-- statement that moves them. What comes back is in that order as well, and shorter where one was
-- not plain any more.
--
-- tenants  of the accounts moved
-- lines    the accounts as they stood before (tollgate.balance_line)
-- told     the lines with their identities, a JSON list
create function tollgate.move_accounts(moves tollgate.move[], out tenants text[], out lines text[],
  out told text)
language plpgsql
set enable_nestloop = on
set enable_hashjoin = off
as $$
begin
  with moved as (
    update account a set
      held_cost = a.held_cost + m.held_cost, held_input = a.held_input + m.held_input,
      held_output = a.held_output + m.held_output,
      held_invocations = a.held_invocations + m.held_invocations,
      committed_cost = a.committed_cost + m.committed_cost,
      committed_input = a.committed_input + m.committed_input,
      committed_output = a.committed_output + m.committed_output,
      committed_invocations = a.committed_invocations + m.committed_invocations,
      ceiling_cost = ceiling_of(a.soft, a.cap_cost + a.carried_cost - a.passed_on_cost,
        a.held_cost + m.held_cost + a.committed_cost + m.committed_cost),
      ceiling_input = ceiling_of(a.soft, a.cap_input + a.carried_input - a.passed_on_input,
        a.held_input + m.held_input + a.committed_input + m.committed_input),
      ceiling_output = ceiling_of(a.soft, a.cap_output + a.carried_output - a.passed_on_output,
        a.held_output + m.held_output + a.committed_output + m.committed_output),
      ceiling_total = ceiling_of(a.soft, a.cap_total + a.carried_total - a.passed_on_total,
        a.held_input + m.held_input + a.committed_input + m.committed_input
          + a.held_output + m.held_output + a.committed_output + m.committed_output),
      ceiling_invocations = ceiling_of(a.soft,
        a.cap_invocations + a.carried_invocations - a.passed_on_invocations,
        a.held_invocations + m.held_invocations + a.committed_invocations
          + m.committed_invocations)
    from (select x.* from unnest(moves) x order by x.account_key offset 0) m
    where a.tenant = m.tenant and a.account_key = m.account_key and is_plain(a, m::move)
    returning a.tenant, a.identity, line_before(a, m::move) as line
  )
  select coalesce(array_agg(w.tenant), '{}'), coalesce(array_agg(w.line), '{}'),
      coalesce(json_agg(w.line || w.identity)::text, '[]')
    into tenants, lines, told from moved w;
end $$;

-- Closes open reservations; they are locked already.
create function tollgate.settle_reservations(settlements tollgate.entry[], moment timestamptz)
returns void
language plpgsql
set enable_nestloop = on
set enable_hashjoin = off
as $$
begin
  update reservation r set
    state = case e.operation when 'commit' then 'committed' else 'released' end,
    held_cost = 0, held_input = 0, held_output = 0, held_invocations = 0,
    committed_cost = e.committed_cost, committed_input = e.committed_input,
    committed_output = e.committed_output, committed_invocations = e.committed_invocations,
    ending = e.ending, settled_at = moment, duration_ms = e.duration_ms,
    error_message = e.error_message
  from unnest(settlements) e
  where r.tenant = e.tenant and r.reservation_id = e.reservation_id;
end $$;

-- answer  as that of tollgate.budget_apply; null when the batch is not plain, and nothing has been
--         written then. Whatever is found out after that (another batch was quicker) rolls the batch
--         back, and the next try is careful.
create function tollgate.apply_plain(moment timestamptz, ops tollgate.op[],
  specs tollgate.spec[], record_texts text[]) returns text
language plpgsql as $$
declare
  settlements tollgate.entry[];
  asks tollgate.entry[];
  places integer[];          -- by settlement: its op
  fixed text[];              -- by settlement: what never changes about its reservation
  moves tollgate.move[];
  spec_keys uuid[];
  moved_tenants text[];      -- by account, in the order of keys: what it belongs to
  lines text[];              -- its line before the batch
  told text;                 -- the same with its identity, as the answer has it
  settled integer;
  written record;
  answer text;
begin
  -- ── Settlements of open holds, which are locked by id ──────────────────────────────────────────
  select coalesce(array_agg(s.e), '{}'), array_agg(s.n), array_agg(s.fixed)
    into settlements, places, fixed
    from (
      select row(r.tenant, null, row_number() over (order by o.n), o.kind, 'settled', o.request_id,
          o.fingerprint, o.reservation_id, r.decision_id,
          -r.held_cost, -r.held_input, -r.held_output, -r.held_invocations,
          o.cost, o.input, o.output, o.invocations, r.account_keys, null,
          stand_text(case o.kind when 'commit' then 'committed' else 'released' end, r.expires_at,
            0, 0, 0, 0, o.cost, o.input, o.output, o.invocations),
          case o.kind when 'release' then 'released' else o.ending end, o.duration_ms,
          coalesce(o.error_message, ''), null)::entry as e,
        o.n, reservation_fixed(r)::text as fixed
      from (select * from unnest(ops) where kind <> 'hold' order by tenant, reservation_id offset 0) o
      cross join lateral (select r.* from reservation r
        where r.tenant = o.tenant and r.reservation_id = o.reservation_id limit 1 for update) r
      where r.state = 'open'
      order by o.n
    ) s;
  settled := cardinality(settlements);
  if settled <> (select count(*) from unnest(ops) where kind <> 'hold')
    or exists (select from unnest(ops) o cross join lateral (select from entry q
      where q.tenant || E'\x1f' || q.request_id = o.tenant || E'\x1f' || o.request_id limit 1) q)
  then
    return null;
  end if;

  -- ── Asks: what they will be when all of them fit ───────────────────────────────────────────────
  select array_agg(s.account_key order by s.place) into spec_keys from unnest(specs) s;
  select coalesce(array_agg(row(o.tenant, null, settled + o.n, 'hold', 'held', o.request_id,
      o.fingerprint, o.reservation_id, o.decision_id, o.cost, o.input, o.output, o.invocations,
      0, 0, 0, 0, array(select spec_keys[x.s] from unnest(o.specs) x(s)), null,
      stand_text('open', moment + o.hold_for_ms * interval '1 millisecond',
        o.cost, o.input, o.output, o.invocations, 0, 0, 0, 0),
      null, null, null, null)::entry), '{}')
    into asks from unnest(ops) o where o.kind = 'hold';

  -- ── What they move together, in every account; are all of them plain, as far as can be seen? ───
  select coalesce(array_agg(row(d.tenant, d.account_key, d.asks, d.held_cost, d.held_input, d.held_output,
      d.held_invocations, d.committed_cost, d.committed_input, d.committed_output,
      d.committed_invocations, s.soft, s.warn_per_mille, s.degrade_per_mille, s.alerts,
      s.cap_cost, s.cap_input, s.cap_output, s.cap_total, s.cap_invocations)::move
      order by d.account_key), '{}')
    into moves
    from (
      select e.tenant, x.account_key, count(*) filter (where e.operation = 'hold') as asks,
        total(e.held_cost) as held_cost, total(e.held_input) as held_input,
        total(e.held_output) as held_output, total(e.held_invocations) as held_invocations,
        total(e.committed_cost) as committed_cost, total(e.committed_input) as committed_input,
        total(e.committed_output) as committed_output,
        total(e.committed_invocations) as committed_invocations
      from unnest(settlements || asks) e cross join lateral unnest(e.account_keys) x(account_key)
      group by e.tenant, x.account_key
    ) d
    left join unnest(specs) s on s.account_key = d.account_key;
  if exists (
    select from unnest(moves) m
    left join lateral (select is_plain(a, m) as plain from account a
      where a.tenant = m.tenant and a.account_key = m.account_key limit 1) a on true
    where a.plain is not true)
  then
    return null;
  end if;

  -- ── Accounts are locked, and everything written ────────────────────────────────────────────────
  select * into moved_tenants, lines, told from move_accounts(moves);
  if cardinality(lines) < cardinality(moves) then
    raise exception 'another batch was quicker' using errcode = 'serialization_failure';
  end if;
  if cardinality(asks) > 0 then
    insert into reservation
      select o.tenant, o.reservation_id, o.decision_id, '', 'open',
        o.cost, o.input, o.output, o.invocations, 0, 0, 0, 0,
        array(select spec_keys[x.s] from unnest(o.specs) x(s)),
        moment + o.hold_for_ms * interval '1 millisecond', moment, o.agent, o.platform,
        o.model, o.complexity, o.team, o.user_id, null, null, null, null
      from unnest(ops) o where o.kind = 'hold'
      order by o.tenant, o.reservation_id;
  end if;
  if settled > 0 then
    perform settle_reservations(settlements, moment);
    perform tell_overruns(settlements, moment);
  end if;
  select * into written from write_records(ops, record_texts, asks, settled);
  asks := written.asks;
  perform seal_batches(settlements || asks, moved_tenants, lines, written.of_tenants,
    written.records, moment);

  select string_agg(a.answer, ',' order by a.n) into answer from (
    select o.n, '{"kind":"held","delta":"' || delta_text(e) || '","stand":"' || e.stand
      || '","accounts":' || to_json(e.account_keys) || ',"fixed":null}' as answer
    from unnest(asks) e join unnest(ops) o on o.n = e.n - settled
    union all
    select x.n, '{"kind":"settled","delta":"' || delta_text(e) || '","stand":"' || e.stand
      || '","accounts":' || to_json(e.account_keys) || ',"fixed":' || x.fixed || '}'
    from unnest(settlements) e
    join unnest(places, fixed) with ordinality x(n, fixed, i) on x.i = e.n
  ) a;
  return '{"accounts":' || told || ',"ops":[' || answer || ']}';
end $$;
