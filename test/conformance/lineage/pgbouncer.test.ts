import { pgbouncerFixture } from '../ledger/fixtures.ts';
import { describeErasure } from './erasure-suite.ts';
import { describeQueries } from './query-suite.ts';
import { describeLineage } from './suite.ts';

describeLineage('postgres through pgbouncer', pgbouncerFixture);
describeQueries('postgres through pgbouncer', pgbouncerFixture);
describeErasure('postgres through pgbouncer', pgbouncerFixture);
