-- What batches are sealed with now. $1 jsonb array of {tenant, batch}; one row for each, in order.
select encode(b.hash, 'hex') as sealed
from jsonb_array_elements($1::jsonb) with ordinality w(one, n)
left join lateral (select h.hash from tollgate.chain_all h
  where h.tenant = w.one ->> 'tenant' and h.batch = (w.one ->> 'batch')::bigint) b on true
order by w.n
