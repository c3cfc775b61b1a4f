import { embeddedFixture } from '../ledger/fixtures.ts';
import { describeErasure } from './erasure-suite.ts';
import { describeQueries } from './query-suite.ts';
import { describeLineage } from './suite.ts';

describeLineage('embedded', embeddedFixture);
describeQueries('embedded', embeddedFixture);
describeErasure('embedded', embeddedFixture);
