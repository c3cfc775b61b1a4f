-- Appends records. $1 their rows (see tollgate.append_records).
select tollgate.append_records($1::text)
