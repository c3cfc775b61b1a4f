-- Brings the sums of usage closer to the entries, by at most so many entries: $1. See
-- tollgate.roll_up.
select batches::text, entries::text, behind::text, recalibrated::text from tollgate.roll_up($1::integer)
