import type { Server } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';

/** Names that grpc.health.v1 answers for; the empty one is the process as a whole. */
const SERVICES = [
  '',
  'tollgate.v1.DecisionService',
  'tollgate.v1.QueryService',
  'tollgate.v1.RecordService',
] as const;

/** What grpc.health.v1 says. */
export interface Health {
  setServing(serving: boolean): void;
}

export function addHealth(server: Server, serving: boolean): Health {
  const implementation = new HealthImplementation();
  const setServing = (now: boolean): void => {
    for (const service of SERVICES) {
      implementation.setStatus(service, now ? 'SERVING' : 'NOT_SERVING');
    }
  };
  setServing(serving);
  implementation.addToServer(server);
  return { setServing };
}
