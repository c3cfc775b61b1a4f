import { z } from 'zod';
import { MAX_LIST_LENGTH } from './bounds.ts';
import { identifier, text } from './fields.ts';

/** Names in a list that is not empty, because an empty one would match nothing. */
export const names = (what: string): z.ZodArray<z.ZodType<string>> =>
  z
    .array(text)
    .min(1)
    .max(MAX_LIST_LENGTH)
    .meta({ expected: 'one or more names', description: `${what}.` });
/** Ids in a list that is not empty. */
export const ids = (what: string): z.ZodArray<z.ZodType<string>> =>
  z
    .array(identifier)
    .min(1)
    .max(MAX_LIST_LENGTH)
    .meta({ expected: 'one or more ids', description: `${what}.` });

export const match = z
  .strictObject({
    organizations: ids('Tenants by id').optional(),
    teams: names('Teams').optional(),
    users: names('Users').optional(),
    agents: ids('Agents by id').optional(),
    providers: names('Providers of agents').optional(),
    environments: names('Environments as callers name them, in the same case').optional(),
    roles: names('Roles, of which the caller has at least one').optional(),
    tiers: ids('Tiers by id').optional(),
  })
  .describe(
    'Narrows it to some calls: every list that is given must contain the value of the call. Absent or empty means every call.',
  );
