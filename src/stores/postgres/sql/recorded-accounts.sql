-- The accounts of some batches as they stood before them, each with its identity. $1 the batches
-- (jsonb array of {"tenant", "batch"}).
select c.tenant, c.batch::text as batch, b.line || a.identity as line
from jsonb_array_elements($1::jsonb) k(key)
join tollgate.chain_all c on c.tenant = k.key ->> 'tenant'
  and c.batch = (k.key ->> 'batch')::bigint
cross join lateral unnest(c.accounts) b(line)
join tollgate.account a on a.tenant = c.tenant
  and a.account_key = split_part(b.line, '|', 1)::uuid
