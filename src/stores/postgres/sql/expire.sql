-- Presumes spent at most $1 overdue holds. $2 careful, $3 moment or null for the server's clock.
select tollgate.budget_apply(
  jsonb_build_object('specs', '{"periods": [], "budgets": [], "accounts": []}'::jsonb,
    'ops', jsonb_build_array(jsonb_build_object('n', 1, 'kind', 'expire', 'most', $1::integer))),
  '', $2::boolean, $3::timestamptz) -> 'ops' -> 0 ->> 'count' as count
