-- Compares a page of reservations with their entries. $1 tenant or null, $2 since (milliseconds) or
-- null, $3 and $4 tenant and id after which to go on, $5 rows of a page.
with page as materialized (
  select * from tollgate.reservation r
  where (r.tenant, r.reservation_id) > ($3, $4)
    and ($1::text is null or r.tenant = $1)
    and ($2::bigint is null
      or r.created_at >= timestamptz 'epoch' + $2::bigint * interval '1 millisecond')
  order by r.tenant, r.reservation_id
  limit $5::integer
), compared as (
  select r.tenant, r.reservation_id, c.column_name, c.expected, c.found
  from page r
  cross join lateral (
    select count(*) filter (where e.kind = 'hold') as holds,
      coalesce(sum(e.held_cost), 0) as held_cost, coalesce(sum(e.held_input), 0) as held_input,
      coalesce(sum(e.held_output), 0) as held_output, coalesce(sum(e.held_invocations),
        0) as held_invocations,
      coalesce(sum(e.committed_cost), 0) as committed_cost,
        coalesce(sum(e.committed_input), 0) as committed_input,
      coalesce(sum(e.committed_output), 0) as committed_output,
      coalesce(sum(e.committed_invocations), 0) as committed_invocations,
      (array_agg(case e.kind when 'hold' then 'open' when 'extend' then 'open' when 'commit'
        then 'committed'
        when 'correct' then 'committed' when 'release' then 'released' else 'expired' end
          order by e.seq desc))[1] as state,
      coalesce(bool_and(e.account_ids = r.account_ids), true) as same_accounts
    from tollgate.entry e
    where e.tenant = r.tenant and e.reservation_id = r.reservation_id
  ) e
  cross join lateral (values
    ('entries', '1 hold', e.holds || ' holds', e.holds = 1),
    ('state', e.state, r.state, e.state = r.state),
    ('held_cost', e.held_cost::text, r.held_cost::text, e.held_cost = r.held_cost),
    ('held_input', e.held_input::text, r.held_input::text, e.held_input = r.held_input),
    ('held_output', e.held_output::text, r.held_output::text, e.held_output = r.held_output),
    ('held_invocations', e.held_invocations::text, r.held_invocations::text,
      e.held_invocations = r.held_invocations),
    ('committed_cost', e.committed_cost::text, r.committed_cost::text,
      e.committed_cost = r.committed_cost),
    ('committed_input', e.committed_input::text, r.committed_input::text,
      e.committed_input = r.committed_input),
    ('committed_output', e.committed_output::text, r.committed_output::text,
      e.committed_output = r.committed_output),
    ('committed_invocations', e.committed_invocations::text, r.committed_invocations::text,
      e.committed_invocations = r.committed_invocations),
    ('account_ids', 'those of its entries', r.account_ids::text, e.same_accounts)
  ) c(column_name, expected, found, agrees)
  where c.agrees is not true
)
select (select count(*) from page)::text as checked,
  (select tenant from page order by tenant desc, reservation_id desc limit 1) as last_tenant,
  (select reservation_id from page order by tenant desc, reservation_id desc limit 1) as last_id,
  (select jsonb_build_object('table', 'reservation', 'key', tenant || '/' || reservation_id,
    'column', column_name,
    'expected', coalesce(expected, 'no entry'), 'found', found)::text
   from compared order by tenant, reservation_id limit 1) as first
