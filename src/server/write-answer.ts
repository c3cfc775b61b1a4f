import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { Decision } from '../decision/decision.ts';
import * as wire from '../gen/tollgate/v1/verdict.ts';
import { MessageBytes } from './write-bytes.ts';
import { retryAfterOf, writeWithoutWindows } from './write-decision.ts';
import { writeHeader, writeWindows } from './write-windows.ts';

/** Tag of `decision` in AuthorizeResponse, ReserveResponse and ExtendResponse. */
const DECISION = 0x0a;

const bytes = new MessageBytes();
const writer = new BinaryWriter();

/**
 * An answer with a decision in it, encoded. The generated encoder writes all but the windows, of
 * which there are many; they come last, as the fields of a message may (write-windows.ts).
 * @param rest the other fields of the answer, encoded
 */
export function writeAnswer(decision: Decision, rest: Uint8Array): Buffer {
  bytes.clear();
  bytes.byte(DECISION);
  const start = bytes.begin();
  bytes.raw(encoded(writeWithoutWindows(decision)));
  writeWindows(bytes, decision.windows);
  const retryAfter = retryAfterOf(decision);
  if (retryAfter) writeHeader(bytes, retryAfter);
  bytes.end(start);
  bytes.raw(rest);
  return bytes.copy();
}

/** The writer keeps its room for the next message, also after one that could not be written. */
function encoded(decision: wire.Decision): Uint8Array {
  try {
    wire.Decision.encode(decision, writer);
  } catch (defect) {
    writer.finish();
    throw defect;
  }
  return writer.finish();
}
