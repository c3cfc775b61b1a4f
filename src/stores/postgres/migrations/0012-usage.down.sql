-- The sums can be made again from the entries; the factors are lost.
drop function tollgate.roll_up(integer);
drop function tollgate.recalibrate(text, timestamptz);
drop function tollgate.add_usage(text, bigint, bigint);
drop table tollgate.calibration;
drop table tollgate.usage_head;
drop table tollgate.usage;
drop function tollgate.usage_key(text, text, text, text, text);
drop function tollgate.start_of(text, timestamptz);
drop view tollgate.charge;
