-- Looks for entries whose reservation is gone. A page is the next reservation ids that entries name,
-- in the order of the primary key. $1 tenant or null, $2 since (unused: an entry of any age needs
-- its reservation), $3 and $4 tenant and id after which to go on, $5 reservations of a page.
with page as materialized (
  select e.tenant, e.reservation_id, count(*) as entries
  from (
    select e.tenant, e.reservation_id from tollgate.entry e
    where (e.tenant, e.reservation_id) > ($3, $4) and ($1::text is null or e.tenant = $1)
    group by e.tenant, e.reservation_id
    order by e.tenant, e.reservation_id
    limit $5::integer
  ) k
  join tollgate.entry e on e.tenant = k.tenant and e.reservation_id = k.reservation_id
  where $2::bigint is null or $2::bigint is not null
  group by e.tenant, e.reservation_id
)
select (select coalesce(sum(entries), 0) from page)::text as checked,
  (select tenant from page order by tenant desc, reservation_id desc limit 1) as last_tenant,
  (select reservation_id from page order by tenant desc, reservation_id desc limit 1) as last_id,
  (select jsonb_build_object('table', 'entry', 'key', p.tenant || '/' || p.reservation_id, 'column',
    'reservation_id',
    'expected', 'a reservation', 'found', 'none')::text
   from page p
   left join tollgate.reservation r on r.tenant = p.tenant and r.reservation_id = p.reservation_id
   where r.reservation_id is null
   order by p.tenant, p.reservation_id limit 1) as first
