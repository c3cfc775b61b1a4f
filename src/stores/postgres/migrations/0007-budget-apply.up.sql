-- tollgate.budget_apply(batch_ops, specs, named, records, way, at): applies a whole batch of ledger
-- operations in one transaction.
--
-- specs, named  the accounts of holds (tollgate.specs_at). specs has "twice" when one is configured
--         in two ways.
-- records by op, what goes into lineage as it is: the record and, after U+001F, the personal data.
--         Separated by U+001E; JSON has neither.
-- way     'plain' where tollgate.apply_plain may do; 'careful' after a collision: looks first at
--         what is otherwise only found out under way; otherwise 'whole'.
-- at      the moment to decide at; null means the server's clock. Only tests and replays pass it.
-- answer  {"accounts": [line before the batch …], "ops": [answer …]}.
--
-- An expire op stands alone in its batch: it locks the overdue reservations that nobody else holds.
--
-- How it stays exact: every batch takes its locks in the same order (reservations by id, then
-- accounts by key, deepest first and the organization's last, then the heads of the chains), so
-- batches queue and never deadlock, and no balance is read before its lock is held. A request that
-- another batch is just answering collides when it is written, and the whole batch is rolled back to
-- be tried again; the second try finds the stored answer.
--
-- How it stays fast, with fresh and with full tables: a statement touches a table only by looking
-- single rows up by a unique key (cross join lateral … limit 1), by inserts, and by updates in a
-- nested loop. None leaves the planner a choice, so a plan made on an empty table is still right on a full
-- one; joins are between arrays in memory, and are hashed. What each op finds in its accounts is
-- not worked out here: the lines before the batch and the order of the entries say it.
create function tollgate.budget_apply(batch_ops tollgate.op[], specs jsonb, named tollgate.named[],
  records text, way text, at timestamptz default null) returns text
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
  record_texts text[] := string_to_array(records, E'\x1e');
  careful boolean := way = 'careful';
  batch_specs tollgate.spec[];
  spec_keys uuid[];          -- by spec
  missing tollgate.spec[];
  extra_keys uuid[] := '{}'; -- accounts to lock besides those that ops name: both sides of a carry
  reservations tollgate.reservation[];
  lost_tenants text[];
  lost_ids text[];
  unextended tollgate.reservation[];  -- the same before the extensions of this batch
  was tollgate.account[];             -- locked accounts as they were before
  now_at tollgate.account[];          -- the same afterwards
  lines text[];
  contested integer[];
  alarmed integer[];
  settlements tollgate.entry[];
  asks tollgate.entry[];
  verdicts text[];           -- by op; null while it is undecided
  twins integer[];           -- by op: the first op of this batch with the same request id
  give_cost bigint[];        -- by op: what is held for it
  give_input bigint[];
  give_output bigint[];
  give_invocations bigint[];
  answer json;
  plain_answer text;
  candidate record;
begin
  if way = 'plain' and not (specs ->> 'twice')::boolean then
    plain_answer := apply_plain(moment, batch_ops, specs_at(specs, named, moment), record_texts);
    if plain_answer is not null then
      return plain_answer;
    end if;
  end if;

  -- ── Reservations: locked by id; those to expire only when nobody else holds them ───────────────
  -- One that is not there may have been archived since; a late commit brings it back.
  for attempt in 1..2 loop
    select coalesce(array_agg(l.r) filter (where l.there), '{}'),
        array_agg(k.tenant) filter (where l.there is null),
        array_agg(k.reservation_id) filter (where l.there is null)
      into reservations, lost_tenants, lost_ids
      from (select distinct tenant, reservation_id from unnest(batch_ops)
        where kind in ('commit', 'release', 'extend')
        order by tenant, reservation_id) k
      left join lateral (select r, true as there from reservation r
        where r.tenant = k.tenant and r.reservation_id = k.reservation_id limit 1 for update) l
        on true;
    exit when attempt = 2 or lost_ids is null or bring_back(lost_tenants, lost_ids) = 0;
  end loop;
  for candidate in select most from unnest(batch_ops) where kind = 'expire' loop
    reservations := reservations || array(
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
      left join lateral (select q.fingerprint, q.operation from entry q
        where q.tenant || E'\x1f' || q.request_id = o.tenant || E'\x1f' || o.request_id
        limit 1) q on true
      window same as (partition by o.tenant, o.request_id, o.kind in ('recall', 'expire')
        order by o.n)
    ) s;

  -- A reservation id that is there already belongs to an older request; so does a token.
  if careful then
    select array_agg(coalesce(verdicts[o.n], case when r.taken then 'conflict' end) order by o.n)
      into verdicts
      from unnest(batch_ops) o
      left join lateral (select true as taken from reservation r
        where o.kind = 'hold' and verdicts[o.n] is null
          and r.tenant = o.tenant and r.reservation_id = o.reservation_id limit 1) r on true;
  end if;
  if exists (select from unnest(batch_ops) where authorized_by <> '') then
    select array_agg(coalesce(verdicts[o.n], case when t.taken then 'token_used' end) order by o.n)
      into verdicts
      from unnest(batch_ops) o
      left join lateral (select true as taken from reservation r
        where o.kind = 'hold' and verdicts[o.n] is null and o.authorized_by <> ''
          and r.tenant = o.tenant and r.authorized_by = o.authorized_by
          and r.authorized_by <> '' limit 1) t on true;
  end if;

  -- ── Accounts: opened where they are missing, then locked in the order of their keys ────────────
  -- Only what is decided now brings its configuration; the other specs are null. Of several for one
  -- account the last to arrive counts.
  select coalesce(array_agg(x.account_key order by x.place), '{}'),
      coalesce(array_agg(case when u.s is not null then x end order by x.place), '{}')
    into spec_keys, batch_specs
    from unnest(specs_at(specs, named, moment)) x
    left join (select distinct y.s from unnest(batch_ops) o cross join lateral unnest(o.specs) y(s)
      where coalesce(verdicts[o.n], 'token_used') = 'token_used') u on u.s = x.place;
  if (specs ->> 'twice')::boolean then
    select array_agg(case when l.place is not null then s end order by k.place) into batch_specs
      from unnest(batch_specs) s
      right join generate_series(1, cardinality(batch_specs)) k(place) on k.place = s.place
      left join (
        select distinct on (s.account_key) s.place
        from unnest(batch_ops) o cross join lateral unnest(o.specs) y(wanted)
        join unnest(batch_specs) s on s.place = y.wanted
        where coalesce(verdicts[o.n], 'token_used') = 'token_used'
        order by s.account_key, o.n desc
      ) l on l.place = k.place;
  end if;
  missing := array(select s from unnest(batch_specs) s
    left join lateral (select true as there from account a
      where a.tenant = s.tenant and a.account_key = s.account_key limit 1) a on true
    where s.place is not null and a.there is null);
  if cardinality(missing) > 0 then
    extra_keys := open_accounts(missing);
  end if;
  if careful then
    extra_keys := extra_keys || heirs_of(reservations);
  end if;
  select coalesce(array_agg(l.a order by k.account_key), '{}') into was
    from (
      select s.tenant, s.account_key from unnest(batch_specs) s
        where s.place is not null
      union
      select r.tenant, x.account_key from unnest(reservations) r
        cross join lateral unnest(r.account_keys || extra_keys) x(account_key)
      union
      select s.tenant, x.account_key from unnest(batch_specs) s
        cross join lateral unnest(extra_keys) x(account_key)
        where s.place is not null
      order by account_key
    ) k
    cross join lateral (select a from account a
      where a.tenant = k.tenant and a.account_key = k.account_key limit 1 for update) l;

  -- What is settled in a period that has ended may change what later ones were given; they have to
  -- be locked with it, in their place, so the batch begins again with them.
  if exists (select from unnest(was) where successor is not null) and exists (
    select from unnest(reservations) r
    cross join lateral unnest(r.account_keys) x(account_key)
    join unnest(was) a on a.account_key = x.account_key
    left join unnest(was) h on h.account_key = a.successor
    where a.successor is not null and h.account_key is null) then
    raise exception 'a later period has to be locked as well'
      using errcode = 'serialization_failure';
  end if;

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
        left join unnest(reservations) r on r.tenant = o.tenant and r.reservation_id = o.reservation_id
        where o.kind in ('commit', 'release') and verdicts[o.n] is null
      ) f
    ) s on s.n = o.n;
  select coalesce(array_agg(row(m.tenant, null, row_number, m.kind,
      case when m.state = 'expired' then 'late' else 'settled' end,
      m.request_id, coalesce(m.fingerprint, ''), m.reservation_id, m.decision_id,
      -m.held_cost, -m.held_input, -m.held_output, -m.held_invocations,
      m.cost - m.committed_cost, m.input - m.committed_input, m.output - m.committed_output,
      m.invocations - m.committed_invocations, m.account_keys, null,
      stand_text(case m.kind when 'commit' then 'committed' when 'release' then 'released'
        else 'expired' end, m.expires_at, 0, 0, 0, 0, m.cost, m.input, m.output, m.invocations),
      m.how, m.took_ms, m.said, null)::entry order by m.row_number), '{}')
    into settlements
    from (
      select row_number() over (order by s.n, s.expires_at), s.* from (
        select r.*, o.n, o.request_id, o.fingerprint, o.kind, o.cost, o.input, o.output,
          o.invocations, case o.kind when 'release' then 'released' else o.ending end as how,
          o.duration_ms as took_ms, coalesce(o.error_message, '') as said
        from unnest(batch_ops) o
        join unnest(reservations) r on r.tenant = o.tenant and r.reservation_id = o.reservation_id
        where verdicts[o.n] = 'settled'
        union all
        select r.*, 0, null, null, 'expire', r.held_cost, r.held_input, r.held_output,
          r.held_invocations, 'expired', null, ''
        from unnest(reservations) r
        where r.state = 'open' and r.expires_at <= moment
          and exists (select from unnest(batch_ops) where kind = 'expire')
      ) s
    ) m;
  if cardinality(settlements) > 0 then
    select array_agg(row(r.tenant, r.reservation_id, r.decision_id, r.authorized_by,
        case e.operation when 'commit' then 'committed' when 'release' then 'released'
          when 'expire' then 'expired' else r.state end,
        r.held_cost + coalesce(e.held_cost, 0), r.held_input + coalesce(e.held_input, 0),
        r.held_output + coalesce(e.held_output, 0),
        r.held_invocations + coalesce(e.held_invocations, 0),
        r.committed_cost + coalesce(e.committed_cost, 0),
        r.committed_input + coalesce(e.committed_input, 0),
        r.committed_output + coalesce(e.committed_output, 0),
        r.committed_invocations + coalesce(e.committed_invocations, 0),
        r.account_keys, r.expires_at, r.created_at, r.agent, r.platform, r.model,
        r.complexity, r.team, r.user_id,
        coalesce(e.ending, r.ending), case when e.n is null then r.settled_at else moment end,
        case when e.n is null then r.duration_ms else e.duration_ms end,
        coalesce(e.error_message, r.error_message))::reservation)
      into reservations
      from unnest(reservations) r
      left join unnest(settlements) e on e.tenant = r.tenant
        and e.reservation_id = r.reservation_id;
  end if;
  if exists (select from unnest(batch_ops) where kind = 'extend') then
    select array_agg(coalesce(verdicts[o.n], case when o.kind = 'extend' then
        case when r.state is null then 'not_found' when r.state <> 'open' then 'wrong_state' end
        end) order by o.n)
      into verdicts
      from unnest(batch_ops) o
      left join unnest(reservations) r on r.tenant = o.tenant and r.reservation_id = o.reservation_id;
  end if;
  if cardinality(extra_keys) > 0
    or exists (select from unnest(was) where successor is not null) then
    was := carry_over(was, settlements);
  end if;

  -- ── Admission: all when all fit, otherwise in the order of arrival ─────────────────────────────
  select array_agg(case when asks_now then cost else 0 end order by n),
      array_agg(case when asks_now then input else 0 end order by n),
      array_agg(case when asks_now then output else 0 end order by n),
      array_agg(case when asks_now then invocations else 0 end order by n)
    into give_cost, give_input, give_output, give_invocations
    from (select o.*, verdicts[o.n] is null as asks_now from unnest(batch_ops) o) o;
  -- Once with everything that is asked for; again with what was given when not all of it fits.
  for attempt in 1..2 loop
    select coalesce(array_agg(row(o.tenant, null, o.n, o.kind, coalesce(verdicts[o.n], 'held'),
        o.request_id, o.fingerprint, o.reservation_id, o.decision_id,
        give_cost[o.n], give_input[o.n], give_output[o.n], give_invocations[o.n], 0, 0, 0, 0,
        coalesce(r.account_keys, h.account_keys, '{}'), null, null, null, null, null,
        null)::entry order by o.n), '{}')
      into asks
      from unnest(batch_ops) o
      left join unnest(reservations) r on r.tenant = o.tenant and r.reservation_id = o.reservation_id
      cross join lateral (select array_agg(spec_keys[x.s] order by x.k) as account_keys
        from unnest(o.specs) with ordinality x(s, k)) h
      where o.kind in ('hold', 'extend')
        and coalesce(verdicts[o.n], 'short') in ('short', 'token_used');
    select * into now_at, lines, contested, alarmed
      from accounts_after(was, batch_specs, settlements, asks);
    exit when attempt = 2 or contested is null and not exists (
      select from unnest(batch_ops) o where verdicts[o.n] is null and o.authorized_by <> ''
      group by o.tenant, o.authorized_by having count(*) > 1);
    select * into verdicts, give_cost, give_input, give_output, give_invocations
      from admit_in_order(batch_ops, asks,
        (select accounts from accounts_after(was, batch_specs, settlements, '{}')), contested,
        verdicts, give_cost, give_input, give_output, give_invocations);
  end loop;
  -- Money that a soft budget gives after its period is money that it cannot have passed on.
  if cardinality(asks) > 0 and exists (select from unnest(was) where successor is not null) then
    was := carry_over(was, settlements || asks);
    select * into now_at, lines, contested, alarmed
      from accounts_after(was, batch_specs, settlements, asks);
  end if;
  select array_agg(coalesce(v.verdict, 'held') order by v.n) into verdicts
    from unnest(verdicts) with ordinality v(verdict, n);
  if alarmed is not null then
    now_at := tell_thresholds(now_at, alarmed, moment);
  end if;
  if cardinality(settlements) > 0 then
    perform tell_overruns(settlements, moment);
  end if;

  -- ── Reservations as they stand afterwards ──────────────────────────────────────────────────────
  unextended := reservations;
  if exists (select from unnest(batch_ops) o where o.kind = 'extend' and verdicts[o.n] = 'held')
  then
    select array_agg(row(r.tenant, r.reservation_id, r.decision_id, r.authorized_by, r.state,
        r.held_cost + coalesce(x.cost, 0), r.held_input + coalesce(x.input, 0),
        r.held_output + coalesce(x.output, 0), r.held_invocations + coalesce(x.invocations, 0),
        r.committed_cost, r.committed_input, r.committed_output, r.committed_invocations,
        r.account_keys, greatest(r.expires_at, x.expires_at), r.created_at, r.agent,
        r.platform, r.model, r.complexity, r.team, r.user_id, r.ending, r.settled_at,
        r.duration_ms, r.error_message)::reservation)
      into reservations
      from unnest(reservations) r
      left join (
        select o.tenant, o.reservation_id, sum(o.cost)::bigint as cost,
          sum(o.input)::bigint as input, sum(o.output)::bigint as output,
          sum(o.invocations)::bigint as invocations,
          max(moment + o.hold_for_ms * interval '1 millisecond') as expires_at
        from unnest(batch_ops) o where o.kind = 'extend' and verdicts[o.n] = 'held'
        group by o.tenant, o.reservation_id
      ) x on x.tenant = r.tenant and x.reservation_id = r.reservation_id;
  end if;
  -- Of several extensions of one reservation each answers how it stands after itself.
  select coalesce(array_agg(row(e.tenant, null, cardinality(settlements) + e.n, e.operation,
      e.verdict, e.request_id, e.fingerprint, e.reservation_id, e.decision_id,
      e.held_cost, e.held_input, e.held_output, e.held_invocations, 0, 0, 0, 0, e.account_keys,
      e.what, case when e.verdict = 'held' then stand_text('open', e.expires_at, e.so_cost,
        e.so_input, e.so_output, e.so_invocations, 0, 0, 0, 0) end,
      null, null, null, null)::entry order by e.n), '{}')
    into asks
    from (
      select e.*, case when e.verdict <> 'held' then
          concat(o.cost, ',', o.input, ',', o.output, ',', o.invocations) end as what,
        greatest(r.expires_at,
          max(moment + o.hold_for_ms * interval '1 millisecond') over upto) as expires_at,
        (coalesce(r.held_cost, 0) + sum(e.held_cost) over upto)::bigint as so_cost,
        (coalesce(r.held_input, 0) + sum(e.held_input) over upto)::bigint as so_input,
        (coalesce(r.held_output, 0) + sum(e.held_output) over upto)::bigint as so_output,
        (coalesce(r.held_invocations, 0)
          + sum(e.held_invocations) over upto)::bigint as so_invocations
      from unnest(asks) e
      join unnest(batch_ops) o on o.n = e.n
      left join unnest(unextended) r on r.tenant = e.tenant
        and r.reservation_id = e.reservation_id
      window upto as (partition by e.tenant, e.reservation_id, e.verdict order by e.n)
    ) e;

  perform write_batch(moment, batch_ops, record_texts, now_at, lines, reservations, settlements, asks);

  -- ── Answers ────────────────────────────────────────────────────────────────────────────────────
  select json_agg(case verdicts[o.n]
      when 'held' then json_build_object('kind', 'held', 'delta', delta_text(e), 'stand', e.stand,
        'accounts', e.account_keys,
        'fixed', case when o.kind = 'extend' then reservation_fixed(r) end)
      when 'short' then json_build_object('kind', 'short', 'accounts', e.account_keys)
      when 'token_used' then json_build_object('kind', 'token_used', 'accounts', e.account_keys)
      when 'settled' then json_build_object('kind', e.verdict, 'delta', delta_text(e),
        'stand', e.stand, 'accounts', e.account_keys, 'fixed', reservation_fixed(r))
      when 'wrong_state' then json_build_object('kind', 'wrong_state', 'state', r.state)
      when 'same' then json_build_object('kind', 'same', 'as', twins[o.n] - 1)
      when 'expired' then json_build_object('kind', 'expired', 'count', cardinality(settlements))
      when 'replay' then answer_again(o.tenant, o.request_id)
      else json_build_object('kind', verdicts[o.n])
    end order by o.n)
    into answer
    from unnest(batch_ops) o
    left join (select * from unnest(settlements) union all select * from unnest(asks)) e
      on e.tenant = o.tenant and e.request_id = o.request_id
    left join unnest(reservations) r on r.tenant = o.tenant and r.reservation_id = o.reservation_id;
  return json_build_object('accounts',
    (select coalesce(json_agg(l.line || a.identity order by a.i), '[]')
      from (select row_number() over () as i, a.* from unnest(was) a) a
      join unnest(lines) with ordinality l(line, i) on l.i = a.i),
    'ops', answer)::text;
end $$;
