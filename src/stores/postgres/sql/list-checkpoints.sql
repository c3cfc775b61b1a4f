-- A page of checkpoints with the hash that their batch has now, in the order of tenants and batches.
-- $1 tenant or null, $2 and $3 tenant and batch after which to go on, $4 most rows.
select c.tenant, c.batch::text as batch, c.hash, c.signed_at_ms::text as signed_at_ms, c.key_id,
  c.signature, encode(b.hash, 'hex') as sealed
from tollgate.checkpoint c
left join lateral (select h.hash from tollgate.chain_all h
  where h.tenant = c.tenant and h.batch = c.batch) b on true
where (c.tenant, c.batch) > ($2, $3::bigint) and ($1::text is null or c.tenant = $1)
order by c.tenant, c.batch
limit $4::integer
