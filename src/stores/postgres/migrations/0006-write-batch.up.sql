-- What an entry found in its accounts, in their order: each as its line before the batch, and what
-- the batch had added to it once the entry was applied.
create function tollgate.found_by(e tollgate.entry) returns json
language sql stable set search_path = tollgate, pg_catalog as $$
  select coalesce(json_agg(json_build_object('line', b.line || a.identity, 'added', d.added)
      order by x.k), '[]')
  from unnest(e.account_keys) with ordinality x(account_key, k)
  cross join lateral (select a.* from tollgate.account a
    where a.tenant = e.tenant and a.account_key = x.account_key limit 1) a
  cross join lateral (select c.accounts from chain_all c
    where c.tenant = e.tenant and c.batch = e.batch limit 1) c
  cross join lateral (select line from unnest(c.accounts) line
    where split_part(line, '|', 1) = x.account_key::text) b
  cross join lateral (
    select concat(sum(o.held_cost), ',', sum(o.held_input), ',', sum(o.held_output), ',',
      sum(o.held_invocations), '|', sum(o.committed_cost), ',', sum(o.committed_input), ',',
      sum(o.committed_output), ',', sum(o.committed_invocations)) as added
    from entry_all o
    where o.tenant = e.tenant and o.batch = e.batch and o.n <= e.n
      and x.account_key = any (o.account_keys)
  ) d
$$;

-- A reservation, wherever it is by now; several where its request id was used again after it was
-- forgotten.
create function tollgate.reservations_of(of_tenant text, of_id text)
returns setof tollgate.reservation
language sql stable set search_path = tollgate, pg_catalog as $$
  select r.* from reservation r where r.tenant = of_tenant and r.reservation_id = of_id
  union all
  select a.* from reservation_archive a where a.tenant = of_tenant and a.reservation_id = of_id
$$;

-- An entry with all that the answer to its request is made of.
create function tollgate.entry_again(e tollgate.entry) returns jsonb
language sql stable set search_path = tollgate, pg_catalog as $$
  select jsonb_build_object('verdict', e.verdict, 'delta', delta_text(e), 'asked', e.asked,
    'stand', e.stand, 'found', found_by(e),
    'fixed', (select reservation_fixed(r) from reservations_of(e.tenant, e.reservation_id) r
      where e.stand is not null order by r.created_at desc limit 1))
$$;

-- The stored answer to a request, with the record that it was given.
create function tollgate.answer_again(of_tenant text, of_request text) returns json
language sql stable set search_path = tollgate, pg_catalog as $$
  select (entry_again(e) || jsonb_build_object('kind', 'replay',
    'record', coalesce(e.record, (select l.detail from lineage l
      where l.tenant = e.tenant and l.decision_id = e.decision_id))))::json
  from entry e
  where e.tenant || E'\x1f' || e.request_id = of_tenant || E'\x1f' || of_request
$$;

-- What the ledger made of a decision that asked it to hold; null when it was not asked.
create function tollgate.entry_of(l tollgate.lineage) returns jsonb
language sql stable set search_path = tollgate, pg_catalog as $$
  select entry_again(x.e) from (
    select e from entry e
    where e.tenant || E'\x1f' || e.request_id = l.tenant || E'\x1f' || l.request_id
    union all
    select row(a.*)::entry from entry_archive a
    where a.tenant || E'\x1f' || a.request_id = l.tenant || E'\x1f' || l.request_id
  ) x(e)
  where (x.e).decision_id = l.decision_id and (x.e).operation in ('hold', 'extend')
  order by (x.e).batch limit 1
$$;

-- How the reservation of a decision ended; null while it is open or there is none.
create function tollgate.settlement_of(l tollgate.lineage) returns jsonb
language sql stable set search_path = tollgate, pg_catalog as $$
  select jsonb_build_object('end', r.ending, 'settledAtMs', ms(r.settled_at),
    'durationMs', r.duration_ms, 'errorMessage', r.error_message,
    'amounts', concat(r.committed_cost, ',', r.committed_input, ',', r.committed_output, ',',
      r.committed_invocations))
  from reservations_of(l.tenant, l.reservation_id) r
  where r.ending is not null
  order by r.created_at desc limit 1
$$;

-- Writes how reservations and accounts stand that were there before. A nested loop over rows in
-- memory, each looked up by its key, is the one plan that is right for tables of any size.
create function tollgate.write_standing(reservations tollgate.reservation[],
  moved tollgate.entry[], accounts tollgate.account[]) returns void
language plpgsql
set enable_nestloop = on
set enable_hashjoin = off
as $$
begin
  if exists (select from unnest(moved) e where e.operation <> 'hold' and e.stand is not null) then
    update reservation r set
      state = f.state, expires_at = f.expires_at,
      held_cost = f.held_cost, held_input = f.held_input,
      held_output = f.held_output, held_invocations = f.held_invocations,
      committed_cost = f.committed_cost, committed_input = f.committed_input,
      committed_output = f.committed_output, committed_invocations = f.committed_invocations,
      ending = f.ending, settled_at = f.settled_at, duration_ms = f.duration_ms,
      error_message = f.error_message
    from unnest(reservations) f
    where r.tenant = f.tenant and r.reservation_id = f.reservation_id;
  end if;
  update account a set
    soft = n.soft, warn_per_mille = n.warn_per_mille, degrade_per_mille = n.degrade_per_mille,
    alerts = n.alerts, alerted = n.alerted,
    cap_cost = n.cap_cost, cap_input = n.cap_input, cap_output = n.cap_output,
    cap_total = n.cap_total, cap_invocations = n.cap_invocations,
    carried_cost = n.carried_cost, carried_input = n.carried_input,
    carried_output = n.carried_output, carried_total = n.carried_total,
    carried_invocations = n.carried_invocations,
    passed_on_cost = n.passed_on_cost, passed_on_input = n.passed_on_input,
    passed_on_output = n.passed_on_output, passed_on_total = n.passed_on_total,
    passed_on_invocations = n.passed_on_invocations, successor = n.successor,
    ceiling_cost = n.ceiling_cost, ceiling_input = n.ceiling_input,
    ceiling_output = n.ceiling_output, ceiling_total = n.ceiling_total,
    ceiling_invocations = n.ceiling_invocations,
    held_cost = n.held_cost, held_input = n.held_input,
    held_output = n.held_output, held_invocations = n.held_invocations,
    committed_cost = n.committed_cost, committed_input = n.committed_input,
    committed_output = n.committed_output, committed_invocations = n.committed_invocations
  from unnest(accounts) n
  where a.tenant = n.tenant and a.account_key = n.account_key;
end $$;

-- Writes what is known about persons, beside the records of their decisions: by row what follows
-- the record (src/decision/record-row.ts).
create function tollgate.write_persons(tenants text[], decision_ids text[], persons text[])
returns void
language plpgsql as $$
begin
  with person as (
    select p.tenant, p.decision_id, f[1] as key_id, f[2] as wrapped, f[3] as email_index,
      f[4] as user_index, timestamptz 'epoch' + f[5]::bigint * interval '1 millisecond' as made_at,
      f[6] as sealed
    from unnest(tenants, decision_ids, persons) p(tenant, decision_id, fields)
    cross join lateral (select string_to_array(p.fields, E'\x1f')) s(f)
  ), kept as (
    insert into lineage_person
      select p.tenant, p.decision_id, p.key_id, p.sealed from person p
      order by p.tenant, p.decision_id
      on conflict do nothing
  )
  insert into person_key
    select p.tenant, p.key_id, case when not exists (
        select from person_erased g where g.tenant = p.tenant
          and g.person_index in (p.email_index, p.user_index) and g.person_index <> ''
          and g.at >= p.made_at) then p.wrapped end,
      p.email_index, p.user_index, p.made_at
    from (select distinct on (q.tenant, q.key_id) q.* from person q order by q.tenant, q.key_id) p
    on conflict do nothing;
end $$;

-- Writes the records of what was asked for. settled is how far ahead of ops the entries count.
--
-- asks        the entries; one whose decision id was recorded before carries its record itself,
--             because the older record stays
-- of_tenants  tenants of the records that were written
-- records     what the chain says of them (tollgate.record_line)
create function tollgate.write_records(ops tollgate.op[], record_texts text[],
  inout asks tollgate.entry[], settled integer, out of_tenants text[], out records text[])
language plpgsql as $$
declare
  persons text[];
  recorded text[];
begin
  with record_written as (
    insert into lineage as l
      select o.tenant, o.decision_id, o.request_id, o.operation,
        timestamptz 'epoch' + o.decided_at_ms * interval '1 millisecond', o.agent, o.team,
        o.user_id, case when e.verdict = 'held' then o.effect else 'deny' end,
        case e.verdict when 'short' then o.reason_codes || '{budget.exceeded}'::text[]
          when 'token_used' then o.reason_codes || '{token.used}'::text[]
          else o.reason_codes end,
        case when e.verdict = 'held' or o.kind = 'extend' then o.reservation_id else '' end,
        split_part(t.record, E'\x1f', 1), split_part(t.record, E'\x1f', 2)
      from unnest(asks) e
      join unnest(ops) o on o.n = e.n - settled
      join unnest(record_texts) with ordinality t(record, n) on t.n = o.n
      order by o.tenant, o.decision_id
      on conflict do nothing
      returning l.tenant, l.decision_id, record_line(l) as line
  )
  select array_agg(w.tenant || E'\x1f' || w.decision_id), array_agg(w.tenant), array_agg(w.line)
    into recorded, of_tenants, records from record_written w;
  if exists (select from unnest(ops) o where o.has_person) then
    perform write_persons(array_agg(o.tenant), array_agg(o.decision_id), array_agg(
        substr(t.record, length(split_part(t.record, E'\x1f', 1))
          + length(split_part(t.record, E'\x1f', 2)) + 3)))
      from unnest(asks) e
      join unnest(ops) o on o.n = e.n - settled
      join unnest(record_texts) with ordinality t(record, n) on t.n = o.n
      where o.has_person and o.tenant || E'\x1f' || o.decision_id = any (recorded);
  end if;
  if coalesce(cardinality(recorded), 0) < cardinality(asks) then
    select array_agg(case when e.tenant || E'\x1f' || e.decision_id = any (recorded) then e
        else row(e.tenant, e.batch, e.n, e.operation, e.verdict, e.request_id, e.fingerprint,
          e.reservation_id, e.decision_id, e.held_cost, e.held_input, e.held_output,
          e.held_invocations, e.committed_cost, e.committed_input, e.committed_output,
          e.committed_invocations, e.account_keys, e.asked, e.stand, e.ending, e.duration_ms,
          e.error_message, split_part(record_texts[e.n - settled], E'\x1f', 2))::entry
        end order by e.n)
      into asks
      from unnest(asks) e;
  end if;
end $$;

-- The heads of the tenants' chains, locked in their order; made where there is none yet.
create function tollgate.lock_heads(tenants text[], moment timestamptz)
returns tollgate.chain_head[]
language plpgsql as $$
declare
  heads tollgate.chain_head[];
begin
  select array_agg(l.h) into heads
    from (select distinct t.tenant from unnest(tenants) t(tenant) order by t.tenant) k
    cross join lateral (select h from chain_head h where h.tenant = k.tenant limit 1 for update) l;
  if coalesce(cardinality(heads), 0) < (select count(distinct t.tenant) from unnest(tenants) t(tenant)) then
    insert into chain_head
      select distinct t.tenant, 0, moment, '\x'::bytea from unnest(tenants) t(tenant) order by t.tenant
      on conflict do nothing;
    select array_agg(l.h) into heads
      from (select distinct t.tenant from unnest(tenants) t(tenant) order by t.tenant) k
      cross join lateral (select h from chain_head h where h.tenant = k.tenant limit 1
        for update) l;
  end if;
  return heads;
end $$;

-- Writes the entries of every tenant under its next batch, and seals it with the hash before. Locks
-- the heads of the chains. lines are the accounts as they stood before, each of the tenant in the
-- same place of line_tenants; so are records of record_tenants.
create function tollgate.seal_batches(entries tollgate.entry[], line_tenants text[], lines text[],
  record_tenants text[], records text[], moment timestamptz) returns void
language plpgsql as $$
declare
  heads tollgate.chain_head[] := lock_heads(
    array(select e.tenant from unnest(entries) e union select * from unnest(record_tenants)),
    moment);
  sealed_tenants integer;
begin
  with written_entries as (
    insert into entry
      select e.tenant, h.batch + 1, e.n, e.operation, e.verdict, e.request_id, e.fingerprint,
        e.reservation_id, e.decision_id, e.held_cost, e.held_input, e.held_output,
        e.held_invocations, e.committed_cost, e.committed_input, e.committed_output,
        e.committed_invocations, e.account_keys, e.asked, e.stand, e.ending, e.duration_ms,
        e.error_message, e.record
      from unnest(entries) e
      join unnest(heads) h on h.tenant = e.tenant
  ), sealed as (
    select h.tenant, h.batch + 1 as batch, greatest(h.at, moment) as at,
      coalesce(e.count, 0) as count, l.lines, l.records,
      seal(h.hash, h.tenant, h.batch + 1, greatest(h.at, moment), l.lines, l.records,
        e.texts) as hash
    from unnest(heads) h
    left join (
      select e.tenant, count(*)::integer as count,
        string_agg(entry_text(e), E'\n' order by e.n) as texts
      from unnest(entries) e group by e.tenant
    ) e on e.tenant = h.tenant
    left join (
      select r.tenant, array_agg(r.line order by r.line) as records
      from unnest(record_tenants, records) r(tenant, line)
      group by r.tenant
    ) r on r.tenant = h.tenant
    left join (
      select l.tenant, array_agg(l.line order by l.i) as lines
      from unnest(line_tenants, lines) with ordinality l(tenant, line, i)
      group by l.tenant
    ) a on a.tenant = h.tenant
    cross join lateral (select coalesce(a.lines, '{}') as lines,
      coalesce(r.records, '{}') as records) l
  ), chained as (
    insert into chain select s.tenant, s.batch, s.at, s.count, s.lines, s.records, s.hash
      from sealed s
  ), headed as (
    insert into chain_head select s.tenant, s.batch, s.at, s.hash from sealed s
      on conflict (tenant) do update set
        batch = excluded.batch, at = excluded.at, hash = excluded.hash
  )
  select count(*) into sealed_tenants from sealed;
end $$;

-- Writes what tollgate.budget_apply decided, and seals it. Reads nothing but the heads of the
-- chains, so that it decides nothing. A request id, reservation id or token that another batch is
-- just using breaks a unique index; the whole batch is rolled back and tried again.
--
-- accounts and reservations are the rows as they stand after settlements and asks; lines are the accounts
-- as they stood before.
create function tollgate.write_batch(moment timestamptz, ops tollgate.op[], record_texts text[],
  accounts tollgate.account[], lines text[], reservations tollgate.reservation[],
  settlements tollgate.entry[], asks tollgate.entry[]) returns void
language plpgsql as $$
declare
  settled integer := cardinality(settlements);
  written record;
begin
  if exists (select from unnest(asks) e where e.verdict = 'held' and e.operation = 'hold') then
    insert into reservation
      select o.tenant, o.reservation_id, o.decision_id, o.authorized_by, 'open',
        e.held_cost, e.held_input, e.held_output, e.held_invocations, 0, 0, 0, 0, e.account_keys,
        moment + o.hold_for_ms * interval '1 millisecond', moment, o.agent, o.platform,
        o.model, o.complexity, o.team, o.user_id, null, null, null, null
      from unnest(asks) e
      join unnest(ops) o on o.n = e.n - settled
      where e.verdict = 'held' and e.operation = 'hold'
      order by o.tenant, o.reservation_id;
  end if;
  perform write_standing(reservations, settlements || asks, accounts);
  if settled + cardinality(asks) > 0 then
    select * into written from write_records(ops, record_texts, asks, settled);
    perform seal_batches(settlements || written.asks,
      array(select a.tenant from unnest(accounts) a), lines, written.of_tenants, written.records,
      moment);
  end if;
end $$;

-- The accounts to lock besides those that ops name, because a settlement may change what they were
-- given: the successors of the accounts of reservations, as far as they go.
create function tollgate.heirs_of(reservations tollgate.reservation[]) returns uuid[]
language sql stable as $$
  with recursive heir as (
    select l.tenant, l.successor
    from unnest(reservations) r
    cross join lateral unnest(r.account_keys) x(account_key)
    cross join lateral (select a.tenant, a.successor from tollgate.account a
      where a.tenant = r.tenant and a.account_key = x.account_key limit 1) l
    where l.successor is not null
    union
    select l.tenant, l.successor
    from heir h
    cross join lateral (select a.tenant, a.successor from tollgate.account a
      where a.tenant = h.tenant and a.account_key = h.successor limit 1) l
    where l.successor is not null
  )
  select coalesce(array_agg(distinct h.successor), '{}') from heir h
$$;

-- Brings reservations back that a late commit asks for, the newest of each id.
create function tollgate.bring_back(tenants text[], ids text[]) returns integer
language plpgsql
set search_path = tollgate, pg_catalog
set enable_nestloop = on
set enable_hashjoin = off
as $$
declare
  back integer;
begin
  with wanted as (
    select r.* from unnest(tenants, ids) k(tenant, reservation_id)
    cross join lateral (select r.tenant, r.reservation_id, r.created_at from reservation_archive r
      where r.tenant = k.tenant and r.reservation_id = k.reservation_id
      order by r.created_at desc limit 1) r
  ), gone as (
    delete from reservation_archive r using wanted w
    where r.tenant = w.tenant and r.reservation_id = w.reservation_id
      and r.created_at = w.created_at
    returning r.*
  )
  insert into reservation select * from gone on conflict do nothing;
  get diagnostics back = row_count;
  return back;
end $$;
