drop function tollgate.budget_apply(jsonb, text, boolean, timestamptz);
