import { Complexity } from '../src/gen/tollgate/v1/call.ts';
import { AuthorizeRequest } from '../src/gen/tollgate/v1/decision_service.ts';

const A_PERSON = {
  externalUserId: 'ext-77',
  email: 'alice@example.com',
  name: 'Alice Example',
  session: 'session-1',
};

/** A call that the policies of bench/policy.yaml decide; with a person behind it, or nobody. */
export function policyCall(withPerson = false): AuthorizeRequest {
  return AuthorizeRequest.fromPartial({
    requestId: 'replaced-by-the-bench-server',
    call: {
      tenant: 'acme',
      agent: 'copilot-hr',
      principal: {
        ...{ user: 'alice', team: 'hr', roles: ['employee'] },
        ...(withPerson && A_PERSON),
      },
      ...(withPerson && { origin: { sourceIp: '203.0.113.9' } }),
      environment: 'production',
      estimate: { inputTokens: 500n, outputTokens: 300n, complexity: Complexity.STANDARD },
    },
  });
}
