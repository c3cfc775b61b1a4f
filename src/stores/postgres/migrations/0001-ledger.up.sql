-- Accounts, reservations, entries, their chain, lineage and the outbox.
--
-- Every primary key begins with the tenant, so that the schema can be spread over machines by
-- tenant; reservation_open and chain_time are read for all tenants of a machine. Amounts are bigint: micro-USD, tokens and calls. Ids compare bytewise (collation "C"), so
-- that every machine agrees on the order in which rows are locked.

-- One budget in one period for one owner. A new period is a new row; nothing is ever reset.
-- account_id is <budget>/<owner>/<first day of the period, or 'total'>.
--
-- account_key follows from tenant, depth and account_id (tollgate.account_key_of). It is the order of locks:
-- deeper accounts come first, the organization's (depth 0) last, to be locked for the shortest time;
-- and it is what reservations and entries call the account.
--
-- identity is period and id as answers spell them, written once because every answer needs them:
-- |<start in ms>|<end in ms>|<account_id>.
--
-- cap_* is what is configured; carried_* is what earlier periods left for this one, within
-- rollover_* (null: nothing is carried in that metric); passed_on_* is what this one left for the
-- next. What may be used is cap + carried - passed_on, so nothing is spent in two periods.
-- predecessor is the account that carried_* comes from, idle_periods how many periods without an
-- account lie between; successor is the account that passed_on_* went to.
--
-- alerts are the shares of cap + carried, in thousandths, that raise an alert; alerted is the
-- highest that did.
--
-- ceiling_* backs the admission logic with constraints that hold also after an overrun or a lowered
-- cap: before holds are admitted, each ceiling is set to the cap, or to what is in use already
-- where that is more. Settlement and changes of configuration may raise it; a hold never does, so a
-- hold that does not fit cannot be written. NULL: soft or uncapped.
create table tollgate.account (
  tenant text collate "C" not null,
  account_key uuid not null,
  account_id text collate "C" not null,
  budget_id text collate "C" not null check (strpos(budget_id, '/') = 0),
  owner text collate "C" not null,
  period_start timestamptz,
  period_end timestamptz,
  identity text not null,
  soft boolean not null,
  warn_per_mille integer not null,
  degrade_per_mille integer not null,
  alerts integer[] not null,
  alerted integer not null,
  cap_cost bigint check (cap_cost >= 0),
  cap_input bigint check (cap_input >= 0),
  cap_output bigint check (cap_output >= 0),
  cap_total bigint check (cap_total >= 0),
  cap_invocations bigint check (cap_invocations >= 0),
  rollover_cost bigint check (rollover_cost >= 0),
  rollover_input bigint check (rollover_input >= 0),
  rollover_output bigint check (rollover_output >= 0),
  rollover_total bigint check (rollover_total >= 0),
  rollover_invocations bigint check (rollover_invocations >= 0),
  carried_cost bigint not null check (carried_cost between 0 and coalesce(rollover_cost, 0)),
  carried_input bigint not null check (carried_input between 0 and coalesce(rollover_input, 0)),
  carried_output bigint not null check (carried_output between 0 and coalesce(rollover_output, 0)),
  carried_total bigint not null check (carried_total between 0 and coalesce(rollover_total, 0)),
  carried_invocations bigint not null
    check (carried_invocations between 0 and coalesce(rollover_invocations, 0)),
  passed_on_cost bigint not null check (passed_on_cost >= 0),
  passed_on_input bigint not null check (passed_on_input >= 0),
  passed_on_output bigint not null check (passed_on_output >= 0),
  passed_on_total bigint not null check (passed_on_total >= 0),
  passed_on_invocations bigint not null check (passed_on_invocations >= 0),
  predecessor uuid,
  idle_periods integer not null,
  successor uuid,
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
  primary key (tenant, account_key),
  check ((period_start is null) = (period_end is null)),
  constraint account_within_cost check (held_cost + committed_cost <= ceiling_cost),
  constraint account_within_input check (held_input + committed_input <= ceiling_input),
  constraint account_within_output check (held_output + committed_output <= ceiling_output),
  constraint account_within_total check
    (held_input + held_output + committed_input + committed_output <= ceiling_total),
  constraint account_within_invocations check
    (held_invocations + committed_invocations <= ceiling_invocations)
) with (fillfactor = 50);

-- Accounts by name, for lists and for what is carried over. One column, because a second index that
-- begins with the tenant would do for every look-up by tenant and key as well, in the eyes of a
-- planner that knows nothing yet about a fresh table; reservations, entries and chains keep to the
-- same rule.
create unique index account_name on tollgate.account ((tenant || E'\x1f' || account_id));

-- One hold. held_* and committed_* are the sums of its entries. account_keys are in the order the
-- hold named them. How it ended is that of its last settlement: a late commit replaces the expiry.
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
  account_keys uuid[] not null,
  expires_at timestamptz not null,
  created_at timestamptz not null,
  agent text not null,
  platform text not null,
  model text not null,
  complexity text not null,
  team text not null,
  user_id text not null,
  ending text check (ending in ('success', 'error', 'timeout', 'cancelled', 'released',
    'expired')),
  settled_at timestamptz,
  duration_ms bigint check (duration_ms >= 0),
  error_message text,
  primary key (tenant, reservation_id),
  check (state = 'open' or (held_cost = 0 and held_input = 0 and held_output = 0
    and held_invocations = 0)),
  check ((state = 'open') = (ending is null) and (state = 'open') = (settled_at is null))
) with (fillfactor = 80);

-- A token pays for one reservation.
create unique index reservation_token on tollgate.reservation (tenant, authorized_by)
  where authorized_by <> '';

-- The expiry sweep asks for the oldest open holds of all tenants, so the tenant cannot lead here.
-- On a database that is spread by tenant each part keeps and sweeps its own.
create index reservation_open on tollgate.reservation (expires_at) where state = 'open';

-- What became of each request that was decided, with every movement of money and tokens and the
-- accounts it moved in. Append-only. n is the order in which the entries of a batch were applied to
-- the accounts: settlements, then what was asked for. request_id is null for an expiry, which
-- nobody asked for.
--
-- A denial moves nothing and keeps what was asked. stand is the reservation afterwards
-- (tollgate.stand_text). record is null where the record of the decision stands in lineage;
-- otherwise its decision id had been recorded before, and it stands here.
create table tollgate.entry (
  tenant text collate "C" not null,
  batch bigint not null,
  n integer not null,
  operation text not null check (operation in ('hold', 'commit', 'release', 'extend', 'expire')),
  verdict text not null check (verdict in ('held', 'short', 'token_used', 'settled', 'late')),
  request_id text collate "C",
  fingerprint text not null,
  reservation_id text collate "C" not null,
  decision_id text collate "C" not null,
  held_cost bigint not null,
  held_input bigint not null,
  held_output bigint not null,
  held_invocations bigint not null,
  committed_cost bigint not null,
  committed_input bigint not null,
  committed_output bigint not null,
  committed_invocations bigint not null,
  account_keys uuid[] not null,
  asked text,
  stand text,
  ending text,
  duration_ms bigint,
  error_message text,
  record text,
  primary key (tenant, batch, n)
);

-- Null, and so in nobody's way, for an expiry.
create unique index entry_request on tollgate.entry ((tenant || E'\x1f' || request_id));

-- The batches of a tenant, each sealed with a hash over its entries, its accounts and the hash
-- before it (tollgate.seal). accounts are those that the batch touched, as they stood before it and
-- under the caps that it was decided by (tollgate.balance_line): with the entries they tell what
-- each request found. records are the records of decisions that were written with the batch
-- (tollgate.record_line); a batch may have nothing else. Append-only.
create table tollgate.chain (
  tenant text collate "C" not null,
  batch bigint not null,
  at timestamptz not null,
  entries integer not null,
  accounts text[] not null,
  records text[] not null,
  hash bytea not null,
  primary key (tenant, batch)
);
create index chain_time on tollgate.chain (at, tenant);
alter table tollgate.chain alter column accounts set storage external;
alter table tollgate.chain alter column records set storage external;

-- The newest batch of each tenant. Locked last of all, after the accounts.
create table tollgate.chain_head (
  tenant text collate "C" primary key,
  batch bigint not null,
  at timestamptz not null,
  hash bytea not null
) with (fillfactor = 50);

-- What has to be told to others, written in the transaction that made it true. event_key makes each
-- event unique: a threshold is told once for an account, an overrun once for a batch.
create table tollgate.outbox (
  tenant text collate "C" not null,
  seq bigint generated always as identity,
  kind text not null check (kind in ('budget.threshold', 'budget.overrun')),
  event_key text collate "C" not null,
  payload jsonb not null,
  at timestamptz not null,
  primary key (tenant, kind, event_key)
);

-- One row per decision. Append-only. detail is the record as it was given (for a hold: the draft);
-- what the ledger made of it stands in its entry. effect and reason_codes are final as far as the
-- ledger decides. Text, because nothing in the database looks inside.
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
  trace_id text collate "C" not null,
  detail text not null,
  primary key (tenant, decision_id)
);
create index lineage_trace on tollgate.lineage ((tenant || E'\x1f' || trace_id))
  where trace_id <> '';
create index lineage_time on tollgate.lineage (tenant, decided_at desc, decision_id);
create index lineage_agent on tollgate.lineage (tenant, agent, decided_at desc, decision_id);
create index lineage_user on tollgate.lineage (tenant, user_id, decided_at desc, decision_id)
  where user_id <> '';

-- Records are a few kilobytes and are written far more often than read: they are kept in the row as
-- they are, since compressing each one costs more than the rest of its insert.
alter table tollgate.lineage alter column detail set storage external;
alter table tollgate.lineage set (toast_tuple_target = 8160);

-- What is known about the person behind a decision, apart from the record and sealed under a key of
-- the person (src/person/person-vault.ts), so that it can go without it.
create table tollgate.lineage_person (
  tenant text collate "C" not null,
  decision_id text collate "C" not null,
  key_id text collate "C" not null,
  sealed text not null,
  primary key (tenant, decision_id)
);
create index lineage_person_key on tollgate.lineage_person (key_id);

-- Keys of persons, sealed under the master key; a person has several, one after the other. Null
-- once destroyed: what was sealed under it can be read by nobody any more. The indexes are keyed
-- hashes of the e-mail address and the external user id, empty when not known.
create table tollgate.person_key (
  tenant text collate "C" not null,
  key_id text collate "C" not null,
  wrapped text,
  email_index text collate "C" not null,
  user_index text collate "C" not null,
  made_at timestamptz not null,
  primary key (tenant, key_id)
);
create index person_key_email on tollgate.person_key ((tenant || E'\x1f' || email_index))
  where email_index <> '';
create index person_key_user on tollgate.person_key ((tenant || E'\x1f' || user_index))
  where user_index <> '';

-- Who was to be forgotten, by the same hashes. A key that was made before then and arrives after it
-- is kept without being readable.
create table tollgate.person_erased (
  tenant text collate "C" not null,
  person_index text collate "C" not null,
  at timestamptz not null,
  primary key (tenant, person_index)
);

-- What all processes that share this database have to agree on.
create table tollgate.agreed (
  name text primary key,
  value text not null
);

-- ── The archive: the same rows once they are settled and old, out of the way of new calls ────────
create table tollgate.chain_archive (like tollgate.chain including all);
-- A request id that is used again after it was forgotten makes the same reservation and decision ids
-- once more, so here none of them is unique by itself.
create table tollgate.entry_archive (like tollgate.entry);
alter table tollgate.entry_archive add primary key (tenant, batch, n);
create index entry_archive_request on tollgate.entry_archive
  ((tenant || E'\x1f' || request_id));
create table tollgate.reservation_archive (like tollgate.reservation);
alter table tollgate.reservation_archive add primary key (tenant, reservation_id, created_at);
create table tollgate.lineage_archive (like tollgate.lineage including storage);
alter table tollgate.lineage_archive set (toast_tuple_target = 8160);
create index lineage_archive_decision on tollgate.lineage_archive (tenant, decision_id);
create index lineage_archive_trace on tollgate.lineage_archive
  ((tenant || E'\x1f' || trace_id)) where trace_id <> '';
create index lineage_archive_time on tollgate.lineage_archive
  (tenant, decided_at desc, decision_id);
create index lineage_archive_agent on tollgate.lineage_archive
  (tenant, agent, decided_at desc, decision_id);
create index lineage_archive_user on tollgate.lineage_archive
  (tenant, user_id, decided_at desc, decision_id) where user_id <> '';

-- Both halves, for whoever reads history.
create view tollgate.chain_all as
  select * from tollgate.chain union all select * from tollgate.chain_archive;
create view tollgate.entry_all as
  select * from tollgate.entry union all select * from tollgate.entry_archive;
create view tollgate.reservation_all as
  select * from tollgate.reservation union all select * from tollgate.reservation_archive;
create view tollgate.lineage_all as
  select * from tollgate.lineage union all select * from tollgate.lineage_archive;

-- Refuses changes to history, whoever makes them; tollgate.archive may move it. Whoever may disable
-- a trigger can still change it; verify finds that.
create function tollgate.refuse_change() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and current_setting('tollgate.archiving', true) = 'on' then
    return null;
  end if;
  raise exception 'tollgate.% is append-only',
    tg_table_name using errcode = 'insufficient_privilege';
end $$;

create trigger entry_append_only before update or delete or truncate on tollgate.entry
  for each statement execute function tollgate.refuse_change();
create trigger chain_append_only before update or delete or truncate on tollgate.chain
  for each statement execute function tollgate.refuse_change();
create trigger lineage_append_only before update or delete or truncate on tollgate.lineage
  for each statement execute function tollgate.refuse_change();
create trigger chain_archive_append_only before update or delete or truncate
  on tollgate.chain_archive for each statement execute function tollgate.refuse_change();
create trigger entry_archive_append_only before update or delete or truncate
  on tollgate.entry_archive for each statement execute function tollgate.refuse_change();
create trigger lineage_archive_append_only before update or delete or truncate
  on tollgate.lineage_archive for each statement execute function tollgate.refuse_change();
