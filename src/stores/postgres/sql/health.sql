-- Answers whether the ledger can be asked: the schema is there and its newest migration's number is
-- readable.
select max(number) as number from tollgate.schema_migration
  where to_regprocedure('tollgate.budget_apply(tollgate.op[], jsonb,
    tollgate.named[], text, text, timestamptz)') is not null
