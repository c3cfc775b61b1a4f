import { ErasePersonResponse } from '../../gen/tollgate/v1/record_service.ts';
import { type ExitCode, printJson, printLines, type Streams } from '../context.ts';
import { PATIENCE_MS, type NamedPerson, type PersonOptions } from '../person-options.ts';
import { withClient } from '../sidecar.ts';
import { grouped } from '../text/units.ts';

/** Prints how many records were affected. */
export async function runErase(
  options: PersonOptions,
  person: NamedPerson,
  streams: Streams,
): Promise<ExitCode> {
  return withClient<ExitCode>({ timeout: PATIENCE_MS, ...options }, async (client) => {
    const erased = await client.erasePerson(person);
    if (options.json) printJson(streams.stdout, ErasePersonResponse.toJSON(erased));
    else printLines(streams.stdout, erasureLines(erased));
    return 0;
  });
}

export function erasureLines({
  records,
  recordsWithUser,
  eventId,
}: ErasePersonResponse): readonly string[] {
  return [
    `Records whose personal data was erased: ${grouped(records)} (event ${eventId}).`,
    ...(recordsWithUser > 0n
      ? [
          `Records that have this very address or id as their user, and keep it: ${grouped(recordsWithUser)}.`,
          'Accounts, limits and the chain of the record go by it.',
        ]
      : []),
  ];
}
