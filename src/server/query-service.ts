import type { Queries, QueryRefusal } from '../decision/queries.ts';
import type * as wire from '../gen/tollgate/v1/query_service.ts';
import { isSustained, type Violation as LimitViolation } from '../limits/violation.ts';
import type { Policy } from '../policy/policy.ts';
import { readId, readOptionalId, type Violation } from './fields.ts';
import { readCall } from './read-call.ts';
import { readBudgetQuery, readRecordFilters, readRecordQuery } from './read-query.ts';
import { readUsageQuery } from './read-usage.ts';
import { failureOf, invalidArgument } from './refusals.ts';
import { streaming, type Source } from './streaming.ts';
import { unary, type Answerer, type Edge } from './unary.ts';
import { EFFECT } from './write-explanation.ts';
import { writeRecord } from './write-record.ts';
import { calibrationOf, usageRowOf } from './write-usage.ts';
import { durationOf } from './write-time.ts';
import { budgetStatusOf, rateStatusOf, reservationOf } from './write-status.ts';

const SERVICE = '/tollgate.v1.QueryService';

/** The handlers of the QueryService: they read, ask, and write. */
export function queryHandlers(queries: Queries, edge: Edge): wire.QueryServiceServer {
  return {
    getStatus: unary(edge, `${SERVICE}/GetStatus`, () => status(queries)),
    getRateStatus: unary(edge, `${SERVICE}/GetRateStatus`, rateStatus(queries)),
    getBudgetStatus: unary(edge, `${SERVICE}/GetBudgetStatus`, budgetStatus(queries)),
    getReservation: unary(edge, `${SERVICE}/GetReservation`, reservation(queries)),
    getDecision: unary(edge, `${SERVICE}/GetDecision`, decision(queries)),
    listDecisions: unary(edge, `${SERVICE}/ListDecisions`, decisions(queries)),
    exportDecisions: streaming(
      edge,
      `${SERVICE}/ExportDecisions`,
      exported(queries),
      EXPORT_BOUNDS,
    ),
    getUsage: unary(edge, `${SERVICE}/GetUsage`, usage(queries)),
    listCalibrations: unary(edge, `${SERVICE}/ListCalibrations`, calibrations(queries)),
    listViolations: unary(edge, `${SERVICE}/ListViolations`, violations(queries)),
    listPolicies: unary(edge, `${SERVICE}/ListPolicies`, policies(queries)),
  };
}

async function status(queries: Queries): Promise<wire.GetStatusResponse> {
  const now = await queries.status();
  return {
    version: now.version,
    configurationRevision: now.configurationRevision,
    configurationLoadedAt: new Date(now.configurationLoadedAtMs),
    configurationError: now.configurationError,
    components: now.components.map(({ name, adapter, healthy, problem }) => ({
      name,
      adapter,
      healthy,
      problem,
    })),
    recordsWaiting: BigInt(now.recordsWaiting),
    startedAt: new Date(now.startedAtMs),
  };
}

function rateStatus(
  queries: Queries,
): Answerer<wire.GetRateStatusRequest, wire.GetRateStatusResponse> {
  return async (request) => {
    const found: Violation[] = [];
    const read = readCall(found, request.call);
    if (read === undefined || found.length > 0) return invalidArgument(found);
    const answered = await queries.rateStatus(read.call);
    if (isRefusal(answered)) return failureOf(answered, 'call.tenant');
    return { rateStatus: answered.map(rateStatusOf) };
  };
}

function budgetStatus(
  queries: Queries,
): Answerer<wire.GetBudgetStatusRequest, wire.GetBudgetStatusResponse> {
  return async (request) => {
    const found: Violation[] = [];
    const query = readBudgetQuery(found, request);
    if (query === undefined) return invalidArgument(found);
    const page = await queries.budgetStatus(query);
    if (isRefusal(page)) return failureOf(page, 'tenant');
    return {
      budgetStatus: page.items.map(budgetStatusOf),
      nextPageToken: page.nextPageToken ?? '',
    };
  };
}

function reservation(
  queries: Queries,
): Answerer<wire.GetReservationRequest, wire.GetReservationResponse> {
  return async (request) => {
    const found: Violation[] = [];
    const tenant = readId(found, 'tenant', request.tenant);
    const reservationId = readId(found, 'reservation_id', request.reservationId);
    if (found.length > 0) return invalidArgument(found);
    const answered = await queries.reservation(tenant, reservationId);
    if (isRefusal(answered)) return failureOf(answered, 'tenant');
    return { reservation: reservationOf(answered) };
  };
}

function decision(queries: Queries): Answerer<wire.GetDecisionRequest, wire.GetDecisionResponse> {
  return async (request) => {
    const found: Violation[] = [];
    const tenant = readId(found, 'tenant', request.tenant);
    const decisionId = readId(found, 'decision_id', request.decisionId);
    if (found.length > 0) return invalidArgument(found);
    const answered = await queries.decision(tenant, decisionId);
    if (isRefusal(answered)) return failureOf(answered, 'tenant');
    return { record: writeRecord(answered) };
  };
}

function decisions(
  queries: Queries,
): Answerer<wire.ListDecisionsRequest, wire.ListDecisionsResponse> {
  return async (request) => {
    const found: Violation[] = [];
    const query = readRecordQuery(found, request);
    if (query === undefined) return invalidArgument(found);
    const page = await queries.decisions(query);
    if (isRefusal(page)) return failureOf(page, 'tenant');
    return { records: page.items.map(writeRecord), nextPageToken: page.nextPageToken ?? '' };
  };
}

/** Records of one page are in memory at once, for each export. */
const EXPORT_PAGE = 200;
/** Few, because each takes a connection to the database now and then. */
const EXPORT_BOUNDS = { mostAtOnce: 4, stallMs: 60_000 };

function exported(
  queries: Queries,
): Source<wire.ExportDecisionsRequest, wire.ExportDecisionsResponse> {
  return async function* (request) {
    const found: Violation[] = [];
    const filters = readRecordFilters(found, request);
    if (filters === undefined) return invalidArgument(found);
    let pageToken: string | undefined;
    do {
      const place = pageToken === undefined ? {} : { pageToken };
      const page = await queries.decisions({ ...filters, pageSize: EXPORT_PAGE, ...place });
      if (isRefusal(page)) return failureOf(page, 'tenant');
      for (const item of page.items) yield { record: writeRecord(item) };
      pageToken = page.nextPageToken;
    } while (pageToken !== undefined);
    return undefined;
  };
}

function violations(
  queries: Queries,
): Answerer<wire.ListViolationsRequest, wire.ListViolationsResponse> {
  return async (request) => {
    const found: Violation[] = [];
    const tenant = readId(found, 'tenant', request.tenant);
    const limitId = readOptionalId(found, 'limit_id', request.limitId);
    if (found.length > 0) return invalidArgument(found);
    const answered = await queries.violations(tenant);
    if (isRefusal(answered)) return failureOf(answered, 'tenant');
    const listed = answered.violations
      .filter((one) => limitId === '' || one.limitId === limitId)
      .map((one) => limitViolationOf(one, answered.nowMs))
      .filter(({ sustained }) => sustained || !request.sustainedOnly);
    return { violations: listed };
  };
}

function limitViolationOf(one: LimitViolation, nowMs: number): wire.LimitViolation {
  return {
    limitId: one.limitId,
    scope: one.scope,
    window: durationOf(one.windowMs),
    count: BigInt(one.count),
    firstAt: new Date(one.firstAtMs),
    lastAt: new Date(one.lastAtMs),
    sustained: isSustained(one, nowMs),
  };
}

function usage(queries: Queries): Answerer<wire.GetUsageRequest, wire.GetUsageResponse> {
  return async (request) => {
    const found: Violation[] = [];
    const query = readUsageQuery(found, request);
    if (query === undefined) return invalidArgument(found);
    const page = await queries.usage(query);
    if (isRefusal(page)) return failureOf(page, 'tenant');
    return { rows: page.items.map(usageRowOf), nextPageToken: page.nextPageToken ?? '' };
  };
}

function calibrations(
  queries: Queries,
): Answerer<wire.ListCalibrationsRequest, wire.ListCalibrationsResponse> {
  return async (request) => {
    const found: Violation[] = [];
    const tenant = readId(found, 'tenant', request.tenant);
    if (found.length > 0) return invalidArgument(found);
    const answered = await queries.calibrations(tenant);
    if (isRefusal(answered)) return failureOf(answered, 'tenant');
    return {
      calibrations: answered.calibrations.map(calibrationOf),
      applied: answered.applied,
    };
  };
}

function policies(queries: Queries): Answerer<wire.ListPoliciesRequest, wire.ListPoliciesResponse> {
  return async (request) => {
    const found: Violation[] = [];
    const tenant = readId(found, 'tenant', request.tenant);
    if (found.length > 0) return invalidArgument(found);
    const inForce = await queries.policies(tenant);
    if (isRefusal(inForce)) return failureOf(inForce, 'tenant');
    return { combining: inForce.combining, policies: inForce.policies.map(policySummaryOf) };
  };
}

function policySummaryOf({ id, name, effect, priority, conditions }: Policy): wire.PolicySummary {
  return {
    policy: id,
    name,
    effect: EFFECT[effect],
    priority,
    conditions: conditions.map((condition) => condition.words),
  };
}

function isRefusal(answered: object): answered is QueryRefusal {
  return 'kind' in answered;
}
