import type { Snapshot } from '../decision/snapshot.ts';
import { compileSnapshot } from './compile.ts';
import type { ConfigurationDocument } from './document.ts';
import type { EnvironmentDefaults } from './environment-defaults.ts';
import { unpackEntries, unpackSections } from './packed-sections.ts';
import type { Problem } from './problem.ts';
import type { PackedReading } from './reading-thread.ts';
import { readConfiguration } from './reading.ts';
import { digestOf, revisionNumberOf } from './revision.ts';
import { sectionsOf, type Sections } from './sections.ts';
import { allAtOnce, type Steps } from './steps.ts';

export interface LoadOptions {
  /** How problems name the file. */
  readonly file: string;
  readonly environmentDefaults: EnvironmentDefaults;
  readonly changedAtMs: number;
  readonly nowMs: number;
  /** What is in force, if anything is: the new revision must be above it. */
  readonly previous: Pick<LoadedSnapshot, 'snapshot' | 'writtenRevision'> | undefined;
}

export interface LoadedSnapshot {
  readonly kind: 'loaded';
  readonly snapshot: Snapshot;
  /** `revision:` of the file. */
  readonly writtenRevision: number | undefined;
  readonly warnings: readonly Problem[];
}

export interface Loaded extends LoadedSnapshot {
  readonly document: ConfigurationDocument;
}

interface Refused {
  readonly kind: 'refused';
  readonly problems: readonly Problem[];
}

export type Load<T extends LoadedSnapshot = LoadedSnapshot> = T | Refused;

/**
 * From the text of a file to the snapshot that decides, or to the list of everything that is wrong
 * with it.
 */
export function loadConfiguration(text: string, options: LoadOptions): Load<Loaded> {
  const { file, nowMs, environmentDefaults } = options;
  const reading = readConfiguration({ text, file, nowMs });
  if (reading.kind === 'refused') return reading;
  const { document, warnings, revisionPlace } = reading;
  const content = {
    document: sectionsOf(document),
    warnings: [warnings],
    revisionPlace,
    digest: digestOf(text, environmentDefaults),
  };
  const load = allAtOnce(loadContent(content, options));
  return load.kind === 'refused' ? load : { ...load, document };
}

/** The same in steps, for a file that has been read on a thread of its own. */
export function* loadPacked(reading: PackedReading, options: LoadOptions): Steps<Load> {
  if (reading.kind === 'refused') return reading;
  return yield* loadContent(
    {
      ...reading,
      document: unpackSections(reading.document),
      warnings: unpackEntries<Problem>(reading.warnings),
    },
    options,
  );
}

interface Content {
  readonly document: Sections;
  /** In slices. */
  readonly warnings: Iterable<readonly Problem[]>;
  readonly revisionPlace: Problem;
  readonly digest: string;
}

function* loadContent(content: Content, options: LoadOptions): Steps<Load> {
  const { document, revisionPlace, digest } = content;
  const { environmentDefaults, changedAtMs, nowMs, previous } = options;

  const before = previous?.writtenRevision;
  const written = document.settings.revision;
  if (before !== undefined && written !== undefined && written <= before) {
    const message = `must grow with every change: expected more than ${before}, which is in force`;
    return { kind: 'refused', problems: [{ ...revisionPlace, message }] };
  }
  const revisionNumber = revisionNumberOf({
    written,
    changedAtMs,
    previous: previous?.snapshot.revisionNumber,
  });
  const snapshot = yield* compileSnapshot(document, {
    environmentDefaults,
    revisionNumber,
    digest,
    nowMs,
  });
  const warnings: Problem[] = [];
  for (const slice of content.warnings) {
    for (const warning of slice) warnings.push(warning);
    yield;
  }
  return { kind: 'loaded', snapshot, writtenRevision: written, warnings };
}
