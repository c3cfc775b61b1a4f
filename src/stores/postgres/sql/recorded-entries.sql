-- The entries of some batches in the order of the books, each with the record of its decision. $1
-- the batches (jsonb array of {"tenant", "batch"}), in order. The moment of a batch is cut to the
-- millisecond, never rounded up into the next period.
select (extract(epoch from date_trunc('milliseconds', c.at)) * 1000)::bigint::text as at_ms,
  e.tenant, e.batch::text as batch, e.operation, e.verdict, e.reservation_id, e.stand, e.asked,
  tollgate.delta_text(row(e.*)::tollgate.entry) as delta, to_json(e.account_keys) as accounts,
  coalesce(e.record, l.detail) as detail, coalesce(r.authorized_by, '') as authorized_by
from jsonb_array_elements($1::jsonb) with ordinality k(key, place)
join tollgate.chain_all c on c.tenant = k.key ->> 'tenant'
  and c.batch = (k.key ->> 'batch')::bigint
join tollgate.entry_all e on e.tenant = c.tenant and e.batch = c.batch
left join lateral (
  select l.detail from tollgate.lineage_all l
  where e.operation in ('hold', 'extend') and e.record is null
    and l.tenant = e.tenant and l.decision_id = e.decision_id
  order by abs(extract(epoch from l.decided_at - c.at)) limit 1
) l on true
left join lateral (
  select r.authorized_by from tollgate.reservation_all r
  where e.operation = 'hold' and e.verdict = 'held'
    and r.tenant = e.tenant and r.reservation_id = e.reservation_id
  order by abs(extract(epoch from r.created_at - c.at)) limit 1
) r on true
order by k.place, e.n
