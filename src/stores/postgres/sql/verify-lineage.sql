-- Looks for holds and extensions whose decision is recorded nowhere, and for records that no chain
-- knows. $1 tenant or null, $2 since (milliseconds) or null; since then, records are not counted.
with first as (
  select c.tenant, min(c.batch) as batch from tollgate.chain_all c
  where ($1::text is null or c.tenant = $1)
    and ($2::bigint is null or c.at >= timestamptz 'epoch' + $2::bigint * interval '1 millisecond')
  group by c.tenant
), asked as (
  select e.tenant, e.decision_id, e.request_id
  from first f
  join tollgate.entry_all e on e.tenant = f.tenant and e.batch >= f.batch
  where e.operation in ('hold', 'extend') and e.record is null
), lost as (
  select a.* from asked a
  left join tollgate.lineage_all l on l.tenant = a.tenant and l.decision_id = a.decision_id
  where l.decision_id is null
), kept as (
  select l.tenant, count(*) as records from tollgate.lineage_all l
  where ($1::text is null or l.tenant = $1) and $2::bigint is null
  group by l.tenant
), chained as (
  select c.tenant, sum(cardinality(c.records)) as records from tollgate.chain_all c
  where ($1::text is null or c.tenant = $1) and $2::bigint is null
  group by c.tenant
), strange as (
  -- Looked for only where there are more records than the chain has links for.
  select l.tenant, l.decision_id
  from kept k
  left join chained c on c.tenant = k.tenant
  join tollgate.lineage_all l on l.tenant = k.tenant
  where k.records > coalesce(c.records, 0) and not exists (
    select from tollgate.chain_all b cross join lateral unnest(b.records) r(line)
    where b.tenant = l.tenant
      and r.line = tollgate.record_line(row(l.*)::tollgate.lineage))
  order by l.tenant, l.decision_id limit 1
)
select (select count(*) from asked)::text as checked,
  coalesce(
    (select jsonb_build_object('table', 'lineage', 'key', tenant || '/' || decision_id,
      'column', 'decision_id', 'expected', 'the record of request ' || request_id,
      'found', 'none')::text
     from lost order by tenant, decision_id limit 1),
    (select jsonb_build_object('table', 'lineage', 'key', tenant || '/' || decision_id,
      'column', 'record', 'expected', 'none', 'found', 'a record that is in no chain')::text
     from strange)) as first
