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
