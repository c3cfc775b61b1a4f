-- Takes the writing of records without a hold back.
drop function tollgate.append_records(text, timestamptz);
