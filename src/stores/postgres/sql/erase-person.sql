-- Forgets a person (see tollgate.erase_person). $1 tenant, $2 keyed hash of the e-mail address, $3 of
-- the external user id, one of them empty; $4 the moment, or null for the server's clock.
select e.records, e.keys from tollgate.erase_person($1, $2, $3, $4::timestamptz) e
