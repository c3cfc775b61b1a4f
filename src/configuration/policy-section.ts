import { z } from 'zod';
import { ids, names } from './match-section.ts';
import { MAX_CONDITIONS, MAX_LIST_LENGTH, MAX_PRIORITY } from './bounds.ts';
import { celExpression, estimate, location, negate, timeWindow, type } from './condition-fields.ts';
import { anything, attributeValue, choice, flag, identifier, text, whole } from './fields.ts';

const plainCondition = [
  z.strictObject({
    type: type('environment'),
    negate,
    environments: names('The call comes from one of these environments, in any case'),
  }),
  z.strictObject({
    type: type('provider'),
    negate,
    providers: names('The agent is of one of these providers'),
  }),
  z.strictObject({
    type: type('agent'),
    negate,
    agents: ids('The agent is one of these'),
  }),
  z
    .strictObject({
      type: type('principal'),
      negate,
      organizations: ids('The organization is one of these').optional(),
      users: names('The user is one of these').optional(),
      teams: names('The team is one of these').optional(),
      roles: names('The user has one of these roles').optional(),
    })
    .refine(({ organizations, users, teams, roles }) => organizations ?? users ?? teams ?? roles, {
      error: 'expected at least one of organizations, users, teams or roles',
    }),
  timeWindow,
  location,
  estimate,
  z.strictObject({
    type: type('data_classification'),
    negate,
    tags: names('The data sent carries one of these tags'),
  }),
  z.strictObject({
    type: type('attribute'),
    negate,
    name: text.describe('Name of the attribute that the caller sends.'),
    equals: z
      .array(attributeValue)
      .min(1)
      .max(MAX_LIST_LENGTH)
      .describe('Values of which it equals one.'),
  }),
  z.strictObject({
    type: type('cel'),
    negate,
    expression: celExpression.describe(
      'A yes or no in CEL (cel.dev) over tenant, agent, provider, environment, user, team, roles, country, source_ip, data_classification, attributes, cost_usd, input_tokens, output_tokens and now.',
    ),
  }),
] as const;

const condition = z
  .discriminatedUnion('type', [
    ...plainCondition,
    z.strictObject({
      type: type('any'),
      negate,
      conditions: z
        .array(z.discriminatedUnion('type', plainCondition))
        .min(1)
        .max(MAX_CONDITIONS)
        .describe('At least one holds.'),
    }),
  ])
  .describe('One question about the call; `type` says which.');

const obligation = z.strictObject({
  name: identifier.describe('What the caller must do, such as "redact".'),
  parameters: z
    .record(identifier, anything)
    .prefault({})
    .describe('Anything the caller needs for it.'),
});

/** An entry of `policies`. */
export const policy = z.strictObject({
  id: identifier.describe('Named in reasons and in the record.'),
  name: text.optional().describe('For people. Absent means the id.'),
  effect: choice(['allow', 'deny']).describe('What it says when all its conditions hold.'),
  priority: whole({ least: 1, most: MAX_PRIORITY })
    .prefault(50)
    .describe('Lower is looked at first: 1-10 security, 11-50 compliance, 51-100 operations.'),
  enabled: flag.prefault(true).describe('A disabled policy is not looked at.'),
  shadow: flag
    .prefault(false)
    .describe('Evaluated and recorded, and not enforced: an answer tells what it would change.'),
  tenants: ids('Tenants that it holds for. Absent means all').optional(),
  conditions: z
    .array(condition)
    .max(MAX_CONDITIONS)
    .prefault([])
    .describe('All must hold. None means that it always applies.'),
  obligations: z
    .array(obligation)
    .max(MAX_CONDITIONS)
    .prefault([])
    .describe('What an allow asks of the caller.'),
});
