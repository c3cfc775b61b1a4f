import { oldestPostgres } from '../../support/postgres-program.ts';
import { postgresFixture } from '../ledger/fixtures.ts';
import { describeErasure } from './erasure-suite.ts';
import { describeQueries } from './query-suite.ts';
import { describeLineage } from './suite.ts';

const version = oldestPostgres();

describeLineage(`postgres ${version}`, () => postgresFixture({ version }));
describeQueries(`postgres ${version}`, () => postgresFixture({ version }));
describeErasure(`postgres ${version}`, () => postgresFixture({ version }));
