-- The records of one trace. $1 tenant, $7 trace id.
select l.* from tollgate.lineage_all l
where l.tenant || E'\x1f' || l.trace_id = $1 || E'\x1f' || $7 and l.trace_id <> '' offset 0
