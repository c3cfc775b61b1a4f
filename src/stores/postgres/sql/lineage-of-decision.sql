-- The records of one decision id; several where it was used again. $1 tenant, $5 decision id.
select l.* from tollgate.lineage_all l where l.tenant = $1 and l.decision_id = $5 offset 0
