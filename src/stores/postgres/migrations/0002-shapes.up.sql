-- Shapes and small functions that tollgate.budget_apply is made of.

-- One operation of a batch, as it is sent; what its kind does not have is null, 0 or nothing. n
-- counts from 1.
create type tollgate.op as (
  n integer,
  kind text,
  tenant text collate "C",
  request_id text collate "C",
  fingerprint text,
  reservation_id text collate "C",
  -- hold: asked; extend: added; commit: actual
  cost bigint,
  input bigint,
  output bigint,
  invocations bigint,
  -- hold, extend
  decision_id text collate "C",
  specs integer[],
  hold_for_ms bigint,
  partial boolean,
  authorized_by text collate "C",
  platform text,
  model text,
  complexity text,
  -- the columns of its record
  operation text,
  decided_at_ms bigint,
  agent text,
  team text,
  user_id text,
  effect text,
  reason_codes text[],
  has_person boolean,
  -- commit, release
  ending text,
  duration_ms bigint,
  error_message text,
  -- expire
  most integer
);

-- An account as configuration describes it, with the period that it means at one moment. place
-- counts from 1.
create type tollgate.spec as (
  place integer,
  tenant text collate "C",
  account_key uuid,
  account_id text collate "C",
  budget_id text collate "C",
  owner text collate "C",
  unit text,
  zone text,
  period_start timestamptz,
  period_end timestamptz,
  depth integer,
  soft boolean,
  warn_per_mille integer,
  degrade_per_mille integer,
  alerts integer[],
  cap_cost bigint,
  cap_input bigint,
  cap_output bigint,
  cap_total bigint,
  cap_invocations bigint,
  rollover_cost bigint,
  rollover_input bigint,
  rollover_output bigint,
  rollover_total bigint,
  rollover_invocations bigint
);

-- An account as a batch names it: its budget by position from 1, and its owner.
create type tollgate.named as (
  tenant text collate "C",
  budget integer,
  owner text collate "C"
);

-- The accounts that are named, in their order, as they are meant at a moment. specs is {"periods":
-- [{"unit", "zone"} …], "budgets": [{"id", "period", caps …} …]}: a budget names its period by
-- position from 1, so that what many share is read once. The first day of a period is found in the
-- budget's own time zone.
-- An array from PL/pgSQL, because a set from a function in SQL is planned anew on every call.
create function tollgate.specs_at(specs jsonb, accounts tollgate.named[],
  moment timestamptz) returns tollgate.spec[]
language plpgsql stable set search_path = tollgate, pg_catalog as $$
declare
  meant tollgate.spec[];
begin
  with period as materialized (
    select j.p, r.unit, r.zone, l.start at time zone r.zone as starts,
      (l.start + ('1 ' || r.unit)::interval) at time zone r.zone as ends,
      coalesce(to_char(l.start, 'YYYY-MM-DD'), 'total') as name
    from jsonb_array_elements(specs -> 'periods') with ordinality j(value, p)
    cross join lateral jsonb_to_record(j.value) r(unit text, zone text)
    cross join lateral (select date_trunc(r.unit, moment at time zone r.zone)) l(start)
  ), budget as materialized (
    select j.b, r.*, p.unit, p.zone, p.starts, p.ends, p.name
    from jsonb_array_elements(specs -> 'budgets') with ordinality j(value, b)
    cross join lateral jsonb_to_record(j.value) r(id text, period integer, depth integer,
      soft boolean, warn integer, degrade integer, alerts integer[],
      cost bigint, input bigint, output bigint, total bigint, invocations bigint,
      roll_cost bigint, roll_input bigint, roll_output bigint, roll_total bigint,
      roll_invocations bigint)
    join period p on p.p = r.period
  )
  select coalesce(array_agg(row(a.s, a.tenant, account_key_of(a.tenant, b.depth, n.account_id),
      n.account_id, b.id, a.owner, b.unit, b.zone, b.starts, b.ends, b.depth, b.soft, b.warn, b.degrade, b.alerts,
      b.cost, b.input, b.output, b.total, b.invocations,
      b.roll_cost, b.roll_input, b.roll_output, b.roll_total, b.roll_invocations)::spec
      order by a.s), '{}')
    into meant
    from unnest(accounts) with ordinality a(tenant, budget, owner, s)
    join budget b on b.b = a.budget
    cross join lateral (select concat(b.id, '/', a.owner, '/', b.name)) n(account_id);
  return meant;
end $$;

-- The place of an account in the order of locks: 15 - depth (0 to 15), then 120 bits of a hash over
-- tenant and id. Two that hash alike are not to be feared: it takes 10^16 accounts for one chance in
-- a thousand.
create function tollgate.account_key_of(tenant text, depth integer, account_id text) returns uuid
language sql immutable as $$
  select ('0' || to_hex(15 - depth) || substr(md5(tenant || E'\x1f' || account_id), 3))::uuid
$$;

create function tollgate.ms(moment timestamptz) returns bigint language sql immutable as $$
  select round(date_part('epoch', moment) * 1000)::bigint
$$;

-- An account's caps and balances on one line, as codec.ts reads it and the chain keeps it: number,
-- flags, caps, carried, passed on, committed, held; nothing means null. Its identity follows.
create function tollgate.balance_line(a tollgate.account) returns text language sql stable as $$
  select concat(a.account_key,
    '|', a.soft::integer, '|', a.warn_per_mille, '|', a.degrade_per_mille,
    '|', a.cap_cost, '|', a.cap_input, '|', a.cap_output, '|', a.cap_total, '|', a.cap_invocations,
    '|', a.carried_cost, '|', a.carried_input, '|', a.carried_output, '|', a.carried_total,
    '|', a.carried_invocations,
    '|', a.passed_on_cost, '|', a.passed_on_input, '|', a.passed_on_output,
    '|', a.passed_on_total, '|', a.passed_on_invocations,
    '|', a.committed_cost, '|', a.committed_input, '|', a.committed_output,
    '|', a.committed_invocations,
    '|', a.held_cost, '|', a.held_input, '|', a.held_output, '|', a.held_invocations)
$$;

-- What never changes about a reservation.
create function tollgate.reservation_fixed(r tollgate.reservation) returns json
language sql stable as $$
  select json_build_object('reservationId', r.reservation_id, 'decisionId', r.decision_id,
    'callId', case r.authorized_by when '' then r.decision_id else r.authorized_by end,
    'agent', r.agent, 'platform', r.platform, 'model', r.model, 'complexity', r.complexity)
$$;

-- Where a reservation stands: state, expiry, held, committed.
create function tollgate.stand_text(state text, expires_at timestamptz,
  held_cost bigint, held_input bigint, held_output bigint, held_invocations bigint,
  cost bigint, input bigint, output bigint, invocations bigint) returns text
language sql stable as $$
  select concat(state, '|', round(date_part('epoch', expires_at) * 1000)::bigint,
    '|', held_cost, ',', held_input, ',', held_output, ',', held_invocations,
    '|', cost, ',', input, ',', output, ',', invocations)
$$;

-- What an entry added: held, committed.
create function tollgate.delta_text(e tollgate.entry) returns text language sql stable as $$
  select concat(e.held_cost, ',', e.held_input, ',', e.held_output, ',', e.held_invocations, '|',
    e.committed_cost, ',', e.committed_input, ',', e.committed_output, ',',
    e.committed_invocations)
$$;

-- An entry as the chain seals it: every column. Whatever callers choose the text of goes with its
-- length, so that no two entries read the same.
create function tollgate.entry_text(e tollgate.entry) returns text language sql stable as $$
  select concat(e.n, '|', e.operation, '|', e.verdict, '|', length(e.request_id), ':',
    e.request_id, '|', length(e.fingerprint), ':', e.fingerprint, '|', length(e.reservation_id),
    ':', e.reservation_id, '|', length(e.decision_id), ':', e.decision_id,
    '|', e.held_cost, '|', e.held_input, '|', e.held_output, '|', e.held_invocations,
    '|', e.committed_cost, '|', e.committed_input, '|', e.committed_output,
    '|', e.committed_invocations, '|', e.account_keys, '|', e.asked, '|', e.stand, '|', e.ending,
    '|', e.duration_ms, '|', length(e.error_message), ':', e.error_message,
    '|', length(e.record), ':', e.record)
$$;

-- What the chain says of a record: its id, and SHA-256 over all of it in hexadecimal.
create function tollgate.record_line(l tollgate.lineage) returns text language sql stable as $$
  select concat(l.decision_id, ' ', encode(sha256(convert_to(concat(length(l.request_id), ':',
    l.request_id, '|', l.operation, '|', (extract(epoch from l.decided_at) * 1000)::bigint, '|',
    length(l.agent), ':', l.agent, '|', length(l.team), ':', l.team, '|', length(l.user_id), ':',
    l.user_id, '|', l.effect, '|', l.reason_codes, '|', l.reservation_id, '|', l.trace_id, '|',
    l.detail), 'UTF8')), 'hex'))
$$;

-- The hash of a batch: SHA-256 over the hash before it, the tenant, the number and moment of the
-- batch, its accounts, its records and its entries in order.
create function tollgate.seal(previous bytea, tenant text, batch bigint, at timestamptz,
  accounts text[], records text[], entries text) returns bytea language sql stable as $$
  select sha256(previous || convert_to(concat(row(tenant, batch,
    (extract(epoch from at) * 1000000)::bigint, accounts, records)::text, E'\n', entries), 'UTF8'))
$$;

create function tollgate.ceiling_of(soft boolean, cap bigint, used bigint) returns bigint
language sql immutable as $$
  select case when soft or cap is null then null else greatest(cap, used) end
$$;

-- The used share of a cap in thousandths. Past 9 * 10^15 it stops growing instead of overflowing; a
-- cap of 0 has no shares.
create function tollgate.per_mille(used bigint, cap bigint) returns bigint
language sql immutable as $$
  select case when cap > 0 then least(used, 9000000000000000) * 1000 / cap end
$$;
