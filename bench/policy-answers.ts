import { Client, credentials } from '@grpc/grpc-js';
import { AuthorizeResponse } from '../src/gen/tollgate/v1/decision_service.ts';
import { Effect } from '../src/gen/tollgate/v1/verdict.ts';
import { checkRequest, effectsOf, PATH as CERBOS_PATH } from './cerbos-messages.ts';
import { authorizeRequest, CALL, type PeerCall } from './policy-peers.ts';

const CERBOS_ALLOW = 1;

/** Both allow the call that is measured, and deny what their policies deny or do not list. */
export async function expectAllowAndDeny(tollgatePort: number, cerbosPort: number): Promise<void> {
  const cases: readonly (readonly [call: PeerCall, allowed: boolean])[] = [
    [CALL, true],
    [{ ...CALL, region: 'embargoed' }, false],
    [{ ...CALL, role: 'stranger' }, false],
    [{ ...CALL, environment: 'elsewhere' }, false],
  ];
  for (const [call, allowed] of cases) {
    const ours = AuthorizeResponse.decode(
      await answerOf(tollgatePort, AUTHORIZE_PATH, authorizeRequest(call)),
    );
    const theirs = effectsOf(await answerOf(cerbosPort, CERBOS_PATH, checkRequest(call)));
    const answers = {
      tollgate: ours.decision?.effect === Effect.ALLOW,
      cerbos: theirs.length === 1 && theirs[0] === CERBOS_ALLOW,
    };
    if (answers.tollgate !== allowed || answers.cerbos !== allowed) {
      throw new Error(`${JSON.stringify(call)} was answered ${JSON.stringify(answers)}`);
    }
  }
}

const AUTHORIZE_PATH = '/tollgate.v1.DecisionService/Authorize';

function answerOf(port: number, path: string, message: Uint8Array): Promise<Uint8Array> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const same = (bytes: Buffer): Buffer => bytes;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, same, same, Buffer.from(message), (error, bytes) => {
      client.close();
      if (error) reject(error);
      else resolve(bytes ?? new Uint8Array());
    });
  });
}
