-- Looks for holds and extensions whose decision is recorded nowhere. $1 tenant or null, $2 since
-- (milliseconds) or null.
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
)
select (select count(*) from asked)::text as checked,
  (select jsonb_build_object('table', 'lineage', 'key', tenant || '/' || decision_id,
    'column', 'decision_id', 'expected', 'the record of request ' || request_id,
    'found', 'none')::text
   from lost order by tenant, decision_id limit 1) as first
