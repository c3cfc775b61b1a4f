-- A page of records, newest first, out of {source} (a statement lineage-of-*.sql, or a view), each
-- with what the ledger made of it and its settlement. Parameters are those of {filter}
-- (lineage-filter.sql) and $17 most rows.
with page as materialized (
  select l.*
  from {source} l
  where {filter}
  order by l.decided_at desc, l.decision_id
  limit $17::integer
)
select l.decision_id, tollgate.ms(l.decided_at)::text as decided_at_ms, l.request_id, l.operation,
  l.reservation_id, l.detail,
  tollgate.entry_of(row(l.*)::tollgate.lineage)::text as entry,
  tollgate.settlement_of(row(l.*)::tollgate.lineage)::text as settlement
from page l
order by l.decided_at desc, l.decision_id
