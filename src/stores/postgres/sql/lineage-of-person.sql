-- The records of one person that a page can have. A key serves for ten minutes, so the records
-- under it were decided within two hours of when it was made, also by a clock that was set; keys
-- are read from the newest on until the page is full, and then those whose records may come between.
-- Each "offset 0" has its look-up made by the index of what is looked up, also on fresh tables.
-- Parameters as in {filter}, where $16 is null; $17 most rows; $18 index of the e-mail address.
with own as materialized (
  select k.key_id, k.made_at from tollgate.person_key k
  where k.tenant || E'\x1f' || k.email_index = $1 || E'\x1f' || $18::text and k.email_index <> ''
    and k.wrapped is not null
    and ($12::bigint is null or k.made_at >= timestamptz 'epoch' - interval '2 hours'
      + $12::bigint * interval '1 millisecond')
    and ($13::bigint is null or k.made_at <= timestamptz 'epoch' + interval '2 hours'
      + $13::bigint * interval '1 millisecond')
    and ($14::bigint is null or k.made_at <= timestamptz 'epoch' + interval '2 hours'
      + $14::bigint * interval '1 millisecond')
), newest as materialized (
  select l.decided_at
  from (select * from own order by made_at desc offset 0) k
  cross join lateral (select p.tenant, p.decision_id from tollgate.lineage_person p
    where p.key_id = k.key_id offset 0) p
  cross join lateral (select l.* from tollgate.lineage_all l
    where l.tenant = $1 and l.decision_id = p.decision_id offset 0) l
  where p.tenant = $1 and {filter}
  limit $17::integer
), full_page as materialized (
  select case when count(*) = $17::integer then min(decided_at) else '-infinity' end as least
  from newest
)
select l.*
from full_page f
cross join lateral (select k.key_id from own k
  where k.made_at >= f.least - interval '2 hours' offset 0) k
cross join lateral (select p.tenant, p.decision_id from tollgate.lineage_person p
  where p.key_id = k.key_id offset 0) p
cross join lateral (select l.* from tollgate.lineage_all l
  where l.tenant = $1 and l.decision_id = p.decision_id offset 0) l
where p.tenant = $1 and l.decided_at >= f.least
