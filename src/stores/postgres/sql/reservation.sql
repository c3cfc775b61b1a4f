-- One reservation. $1 tenant, $2 reservation id.
select (tollgate.reservation_stand(r) || tollgate.reservation_fixed(r))::text as json
from tollgate.reservation r
where r.tenant = $1 and r.reservation_id = $2
