import type { HoldOutcome } from '../../decision/ports.ts';
import type { RecordedEvent, RecordedRange } from '../../decision/recorded-event.ts';
import { decodeRecord } from '../../decision/record-codec.ts';
import type { DecisionRecord } from '../../decision/record.ts';
import { amountsOf } from './account-line.ts';
import { BatchReplay } from './batch-replay.ts';
import { jsonText } from './json-text.ts';
import { inOrder } from './merge-pages.ts';
import type { FinishHold } from './postgres-lineage.ts';
import type { SqlClient, SqlValue } from './sql-client.ts';
import { sqlFile } from './sql-file.ts';

const BATCHES = sqlFile('recorded-batches');
const ENTRIES = sqlFile('recorded-entries');
const ACCOUNTS = sqlFile('recorded-accounts');
const OTHERS = sqlFile('recorded-others');
const DETAILS = sqlFile('recorded-details');

/** A batch has at most 256 entries, each with a record of some kilobytes. */
const FETCH_BATCHES = 'fetch 16 from recorded_batches';
const FETCH_OTHERS = 'fetch 512 from recorded_others';
/** For one statement: opening a cursor sorts the keys of all records. */
const STATEMENT_TIMEOUT_MS = 10 * 60_000;
/**
 * Pages are looked up row by row by their keys. On tables that were never analyzed the planner
 * might rather read all of them for every page.
 */
const BY_KEYS = `set local enable_seqscan = off;
set local enable_hashjoin = off;
set local enable_mergejoin = off`;

interface EntryRow {
  readonly at_ms: string;
  readonly tenant: string;
  readonly batch: string;
  readonly operation: 'hold' | 'extend' | 'commit' | 'release' | 'expire';
  readonly verdict: 'held' | 'short' | 'token_used' | 'settled' | 'late';
  readonly reservation_id: string;
  /** As tollgate.stand_text writes it; null for a denial. */
  readonly stand: string | null;
  /** For a denial. */
  readonly asked: string | null;
  /** As tollgate.delta_text writes it. */
  readonly delta: string;
  /** Keys, in the order of the hold. */
  readonly accounts: readonly string[];
  readonly detail: string | null;
  readonly authorized_by: string;
}

interface BatchKey {
  readonly tenant: string;
  readonly batch: string;
}

/**
 * Reads the record in the order of the books: what the ledger did as its chain has it, and between,
 * by their own time, the decisions that it was not asked about. One snapshot; at most some thousand
 * records are in memory.
 */
export function readRecorded<T>(
  sql: SqlClient,
  finishHold: FinishHold,
  range: RecordedRange,
  use: (pages: AsyncIterable<readonly RecordedEvent[]>) => Promise<T>,
): Promise<T> {
  const scope: SqlValue[] = [range.tenant ?? null, range.fromMs ?? null, range.toMs ?? null];
  return sql.transaction(
    async (inside) => {
      await inside.script('set transaction isolation level repeatable read, read only');
      await inside.query(BATCHES, scope);
      await inside.query(OTHERS, scope);
      await inside.script(BY_KEYS);
      const books = entryPages(inside, finishHold);
      // An Authorize goes before the Reserve of the same millisecond that came with its token.
      return use(inOrder(otherPages(inside), books, ({ atMs }) => atMs));
    },
    { timeoutMs: STATEMENT_TIMEOUT_MS },
  );
}

async function* entryPages(
  sql: SqlClient,
  finishHold: FinishHold,
): AsyncGenerator<readonly RecordedEvent[]> {
  for (;;) {
    const keys = await sql.query<BatchKey>(FETCH_BATCHES);
    if (keys.length === 0) return;
    const rows = await sql.query<EntryRow>(ENTRIES, [jsonText(keys)]);
    const batches = await replaysOf(sql, rows);
    yield rows.flatMap((row) => eventOf(row, batches.get(nameOf(row)), finishHold));
  }
}

/** The accounts of the batches that denied something: only there somebody asks how they stood. */
async function replaysOf(
  sql: SqlClient,
  rows: readonly EntryRow[],
): Promise<ReadonlyMap<string, BatchReplay>> {
  const denied = new Map<string, BatchKey>();
  for (const row of rows) {
    if (isDenial(row)) denied.set(nameOf(row), { tenant: row.tenant, batch: row.batch });
  }
  if (denied.size === 0) return new Map();
  const keys = jsonText([...denied.values()]);
  const found = await sql.query<BatchKey & { readonly line: string }>(ACCOUNTS, [keys]);
  const lines = Map.groupBy(found, nameOf);
  return new Map([...lines].map(([name, all]) => [name, new BatchReplay(all.map(lineOf))]));
}

async function* otherPages(sql: SqlClient): AsyncGenerator<readonly RecordedEvent[]> {
  for (;;) {
    const keys = await sql.query(FETCH_OTHERS);
    if (keys.length === 0) return;
    const rows = await sql.query<{ detail: string }>(DETAILS, [jsonText(keys)]);
    yield rows.map(({ detail }): RecordedEvent => {
      const record = decodeRecord(detail);
      return { kind: 'decision', atMs: record.decision.decidedAtMs, record, hold: undefined };
    });
  }
}

const END_OF = { commit: 'commit', release: 'release', expire: 'expiry' } as const;

/** Nothing for a hold whose record is lost: `verify` finds that. */
function eventOf(
  row: EntryRow,
  batch: BatchReplay | undefined,
  finishHold: FinishHold,
): readonly RecordedEvent[] {
  const { tenant, operation, reservation_id: reservationId } = row;
  const atMs = Number(row.at_ms);
  if (isDenial(row)) return denialOf(row, atMs, batch, finishHold);
  batch?.apply(row.accounts, row.delta);
  const { held, committed, expiresAtMs } = standOf(row.stand);
  if (operation !== 'hold' && operation !== 'extend') {
    return [{ kind: END_OF[operation], atMs, tenant, reservationId, actual: committed }];
  }
  if (row.detail === null) return [];
  const hold = { reservationId, authorizedBy: row.authorized_by, held, expiresAtMs };
  return [{ kind: 'decision', atMs, record: decodeRecord(row.detail), hold }];
}

/** The decision with the reasons that the ledger denied it for. */
function denialOf(
  row: EntryRow,
  atMs: number,
  batch: BatchReplay | undefined,
  finishHold: FinishHold,
): readonly RecordedEvent[] {
  if (row.detail === null) return [];
  const draft = decodeRecord(row.detail);
  const outcome: Denied = {
    kind: 'denied',
    replayed: true,
    cause: row.verdict === 'token_used' ? 'token_used' : 'short',
    record: draft,
    amounts: amountsOf(row.asked ?? '0,0,0,0'),
    accounts: batch?.readings(row.accounts) ?? [],
  };
  const record: DecisionRecord = { ...draft, decision: finishHold(draft.decision, outcome) };
  return [{ kind: 'decision', atMs, record, hold: undefined }];
}

type Denied = Extract<HoldOutcome, { readonly kind: 'denied' }>;

function isDenial({ verdict }: EntryRow): boolean {
  return verdict === 'short' || verdict === 'token_used';
}

function nameOf({ tenant, batch }: BatchKey): string {
  return `${batch} ${tenant}`;
}

function lineOf({ line }: { readonly line: string }): string {
  return line;
}

/** Reads what tollgate.stand_text writes. */
function standOf(stand: string | null) {
  const [, expiresAtMs = '0', held = '0,0,0,0', committed = '0,0,0,0'] = (stand ?? '').split('|');
  return {
    expiresAtMs: Number(expiresAtMs),
    held: amountsOf(held),
    committed: amountsOf(committed),
  };
}
