-- Accounts, reservations, requests, entries, lineage and settlements.
--
-- Every primary key and index begins with the tenant, so that the schema can be spread over
-- machines by tenant. The one exception is reservation_open, which the expiry sweep of all tenants
-- reads. Amounts are bigint: micro-USD, tokens and calls. Ids compare bytewise (collation "C"), so
-- that every machine agrees on the order in which rows are locked.

-- One budget in one period for one owner. A new period is a new row; nothing is ever reset.
-- account_id is <budget>/<owner>/<first day of the period, or 'total'>. depth never changes once
-- the row is there, because it orders the locks.
--
-- ceiling_* backs the admission logic with constraints that hold also after an overrun or a lowered
-- cap: before holds are admitted, each ceiling is set to the cap, or to what is in use already
-- where that is more. Settlement and changes of configuration may raise it; a hold never does, so a
-- hold that does not fit cannot be written. NULL: soft or uncapped.
create table tollgate.account (
  tenant text collate "C" not null,
  account_id text collate "C" not null,
  budget_id text collate "C" not null check (strpos(budget_id, '/') = 0),
  owner text collate "C" not null,
  period_start timestamptz,
  period_end timestamptz,
  depth integer not null,
  soft boolean not null,
  warn_per_mille integer not null,
  degrade_per_mille integer not null,
  cap_cost bigint check (cap_cost >= 0),
  cap_input bigint check (cap_input >= 0),
  cap_output bigint check (cap_output >= 0),
  cap_total bigint check (cap_total >= 0),
  cap_invocations bigint check (cap_invocations >= 0),
  ceiling_cost bigint,
  ceiling_input bigint,
  ceiling_output bigint,
  ceiling_total bigint,
  ceiling_invocations bigint,
  held_cost bigint not null check (held_cost >= 0),
  held_input bigint not null check (held_input >= 0),
  held_output bigint not null check (held_output >= 0),
  held_invocations bigint not null check (held_invocations >= 0),
  committed_cost bigint not null check (committed_cost >= 0),
  committed_input bigint not null check (committed_input >= 0),
  committed_output bigint not null check (committed_output >= 0),
  committed_invocations bigint not null check (committed_invocations >= 0),
  primary key (tenant, account_id),
  check ((period_start is null) = (period_end is null)),
  constraint account_within_cost check (held_cost + committed_cost <= ceiling_cost),
  constraint account_within_input check (held_input + committed_input <= ceiling_input),
  constraint account_within_output check (held_output + committed_output <= ceiling_output),
  constraint account_within_total check
    (held_input + held_output + committed_input + committed_output <= ceiling_total),
  constraint account_within_invocations check
    (held_invocations + committed_invocations <= ceiling_invocations)
) with (fillfactor = 50);

-- One hold. held_* and committed_* are the sums of its entries. account_ids are in the order the
-- hold named them.
create table tollgate.reservation (
  tenant text collate "C" not null,
  reservation_id text collate "C" not null,
  decision_id text collate "C" not null,
  authorized_by text collate "C" not null,
  state text not null check (state in ('open', 'committed', 'released', 'expired')),
  held_cost bigint not null check (held_cost >= 0),
  held_input bigint not null check (held_input >= 0),
  held_output bigint not null check (held_output >= 0),
  held_invocations bigint not null check (held_invocations >= 0),
  committed_cost bigint not null check (committed_cost >= 0),
  committed_input bigint not null check (committed_input >= 0),
  committed_output bigint not null check (committed_output >= 0),
  committed_invocations bigint not null check (committed_invocations >= 0),
  account_ids text[] collate "C" not null,
  expires_at timestamptz not null,
  created_at timestamptz not null,
  pricing jsonb not null,
  primary key (tenant, reservation_id),
  check (state = 'open' or (held_cost = 0 and held_input = 0 and held_output = 0
    and held_invocations = 0))
);

-- A token pays for one reservation.
create unique index reservation_token on tollgate.reservation (tenant, authorized_by)
  where authorized_by <> '';

-- The expiry sweep asks for the oldest open holds of all tenants, so the tenant cannot lead here.
-- On a database that is spread by tenant each part keeps and sweeps its own.
create index reservation_open on tollgate.reservation (expires_at) where state = 'open';

-- What each request id was answered. A null outcome stands in the lineage row of decision_id, which
-- the same transaction wrote; when that decision id had been recorded before, outcome carries the
-- record as well. reservation_id is empty when the request changed no balance.
create table tollgate.request (
  tenant text collate "C" not null,
  request_id text collate "C" not null,
  operation text not null check (operation in ('hold', 'commit', 'release', 'extend')),
  fingerprint text not null,
  reservation_id text collate "C" not null,
  decision_id text collate "C" not null,
  outcome jsonb,
  at timestamptz not null,
  primary key (tenant, request_id)
);

-- Every movement of money and tokens, once, with the accounts it moved in. Append-only. seq grows
-- within a tenant in the order of commit for any one reservation. request_id is empty for an
-- expiry.
create table tollgate.entry (
  tenant text collate "C" not null,
  reservation_id text collate "C" not null,
  seq bigint generated always as identity,
  request_id text collate "C" not null,
  kind text not null check (kind in ('hold', 'commit', 'release', 'extend', 'expire', 'correct')),
  held_cost bigint not null,
  held_input bigint not null,
  held_output bigint not null,
  held_invocations bigint not null,
  committed_cost bigint not null,
  committed_input bigint not null,
  committed_output bigint not null,
  committed_invocations bigint not null,
  account_ids text[] collate "C" not null,
  at timestamptz not null,
  primary key (tenant, reservation_id, seq)
);

-- One row per decision. Append-only. detail is the record as it was given (for a hold: the draft),
-- outcome is what the ledger made of it; effect and reason_codes are final as far as the ledger
-- decides.
create table tollgate.lineage (
  tenant text collate "C" not null,
  decision_id text collate "C" not null,
  request_id text collate "C" not null,
  operation text not null,
  decided_at timestamptz not null,
  agent text collate "C" not null,
  team text collate "C" not null,
  user_id text collate "C" not null,
  effect text not null check (effect in ('allow', 'deny')),
  reason_codes text[] not null,
  reservation_id text collate "C" not null,
  detail jsonb not null,
  outcome jsonb,
  primary key (tenant, decision_id)
);
create index lineage_time on tollgate.lineage (tenant, decided_at desc, decision_id);
create index lineage_agent on tollgate.lineage (tenant, agent, decided_at desc, decision_id);
create index lineage_user on tollgate.lineage (tenant, user_id, decided_at desc, decision_id);

-- Records are a few kilobytes and are written far more often than read: they are kept in the row as
-- they are, since compressing each one costs more than the rest of its insert.
alter table tollgate.lineage alter column detail set storage external;
alter table tollgate.lineage alter column outcome set storage external;
alter table tollgate.lineage set (toast_tuple_target = 8160);

-- What is known about the person behind a decision, apart from the record, so that it can go
-- without it.
create table tollgate.lineage_person (
  tenant text collate "C" not null,
  decision_id text collate "C" not null,
  personal jsonb not null,
  primary key (tenant, decision_id)
);

-- How a reservation ended. Append-only: a late commit is a second row, and the last one counts.
create table tollgate.settlement (
  tenant text collate "C" not null,
  reservation_id text collate "C" not null,
  seq bigint generated always as identity,
  "end" text not null check ("end" in ('success', 'error', 'timeout', 'cancelled', 'released',
    'expired')),
  cost bigint not null check (cost >= 0),
  input bigint not null check (input >= 0),
  output bigint not null check (output >= 0),
  invocations bigint not null check (invocations >= 0),
  settled_at timestamptz not null,
  duration_ms bigint check (duration_ms >= 0),
  error_message text not null,
  primary key (tenant, reservation_id, seq)
);

-- Refuses changes to history, whoever makes them. Whoever may disable a trigger can still do it;
-- verify finds that.
create function tollgate.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'tollgate.% is append-only',
    tg_table_name using errcode = 'insufficient_privilege';
end $$;

create trigger entry_append_only before update or delete or truncate on tollgate.entry
  for each statement execute function tollgate.refuse_change();
create trigger lineage_append_only before update or delete or truncate on tollgate.lineage
  for each statement execute function tollgate.refuse_change();
create trigger settlement_append_only before update or delete or truncate on tollgate.settlement
  for each statement execute function tollgate.refuse_change();
