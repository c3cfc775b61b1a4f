import { decodeRecord } from '../../src/decision/record-codec.ts';
import { FIELD_SEPARATOR, recordRow } from '../../src/decision/record-row.ts';
import type { DecisionRecord } from '../../src/decision/record.ts';

/** Where a row has the record itself. */
const DETAIL = 12;

/** Records as a Lineage takes them. */
export function rowsOf(...records: readonly DecisionRecord[]): readonly Buffer[] {
  return records.map((record) => Buffer.from(recordRow(record)));
}

/** The record in a row, without its person. */
export function recordIn(row: Uint8Array): DecisionRecord {
  return decodeRecord(Buffer.from(row).toString().split(FIELD_SEPARATOR)[DETAIL] ?? '');
}
