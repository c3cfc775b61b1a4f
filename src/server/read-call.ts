import { isIP } from 'node:net';
import type { Call, CallEstimate, Complexity, PersonalData } from '../decision/call.ts';
import * as wire from '../gen/tollgate/v1/call.ts';
import {
  MAX_ID_CHARS,
  readAmount,
  readId,
  readOwner,
  readText,
  readTexts,
  type Violation,
} from './fields.ts';
import { readAttributes } from './read-attributes.ts';

/** A call as it was read, and the canonical text of its attributes. */
export interface CallRead {
  readonly call: Call;
  readonly canonicalAttributes: string;
}

/** A billion US dollars: far above any call, far below where sums over a period leave 64 bits. */
export const MAX_COST_MICRO_USD = 10n ** 15n;
/** A trillion tokens, for the same reasons. */
export const MAX_TOKENS = 10n ** 12n;

/** The longest e-mail address that SMTP can carry. */
export const MAX_EMAIL_CHARS = 320;
export const MAX_PERSONAL_CHARS = 256;
const MAX_CONSENT_CHARS = 256;

const COUNTRY = /^[A-Za-z]{2}$/;
const TRACE_ID = /^[0-9a-f]{32}$/;

const NOBODY: wire.Principal = wire.Principal.create();
const NOWHERE: wire.Origin = wire.Origin.create();
const UNESTIMATED: wire.Estimate = wire.Estimate.create();

const COMPLEXITY: Readonly<Record<wire.Complexity, Complexity>> = {
  [wire.Complexity.UNSPECIFIED]: 'standard',
  [wire.Complexity.SIMPLE]: 'simple',
  [wire.Complexity.STANDARD]: 'standard',
  [wire.Complexity.COMPLEX]: 'complex',
};

/** Checks every field of a call. What it answers may be used only when it found no violation. */
export function readCall(found: Violation[], sent: wire.Call | undefined): CallRead | undefined {
  if (sent === undefined) {
    found.push({ field: 'call', description: 'is required' });
    return undefined;
  }
  const principal = sent.principal ?? NOBODY;
  const origin = sent.origin ?? NOWHERE;
  const { attributes, canonical } = readAttributes(found, sent.attributes);
  const text = (field: string, value: string): string =>
    readText(found, field, value, MAX_ID_CHARS);
  const call: Call = {
    tenant: readId(found, 'call.tenant', sent.tenant),
    agent: readId(found, 'call.agent', sent.agent),
    agentVersion: text('call.agent_version', sent.agentVersion),
    user: readOwner(found, 'call.principal.user', principal.user),
    team: readOwner(found, 'call.principal.team', principal.team),
    roles: readTexts(found, 'call.principal.roles', principal.roles),
    system: text('call.principal.system', principal.system),
    environment: text('call.environment', sent.environment),
    country: readCountry(found, origin.country),
    sourceIp: readSourceIp(found, origin.sourceIp),
    dataClassification: readTexts(found, 'call.data_classification', sent.dataClassification),
    attributes,
    estimate: readEstimate(found, sent.estimate ?? UNESTIMATED),
    parentTraceId: readParentTraceId(found, sent.parentTraceId),
    consent: readText(found, 'call.principal.consent', principal.consent, MAX_CONSENT_CHARS),
    personal: readPersonal(found, principal),
  };
  return { call, canonicalAttributes: canonical };
}

function readPersonal(found: Violation[], principal: wire.Principal): PersonalData {
  const text = (field: string, value: string): string =>
    readText(found, field, value, MAX_PERSONAL_CHARS);
  return {
    externalUserId: text('call.principal.external_user_id', principal.externalUserId),
    email: readText(found, 'call.principal.email', principal.email, MAX_EMAIL_CHARS),
    name: text('call.principal.name', principal.name),
    session: text('call.principal.session', principal.session),
  };
}

function readEstimate(found: Violation[], sent: wire.Estimate): CallEstimate {
  const cost = sent.costMicroUsd;
  const complexity: Complexity | undefined = COMPLEXITY[sent.complexity];
  if ((complexity as Complexity | undefined) === undefined) {
    found.push({ field: 'call.estimate.complexity', description: 'must be a known complexity' });
  }
  return {
    costMicroUsd: readAmount(found, 'call.estimate.cost_micro_usd', cost, MAX_COST_MICRO_USD),
    inputTokens:
      readAmount(found, 'call.estimate.input_tokens', sent.inputTokens, MAX_TOKENS) ?? 0n,
    outputTokens:
      readAmount(found, 'call.estimate.output_tokens', sent.outputTokens, MAX_TOKENS) ?? 0n,
    complexity,
    model: readText(found, 'call.estimate.model', sent.model, MAX_ID_CHARS),
  };
}

function readCountry(found: Violation[], value: string): string {
  if (value === '') return value;
  if (!COUNTRY.test(value)) {
    found.push({ field: 'call.origin.country', description: 'must be two letters (ISO 3166-1)' });
  }
  return value.toUpperCase();
}

function readSourceIp(found: Violation[], value: string): string {
  if (value !== '' && isIP(value) === 0) {
    found.push({ field: 'call.origin.source_ip', description: 'must be an IPv4 or IPv6 address' });
  }
  return value;
}

function readParentTraceId(found: Violation[], value: string): string {
  if (value !== '' && !TRACE_ID.test(value)) {
    found.push({
      field: 'call.parent_trace_id',
      description: 'must be 32 lower-case hexadecimal digits',
    });
  }
  return value;
}
