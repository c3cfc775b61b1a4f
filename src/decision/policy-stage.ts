import type { PolicyTrace, PolicyVerdict } from '../policy/verdict.ts';
import type { Admission } from './admission.ts';
import { policyFactsOf } from './admission.ts';
import type { Reason } from './reasons.ts';

/** What the registration of the agent and the policies say. */
export interface PolicyStage {
  readonly allowed: boolean;
  readonly reasons: readonly Reason[];
  /** Undefined when the agent's registration denied before any policy was asked. */
  readonly verdict: PolicyVerdict | undefined;
}

export function runPolicyStage(admission: Admission): PolicyStage {
  const registration = registrationReason(admission);
  if (registration) return { allowed: false, reasons: [registration], verdict: undefined };
  const { snapshot, command } = admission;
  const verdict = snapshot.policies.evaluate(
    policyFactsOf(admission),
    command.explain ? 'all' : 'likely',
  );
  return { allowed: verdict.effect === 'allow', reasons: policyReasons(verdict), verdict };
}

function registrationReason({ agent, command: { call } }: Admission): Reason | undefined {
  if (!agent) {
    const message = `Agent ${call.agent} is not registered for tenant ${call.tenant}.`;
    return { code: 'agent.unknown', message, ruleKind: 'agent', rule: call.agent };
  }
  if (agent.enabled) return undefined;
  const message = `Agent ${agent.id} is switched off.`;
  return { code: 'agent.disabled', message, ruleKind: 'agent', rule: agent.id };
}

function policyReasons(verdict: PolicyVerdict): readonly Reason[] {
  const decided: readonly Reason[] =
    verdict.deciding.length > 0 ? verdict.deciding.map(policyReason) : [NO_MATCH];
  return [...decided, ...shadowReasons(verdict)];
}

const NO_MATCH: Reason = { code: 'policy.no_match', message: 'No policy allows this call.' };

function shadowReasons({ shadow }: PolicyVerdict): readonly Reason[] {
  if (!shadow) return [];
  return shadow.deciding.map(({ policyId }) => ({
    code: 'policy.shadow',
    message: `Policy ${policyId} is in shadow mode; enforced, it would ${shadow.effect} this call.`,
    ruleKind: 'policy',
    rule: policyId,
  }));
}

function policyReason(trace: PolicyTrace): Reason {
  const rule = { ruleKind: 'policy', rule: trace.policyId } as const;
  if (trace.effect === 'allow') {
    return { code: 'policy.allowed', message: `Policy ${trace.policyId} allows.`, ...rule };
  }
  if (trace.applies === 'true') {
    return { code: 'policy.denied', message: `Policy ${trace.policyId} denies.`, ...rule };
  }
  const missing = trace.conditions.flatMap((condition) => condition.missing ?? []);
  const message =
    `Policy ${trace.policyId} denies because it cannot be evaluated: ` +
    `${missing.join(', ')} is missing or of the wrong type.`;
  return { code: 'policy.unevaluable', message, ...rule };
}
