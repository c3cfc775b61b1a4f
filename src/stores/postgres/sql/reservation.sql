-- Reservations by id, those that are there. $1 keys (jsonb array of {"tenant", "id"}).
select k.n::integer as n, tollgate.reservation_fixed(r) as fixed,
  tollgate.stand_text(r.state, r.expires_at, r.held_cost, r.held_input, r.held_output,
    r.held_invocations, r.committed_cost, r.committed_input, r.committed_output,
    r.committed_invocations) as stand,
  array(select (select a.account_id from tollgate.account a
      where a.tenant = r.tenant and a.account_key = x.account_key limit 1)
    from unnest(r.account_keys) with ordinality x(account_key, i) order by x.i) as accounts
from jsonb_array_elements($1::jsonb) with ordinality k(key, n)
cross join lateral (select * from tollgate.reservation r
  where r.tenant = k.key ->> 'tenant' and r.reservation_id = k.key ->> 'id' limit 1) r
