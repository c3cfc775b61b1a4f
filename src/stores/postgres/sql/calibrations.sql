-- How far the estimates of agents are off: at most $1 of them, those first whose factor is not 1.
-- $2 tenant or null for all.
select tenant, agent, price_version, factor_per_mille, calls::text, estimated_cost::text,
  actual_cost::text, (date_part('epoch', since) * 1000)::bigint::text as since_ms
from tollgate.calibration
where $2::text is null or tenant = $2
order by factor_per_mille = 1000, tenant, agent
limit $1::integer
