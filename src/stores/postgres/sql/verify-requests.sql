-- Checks that every request that moved money has its one entry. $1 tenant or null, $2 since
-- (milliseconds) or null, $3 and $4 tenant and request id after which to go on, $5 rows of a page.
with page as materialized (
  select * from tollgate.request q
  where (q.tenant, q.request_id) > ($3, $4)
    and ($1::text is null or q.tenant = $1)
    and ($2::bigint is null or q.at >= timestamptz 'epoch' + $2::bigint * interval '1 millisecond')
  order by q.tenant, q.request_id
  limit $5::integer
)
select (select count(*) from page)::text as checked,
  (select tenant from page order by tenant desc, request_id desc limit 1) as last_tenant,
  (select request_id from page order by tenant desc, request_id desc limit 1) as last_id,
  (select jsonb_build_object('table', 'request', 'key', q.tenant || '/' || q.request_id, 'column',
    'reservation_id',
    'expected', '1 entry of ' || q.operation, 'found', e.entries || ' entries')::text
   from page q
   cross join lateral (
     select count(*) as entries from tollgate.entry e
     where e.tenant = q.tenant and e.reservation_id = q.reservation_id
       and e.request_id = q.request_id
       and (e.kind = q.operation or (e.kind = 'correct' and q.operation = 'commit'))
   ) e
   where e.entries <> case when q.reservation_id = '' then 0 else 1 end
   order by q.tenant, q.request_id limit 1) as first
