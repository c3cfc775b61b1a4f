-- Takes the tables back.
drop view tollgate.lineage_all, tollgate.reservation_all, tollgate.entry_all, tollgate.chain_all;
drop table tollgate.lineage_archive, tollgate.reservation_archive, tollgate.entry_archive,
  tollgate.chain_archive;
drop table tollgate.agreed, tollgate.person_erased, tollgate.person_key,
  tollgate.lineage_person, tollgate.lineage, tollgate.outbox, tollgate.chain_head,
  tollgate.chain, tollgate.entry, tollgate.reservation, tollgate.account;
drop function tollgate.refuse_change();
