-- Records by id, in the order given. $1 their keys (jsonb array of {"tenant", "decision_id",
-- "decided_at_ms"}).
select l.detail
from jsonb_array_elements($1::jsonb) with ordinality k(key, place)
cross join lateral (
  select l.detail from tollgate.lineage_all l
  where l.tenant = k.key ->> 'tenant' and l.decision_id = k.key ->> 'decision_id'
    and tollgate.ms(l.decided_at)::text = k.key ->> 'decided_at_ms'
  limit 1
) l
order by k.place
