-- A page of records, newest first. $1 tenant, $2 agent, $3 user, $4 effect, $5 reason code, $6
-- from, $7 to (both in milliseconds, to is exclusive); null means any. $8 and $9 moment and
-- decision id after which to go on, or null. $10 most rows.
with page as materialized (
  select l.*
  from tollgate.lineage_all l
  where l.tenant = $1
    and ($2::text is null or l.agent = $2)
    and ($3::text is null or (l.user_id = $3 and l.user_id <> ''))
    and ($4::text is null or l.effect = $4)
    and ($5::text is null or $5 = any (l.reason_codes))
    and ($6::bigint is null
      or l.decided_at >= timestamptz 'epoch' + $6::bigint * interval '1 millisecond')
    and ($7::bigint is null
      or l.decided_at < timestamptz 'epoch' + $7::bigint * interval '1 millisecond')
    and ($8::bigint is null
      or l.decided_at <= timestamptz 'epoch' + $8::bigint * interval '1 millisecond')
    and ($8::bigint is null or l.decision_id > $9
      or l.decided_at < timestamptz 'epoch' + $8::bigint * interval '1 millisecond')
  order by l.decided_at desc, l.decision_id
  limit $10::integer
)
select l.decision_id, tollgate.ms(l.decided_at)::text as decided_at_ms, l.request_id, l.operation,
  l.reservation_id, l.detail,
  tollgate.entry_of(row(l.*)::tollgate.lineage)::text as entry,
  tollgate.settlement_of(row(l.*)::tollgate.lineage)::text as settlement
from page l
order by l.decided_at desc, l.decision_id
