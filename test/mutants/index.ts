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
  'stalled-daemon-sends-no-beat',
  'clocks-anew-only-for-the-beat',
  'merge-waits-for-all',
  'answers-of-an-earlier-round',
  'log-without-a-bound',
]);

/**
 * Names of those that a test other than the simulator and the attacks catches as well. They show that the random runs find
 * them too, but do not count: a bug that a test of one machine finds needs no simulator.
 */
export const TESTED: ReadonlySet<string> = new Set([
  'new-life-taken-for-the-old',
  'time-before-the-highest-is-known',
  'id-without-the-drawn-number',
  'only-reporters-promised',
  'begun-pack-from-the-start',
  'stable-lowest-of-all',
  'repairs-above-the-highest',
  'held-reported-as-stable',
  'cut-rounded-to-the-end',
  'two-first-members',
  'turn-kept-across-a-change',
  'turn-not-given-away',
  'position-passed-too-low',
  'asks-once',
  'served-forgotten',
  'slow-for-ever',
  'half-sent-message-dropped',
  'numbered-pack-sent-again',
  'safe-mark-misplaced',
  'safe-mark-of-later-runs-lost',
  'slab-used-again',
  'taken-pack-grows',
  'cut-short-exchange-forgotten',
  'exchange-ends-early',
  'one-id-for-all-transitions',
  'own-set-is-the-first',
  'index-used-again',
  'lost-members-kept',
  'twice-to-one',
  'ended-session-in-the-list',
  'transition-untold',
  'stable-without-the-first',
  'gap-accepted',
  'link-clock-stands-still',
  'goes-on-one-too-far',
  'dropped-before-all-have-it',
  'acknowledgement-only-with-data',
  'broken-stream-not-told',
  'stuck-member-never-suspected',
  'held-counts-as-accepted',
  'own-acknowledgement-for-others',
  'doubled-pack-accepted',
  'token-taken-twice',
  'stable-without-the-last',
  'held-before-it-came',
  'tail-never-asked-for',
  'parked-before-all-know',
  'parked-token-not-called',
  'whole-for-each-piece',
  'rank-for-place',
  'dropped-before-stable',
  'unsent-forgotten',
  'numbered-counts-as-unsent',
]);

/**
 * Those that count: no test but random runs of the simulator catches them, within ten minutes (`npm run mutants`, and
 * `npm run mutants -- --tests` for the first half). Sites of service `flood` have tests of whole clusters of their own.
 */
export const COUNTED: readonly Mutant[] = MUTANTS.filter(
  (m) => m.machine !== 'flood' && !RARE.has(m.name) && !TESTED.has(m.name),
);
