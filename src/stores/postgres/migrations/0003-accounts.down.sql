-- Takes the opening and carrying of accounts back.
drop function tollgate.accounts_after(tollgate.account[], tollgate.spec[], tollgate.entry[],
    tollgate.entry[]),
  tollgate.carry_over(tollgate.account[], tollgate.entry[]),
  tollgate.open_accounts(tollgate.spec[]), tollgate.account_now(tollgate.spec),
  tollgate.unopened(tollgate.spec),
  tollgate.passed_on_of(bigint, bigint, bigint, bigint),
  tollgate.carry_of(bigint, bigint, bigint, bigint, bigint, integer);
