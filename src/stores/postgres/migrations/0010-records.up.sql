-- tollgate.append_records(rows, at): writes records of decisions that hold nothing, in one
-- transaction, and seals them into the chains of their tenants. A decision id that is there already
-- is left as it is.
--
-- rows  as src/decision/record-row.ts makes them, separated by U+001E
-- at    the moment to seal at; null means the server's clock. Only tests and replays pass it.
create function tollgate.append_records(rows text, at timestamptz default null) returns integer
language plpgsql
set search_path = tollgate, pg_catalog
set jit = off
set plan_cache_mode = force_generic_plan
set lock_timeout = '2s'
as $$
declare
  of_tenants text[];
  ids text[];
  lines text[];
  persons text[];
begin
  with field as materialized (
    select s.f, r.n from unnest(string_to_array(rows, E'\x1e')) with ordinality r(line, n)
    cross join lateral (select string_to_array(r.line, E'\x1f') as f) s
  ), given as (
    select distinct on (f[1], f[2]) f from field order by f[1], f[2], n
  ), written as (
    insert into lineage as l
      select f[1], f[2], f[3], f[4], timestamptz 'epoch' + f[5]::bigint * interval '1 millisecond',
        f[6], f[7], f[8], f[9], string_to_array(f[10], ','), f[11], f[12], f[13]
      from given
      order by f[1], f[2]
      on conflict do nothing
      returning l.tenant, l.decision_id, record_line(l) as line
  )
  select array_agg(w.tenant), array_agg(w.decision_id), array_agg(w.line),
      array_agg(array_to_string(g.f[14:19], E'\x1f'))
    into of_tenants, ids, lines, persons
    from written w join given g on g.f[1] = w.tenant and g.f[2] = w.decision_id;
  if of_tenants is null then
    return 0;
  end if;
  if exists (select from unnest(persons) p where p <> '') then
    perform write_persons(array_agg(w.tenant), array_agg(w.id), array_agg(w.person))
      from unnest(of_tenants, ids, persons) w(tenant, id, person) where w.person <> '';
  end if;
  perform seal_batches('{}', '{}', '{}', of_tenants, lines, coalesce(at, clock_timestamp()));
  return cardinality(ids);
end $$;
