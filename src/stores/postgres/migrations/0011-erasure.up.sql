-- Forgetting a person, and what is recorded besides decisions: rows of lineage whose operation is
-- 'audit', whose decision id is the id of the event and whose reason code is its name.

create index lineage_audit on tollgate.lineage (tenant, decided_at desc, decision_id)
  where operation = 'audit';
create index lineage_archive_audit on tollgate.lineage_archive
  (tenant, decided_at desc, decision_id) where operation = 'audit';

-- All keys of a person, destroyed or not. The person is named by the keyed hash of the e-mail
-- address or of the external user id, the other one empty. Keys that have only the other one are
-- found through keys that have both; keys with another address are another person's.
create function tollgate.person_keys(of_tenant text, by_email text, by_user text)
returns setof tollgate.person_key
language sql stable set search_path = tollgate, pg_catalog as $$
  with named as (
    select k.* from person_key k
    where by_email <> '' and k.email_index <> ''
      and k.tenant || E'\x1f' || k.email_index = of_tenant || E'\x1f' || by_email
    union all
    select k.* from person_key k
    where by_user <> '' and k.user_index <> ''
      and k.tenant || E'\x1f' || k.user_index = of_tenant || E'\x1f' || by_user
  )
  select * from named
  union
  select k.* from (select distinct n.user_index from named n where by_email <> '') i
  join person_key k on k.tenant || E'\x1f' || k.user_index = of_tenant || E'\x1f' || i.user_index
  where i.user_index <> '' and k.user_index <> '' and k.email_index = ''
  union
  select k.* from (select distinct n.email_index from named n where by_user <> '') i
  join person_key k on k.tenant || E'\x1f' || k.email_index = of_tenant || E'\x1f' || i.email_index
  where i.email_index <> '' and k.email_index <> '' and k.user_index = ''
$$;

-- Destroys the keys of a person and removes what was sealed under them. Idempotent.
--
-- of_tenant, by_email, by_user  as for tollgate.person_keys
-- moment   when; null means the server's clock. Only tests pass it.
-- records  records whose personal data was removed
-- keys     keys that were destroyed
create function tollgate.erase_person(of_tenant text, by_email text, by_user text,
  moment timestamptz, out records integer, out keys integer)
language plpgsql
set search_path = tollgate, pg_catalog
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set lock_timeout = '2s'
as $$
declare
  late integer;
begin
  -- Nearly all of the work, before anybody has to wait for it. Key ids are unique: their index alone
  -- serves, whatever a planner that knows nothing yet about a fresh table thinks of the tenant's.
  delete from lineage_person p using person_keys(of_tenant, by_email, by_user) k
    where p.key_id = k.key_id and p.tenant || '' = k.tenant;
  get diagnostics records = row_count;

  -- Whoever writes a key has looked before who is erased. From here on nobody writes one until this
  -- transaction is over, and all that were written are seen.
  lock table person_key in share row exclusive mode;
  insert into person_erased
    select of_tenant, i.person_index, coalesce(moment, clock_timestamp())
    from (
      select by_email union select by_user
      union select k.email_index from person_keys(of_tenant, by_email, by_user) k
      union select k.user_index from person_keys(of_tenant, by_email, by_user) k
    ) i(person_index)
    where i.person_index <> ''
    order by i.person_index
    on conflict (tenant, person_index) do update
      set at = greatest(person_erased.at, excluded.at);
  delete from lineage_person p using person_keys(of_tenant, by_email, by_user) k
    where p.key_id = k.key_id and p.tenant || '' = k.tenant;
  get diagnostics late = row_count;
  records := records + late;
  update person_key p set wrapped = null
    from person_keys(of_tenant, by_email, by_user) k
    where p.tenant = k.tenant and p.key_id = k.key_id and p.wrapped is not null;
  get diagnostics keys = row_count;
end $$;
