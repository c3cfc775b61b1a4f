// Holds as fast as it can in the embedded store of argv[2], and writes one line for each answered
// hold, until it is killed. A line is written before the next hold is asked for, so that what was
// read by the parent was answered.
import { writeSync } from 'node:fs';

import { openEmbedded } from '../../src/stores/embedded/open-embedded.ts';
import { accountOf, as, commitOf, finishHold, holdOf } from '../conformance/ledger/requests.ts';

const CALLERS = 16;

const stores = await openEmbedded({ directory: process.argv[2] ?? '', finishHold });
const account = accountOf({ caps: {} });

async function call(caller: number): Promise<never> {
  for (let round = 0; ; round += 1) {
    const request = holdOf('acme', [account]);
    as('held', await stores.ledger.hold(request));
    writeSync(1, `held ${request.reservationId}\n`);
    if ((round + caller) % 2 === 0) continue;
    as('settled', await stores.ledger.commit(commitOf(request)));
    writeSync(1, `committed ${request.reservationId}\n`);
  }
}

await Promise.all(Array.from({ length: CALLERS }, (_, caller) => call(caller)));
