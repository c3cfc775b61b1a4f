-- Removes the function of 0006-budget-apply.up.sql.
drop function tollgate.budget_apply(jsonb, timestamptz);
