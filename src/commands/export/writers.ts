import { DecisionRecord } from '../../gen/tollgate/v1/query_service.ts';
import { toProtoJson } from '../check/proto-json.ts';
import { csvLine } from '../text/csv.ts';
import { COLUMNS, type Column } from './columns.ts';
import type { RecordWriter, Sink } from './record-file.ts';

export type ExportFormat = 'jsonl' | 'csv' | 'parquet';

export async function openWriter(format: ExportFormat, sink: Sink): Promise<RecordWriter> {
  switch (format) {
    case 'jsonl':
      return textWriter(sink, '', jsonText);
    case 'csv':
      return textWriter(sink, csvLine(COLUMNS.map(({ name }) => name)), csvText);
    case 'parquet': {
      const { parquetWriter } = await import('./parquet-writer.ts');
      return parquetWriter(sink);
    }
  }
}

/** Characters that are written at once. */
const CHUNK = 64 * 1024;

function textWriter(
  sink: Sink,
  head: string,
  textOf: (record: DecisionRecord) => string,
): RecordWriter {
  let waiting = head;
  const flush = async (): Promise<void> => {
    const chunk = waiting;
    waiting = '';
    await sink.write(chunk);
  };
  return {
    write: async (record) => {
      waiting += textOf(record);
      if (waiting.length >= CHUNK) await flush();
    },
    end: flush,
  };
}

function jsonText(record: DecisionRecord): string {
  return `${JSON.stringify(toProtoJson(DecisionRecord.toJSON(record)))}\n`;
}

function csvText(record: DecisionRecord): string {
  return csvLine(COLUMNS.map((column) => cellOf(column, record)));
}

function cellOf(column: Column, record: DecisionRecord): string | bigint | undefined {
  return column.type === 'time' ? column.of(record)?.toISOString() : column.of(record);
}
