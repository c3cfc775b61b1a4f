-- A page of audit events, newest first. $1 tenant, $2 name of the event, $3 from, $4 to (both in
-- milliseconds, to is exclusive); null means any. $5 and $6 moment and id of the event after which
-- to go on, or null. $7 most rows.
select l.decision_id, tollgate.ms(l.decided_at)::text as decided_at_ms, l.detail
from tollgate.lineage_all l
where l.tenant = $1 and l.operation = 'audit'
  and ($2::text is null or $2 = any (l.reason_codes))
  and ($3::bigint is null
    or l.decided_at >= timestamptz 'epoch' + $3::bigint * interval '1 millisecond')
  and ($4::bigint is null
    or l.decided_at < timestamptz 'epoch' + $4::bigint * interval '1 millisecond')
  and ($5::bigint is null
    or l.decided_at <= timestamptz 'epoch' + $5::bigint * interval '1 millisecond')
  and ($5::bigint is null or l.decision_id > $6
    or l.decided_at < timestamptz 'epoch' + $5::bigint * interval '1 millisecond')
order by l.decided_at desc, l.decision_id
limit $7::integer
