import type { Snapshot } from '../decision/snapshot.ts';
import { compileSnapshot } from './compile.ts';
import type { ConfigurationDocument } from './document.ts';
import type { EnvironmentDefaults } from './environment-defaults.ts';
import type { Problem } from './problem.ts';
import { readConfiguration, type Reading } from './reading.ts';
import { digestOf, revisionNumberOf } from './revision.ts';

export interface LoadOptions {
  /** How problems name the file. */
  readonly file: string;
  readonly environmentDefaults: EnvironmentDefaults;
  readonly changedAtMs: number;
  readonly nowMs: number;
  /** What is in force, if anything is: the new revision must be above it. */
  readonly previous: Loaded | undefined;
}

export interface Loaded {
  readonly kind: 'loaded';
  readonly snapshot: Snapshot;
  readonly document: ConfigurationDocument;
  readonly warnings: readonly Problem[];
}

export type Load = Loaded | { readonly kind: 'refused'; readonly problems: readonly Problem[] };

/**
 * From the text of a file to the snapshot that decides, or to the list of everything that is wrong
 * with it.
 */
export function loadConfiguration(text: string, options: LoadOptions): Load {
  const { file, nowMs } = options;
  return loadReading(readConfiguration({ text, file, nowMs }), text, options);
}

/** The same for a text that has been read, on whatever thread. */
export function loadReading(reading: Reading, text: string, options: LoadOptions): Load {
  if (reading.kind === 'refused') return reading;
  const { document, warnings, revisionPlace } = reading;
  const { environmentDefaults, changedAtMs, nowMs, previous } = options;

  const before = previous?.document.revision;
  if (before !== undefined && document.revision !== undefined && document.revision <= before) {
    const message = `must grow with every change: expected more than ${before}, which is in force`;
    return { kind: 'refused', problems: [{ ...revisionPlace, message }] };
  }
  const revisionNumber = revisionNumberOf({
    written: document.revision,
    changedAtMs,
    previous: previous?.snapshot.revisionNumber,
  });
  const digest = digestOf(text, environmentDefaults);
  const snapshot = compileSnapshot(document, {
    environmentDefaults,
    revisionNumber,
    digest,
    nowMs,
  });
  return { kind: 'loaded', snapshot, document, warnings };
}
