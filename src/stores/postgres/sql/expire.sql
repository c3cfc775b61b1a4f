-- Presumes spent at most $1 overdue holds. $2 moment or null for the server's clock.
select tollgate.budget_apply(
  jsonb_build_object('specs', '[]'::jsonb, 'ops', jsonb_build_array(jsonb_build_object('kind',
    'expire', 'most', $1::integer))),
  $2::timestamptz) -> 0 ->> 'count' as count
