-- Takes the shapes back.
drop function tollgate.per_mille(bigint, bigint), tollgate.ceiling_of(boolean, bigint, bigint),
  tollgate.seal(bytea, text, bigint, timestamptz, text[], text[], text),
  tollgate.record_line(tollgate.lineage),
  tollgate.entry_text(tollgate.entry), tollgate.delta_text(tollgate.entry),
  tollgate.stand_text(text, timestamptz, bigint, bigint, bigint, bigint, bigint, bigint, bigint,
    bigint),
  tollgate.reservation_fixed(tollgate.reservation),
  tollgate.balance_line(tollgate.account),
  tollgate.ms(timestamptz), tollgate.account_key_of(text, integer, text), 
  tollgate.specs_at(jsonb, tollgate.named[], timestamptz);
drop type tollgate.spec, tollgate.named, tollgate.op;
