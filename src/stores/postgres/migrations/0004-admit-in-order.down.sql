-- Takes admission back.
drop function tollgate.admit_in_order(tollgate.op[], tollgate.entry[], tollgate.account[],
  integer[], text[], bigint[], bigint[], bigint[], bigint[]);
