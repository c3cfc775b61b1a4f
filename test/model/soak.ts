import fc from 'fast-check';

/** How many programs, and from which seed: both are set by `make soak`. */
const { SOAK_PROGRAMS, SOAK_SEED } = process.env;
/** A program takes a few hundredths of a second; this is for the slowest machine. */
const PER_PROGRAM_MS = 3_000;

export interface Extent {
  readonly numRuns: number;
  readonly timeoutMs: number;
}

/** @param share of the programs of a soak; @param usual in `make test` */
export function extentOf(share: number, usual: number): Extent {
  const numRuns = SOAK_PROGRAMS === undefined ? usual : Math.ceil(Number(SOAK_PROGRAMS) * share);
  return { numRuns, timeoutMs: numRuns * PER_PROGRAM_MS };
}

/** Runs a property; its report on failure says how to run the same programs again. */
export async function assertPrograms<Values>(
  property: fc.IAsyncProperty<Values>,
  { numRuns }: Extent,
): Promise<void> {
  const seed = SOAK_SEED === undefined ? Date.now() % 2 ** 31 : Number(SOAK_SEED);
  process.stdout.write(`${numRuns} programs from seed ${seed} (SOAK_SEED=${seed} repeats them)\n`);
  await fc.assert(property, { numRuns, seed });
}
