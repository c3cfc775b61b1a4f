import { admit } from '../../decision/admission.ts';
import type { AuthorizeCommand, Call } from '../../decision/call.ts';
import { type PolicyStage, runPolicyStage } from '../../decision/policy-stage.ts';
import type { Snapshot } from '../../decision/snapshot.ts';
import type { PolicyVerdict } from '../../policy/verdict.ts';
import type { Expectation, SuiteTest } from './read-suite.ts';
import { stageLines } from './stage-text.ts';

/** What the policies said to one test. */
export interface Outcome {
  readonly test: SuiteTest;
  readonly got: Said;
  /** Empty when the test passes. */
  readonly mismatches: readonly Mismatch[];
  /** How the answer came about; empty when the test passes. */
  readonly explanation: readonly string[];
}

/** An answer, in the words in which a suite expects one. */
export interface Said {
  readonly effect: 'allow' | 'deny';
  /** A code each, and after it the rule that spoke. */
  readonly reasons: readonly string[];
  readonly obligations: readonly string[];
  /** Ids of policies. */
  readonly deciding: readonly string[];
}

export interface Mismatch {
  readonly what: keyof Said;
  readonly expected: string;
  readonly got: string;
}

/**
 * Decides a call at a moment as the sidecar does up to its windows, and compares the answer.
 * @param see is shown the verdict, which is large and not kept.
 */
export function runTest(
  test: SuiteTest,
  snapshot: Snapshot,
  see: (verdict: PolicyVerdict) => void,
): Outcome {
  const stage = decide(test.call, test.atMs, snapshot);
  if (stage.verdict) see(stage.verdict);
  const got = saidBy(stage);
  const mismatches = mismatchesOf(test.expect, got);
  return { test, got, mismatches, explanation: mismatches.length > 0 ? stageLines(stage) : [] };
}

function decide(call: Call, nowMs: number, snapshot: Snapshot): PolicyStage {
  const tenant = snapshot.tenants.get(call.tenant);
  if (!tenant) throw new Error(`no tenant ${call.tenant}`); // load-suites.ts has looked.
  const command: AuthorizeCommand = {
    tenant: call.tenant,
    requestId: '',
    fingerprint: '',
    traceId: '',
    call,
    explain: true,
    minRevision: 0n,
  };
  return runPolicyStage(admit(command, tenant, { snapshot, nowMs }, false));
}

function saidBy({ allowed, reasons, verdict }: PolicyStage): Said {
  return {
    effect: allowed ? 'allow' : 'deny',
    reasons: reasons.map(({ code, rule = '' }) => `${code} ${rule}`.trimEnd()),
    obligations: verdict?.obligations.map(({ name }) => name) ?? [],
    deciding: verdict?.deciding.map(({ policyId }) => policyId) ?? [],
  };
}

const LISTS = ['reasons', 'obligations', 'deciding'] as const;

/** Lists are compared whole and in order; what is not expected is not compared. */
function mismatchesOf(expect: Expectation, got: Said): readonly Mismatch[] {
  const mismatches: Mismatch[] = [];
  if (expect.effect !== got.effect) {
    mismatches.push({ what: 'effect', expected: expect.effect, got: got.effect });
  }
  for (const what of LISTS) {
    const expected = expect[what];
    if (expected === undefined || agree(expected, got[what])) continue;
    mismatches.push({ what, expected: listText(expected), got: listText(got[what]) });
  }
  return mismatches;
}

/** A code without a policy agrees with that code of any policy. */
function agree(expected: readonly string[], got: readonly string[]): boolean {
  return (
    expected.length === got.length &&
    expected.every((one, index) => {
      const said = got[index] ?? '';
      return one === said || one === said.split(' ')[0];
    })
  );
}

function listText(list: readonly string[]): string {
  return list.length === 0 ? 'none' : list.join(', ');
}
