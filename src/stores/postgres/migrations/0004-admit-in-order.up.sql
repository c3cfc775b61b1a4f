-- tollgate.admit_in_order: decides the holds and extensions that do not all fit, one by one in
-- order of arrival.
--
-- accounts   the locked accounts after settlement
-- contested  positions of those in which not all that is asked for may fit; only these can deny
-- asks       the entries of what is asked for; n is the op
-- verdicts and give_* come in with everything given and go out with what was decided: null stays
-- where a hold is admitted, 'short' or 'token_used' with nothing given where it is not. A partial
-- hold is given what is left of money and output tokens, as long as that is at least one of each
-- that was asked for; its input and its call must fit whole.
create function tollgate.admit_in_order(
  ops tollgate.op[], asks tollgate.entry[], accounts tollgate.account[], contested integer[],
  inout verdicts text[], inout give_cost bigint[], inout give_input bigint[],
    inout give_output bigint[],
  inout give_invocations bigint[])
language plpgsql as $$
declare
  room_cost bigint[];        -- by account; null means no bound
  room_input bigint[];
  room_output bigint[];
  room_total bigint[];
  room_invocations bigint[];
  shut boolean[];            -- by account: a cap of 0 denies every call
  spent_tokens text[] := '{}';
  candidate record;
  spot integer;
  left_cost bigint;
  left_input bigint;
  left_output bigint;
  left_total bigint;
  left_invocations bigint;
  part_cost bigint;
  part_output bigint;
  blocked boolean;
begin
  select array_agg(case when soft then null
        else cap_cost + carried_cost - passed_on_cost - held_cost - committed_cost end),
      array_agg(case when soft then null
        else cap_input + carried_input - passed_on_input - held_input - committed_input end),
      array_agg(case when soft then null
        else cap_output + carried_output - passed_on_output - held_output - committed_output end),
      array_agg(case when soft then null else
        cap_total + carried_total - passed_on_total - held_input - committed_input - held_output - committed_output end),
      array_agg(case when soft then null
        else cap_invocations + carried_invocations - passed_on_invocations - held_invocations
          - committed_invocations end),
      array_agg(not soft and 0 in (coalesce(cap_cost, 1), coalesce(cap_input, 1),
        coalesce(cap_output, 1),
        coalesce(cap_total, 1), coalesce(cap_invocations, 1)))
    into room_cost, room_input, room_output, room_total, room_invocations, shut
    from unnest(accounts);
  for candidate in
    select o.n, o.kind, o.tenant, o.authorized_by, coalesce(o.partial, false) as partial,
      o.cost, o.input, o.output, o.invocations, coalesce(t.accounts, '{}') as accounts
    from unnest(ops) o
    left join (
      select e.n, array_agg(a.i) as accounts
      from unnest(asks) e
      cross join lateral unnest(e.account_keys) x(account_key)
      join (select row_number() over () as i, account_key from unnest(accounts)) a
        on a.account_key = x.account_key
      where a.i = any (contested)
      group by e.n
    ) t on t.n = o.n
    where verdicts[o.n] is null and o.kind in ('hold', 'extend')
      and (t.n is not null or o.authorized_by <> '')
    order by o.n
  loop
    if candidate.authorized_by <> ''
      and candidate.tenant || '/' || candidate.authorized_by = any (spent_tokens) then
      verdicts[candidate.n] := 'token_used';
    else
      left_cost := null;
      left_input := null;
      left_output := null;
      left_total := null;
      left_invocations := null;
      blocked := false;
      foreach spot in array candidate.accounts loop
        left_cost := least(left_cost, room_cost[spot]);
        left_input := least(left_input, room_input[spot]);
        left_output := least(left_output, room_output[spot]);
        left_total := least(left_total, room_total[spot]);
        left_invocations := least(left_invocations, room_invocations[spot]);
        blocked := blocked or (shut[spot] and candidate.kind = 'hold');
      end loop;
      -- An extension is judged only in what it adds to; a call is judged in every metric.
      if candidate.kind = 'extend' then
        if candidate.cost = 0 then left_cost := null; end if;
        if candidate.input = 0 then left_input := null; end if;
        if candidate.output = 0 then left_output := null; end if;
        if candidate.input + candidate.output = 0 then left_total := null; end if;
        if candidate.invocations = 0 then left_invocations := null; end if;
      end if;
      part_cost := least(candidate.cost, left_cost);
      part_output := least(candidate.output, left_output, left_total - candidate.input);
      blocked := blocked
        or candidate.input > left_input
        or candidate.invocations > left_invocations
        or part_cost < least(candidate.cost, 1)
        or part_output < least(candidate.output, 1);
      if coalesce(blocked, false)
        or (not candidate.partial and (part_cost < candidate.cost
          or part_output < candidate.output)) then
        verdicts[candidate.n] := 'short';
      else
        give_cost[candidate.n] := part_cost;
        give_output[candidate.n] := part_output;
        foreach spot in array candidate.accounts loop
          room_cost[spot] := room_cost[spot] - part_cost;
          room_input[spot] := room_input[spot] - candidate.input;
          room_output[spot] := room_output[spot] - part_output;
          room_total[spot] := room_total[spot] - candidate.input - part_output;
          room_invocations[spot] := room_invocations[spot] - candidate.invocations;
        end loop;
        if candidate.authorized_by <> '' then
          spent_tokens := spent_tokens || (candidate.tenant || '/' || candidate.authorized_by);
        end if;
      end if;
    end if;
    if verdicts[candidate.n] is not null then
      give_cost[candidate.n] := 0;
      give_input[candidate.n] := 0;
      give_output[candidate.n] := 0;
      give_invocations[candidate.n] := 0;
    end if;
  end loop;
end $$;
