-- Heads of chains under a signature (src/decision/checkpoint.ts), written on a schedule. Append-only.
create table tollgate.checkpoint (
  tenant text collate "C" not null,
  batch bigint not null,
  hash text not null,
  signed_at_ms bigint not null,
  key_id text collate "C" not null,
  signature text not null,
  primary key (tenant, batch)
);
create trigger checkpoint_append_only before update or delete or truncate on tollgate.checkpoint
  for each statement execute function tollgate.refuse_change();
