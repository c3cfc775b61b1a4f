import { knownPublicKey, SigningKeyError } from '../../signing-key.ts';
import { CommandFailed, type ExitCode, printJson, type Streams } from '../context.ts';
import { withLedger } from '../ledger.ts';
import { settingsFor } from '../settings.ts';

export interface CheckpointsOptions {
  readonly tenant?: string;
  readonly publicKey?: true;
  readonly dataDir?: string;
}

export async function runCheckpoints(
  options: CheckpointsOptions,
  { stdout }: Streams,
): Promise<ExitCode> {
  if (options.publicKey) {
    stdout.write(publicKeyText(options));
    return 0;
  }
  return withLedger<ExitCode>(options, async ({ stores }) => {
    for await (const { sealed: _sealed, batch, ...rest } of stores.checkpoints.list(
      options.tenant,
    )) {
      printJson(stdout, { ...rest, batch: String(batch) });
    }
    return 0;
  });
}

function publicKeyText({ dataDir }: CheckpointsOptions): string {
  try {
    const key = knownPublicKey(settingsFor(dataDir === undefined ? {} : { dataDir }));
    if (key) return key.export({ type: 'spki', format: 'pem' });
  } catch (error) {
    if (error instanceof SigningKeyError) throw new CommandFailed(error.message);
    throw error;
  }
  throw new CommandFailed('There is no key that signs checkpoints here yet; `serve` makes one.');
}
