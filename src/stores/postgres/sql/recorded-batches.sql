-- Opens the cursor recorded_batches: the batches of the books that have entries, in the order in
-- which they were sealed. $1 tenant or null, $2 from and $3 to (milliseconds, to is exclusive) or
-- null. Keys alone, so that sorting them takes little; recorded-entries.sql reads what is in them.
declare recorded_batches no scroll cursor for
select c.tenant, c.batch::text as batch
from tollgate.chain_all c
where c.entries > 0
  and ($1::text is null or c.tenant = $1)
  and ($2::bigint is null or c.at >= timestamptz 'epoch' + $2::bigint * interval '1 millisecond')
  and ($3::bigint is null or c.at < timestamptz 'epoch' + $3::bigint * interval '1 millisecond')
order by c.at, c.tenant, c.batch
