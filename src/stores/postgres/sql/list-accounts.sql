-- A page of accounts by id. $1 tenant, $2 budget id or null, $3 id after which to go on, $4 most
-- rows.
select a.account_id as id, tollgate.balance_line(a) || a.identity as line
from tollgate.account a
where a.tenant || E'\x1f' || a.account_id > $1 || E'\x1f' || $3
  and a.tenant || E'\x1f' || a.account_id < $1 || E'\x20'
  and ($2::text is null
    or (a.tenant || E'\x1f' || a.account_id >= $1 || E'\x1f' || $2 || '/'
      and a.tenant || E'\x1f' || a.account_id < $1 || E'\x1f' || $2 || '0'))
order by a.tenant || E'\x1f' || a.account_id
limit $4::integer
