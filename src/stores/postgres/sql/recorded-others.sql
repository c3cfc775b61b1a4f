-- Opens the cursor recorded_others: the decisions that the ledger was not asked about, in the order
-- in which they were made. $1 tenant or null, $2 from and $3 to (milliseconds, to is exclusive) or
-- null. Keys alone, so that sorting them takes little; recorded-details.sql reads the records.
declare recorded_others no scroll cursor for
select l.tenant, l.decision_id, tollgate.ms(l.decided_at)::text as decided_at_ms
from tollgate.lineage_all l
where l.operation <> 'audit'
  and ($1::text is null or l.tenant = $1)
  and ($2::bigint is null
    or l.decided_at >= timestamptz 'epoch' + $2::bigint * interval '1 millisecond')
  and ($3::bigint is null
    or l.decided_at < timestamptz 'epoch' + $3::bigint * interval '1 millisecond')
  and not exists (select from tollgate.entry_all e
    where e.tenant || E'\x1f' || e.request_id = l.tenant || E'\x1f' || l.request_id
      and e.decision_id = l.decision_id and e.operation in ('hold', 'extend'))
order by l.decided_at, l.tenant, l.decision_id
