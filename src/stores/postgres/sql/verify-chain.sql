-- Recomputes the chain over a page of batches, in the order of their tenants and numbers. $1 tenant
-- or null, $2 since (milliseconds) or null, $3 and $4 tenant and batch after which to go on, $5
-- batches of a page. The batch before the first one since then is trusted.
with page as materialized (
  select * from tollgate.chain_all c
  where (c.tenant, c.batch) > ($3, $4::bigint)
    and ($1::text is null or c.tenant = $1)
    and ($2::bigint is null or c.at >= timestamptz 'epoch' + $2::bigint * interval '1 millisecond')
  order by c.tenant, c.batch
  limit $5::integer
), sealed as (
  select c.*, e.there, case when c.batch = 1 then '\x'::bytea else p.hash end as previous, e.texts
  from page c
  left join lateral (select p.hash from tollgate.chain_all p
    where p.tenant = c.tenant and p.batch = c.batch - 1) p on true
  cross join lateral (
    select count(*)::integer as there,
      string_agg(tollgate.entry_text(x.e), E'\n' order by (x.e).n) as texts
    from (
      select e from tollgate.entry e where e.tenant = c.tenant and e.batch = c.batch
      union all
      select row(a.*)::tollgate.entry from tollgate.entry_archive a
        where a.tenant = c.tenant and a.batch = c.batch
    ) x(e)
  ) e
), compared as (
  select s.tenant, s.batch, c.*
  from sealed s
  cross join lateral (values
    (1, 'batch', 'a batch before it', 'none', s.previous is not null),
    (2, 'entries', s.entries::text, s.there::text, s.entries = s.there),
    (3, 'hash', 'the hash over its entries, its records and the batch before', encode(s.hash, 'hex'),
      s.hash = tollgate.seal(s.previous, s.tenant, s.batch, s.at, s.accounts, s.records,
        s.texts))
  ) c(place, column_name, expected, found, agrees)
  where c.agrees is not true
  union all
  -- A record that is not as the chain says. One id may stand for several records when its request id
  -- was used again: then one of them has to be as it says.
  select p.tenant, p.batch, 4, 'record', r.line, coalesce(f.line, 'none'), false
  from page p
  cross join lateral unnest(p.records) r(line)
  cross join lateral (
    select max(l.line) as line, coalesce(bool_or(l.line = r.line), false) as there
    from (
      select tollgate.record_line(l) as line from tollgate.lineage l
      where l.tenant = p.tenant and l.decision_id = split_part(r.line, ' ', 1)
      union all
      select tollgate.record_line(row(a.*)::tollgate.lineage) from tollgate.lineage_archive a
      where a.tenant = p.tenant and a.decision_id = split_part(r.line, ' ', 1)
    ) l
  ) f
  where not f.there
)
select (select count(*) from page)::text as checked,
  (select coalesce(sum(there), 0) from sealed)::text as entries,
  (select coalesce(sum(cardinality(records)), 0) from page)::text as records,
  (select tenant from page order by tenant desc, batch desc limit 1) as last_tenant,
  (select batch from page order by tenant desc, batch desc limit 1)::text as last_id,
  (select case when column_name = 'record' then
      jsonb_build_object('table', 'lineage', 'key', tenant || '/' || split_part(expected, ' ', 1),
        'column', 'record', 'expected', split_part(expected, ' ', 2),
        'found', case found when 'none' then 'none' else split_part(found, ' ', 2) end)
    else jsonb_build_object('table', 'chain', 'key', tenant || '/' || batch,
      'column', column_name, 'expected', expected, 'found', found) end::text
   from compared order by tenant, batch, place limit 1) as first
