-- Presumes spent at most $1 overdue holds. $2 way (see tollgate.budget_apply), $3 moment or null for
-- the server's clock.
select tollgate.budget_apply(
  array[json_populate_record(null::tollgate.op, json_build_object('n', 1, 'kind', 'expire', 'most',
    $1::integer))], '{"periods": [], "budgets": []}', '{}', '', $2::text,
  $3::timestamptz)::json -> 'ops' -> 0 ->> 'count' as count
