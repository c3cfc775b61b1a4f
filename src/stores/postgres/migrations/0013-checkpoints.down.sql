-- Takes signed checkpoints back.
drop table tollgate.checkpoint;
