import { embeddedFixture } from '../ledger/fixtures.ts';
import { describeLineage } from './suite.ts';

describeLineage('embedded', embeddedFixture);
