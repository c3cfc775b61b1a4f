-- Appends records; a decision id that is there already is left as it is. $1 their columns (jsonb
-- array), $2 the records themselves as tollgate.budget_apply takes them.
with given as (
  select distinct on (r.tenant, r.decision_id) r.*, t.record
  from jsonb_to_recordset($1::jsonb) r(n integer, tenant text, decision_id text, request_id text,
    operation text, decided_at_ms bigint, agent text, team text, user_id text, effect text,
    reason_codes text[], reservation_id text, has_person boolean)
  join unnest(string_to_array($2::text, E'\x1e')) with ordinality t(record, n) on t.n = r.n
  order by r.tenant, r.decision_id, r.n
), written as (
  insert into tollgate.lineage (tenant, decision_id, request_id, operation, decided_at, agent, team,
    user_id, effect, reason_codes, reservation_id, detail)
  select g.tenant, g.decision_id, g.request_id, g.operation,
    timestamptz 'epoch' + g.decided_at_ms * interval '1 millisecond', g.agent, g.team, g.user_id,
    g.effect, g.reason_codes, g.reservation_id, split_part(g.record, E'\x1f', 1)
  from given g
  order by g.tenant, g.decision_id
  on conflict do nothing
  returning tenant, decision_id
)
insert into tollgate.lineage_person (tenant, decision_id, personal)
select g.tenant, g.decision_id, split_part(g.record, E'\x1f', 2)
from given g
join written w on w.tenant = g.tenant and w.decision_id = g.decision_id
where g.has_person
on conflict do nothing
