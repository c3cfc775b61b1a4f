-- How many records carry a text as their user. $1 tenant, $2 the text, as it is or in lower case.
select count(*)::integer as records_with_user from tollgate.lineage_all l
where l.tenant = $1 and l.user_id in ($2, lower($2)) and l.user_id <> ''
