-- Takes the writing and reading of batches back.
drop function tollgate.bring_back(text[], text[]), tollgate.heirs_of(tollgate.reservation[]),
  tollgate.write_batch(timestamptz, tollgate.op[], text[], tollgate.account[], text[],
    tollgate.reservation[], tollgate.entry[], tollgate.entry[]),
  tollgate.seal_batches(tollgate.entry[], text[], text[], text[], text[], timestamptz),
  tollgate.lock_heads(text[], timestamptz), tollgate.write_persons(text[], text[], text[]),
  tollgate.write_records(tollgate.op[], text[], tollgate.entry[], integer),
  tollgate.write_standing(tollgate.reservation[], tollgate.entry[], tollgate.account[]),
  tollgate.settlement_of(tollgate.lineage), tollgate.entry_of(tollgate.lineage),
  tollgate.answer_again(text, text), tollgate.entry_again(tollgate.entry),
  tollgate.reservations_of(text, text),
  tollgate.found_by(tollgate.entry);
