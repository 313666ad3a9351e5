// All planted bugs.
import { DELIVERY } from './delivery.js';
import { FLOOD } from './flood.js';
import { FLOW } from './flow.js';
import { GROUPS } from './groups.js';
import { MEMBERSHIP } from './membership.js';
import { MESH } from './mesh.js';
import type { Mutant } from './mutant.js';
import { OUTBOX } from './outbox.js';
import { RECOVERY } from './recovery.js';
import { RING } from './ring.js';
import { TURN } from './turn.js';

export { MACHINES, type Mutant } from './mutant.js';

export const MUTANTS: readonly Mutant[] = [
  ...MEMBERSHIP,
  ...RECOVERY,
  ...DELIVERY,
  ...TURN,
  ...OUTBOX,
  ...FLOW,
  ...GROUPS,
  ...MESH,
  ...RING,
  ...FLOOD,
];

/**
 * Names of those whose schedule random runs meet once in hours, or that cost only time: scenes of test/attacks catch them
 * (`npm run mutants -- --attacks`); all others are caught by random runs within ten minutes.
 */
export const RARE: ReadonlySet<string> = new Set([
  'only-reporters-promised',
  'promises-not-reported',
  'promise-set-forgotten',
  'lower-commit-obeyed',
  'commit-for-any-id',
  'proposes-before-all-answered',
  'acknowledgement-only-with-data',
  'broken-stream-not-told',
  'stuck-member-never-suspected',
  'merged-unchanged',
  'goodbye-taken-back',
  'failed-merge-tried-at-once',
  'clocks-anew-only-for-the-beat',
]);
