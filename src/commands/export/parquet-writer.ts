import { ByteWriter, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer';
import type { DecisionRecord } from '../../gen/tollgate/v1/query_service.ts';
import { COLUMNS, type Column } from './columns.ts';
import type { RecordWriter, Sink } from './record-file.ts';

/** So many records are in memory at once: some megabytes, and enough to be worth columns. */
const ROWS_PER_GROUP = 5_000;

const TYPES = { text: 'STRING', integer: 'INT64', time: 'TIMESTAMP' } as const;

/** Text is never null, as it is in the contract; figures and times are where they are not known. */
const shapeOf = (column: Column) => ({
  name: column.name,
  type: TYPES[column.type],
  nullable: column.type !== 'text',
});

/** Parquet with one row group after the other. The file has its index at its end. */
export function parquetWriter(sink: Sink): RecordWriter {
  const bytes = new ByteWriter();
  const schema = schemaFromColumnData({
    columnData: COLUMNS.map((column) => ({ ...shapeOf(column), data: [] })),
  });
  const file = new ParquetWriter({ writer: bytes, schema, createdBy: 'tollgate' });
  let rows: DecisionRecord[] = [];
  const flush = async (): Promise<void> => {
    const chunk = bytes.getBytes().slice();
    bytes.index = 0;
    await sink.write(chunk);
  };
  const writeGroup = async (): Promise<void> => {
    const columnData = COLUMNS.map((column) => ({
      name: column.name,
      data: rows.map((record) => column.of(record)),
      offsetIndex: false,
    }));
    rows = [];
    await file.write({ columnData, rowGroupSize: ROWS_PER_GROUP });
    await flush();
  };
  return {
    write: async (record) => {
      rows.push(record);
      if (rows.length === ROWS_PER_GROUP) await writeGroup();
    },
    end: async () => {
      if (rows.length > 0) await writeGroup();
      await file.finish();
      await flush();
    },
  };
}
