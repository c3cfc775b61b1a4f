import { postgresFixture } from '../ledger/fixtures.ts';
import { describeLineage } from './suite.ts';

describeLineage('postgres', postgresFixture);
