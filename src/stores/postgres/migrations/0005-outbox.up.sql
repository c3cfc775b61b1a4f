-- What is told to others: thresholds and overruns, each once.

-- Tells every threshold that the alarmed accounts have reached and not told yet.
create function tollgate.tell_thresholds(inout accounts tollgate.account[], alarmed integer[],
  moment timestamptz)
language plpgsql as $$
declare
  place integer;
  a tollgate.account;
  top record;
begin
  foreach place in array alarmed loop
    a := accounts[place];
    select m.metric, m.used, m.cap, per_mille(m.used, m.cap) as share into top
      from (values
        ('cost', a.held_cost + a.committed_cost,
          a.cap_cost + a.carried_cost),
        ('input', a.held_input + a.committed_input,
          a.cap_input + a.carried_input),
        ('output', a.held_output + a.committed_output,
          a.cap_output + a.carried_output),
        ('total', a.held_input + a.committed_input + a.held_output + a.committed_output,
          a.cap_total + a.carried_total),
        ('invocations', a.held_invocations + a.committed_invocations,
          a.cap_invocations + a.carried_invocations)
      ) m(metric, used, cap)
      order by share desc nulls last limit 1;
    insert into outbox (tenant, kind, event_key, payload, at)
      select a.tenant, 'budget.threshold', concat(a.account_id, '@', t.per_mille),
        jsonb_build_object('account', a.account_id, 'budgetId', a.budget_id, 'owner', a.owner,
          'perMille', t.per_mille, 'metric', top.metric, 'used', top.used::text,
          'cap', top.cap::text, 'periodStartMs', ms(a.period_start),
          'periodEndMs', ms(a.period_end)), moment
      from unnest(a.alerts) t(per_mille)
      where t.per_mille > a.alerted and t.per_mille <= top.share
      order by t.per_mille;
    a.alerted := (select max(t) from unnest(a.alerts) t where t <= top.share);
    accounts[place] := a;
  end loop;
end $$;

-- Tells the commits that cost more than was held for them.
create function tollgate.tell_overruns(settlements tollgate.entry[], moment timestamptz)
returns void
language plpgsql as $$
begin
  insert into outbox (tenant, kind, event_key, payload, at)
    select e.tenant, 'budget.overrun', concat(e.reservation_id, '@', e.request_id),
      jsonb_build_object('reservationId', e.reservation_id, 'decisionId', e.decision_id,
        'overrunMicroUsd', (e.held_cost + e.committed_cost)::text), moment
    from unnest(settlements) e
    where e.operation = 'commit' and e.held_cost + e.committed_cost > 0;
end $$;
