import { TollgateClient } from '../../clients/typescript/index.ts';

export interface SidecarOptions {
  readonly address?: string;
  /** Longest wait for one try, in milliseconds. */
  readonly timeout?: number;
}

/**
 * Runs something with a client of the sidecar, by default the one that `serve` would start with the
 * same settings. The connection is closed afterwards.
 */
export async function withClient<T>(
  { address, timeout }: SidecarOptions,
  run: (client: TollgateClient) => Promise<T>,
): Promise<T> {
  const client = TollgateClient.connect(
    address ?? (await defaultAddress()),
    timeout === undefined ? {} : { timeoutMs: timeout },
  );
  try {
    return await run(client);
  } finally {
    client.close();
  }
}

/** Reading the settings takes longer than connecting, so it is left out when it is not needed. */
async function defaultAddress(): Promise<string> {
  const { settingsFor } = await import('./settings.ts');
  const { addressText } = await import('../server/address.ts');
  return addressText(settingsFor().listen);
}
