import { Complexity } from '../src/gen/tollgate/v1/call.ts';
import { AuthorizeRequest } from '../src/gen/tollgate/v1/decision_service.ts';

/**
 * A hundred policies over environments, roles and attributes, as each of the two writes them. What
 * comes from the region "embargoed" is denied, all else that is listed is allowed.
 */
const ENVIRONMENTS = ['production', 'staging', 'test', 'development', 'sandbox'];
const ROLES = ['employee', 'manager', 'auditor', 'contractor', 'admin'];
const REGIONS = ['eu', 'us', 'ap', 'embargoed'];

interface Rule {
  readonly id: string;
  readonly effect: 'allow' | 'deny';
  readonly environment: string;
  readonly role: string;
  readonly region: string;
}

const RULES: readonly Rule[] = ENVIRONMENTS.flatMap((environment) =>
  ROLES.flatMap((role) =>
    REGIONS.map((region): Rule => {
      const effect = region === 'embargoed' ? 'deny' : 'allow';
      return { id: `${environment}-${role}-${region}`, effect, environment, role, region };
    }),
  ),
);

/** The call, as both are told of it. */
export interface PeerCall {
  readonly tenant: string;
  readonly agent: string;
  readonly user: string;
  readonly role: string;
  readonly environment: string;
  readonly region: string;
}

export const CALL: PeerCall = {
  tenant: 'acme',
  agent: 'copilot-hr',
  user: 'alice',
  role: 'employee',
  environment: 'production',
  region: 'eu',
};

export function tollgateFile(): string {
  const policies = RULES.map(({ id, effect, environment, role, region }) => ({
    id,
    effect,
    conditions: [
      { type: 'environment', environments: [environment] },
      { type: 'principal', roles: [role] },
      { type: 'attribute', name: 'region', equals: [region] },
    ],
  }));
  const agents = [{ id: CALL.agent, provider: 'copilot_studio' }];
  return JSON.stringify({ version: 1, tenants: [{ id: CALL.tenant }], agents, policies });
}

/** Of Cerbos it is one resource with a hundred rules: it has no smaller part that holds for all. */
export function cerbosPolicy(): object {
  return {
    apiVersion: 'api.cerbos.dev/v1',
    resourcePolicy: {
      resource: 'agent',
      version: 'default',
      rules: RULES.map(({ id, effect, environment, role, region }) => ({
        name: id,
        actions: ['call'],
        effect: effect === 'allow' ? 'EFFECT_ALLOW' : 'EFFECT_DENY',
        roles: [role],
        condition: {
          match: {
            all: {
              of: [
                { expr: `request.resource.attr.environment == "${environment}"` },
                { expr: `request.resource.attr.region == "${region}"` },
              ],
            },
          },
        },
      })),
    },
  };
}

export function authorizeRequest(call: PeerCall): Uint8Array {
  const { tenant, agent, user, role, environment, region } = call;
  return AuthorizeRequest.encode(
    AuthorizeRequest.fromPartial({
      requestId: 'replaced-by-the-bench-server',
      call: {
        ...{ tenant, agent, environment },
        principal: { user, team: 'hr', roles: [role] },
        attributes: { region },
        estimate: { inputTokens: 500n, outputTokens: 300n, complexity: Complexity.STANDARD },
      },
    }),
  ).finish();
}
