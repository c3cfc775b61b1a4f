-- Keeps signed checkpoints; one that another process was quicker with is left. $1 jsonb array.
with kept as (
  insert into tollgate.checkpoint (tenant, batch, hash, signed_at_ms, key_id, signature)
  select c.tenant, c.batch, c.hash, c."signedAtMs", c."keyId", c.signature
  from jsonb_to_recordset($1::jsonb)
    c(tenant text, batch bigint, hash text, "signedAtMs" bigint, "keyId" text, signature text)
  order by c.tenant
  on conflict do nothing
  returning tenant
)
select count(*)::integer as count from kept
