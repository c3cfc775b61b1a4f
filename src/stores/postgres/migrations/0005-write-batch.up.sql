-- tollgate.write_batch: writes what tollgate.budget_apply decided. Reads nothing, so that it
-- decides nothing.
--
-- verdicts and outcomes are by op. settlements and holds are the entries; accounts and reservations
-- are the rows as they stand after them, `was` the accounts as they were found.
create function tollgate.write_batch(batch jsonb, moment timestamptz, ops tollgate.op[],
  verdicts text[],
  outcomes jsonb[], was tollgate.account[], accounts tollgate.account[],
    reservations tollgate.reservation[],
  settlements tollgate.entry[], holds tollgate.entry[]) returns void
language plpgsql as $$
declare
  recorded text[];           -- decisions whose lineage this batch wrote
  expected integer;
  written integer;
begin
  insert into account as a
    select * from unnest(accounts)
    except
    select * from unnest(was)
    on conflict (tenant, account_id) do update set
      period_start = excluded.period_start, period_end = excluded.period_end, soft = excluded.soft,
      warn_per_mille = excluded.warn_per_mille, degrade_per_mille = excluded.degrade_per_mille,
      cap_cost = excluded.cap_cost, cap_input = excluded.cap_input,
        cap_output = excluded.cap_output,
      cap_total = excluded.cap_total, cap_invocations = excluded.cap_invocations,
      ceiling_cost = excluded.ceiling_cost, ceiling_input = excluded.ceiling_input,
      ceiling_output = excluded.ceiling_output, ceiling_total = excluded.ceiling_total,
      ceiling_invocations = excluded.ceiling_invocations,
      held_cost = excluded.held_cost, held_input = excluded.held_input,
        held_output = excluded.held_output,
      held_invocations = excluded.held_invocations,
      committed_cost = excluded.committed_cost, committed_input = excluded.committed_input,
      committed_output = excluded.committed_output,
        committed_invocations = excluded.committed_invocations;

  select count(*) into expected from unnest(ops) o where o.kind = 'hold' and verdicts[o.n] = 'held';
  if expected > 0 then
    insert into reservation
      select r.* from unnest(ops) o
      join unnest(reservations) r on r.tenant = o.tenant and r.reservation_id = o.reservation_id
      where o.kind = 'hold' and verdicts[o.n] = 'held'
      order by r.tenant, r.reservation_id
      on conflict do nothing;
    get diagnostics written = row_count;
    if written < expected then
      raise exception 'a reservation or token was taken meanwhile'
        using errcode = 'serialization_failure';
    end if;
  end if;
  insert into reservation as r
    select f.* from unnest(reservations) f
    where exists (select from unnest(settlements) e where e.tenant = f.tenant
      and e.reservation_id = f.reservation_id)
      or exists (select from unnest(holds) e
        where e.kind = 'extend' and e.tenant = f.tenant and e.reservation_id = f.reservation_id)
    on conflict (tenant, reservation_id) do update set
      state = excluded.state, expires_at = excluded.expires_at,
      held_cost = excluded.held_cost, held_input = excluded.held_input,
        held_output = excluded.held_output,
      held_invocations = excluded.held_invocations,
      committed_cost = excluded.committed_cost, committed_input = excluded.committed_input,
      committed_output = excluded.committed_output,
        committed_invocations = excluded.committed_invocations;

  insert into entry (tenant, reservation_id, request_id, kind, held_cost, held_input, held_output,
    held_invocations,
      committed_cost, committed_input, committed_output, committed_invocations, account_ids, at)
    select e.tenant, e.reservation_id, e.request_id, e.kind, e.held_cost, e.held_input,
      e.held_output,
      e.held_invocations, e.committed_cost, e.committed_input, e.committed_output,
        e.committed_invocations,
      e.account_ids, e.at
    from (select * from unnest(settlements) union all select * from unnest(holds)) e;

  insert into settlement (tenant, reservation_id, "end", cost, input, output, invocations,
    settled_at, duration_ms,
      error_message)
    select e.tenant, e.reservation_id,
      case e.kind when 'release' then 'released' when 'expire' then 'expired' else o.ending end,
      r.committed_cost, r.committed_input, r.committed_output, r.committed_invocations, moment,
        o.duration_ms,
      coalesce(o.error_message, '')
    from unnest(settlements) e
    join unnest(reservations) r on r.tenant = e.tenant and r.reservation_id = e.reservation_id
    left join unnest(ops) o on o.tenant = e.tenant and o.request_id = e.request_id
      and verdicts[o.n] = 'settled';

  -- A decision id that was recorded before keeps its record; the request then carries this one.
  if exists (select from unnest(verdicts) v where v in ('held', 'short', 'token_used')) then
    with fresh as (
      select o.n, o.tenant, o.decision_id, o.reservation_id, o.kind, o.request_id,
        j.op -> 'record' as record,
        verdicts[o.n] as verdict
      from jsonb_array_elements(batch -> 'ops') with ordinality j(op, n)
      join unnest(ops) o on o.n = j.n
      where verdicts[o.n] in ('held', 'short', 'token_used')
    ), record_written as (
      insert into lineage (tenant, decision_id, request_id, operation, decided_at, agent, team,
        user_id, effect,
          reason_codes, reservation_id, detail, outcome)
        select f.tenant, f.decision_id, f.request_id, r.operation,
          to_timestamp(r.decided_at_ms / 1000.0), r.agent,
          r.team, r.user_id, case when f.verdict = 'held' then r.effect else 'deny' end,
          r.reason_codes || case f.verdict when 'short' then '{budget.exceeded}' when 'token_used'
            then '{token.used}'
            else '{}' end::text[],
          case when f.verdict = 'held' or f.kind = 'extend' then f.reservation_id else '' end,
          f.record -> 'detail', outcomes[f.n]
        from fresh f
        cross join lateral jsonb_to_record(f.record) r(operation text, decided_at_ms bigint,
          agent text, team text,
          user_id text, effect text, reason_codes text[])
        order by f.tenant, f.decision_id
        on conflict do nothing
        returning tenant, decision_id
    ), person_written as (
      insert into lineage_person (tenant, decision_id, personal)
        select f.tenant, f.decision_id, f.record -> 'personal' from fresh f
          where f.record ? 'personal'
        order by f.tenant, f.decision_id
        on conflict do nothing
    )
    select array_agg(w.tenant || '/' || w.decision_id) into recorded from record_written w;
  end if;

  select count(*) into expected from unnest(verdicts) v
    where v in ('held', 'short', 'token_used', 'settled');
  if expected > 0 then
    insert into request (tenant, request_id, operation, fingerprint, reservation_id, decision_id,
      outcome, at)
      select o.tenant, o.request_id, o.kind, o.fingerprint,
        case when verdicts[o.n] in ('held', 'settled') then o.reservation_id else '' end,
        coalesce(o.decision_id, ''),
        case
          when verdicts[o.n] = 'settled' then outcomes[o.n]
          when o.tenant || '/' || o.decision_id = any (recorded) then null
          else outcomes[o.n] || jsonb_build_object('record',
            batch -> 'ops' -> (o.n - 1) -> 'record')
        end, moment
      from unnest(ops) o
      where verdicts[o.n] in ('held', 'short', 'token_used', 'settled')
      order by o.tenant, o.request_id
      on conflict do nothing;
    get diagnostics written = row_count;
    if written < expected then
      raise exception 'a request was answered meanwhile' using errcode = 'serialization_failure';
    end if;
  end if;
end $$;
