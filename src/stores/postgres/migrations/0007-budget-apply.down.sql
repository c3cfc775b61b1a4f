-- Takes tollgate.budget_apply back.
drop function tollgate.budget_apply(jsonb, text, boolean, timestamptz);
