-- Removes the function of 0004-admit-in-order.up.sql.
drop function tollgate.admit_in_order(tollgate.op[], tollgate.charge[], tollgate.account[],
  integer[], text[],
  bigint[], bigint[], bigint[], bigint[]);
