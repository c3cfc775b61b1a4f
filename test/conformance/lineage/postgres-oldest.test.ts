import { oldestPostgres } from '../../support/postgres-program.ts';
import { postgresFixture } from '../ledger/fixtures.ts';
import { describeLineage } from './suite.ts';

const version = oldestPostgres();

describeLineage(`postgres ${version}`, () => postgresFixture({ version }));
