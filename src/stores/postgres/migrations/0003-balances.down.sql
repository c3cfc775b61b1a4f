-- Removes the functions of 0003-balances.up.sql.
drop function tollgate.run_up(tollgate.op[], tollgate.charge[], tollgate.account[],
  bigint[], bigint[], bigint[], bigint[]);
drop function tollgate.accounts_after(tollgate.account[], tollgate.spec[], tollgate.entry[]);
