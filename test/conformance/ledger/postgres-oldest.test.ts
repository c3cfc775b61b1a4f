import { oldestPostgres } from '../../support/postgres-program.ts';
import { describeEverything } from './every-suite.ts';
import { postgresFixture } from './fixtures.ts';

const version = oldestPostgres();

describeEverything(`postgres ${version}`, () => postgresFixture({ version }));
