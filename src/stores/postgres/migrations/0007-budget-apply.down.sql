-- Takes tollgate.budget_apply back.
drop function tollgate.budget_apply(tollgate.op[], jsonb, tollgate.named[], text, text,
  timestamptz);
