import { postgresFixture } from '../ledger/fixtures.ts';
import { describeErasure } from './erasure-suite.ts';
import { describeQueries } from './query-suite.ts';
import { describeLineage } from './suite.ts';

describeLineage('postgres', postgresFixture);
describeQueries('postgres', postgresFixture);
describeErasure('postgres', postgresFixture);
