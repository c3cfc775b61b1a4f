-- tollgate.accounts_after: the locked accounts after settlement, under the caps that the last spec
-- for each gives, in their order. Ceilings are set here, before any hold.
create function tollgate.accounts_after(was tollgate.account[], specs tollgate.spec[],
  settlements tollgate.entry[],
  out accounts tollgate.account[])
language plpgsql as $$
begin
  select coalesce(array_agg(row(a.tenant, a.account_id, a.budget_id, a.owner, a.period_start,
    a.period_end, a.depth,
      a.soft, a.warn_per_mille, a.degrade_per_mille,
      a.cap_cost, a.cap_input, a.cap_output, a.cap_total, a.cap_invocations,
      ceiling_of(a.soft, a.cap_cost, a.held_cost + a.committed_cost),
      ceiling_of(a.soft, a.cap_input, a.held_input + a.committed_input),
      ceiling_of(a.soft, a.cap_output, a.held_output + a.committed_output),
      ceiling_of(a.soft, a.cap_total,
        a.held_input + a.committed_input + a.held_output + a.committed_output),
      ceiling_of(a.soft, a.cap_invocations, a.held_invocations + a.committed_invocations),
      a.held_cost, a.held_input, a.held_output, a.held_invocations,
      a.committed_cost, a.committed_input, a.committed_output, a.committed_invocations)::account
        order by a.i), '{}')
    into accounts
    from (
      select a.i, a.tenant, a.account_id, a.budget_id, a.owner, a.depth,
        case when s.s is null then a.period_start else s.period_start end as period_start,
        case when s.s is null then a.period_end else s.period_end end as period_end,
        coalesce(s.soft, a.soft) as soft,
        coalesce(s.warn_per_mille, a.warn_per_mille) as warn_per_mille,
        coalesce(s.degrade_per_mille, a.degrade_per_mille) as degrade_per_mille,
        case when s.s is null then a.cap_cost else s.cap_cost end as cap_cost,
        case when s.s is null then a.cap_input else s.cap_input end as cap_input,
        case when s.s is null then a.cap_output else s.cap_output end as cap_output,
        case when s.s is null then a.cap_total else s.cap_total end as cap_total,
        case when s.s is null then a.cap_invocations else s.cap_invocations end as cap_invocations,
        a.held_cost + coalesce(d.held_cost, 0) as held_cost,
        a.held_input + coalesce(d.held_input, 0) as held_input,
        a.held_output + coalesce(d.held_output, 0) as held_output,
        a.held_invocations + coalesce(d.held_invocations, 0) as held_invocations,
        a.committed_cost + coalesce(d.committed_cost, 0) as committed_cost,
        a.committed_input + coalesce(d.committed_input, 0) as committed_input,
        a.committed_output + coalesce(d.committed_output, 0) as committed_output,
        a.committed_invocations + coalesce(d.committed_invocations, 0) as committed_invocations
      from unnest(was) with ordinality a(tenant, account_id, budget_id, owner, period_start,
        period_end, depth, soft,
        warn_per_mille, degrade_per_mille, cap_cost, cap_input, cap_output, cap_total,
          cap_invocations,
        ceiling_cost, ceiling_input, ceiling_output, ceiling_total, ceiling_invocations,
        held_cost, held_input, held_output, held_invocations,
        committed_cost, committed_input, committed_output, committed_invocations, i)
      left join (select distinct on (s.tenant, s.account_id) s.*
        from (select row_number() over () as place, s.* from unnest(specs) s) s
        order by s.tenant, s.account_id, s.place desc) s on s.tenant = a.tenant
          and s.account_id = a.account_id
      left join (
        select e.tenant, x.account_id,
          sum(e.held_cost)::bigint as held_cost, sum(e.held_input)::bigint as held_input,
          sum(e.held_output)::bigint as held_output,
            sum(e.held_invocations)::bigint as held_invocations,
          sum(e.committed_cost)::bigint as committed_cost,
            sum(e.committed_input)::bigint as committed_input,
          sum(e.committed_output)::bigint as committed_output,
          sum(e.committed_invocations)::bigint as committed_invocations
        from unnest(settlements) e cross join lateral unnest(e.account_ids) x(account_id)
        group by e.tenant, x.account_id
      ) d on d.tenant = a.tenant and d.account_id = a.account_id
    ) a;
end $$;

-- tollgate.run_up: adds what is given to each op to the accounts, in order, settlements first.
--
-- readings   by op: its accounts as they stand after it
-- contested  positions of the accounts in which not all of it fits; null when all fits everywhere
create function tollgate.run_up(
  ops tollgate.op[], charges tollgate.charge[], accounts tollgate.account[],
  give_cost bigint[], give_input bigint[], give_output bigint[], give_invocations bigint[],
  out readings jsonb[], out contested integer[])
language plpgsql as $$
begin
  with standing as (
    select row_number() over () as spot, a.soft, a.cap_cost, a.cap_input, a.cap_output, a.cap_total,
      a.cap_invocations, a.held_cost, a.held_input, a.held_output, a.held_invocations,
      a.committed_cost, a.committed_input, a.committed_output, a.committed_invocations,
      concat(a.soft::integer, '|', a.warn_per_mille, '|', a.degrade_per_mille,
        '|', a.cap_cost, '|', a.cap_input, '|', a.cap_output, '|', a.cap_total, '|',
          a.cap_invocations,
        '|', a.committed_cost, '|', a.committed_input, '|', a.committed_output, '|',
          a.committed_invocations,
        '|') as head,
      concat('|', ms(a.period_start), '|', ms(a.period_end), '|', a.account_id) as tail
    from unnest(accounts) a
  ), given as (
    select o.n, o.kind, give_cost[o.n] as cost, give_input[o.n] as input,
      give_output[o.n] as output,
      give_invocations[o.n] as invocations
    from unnest(ops) o
  ), running as materialized (
    select c.n, c.k, c.i, c.settles, g.kind, g.cost, g.input, g.output, g.invocations, a.*,
      (a.held_cost + sum(g.cost) over upto)::bigint as then_cost,
      (a.held_input + sum(g.input) over upto)::bigint as then_input,
      (a.held_output + sum(g.output) over upto)::bigint as then_output,
      (a.held_invocations + sum(g.invocations) over upto)::bigint as then_invocations
    from unnest(charges) c
    join standing a on a.spot = c.i
    join given g on g.n = c.n
    window upto as (partition by c.i order by not c.settles, c.n, c.k)
  ), per_op as (
    select n, jsonb_agg(concat(head, then_cost, '|', then_input, '|', then_output, '|',
      then_invocations, tail)
      order by k) as lines
    from running group by n
  )
  select
    (select array_agg(coalesce(p.lines, '[]') order by o.n)
      from unnest(ops) o left join per_op p on p.n = o.n),
    (select array_agg(distinct r.i) from running r where not r.settles and not r.soft and (
      exceeds(r.kind, r.cost, r.then_cost + r.committed_cost, r.cap_cost)
      or exceeds(r.kind, r.input, r.then_input + r.committed_input, r.cap_input)
      or exceeds(r.kind, r.output, r.then_output + r.committed_output, r.cap_output)
      or exceeds(r.kind, r.input + r.output,
        r.then_input + r.committed_input + r.then_output + r.committed_output, r.cap_total)
      or exceeds(r.kind, r.invocations, r.then_invocations + r.committed_invocations,
        r.cap_invocations)))
    into readings, contested;
end $$;
