-- One audit event. $1 tenant, $2 id of the event.
select l.detail from tollgate.lineage_all l
where l.tenant = $1 and l.decision_id = $2 and l.operation = 'audit'
limit 1
