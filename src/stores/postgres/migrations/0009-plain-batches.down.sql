-- Takes the short way of plain batches back.
drop function tollgate.apply_plain(timestamptz, tollgate.op[], tollgate.spec[], text[]),
  tollgate.settle_reservations(tollgate.entry[], timestamptz),
  tollgate.move_accounts(tollgate.move[]),
  tollgate.line_before(tollgate.account, tollgate.move),
  tollgate.is_plain(tollgate.account, tollgate.move),
  tollgate.is_more(bigint, bigint, bigint, bigint);
drop aggregate tollgate.total(bigint);
drop type tollgate.move;
