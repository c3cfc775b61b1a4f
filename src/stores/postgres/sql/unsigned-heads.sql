-- Heads of chains that have grown since they were last signed. $1 most rows.
select h.tenant, h.batch::text as batch, encode(h.hash, 'hex') as hash
from tollgate.chain_head h
left join lateral (select c.batch from tollgate.checkpoint c
  where c.tenant = h.tenant order by c.batch desc limit 1) c on true
where h.batch > coalesce(c.batch, 0)
order by h.tenant
limit $1::integer
