-- One record with what the ledger made of it and its settlement. $1 tenant, $2 decision id.
select l.request_id, l.operation, l.reservation_id, l.detail,
  tollgate.entry_of(l)::text as entry, tollgate.settlement_of(l)::text as settlement
from tollgate.lineage l
where l.tenant = $1 and l.decision_id = $2
