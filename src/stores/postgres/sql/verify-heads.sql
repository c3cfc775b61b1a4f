-- Compares the head of every chain with its last batch, and looks for entries of batches that are
-- not there. $1 tenant or null, $2 since (unused: both are of the present).
with last as (
  select c.tenant, max(c.batch) as batch from tollgate.chain_all c
  where ($1::text is null or c.tenant = $1) and ($2::bigint is null or $2::bigint is not null)
  group by c.tenant
), compared as (
  select 'chain_head' as "table", coalesce(h.tenant, l.tenant) as key, 'batch' as column_name,
    coalesce(l.batch, 0)::text as expected, coalesce(h.batch, 0)::text as found
  from (select * from tollgate.chain_head h where $1::text is null or h.tenant = $1) h
  full join last l on l.tenant = h.tenant
  where coalesce(h.batch, 0) <> coalesce(l.batch, 0)
  union all
  select 'chain_head', h.tenant, 'hash', encode(c.hash, 'hex'), encode(h.hash, 'hex')
  from tollgate.chain_head h
  join tollgate.chain_all c on c.tenant = h.tenant and c.batch = h.batch
  where ($1::text is null or h.tenant = $1) and c.hash <> h.hash
  union all
  (select 'entry', concat(e.tenant, '/', e.batch, '/', e.n), 'batch', 'a batch', 'none'
  from tollgate.entry_all e
  left join tollgate.chain_all c on c.tenant = e.tenant and c.batch = e.batch
  where ($1::text is null or e.tenant = $1) and c.batch is null
  order by e.tenant, e.batch, e.n limit 1)
)
select (select count(*) from last)::text as checked,
  (select jsonb_build_object('table', "table", 'key', key, 'column', column_name,
    'expected', expected, 'found', found)::text
   from compared order by "table", key, column_name limit 1) as first
