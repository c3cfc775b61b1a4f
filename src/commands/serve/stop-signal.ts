const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

export interface StopSignal {
  /** Resolves at the first signal. */
  readonly received: Promise<unknown>;
  /** Gives the signals back to Node: the next one ends the process. */
  forget(): void;
}

/**
 * Listens for Ctrl-C and SIGTERM. Stopping takes its bounded time; a second signal does not cut it
 * short.
 */
export function stopSignal(): StopSignal {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const stop = () => resolve(undefined);
  for (const signal of SIGNALS) process.on(signal, stop);
  return {
    received: promise,
    forget: () => {
      for (const signal of SIGNALS) process.removeListener(signal, stop);
    },
  };
}
