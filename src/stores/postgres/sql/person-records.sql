-- A page of the records of a person with what is sealed beside them, newest first. $1 tenant, $2
-- keyed hash of the e-mail address, $3 of the external user id, one of them empty; $4 and $5 moment
-- in milliseconds and decision id after which to go on, or null; $6 most rows. Only the places of
-- the records are sorted, because the records themselves are large.
with page as materialized (
  select l.tenant, l.decision_id, l.decided_at, p.key_id, p.sealed, k.wrapped
  from tollgate.person_keys($1, $2, $3) k
  cross join lateral (select p.* from tollgate.lineage_person p
    where p.key_id = k.key_id offset 0) p
  cross join lateral (select l.tenant, l.decision_id, l.decided_at from tollgate.lineage_all l
    where l.tenant = p.tenant and l.decision_id = p.decision_id offset 0) l
  where k.wrapped is not null and p.tenant = k.tenant
    and ($4::bigint is null
      or l.decided_at <= timestamptz 'epoch' + $4::bigint * interval '1 millisecond')
    and ($4::bigint is null or l.decision_id > $5
      or l.decided_at < timestamptz 'epoch' + $4::bigint * interval '1 millisecond')
  order by l.decided_at desc, l.decision_id
  limit $6::integer
)
select g.decision_id, tollgate.ms(g.decided_at)::text as decided_at_ms,
  (r.line).operation, (r.line).effect, to_json((r.line).reason_codes)::text as reason_codes,
  (r.line).detail, tollgate.settlement_of(r.line)::text as settlement,
  g.key_id, g.sealed, g.wrapped
from page g
cross join lateral (select row(l.*)::tollgate.lineage as line from tollgate.lineage_all l
  where l.tenant = g.tenant and l.decision_id = g.decision_id and l.decided_at = g.decided_at
  limit 1) r
order by g.decided_at desc, g.decision_id
