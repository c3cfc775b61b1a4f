-- What was archived comes back first.
insert into tollgate.chain select * from tollgate.chain_archive;
insert into tollgate.entry select * from tollgate.entry_archive;
insert into tollgate.reservation select * from tollgate.reservation_archive;
insert into tollgate.lineage select * from tollgate.lineage_archive;
drop function tollgate.archive(timestamptz, integer);
