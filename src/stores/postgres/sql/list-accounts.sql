-- A page of accounts by id. $1 tenant, $2 budget id or null, $3 id after which to go on, $4 most
-- rows.
select a.account_id as id, tollgate.account_line(a) as line
from tollgate.account a
where a.tenant = $1 and a.account_id > $3
  and ($2::text is null or (a.account_id >= $2 || '/' and a.account_id < $2 || '0'))
order by a.account_id
limit $4::integer
