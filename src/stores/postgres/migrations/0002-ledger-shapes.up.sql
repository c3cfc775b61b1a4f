-- Shapes and small functions that tollgate.budget_apply is made of.

-- One operation of a batch, as it is sent.
create type tollgate.op as (
  n integer,
  kind text,
  tenant text collate "C",
  request_id text collate "C",
  fingerprint text,
  reservation_id text collate "C",
  -- hold, extend
  decision_id text collate "C",
  specs integer[],
  hold_for_ms bigint,
  partial boolean,
  authorized_by text collate "C",
  pricing jsonb,
  -- hold: asked; extend: added; commit: actual
  cost bigint,
  input bigint,
  output bigint,
  invocations bigint,
  -- commit, release
  ending text,
  duration_ms bigint,
  error_message text,
  -- expire
  most integer
);

-- An account as configuration describes it, with the period that it means at one moment.
create type tollgate.spec as (
  s integer,
  tenant text collate "C",
  account_id text collate "C",
  budget_id text collate "C",
  owner text collate "C",
  period_start timestamptz,
  period_end timestamptz,
  depth integer,
  soft boolean,
  warn_per_mille integer,
  degrade_per_mille integer,
  cap_cost bigint,
  cap_input bigint,
  cap_output bigint,
  cap_total bigint,
  cap_invocations bigint
);

-- Op n touches the i-th locked account as the k-th of its list. Settlements come before holds.
create type tollgate.charge as (n integer, k integer, i integer, settles boolean);

-- The accounts that specs mean at a moment: the period is found in the budget's own time zone.
create function tollgate.specs_at(specs jsonb, moment timestamptz) returns setof tollgate.spec
language sql stable set search_path = tollgate, pg_catalog as $$
  select j.s::integer, r.tenant, concat(r.budget, '/', r.owner, '/',
    coalesce(to_char(l.start, 'YYYY-MM-DD'), 'total')),
    r.budget, r.owner, l.start at time zone r.zone,
      (l.start + ('1 ' || u.unit)::interval) at time zone r.zone,
    r.depth, r.soft, r.warn, r.degrade, r.cost, r.input, r.output, r.total, r.invocations
  from jsonb_array_elements(specs) with ordinality j(spec, s)
  cross join lateral jsonb_to_record(j.spec) r(tenant text, budget text, owner text, period text,
    zone text,
    depth integer, soft boolean, warn integer, degrade integer,
    cost bigint, input bigint, output bigint, total bigint, invocations bigint)
  cross join lateral (
    select case r.period when 'daily' then 'day' when 'weekly' then 'week' when 'monthly'
      then 'month' end) u(unit)
  cross join lateral (select date_trunc(u.unit, moment at time zone r.zone)) l(start)
$$;

create function tollgate.ms(moment timestamptz) returns bigint language sql stable as $$
  select (extract(epoch from moment) * 1000)::bigint
$$;

-- An account on one line, as codec.ts reads it: flags, caps, committed, held, period, id; nothing
-- means null.
create function tollgate.account_line(a tollgate.account) returns text language sql stable as $$
  select concat(a.soft::integer, '|', a.warn_per_mille, '|', a.degrade_per_mille,
    '|', a.cap_cost, '|', a.cap_input, '|', a.cap_output, '|', a.cap_total, '|', a.cap_invocations,
    '|', a.committed_cost, '|', a.committed_input, '|', a.committed_output, '|',
      a.committed_invocations,
    '|', a.held_cost, '|', a.held_input, '|', a.held_output, '|', a.held_invocations,
    '|', tollgate.ms(a.period_start), '|', tollgate.ms(a.period_end), '|', a.account_id)
$$;

-- What never changes about a reservation.
create function tollgate.reservation_fixed(r tollgate.reservation) returns jsonb
language sql stable as $$
  select jsonb_build_object('reservationId', r.reservation_id, 'decisionId', r.decision_id,
    'accounts', r.account_ids, 'pricing', r.pricing)
$$;

-- Where a reservation stands, as outcomes keep it.
create function tollgate.reservation_stand(r tollgate.reservation) returns jsonb
language sql stable as $$
  select jsonb_build_object('state', r.state, 'expiresAtMs', tollgate.ms(r.expires_at),
    'held', concat(r.held_cost, ',', r.held_input, ',', r.held_output, ',', r.held_invocations),
    'committed',
    concat(r.committed_cost, ',', r.committed_input, ',', r.committed_output, ',',
      r.committed_invocations))
$$;

-- The stored answer to a request, with the record it was given and the reservation it speaks of.
create function tollgate.answer_again(of_tenant text, of_request text) returns jsonb
language sql stable set search_path = tollgate, pg_catalog as $$
  select coalesce(q.outcome, l.outcome) || jsonb_build_object(
    'replayed', true,
    'record', coalesce(q.outcome -> 'record',
      jsonb_build_object('detail', l.detail) || coalesce(jsonb_build_object('personal', p.personal),
        '{}')),
    'fixed', case when r.reservation_id is not null then reservation_fixed(r) end)
  from request q
  left join lineage l on l.tenant = q.tenant and l.decision_id = q.decision_id
  left join lineage_person p on p.tenant = q.tenant and p.decision_id = q.decision_id
  left join reservation r on r.tenant = q.tenant and r.reservation_id = q.reservation_id
  where q.tenant = of_tenant and q.request_id = of_request
$$;

create function tollgate.ceiling_of(soft boolean, cap bigint,
  used bigint) returns bigint language sql immutable as $$
  select case when soft or cap is null then null else greatest(cap, used) end
$$;

-- True when a metric has no room. A call is judged in every metric, also in those it uses nothing
-- of, and a cap of 0 blocks it; an extension is judged only in what it adds to.
create function tollgate.exceeds(kind text, amount bigint, used bigint, cap bigint) returns boolean
language sql immutable as $$
  select case when kind = 'hold' then used > cap or cap = 0 else amount > 0 and used > cap end
$$;
