-- Without these, some queries of the record read more than they need.
drop index tollgate.lineage_archive_passing;
drop index tollgate.lineage_passing;
drop index tollgate.lineage_archive_denied;
drop index tollgate.lineage_denied;
