-- Takes the forgetting of persons and the index of audit events back. What was forgotten stays so.
drop function tollgate.erase_person(text, text, text, timestamptz);
drop function tollgate.person_keys(text, text, text);
drop index tollgate.lineage_archive_audit;
drop index tollgate.lineage_audit;
