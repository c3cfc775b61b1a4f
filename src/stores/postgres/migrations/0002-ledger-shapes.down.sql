-- Removes the shapes and small functions of 0002-ledger-shapes.up.sql.
drop function tollgate.exceeds(text, bigint, bigint, bigint);
drop function tollgate.ceiling_of(boolean, bigint, bigint);
drop function tollgate.answer_again(text, text);
drop function tollgate.reservation_stand(tollgate.reservation);
drop function tollgate.reservation_fixed(tollgate.reservation);
drop function tollgate.account_line(tollgate.account);
drop function tollgate.ms(timestamptz);
drop function tollgate.specs_at(jsonb, timestamptz);
drop type tollgate.charge;
drop type tollgate.spec;
drop type tollgate.op;
