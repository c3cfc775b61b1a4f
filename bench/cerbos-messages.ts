import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import type { PeerCall } from './policy-peers.ts';

/**
 * What this bench says to Cerbos and hears from it, written by hand: cerbos/request/v1 and
 * cerbos/response/v1 of its API. Every field used here is length-delimited, but for the effect.
 */
export const PATH = '/cerbos.svc.v1.CerbosService/CheckResources';

const LENGTH_DELIMITED = 2;
const tag = (field: number): number => (field << 3) | LENGTH_DELIMITED;

type Field = readonly [field: number, value: string | Uint8Array];

function message(...fields: readonly Field[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const [field, value] of fields) {
    writer.uint32(tag(field));
    if (typeof value === 'string') writer.string(value);
    else writer.bytes(value);
  }
  return writer.finish();
}

/** An entry of a map from names to google.protobuf.Value. */
const attribute = (name: string, value: string): Uint8Array =>
  message([1, name], [2, message([3, value])]);

/** CheckResourcesRequest: may this principal "call" this agent? */
export function checkRequest({ agent, user, role, environment, region }: PeerCall): Uint8Array {
  const principal = message([1, user], [3, role]);
  const resource = message(
    [1, 'agent'],
    [3, agent],
    [4, attribute('environment', environment)],
    [4, attribute('region', region)],
  );
  const entry = message([1, 'call'], [2, resource]);
  return message([1, 'bench'], [3, principal], [4, entry]);
}

/** Effects of CheckResourcesResponse.results[].actions, which are allow (1) or deny (2). */
export function effectsOf(response: Uint8Array): readonly number[] {
  return partsOf(response, 2)
    .flatMap((result) => partsOf(result, 2))
    .map(effectOf);
}

function partsOf(bytes: Uint8Array, wanted: number): readonly Uint8Array[] {
  const reader = new BinaryReader(bytes);
  const parts: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === wanted) parts.push(reader.bytes());
    else reader.skip(type, field);
  }
  return parts;
}

function effectOf(entry: Uint8Array): number {
  const reader = new BinaryReader(entry);
  let effect = 0;
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 2) effect = reader.int32();
    else reader.skip(type, field);
  }
  return effect;
}
