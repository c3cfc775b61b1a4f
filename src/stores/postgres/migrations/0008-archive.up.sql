-- What is settled and older than anybody may ask again leaves the tables that calls are decided on.
-- Whole batches move, the oldest first, each with its entries, its link of the chain and the
-- records of its decisions; with them the reservations that were settled by then.

-- Moves at most so many batches that are older than the cutoff, and answers how many. Several
-- processes may ask at once: one does it, the others are answered 0.
create function tollgate.archive(cutoff timestamptz, most integer) returns integer
language plpgsql
set search_path = tollgate, pg_catalog
set tollgate.archiving = 'on'
set jit = off
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set lock_timeout = '2s'
as $$
declare
  moved tollgate.chain[];
  decisions text[];
  tenants text[];
  settled text[];
begin
  if not pg_try_advisory_xact_lock(hashtext('tollgate.archive')) then
    return 0;
  end if;
  with gone as (
    delete from chain c
    using (select tenant, batch from chain where at < cutoff order by at, tenant, batch limit most) k
    where c.tenant = k.tenant and c.batch = k.batch
    returning c.*
  ), kept as (
    insert into chain_archive select * from gone
  )
  select array_agg(g::chain) into moved from gone g;
  if moved is null then
    return 0;
  end if;

  with gone as (
    delete from entry e using unnest(moved) k
    where e.tenant = k.tenant and e.batch = k.batch
    returning e.*
  ), kept as (
    insert into entry_archive select * from gone
  )
  select array_agg(g.tenant), array_agg(g.decision_id), array_agg(g.reservation_id)
    into tenants, decisions, settled from gone g;

  with gone as (
    delete from reservation r
    using (select distinct * from unnest(tenants, settled) s(tenant, reservation_id)) k
    where r.tenant = k.tenant and r.reservation_id = k.reservation_id and r.settled_at < cutoff
    returning r.*
  )
  insert into reservation_archive select * from gone;

  with gone as (
    delete from lineage l
    using (
      select d.tenant, d.decision_id from unnest(tenants, decisions) d(tenant, decision_id)
      union
      select m.tenant, split_part(r.line, ' ', 1)
      from unnest(moved) m cross join lateral unnest(m.records) r(line)
    ) k
    where l.tenant = k.tenant and l.decision_id = k.decision_id and l.decided_at < cutoff
    returning l.*
  )
  insert into lineage_archive select * from gone;
  return cardinality(moved);
end $$;
