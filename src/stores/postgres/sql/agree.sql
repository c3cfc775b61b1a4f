-- What all processes that share the database go by: the first proposal stays. $1 name, $2 proposal.
with proposed as (
  insert into tollgate.agreed (name, value) values ($1, $2) on conflict do nothing returning value
)
select value from proposed
union all
select value from tollgate.agreed where name = $1
limit 1
