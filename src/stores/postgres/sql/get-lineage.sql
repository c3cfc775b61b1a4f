-- One record with what the ledger made of it and its settlement, the newest of its id. $1 tenant,
-- $2 decision id.
select (x.l).request_id, (x.l).operation, (x.l).reservation_id, (x.l).detail,
  tollgate.entry_of(x.l)::text as entry, tollgate.settlement_of(x.l)::text as settlement
from (
  select l from tollgate.lineage l
    where l.tenant = $1 and l.decision_id = $2 and l.operation <> 'audit'
  union all
  select row(a.*)::tollgate.lineage from tollgate.lineage_archive a
    where a.tenant = $1 and a.decision_id = $2 and a.operation <> 'audit'
) x(l)
order by (x.l).decided_at desc
limit 1
