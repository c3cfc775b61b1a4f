-- One record with its settlement. $1 tenant, $2 decision id.
select l.request_id, l.operation, l.reservation_id, l.detail::text as detail,
  l.outcome::text as outcome,
  tollgate.reservation_fixed(r)::text as fixed, s.settlement::text as settlement
from tollgate.lineage l
left join tollgate.reservation r on r.tenant = l.tenant and r.reservation_id = l.reservation_id
left join lateral (
  select jsonb_build_object('end', s."end", 'settledAtMs', tollgate.ms(s.settled_at), 'durationMs',
    s.duration_ms,
    'errorMessage', s.error_message, 'amounts', concat(s.cost, ',', s.input, ',', s.output, ',',
      s.invocations))
  from tollgate.settlement s
  where s.tenant = l.tenant and s.reservation_id = l.reservation_id
  order by s.seq desc limit 1
) s(settlement) on true
where l.tenant = $1 and l.decision_id = $2
