-- Removes everything that 0001-ledger.up.sql made, with all its data.
drop table tollgate.settlement, tollgate.lineage_person, tollgate.lineage, tollgate.entry,
  tollgate.request,
  tollgate.reservation, tollgate.account;
drop function tollgate.refuse_change();
