// Planted bugs of recovery: report, plan, repair, complete, commit (docs/design/recovery.md).
import { type Mutant, planted } from './mutant.js';

const FILE = 'recovery/recovery.ts';
const PLAN = 'recovery/plan.ts';

/** The link goes on into the log although the report is made. */
const ACCEPTS_AFTER_REPORT: Mutant = {
  name: 'accepts-after-the-report',
  machine: 'recovery',
  breaks: 'what arrives after the report is not taken for the old configuration',
  edits: [
    {
      file: 'core/machine/daemon.ts',
      find: 'if (this.#frozen || !c || !sameId(id, c.id))',
      put: 'if (!c || !sameId(id, c.id))',
    },
    {
      file: 'core/machine/order/turn-order.ts',
      find: 'this.#parts.link.freeze();\n    this.#parts.delivery.freeze();',
      put: '',
    },
  ],
};

export const RECOVERY: readonly Mutant[] = [
  ACCEPTS_AFTER_REPORT,
  ...planted('recovery', [
    [
      'only-reporters-promised',
      'the promise sets of others are inherited: P, not T',
      PLAN,
      ['for (const r of holdings.promised) promised.add(r);', ''],
    ],
    [
      'promises-not-reported',
      'a report carries the promise set',
      PLAN,
      [
        'for (const p of r.old.promised) w.u16(p);',
        'for (let i = r.old.promised.length; i > 0; i--) w.u16(r.old.rank);',
      ],
    ],
    [
      'stable-lowest-of-all',
      'the plan takes the highest stable position reported',
      PLAN,
      [
        'stable = Math.max(stable, holdings.stable);',
        'stable = stable === 0 ? holdings.stable : Math.min(stable, holdings.stable);',
      ],
    ],
    [
      'repairs-above-the-highest',
      'everything above what all hold is repaired',
      PLAN,
      ['const base = Math.min(...from', 'const base = Math.max(...from'],
    ],
    [
      'lower-commit-obeyed',
      'a commit counts for the accepted id only',
      FILE,
      ['if (!a || !sameId(id, a.proposal.id) ||', 'if (!a || (kind !== Kind.commit && !sameId(id, a.proposal.id)) ||'],
    ],
    [
      'commit-without-the-last',
      'commit when all are complete',
      FILE,
      [
        'if (lead.complete.size < a.proposal.members.length) return;',
        'if (lead.complete.size < a.proposal.members.length - 1) return;',
      ],
    ],
    [
      'complete-after-the-first-stretch',
      'complete means: all of every segment is held',
      FILE,
      ['for (const s of a.old?.segments ?? []) {', 'for (const s of (a.old?.segments ?? []).slice(0, 1)) {'],
    ],
    [
      'commit-for-any-id',
      'only the id last installed is answered with its commit',
      FILE,
      [
        'if (kind === Kind.complete && sameId(id, this.#finished)) {',
        'if (kind === Kind.complete && this.#finished && !this.#attempt) {',
      ],
    ],
    [
      'stable-of-the-plan-forgotten',
      'who completes a plan takes its stable position',
      'delivery/delivery.ts',
      ['this.log.stableTo = Math.max(this.log.stableTo, plan.stable);', ''],
    ],
    [
      'repaired-pack-not-safe',
      'a repaired pack is SAFE as the one that was sent',
      FILE,
      [
        'this.history.put(repair.position, repair.entry);',
        'this.history.put(repair.position, { ...repair.entry, pack: { ...repair.entry.pack, safeAt: -1 } });',
      ],
    ],
    [
      'held-reported-as-stable',
      'a report says what all hold, not what one holds',
      'daemon.ts',
      ['stable: log.stableTo, promised', 'stable: log.heldTo, promised'],
    ],
    [
      'behind-the-gap-not-reported',
      'a report says what is held behind a gap',
      'daemon.ts',
      ['ranges: log.ranges() }', 'ranges: log.ranges().slice(0, 1) }'],
    ],
  ]),
];
