drop function tollgate.bring_back(text[], text[]), tollgate.archive(timestamptz, integer);
