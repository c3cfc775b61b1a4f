-- Takes what is told back.
drop function tollgate.tell_overruns(tollgate.entry[], timestamptz),
  tollgate.tell_thresholds(tollgate.account[], integer[], timestamptz);
