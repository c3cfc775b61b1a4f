import type { PostgresServer } from '../test/support/postgres-server.ts';

/** Text columns that carry the identity of one call; a copy gets its own. */
const IDENTITIES = ['reservation_id', 'request_id', 'decision_id', 'authorized_by'];
/** Numbers of batches; those of copies lie before all others, as those of old calls do. */
const BATCHES = ['batch'];
const BATCHES_APART = 1_000_000;
/** What is written and not read again when a call is decided. */
const TEXTS = ['detail', 'personal', 'outcome', 'record'];

interface Column {
  readonly table: string;
  readonly name: string;
  readonly type: string;
  /** Whether the database gives the value itself. */
  readonly given: boolean;
}

/**
 * Multiplies the settled calls of a database by copying their rows under new ids, table by table,
 * whatever the tables are: every table of the ledger that names a reservation, request or decision.
 * Balances, chains and the text of records are not brought along, so the books of such a database
 * do not verify; it is there to be written to, and a hold reads none of that.
 * @param times how many copies of each row are added
 * @param suffix of the tables that are multiplied: those of calls, or of the archive
 */
export async function multiply(
  server: PostgresServer,
  database: string,
  times: number,
  suffix: '' | '_archive' = '',
): Promise<void> {
  const columns = await server.run<Column>(
    database,
    `select c.table_name as table, c.column_name as name, c.data_type as type,
       c.is_identity = 'YES' or c.is_generated = 'ALWAYS' as given
     from information_schema.columns c
     join information_schema.tables t using (table_schema, table_name)
     where c.table_schema = 'tollgate' and t.table_type = 'BASE TABLE'
     order by c.table_name, c.ordinal_position`,
  );
  const byTable = Object.groupBy(columns, ({ table }) => table);
  const copies = Object.entries(byTable)
    .filter(([table]) => table.endsWith('_archive') === (suffix === '_archive'))
    .flatMap(([table, all = []]) => copy(table, all, times));
  for (const one of copies) {
    await server.run(
      database,
      `set synchronous_commit = off; set session_replication_role = replica; ${one}`,
    );
  }
}

function copy(table: string, columns: readonly Column[], times: number): readonly string[] {
  if (!columns.some(({ name }) => IDENTITIES.includes(name))) return [];
  const own = columns.filter(({ given }) => !given);
  const names = own.map(({ name }) => `"${name}"`).join(', ');
  const values = own.map(valueOf);
  return [
    `insert into tollgate."${table}" (${names})
     select ${values.join(', ')} from tollgate."${table}", generate_series(1, ${times}) copy_number`,
  ];
}

function valueOf({ name, type }: Column): string {
  if (TEXTS.includes(name)) return `case when "${name}" is not null then '{}'::${type} end`;
  if (BATCHES.includes(name)) return `"${name}" - copy_number * ${BATCHES_APART}`;
  if (!IDENTITIES.includes(name)) return `"${name}"`;
  return `case when "${name}" = '' then '' else "${name}" || '.' || copy_number end`;
}
