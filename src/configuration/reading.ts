import type { ConfigurationDocument } from './document.ts';
import { parseConfiguration } from './parse.ts';
import type { Problem } from './problem.ts';
import { warningsOf } from './warnings.ts';

/**
 * A configuration text, checked in itself. Plain data, so that it can be made on another thread.
 */
export type Reading =
  | {
      readonly kind: 'read';
      readonly document: ConfigurationDocument;
      readonly warnings: readonly Problem[];
      /**
       * What to say of its `revision`, should it not grow: a problem that still lacks its message.
       */
      readonly revisionPlace: Problem;
    }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] };

export interface ReadingOrder {
  readonly text: string;
  /** How problems name the file. */
  readonly file: string;
  /** Decides which exemptions and maintenance windows are over. */
  readonly nowMs: number;
}

export function readConfiguration({ text, file, nowMs }: ReadingOrder): Reading {
  const parsed = parseConfiguration(text, file);
  if (parsed.kind === 'refused') return parsed;
  const { document, yaml } = parsed;
  const revisionPlace = yaml.problemAt(['revision'], 'value', '');
  return { kind: 'read', document, warnings: warningsOf(document, yaml, nowMs), revisionPlace };
}
