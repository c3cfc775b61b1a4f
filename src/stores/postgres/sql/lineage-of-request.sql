-- The records of one request. $1 tenant, $6 request id, $18 the decision ids that are derived from
-- it, separated by commas. Decisions of an outage have ids of their own (lineage_passing).
select l.* from tollgate.lineage_all l
where l.tenant = $1 and l.decision_id = any (string_to_array($18, ','))
union all
select l.* from tollgate.lineage_all l
where l.tenant || E'\x1f' || l.request_id = $1 || E'\x1f' || $6 and length(l.decision_id) = 27
