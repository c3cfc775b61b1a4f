-- What queries of the record are answered by, beside the indexes that come with it.

-- Denials are few among the decisions and what most queries are about.
create index lineage_denied on tollgate.lineage (tenant, decided_at desc, decision_id)
  where effect = 'deny';
create index lineage_archive_denied on tollgate.lineage_archive
  (tenant, decided_at desc, decision_id) where effect = 'deny';

-- Decision ids follow from the request id, except those of answers that an outage shaped, which are
-- random and the only ones of this length (passingDecisionId in src/lib/ids.ts).
create index lineage_passing on tollgate.lineage ((tenant || E'\x1f' || request_id))
  where length(decision_id) = 27;
create index lineage_archive_passing on tollgate.lineage_archive
  ((tenant || E'\x1f' || request_id)) where length(decision_id) = 27;
