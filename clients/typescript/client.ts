import {
  AuthorizeRequest,
  CommitRequest,
  type CommitResponse,
  DecisionServiceService as Decisions,
  ExtendRequest,
  ReleaseRequest,
  type ReleaseResponse,
  ReserveRequest,
} from '../../src/gen/tollgate/v1/decision_service.ts';
import {
  ExportDecisionsRequest,
  GetBudgetStatusRequest,
  GetUsageRequest,
  GetDecisionRequest,
  ListCalibrationsRequest,
  type ListCalibrationsResponse,
  ListDecisionsRequest,
  ListViolationsRequest,
  type DecisionRecord,
  type LimitViolation,
  type GetStatusResponse,
  QueryServiceService as Queries,
  type UsageRow,
} from '../../src/gen/tollgate/v1/query_service.ts';
import {
  ErasePersonRequest,
  type ErasePersonResponse,
  GetPersonRecordsRequest,
  type GetPersonRecordsResponse,
  RecordServiceService as Records,
} from '../../src/gen/tollgate/v1/record_service.ts';
import type { BudgetStatus } from '../../src/gen/tollgate/v1/verdict.ts';
import { Channel, type ChannelOptions, type RequestOptions } from './channel.ts';
import { invoke, type Invocation, type InvokeResult } from './invoke.ts';
import {
  type AuthorizeInput,
  type CommitInput,
  type ErasureInput,
  type ExportInput,
  type ExtendInput,
  identified,
  type PersonInput,
  type ReleaseInput,
  type ReserveInput,
  type UsageQueryInput,
  type ViolationsInput,
} from './requests.ts';
import { readVerdict, type ReserveVerdict, type Verdict } from './verdict.ts';

export interface TollgateClientOptions extends ChannelOptions {
  /**
   * Names of the obligations that the caller carries out, for example `use_less`. Default: none.
   */
  readonly knownObligations?: readonly string[];
}

/** Most pages that one query reads: 100,000 accounts or rows. */
const MAX_PAGES = 100;
const PAGE_SIZE = 1_000;
/** The sidecar opens what is sealed, which calls have to wait for. */
const PERSON_PAGE_SIZE = 500;
/** A record may take 10 kB, and gRPC takes answers of 4 MB. */
const DECISIONS_PER_PAGE = 200;

/**
 * Asks a Tollgate sidecar before calls to external agents, and settles them afterwards. Every
 * method repeats a request that was not answered under the same request id, and throws
 * TollgateError when it gives up: the caller then does not know the answer and must not make the
 * call.
 */
export class TollgateClient {
  readonly #channel: Channel;
  readonly #known: ReadonlySet<string>;

  private constructor(channel: Channel, known: ReadonlySet<string>) {
    this.#channel = channel;
    this.#known = known;
  }

  /**
   * Connects when the first request is sent.
   * @param address `unix:/path/of/socket` or `host:port`.
   */
  static connect(address: string, options: TollgateClientOptions = {}): TollgateClient {
    return new TollgateClient(new Channel(address, options), new Set(options.knownObligations));
  }

  /** May the call go ahead? Takes from the rate windows and holds no money. */
  async authorize(input: AuthorizeInput, options: RequestOptions = {}): Promise<Verdict> {
    const request = identified(AuthorizeRequest.fromPartial(input));
    const { decision } = await this.#channel.send(Decisions.authorize, request, {
      ...options,
      requestId: request.requestId,
    });
    return readVerdict(decision, request.requestId, this.#known);
  }

  /** As `authorize`, and holds the estimate until it is committed, released or expires. */
  async reserve(input: ReserveInput, options: RequestOptions = {}): Promise<ReserveVerdict> {
    const request = identified(ReserveRequest.fromPartial(input));
    const { decision, reservation } = await this.#channel.send(Decisions.reserve, request, {
      ...options,
      requestId: request.requestId,
    });
    return { ...readVerdict(decision, request.requestId, this.#known), reservation };
  }

  /** Settles a reservation with what the call really used. */
  async commit(input: CommitInput, options: RequestOptions = {}): Promise<CommitResponse> {
    const request = identified(CommitRequest.fromPartial(input));
    const { requestId } = request;
    return this.#channel.send(Decisions.commit, request, { ...options, requestId });
  }

  /** Gives a hold back. Only for a call that was never dispatched. */
  async release(input: ReleaseInput, options: RequestOptions = {}): Promise<ReleaseResponse> {
    const request = identified(ReleaseRequest.fromPartial(input));
    const { requestId } = request;
    return this.#channel.send(Decisions.release, request, { ...options, requestId });
  }

  /** Asks for more money, tokens or time. On a denial the reservation stays as it was. */
  async extend(input: ExtendInput, options: RequestOptions = {}): Promise<ReserveVerdict> {
    const request = identified(ExtendRequest.fromPartial(input));
    const { decision, reservation } = await this.#channel.send(Decisions.extend, request, {
      ...options,
      requestId: request.requestId,
    });
    return { ...readVerdict(decision, request.requestId, this.#known), reservation };
  }

  /**
   * Reserves, makes the call, settles. When the call throws, it is settled with outcome ERROR
   * (TIMEOUT for a TimeoutError, CANCELLED for an AbortError) and the error is thrown on; a
   * NotDispatched gives the hold back.
   * @param make makes the call and says what it used. It is not called on a denial.
   * @throws what `make` throws; InvocationUnsettled when settling that failed too; TollgateError
   *   when reserving or giving back was not answered: the call was then not made, and the hold
   *   expires as spent.
   */
  invoke<T>(
    input: ReserveInput,
    make: (invocation: Invocation) => Promise<T>,
    options: RequestOptions = {},
  ): Promise<InvokeResult<T>> {
    return invoke(this, input, make, options);
  }

  /** How the sidecar and its stores are. */
  getStatus(options: RequestOptions = {}): Promise<GetStatusResponse> {
    return this.#channel.send(Queries.getStatus, {}, options);
  }

  /** Accounts of a tenant, ordered by account id; at most 100,000. */
  async budgetStatus(tenant: string, options: RequestOptions = {}): Promise<BudgetStatus[]> {
    const accounts: BudgetStatus[] = [];
    let pageToken = '';
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const request = GetBudgetStatusRequest.create({ tenant, pageSize: PAGE_SIZE, pageToken });
      const answer = await this.#channel.send(Queries.getBudgetStatus, request, options);
      accounts.push(...answer.budgetStatus);
      pageToken = answer.nextPageToken;
      if (pageToken === '') break;
    }
    return accounts;
  }

  /** What was charged, in the order of the answer; at most 100,000 rows. */
  async usage(input: UsageQueryInput, options: RequestOptions = {}): Promise<UsageRow[]> {
    const rows: UsageRow[] = [];
    let pageToken = '';
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const request = GetUsageRequest.fromPartial({ ...input, pageSize: PAGE_SIZE, pageToken });
      const answer = await this.#channel.send(Queries.getUsage, request, options);
      rows.push(...answer.rows);
      pageToken = answer.nextPageToken;
      if (pageToken === '') break;
    }
    return rows;
  }

  /** How far the estimates for each agent are off; at most 1,000 agents. */
  calibrations(tenant: string, options: RequestOptions = {}): Promise<ListCalibrationsResponse> {
    const request = ListCalibrationsRequest.create({ tenant });
    return this.#channel.send(Queries.listCalibrations, request, options);
  }

  /** One decision from the record; undefined when there is none under this id. */
  async decision(
    tenant: string,
    decisionId: string,
    options: RequestOptions = {},
  ): Promise<DecisionRecord | undefined> {
    const request = GetDecisionRequest.create({ tenant, decisionId });
    const answer = await this.#channel.send(Queries.getDecision, request, options);
    return answer.record;
  }

  /** Decisions from the record, newest first: at most `most` of those that fit, and 20,000. */
  async decisions(
    input: ExportInput,
    most: number,
    options: RequestOptions = {},
  ): Promise<DecisionRecord[]> {
    const records: DecisionRecord[] = [];
    let pageToken = '';
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const pageSize = Math.min(DECISIONS_PER_PAGE, most - records.length);
      const request = ListDecisionsRequest.fromPartial({ ...input, pageSize, pageToken });
      const answer = await this.#channel.send(Queries.listDecisions, request, options);
      records.push(...answer.records);
      pageToken = answer.nextPageToken;
      if (pageToken === '' || records.length >= most) break;
    }
    return records;
  }

  /**
   * All decisions that fit, newest first, read as fast as they are asked for. Leaving the loop ends
   * it.
   * @throws TollgateError when it breaks off; what was read until then stands.
   */
  async *exportDecisions(
    input: ExportInput,
    options: Omit<RequestOptions, 'timeoutMs'> = {},
  ): AsyncGenerator<DecisionRecord, void, undefined> {
    const request = ExportDecisionsRequest.fromPartial(input);
    for await (const { record } of this.#channel.stream(
      Queries.exportDecisions,
      request,
      options,
    )) {
      if (record) yield record;
    }
  }

  /** How often limits of a tenant denied, the latest first; at most 1,000. */
  async violations(
    input: ViolationsInput,
    options: RequestOptions = {},
  ): Promise<LimitViolation[]> {
    const request = ListViolationsRequest.fromPartial(input);
    const answer = await this.#channel.send(Queries.listViolations, request, options);
    return answer.violations;
  }

  /** Makes what is kept about a person unreadable for good. */
  erasePerson(input: ErasureInput, options: RequestOptions = {}): Promise<ErasePersonResponse> {
    const request = identified(ErasePersonRequest.fromPartial(input));
    const { requestId } = request;
    return this.#channel.send(Records.erasePerson, request, { ...options, requestId });
  }

  /**
   * Everything that is kept about a person, newest first, page by page. Each page is recorded as an
   * access.
   */
  async *personRecords(
    input: PersonInput,
    options: RequestOptions = {},
  ): AsyncGenerator<GetPersonRecordsResponse, void, undefined> {
    let pageToken = '';
    do {
      const place = { pageSize: PERSON_PAGE_SIZE, pageToken };
      const request = GetPersonRecordsRequest.fromPartial({ ...input, ...place });
      const page = await this.#channel.send(Records.getPersonRecords, request, options);
      yield page;
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
  }

  close(): void {
    this.#channel.close();
  }
}
