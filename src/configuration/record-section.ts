import { z } from 'zod';
import type { RecordRules } from '../decision/snapshot.ts';
import { PERSON_FIELDS, type PersonField } from '../person/person.ts';
import { choice, flag } from './fields.ts';

/** Fields of a person as the contract names them. */
const FIELDS = {
  email: 'email',
  name: 'name',
  external_user_id: 'externalUserId',
  source_ip: 'sourceIp',
  session: 'session',
} as const satisfies Readonly<Record<string, PersonField>>;
const FIELD_NAMES = ['email', 'name', 'external_user_id', 'source_ip', 'session'] as const;

export const recordSection = z.strictObject({
  personal_data: z
    .array(choice(FIELD_NAMES))
    .max(FIELD_NAMES.length)
    .optional()
    .describe(
      'Personal data that is stored, sealed; what is not listed is used for the decision and forgotten. Absent means all, an empty list none.',
    ),
  consent: choice(['required', 'ignored'])
    .prefault('ignored')
    .describe(
      'Whether personal data is stored only of calls that say in `principal.consent` what the person agreed to. Calls without go on.',
    ),
  error_messages: flag
    .prefault(true)
    .describe('Whether error texts of calls and reasons of releases are kept.'),
});

const EVERYTHING: RecordRules = Object.freeze({
  personalData: PERSON_FIELDS,
  consentRequired: false,
  errorMessages: true,
});

export function recordRulesOf(written: z.output<typeof recordSection> | undefined): RecordRules {
  if (written === undefined) return EVERYTHING;
  const listed = written.personal_data?.map((name) => FIELDS[name]);
  return Object.freeze({
    personalData: listed ? PERSON_FIELDS.filter((field) => listed.includes(field)) : PERSON_FIELDS,
    consentRequired: written.consent === 'required',
    errorMessages: written.error_messages,
  });
}
