-- Removes the function of 0005-write-batch.up.sql.
drop function tollgate.write_batch(jsonb, timestamptz, tollgate.op[], text[], jsonb[],
  tollgate.account[],
  tollgate.account[], tollgate.reservation[], tollgate.entry[], tollgate.entry[]);
