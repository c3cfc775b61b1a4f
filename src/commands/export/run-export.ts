import { type ExitCode, printLines, type Streams } from '../context.ts';
import type { DecisionFilters } from '../decision-filters.ts';
import { filterInput } from '../decisions/filter-input.ts';
import { type SidecarOptions, withClient } from '../sidecar.ts';
import { grouped } from '../text/units.ts';
import { intoFile, intoStream, type Sink } from './record-file.ts';
import { openWriter, type ExportFormat } from './writers.ts';

export interface ExportOptions extends SidecarOptions, DecisionFilters {
  readonly format: ExportFormat;
  /** Standard output when absent. */
  readonly out?: string;
}

/** Writes all decisions that fit, newest first. */
export async function runExport(options: ExportOptions, streams: Streams): Promise<ExitCode> {
  const { out, format } = options;
  const count = await withClient(options, (client) => {
    const write = async (sink: Sink): Promise<number> => {
      const writer = await openWriter(format, sink);
      let written = 0;
      for await (const record of client.exportDecisions(filterInput(options))) {
        if (streams.stdout.destroyed && out === undefined) break;
        await writer.write(record);
        written += 1;
      }
      await writer.end();
      return written;
    };
    return out === undefined ? intoStream(streams.stdout, write) : intoFile(out, write);
  });
  if (out !== undefined) printLines(streams.stderr, [`${grouped(count)} decisions in ${out}`]);
  return 0;
}
