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
      'commit-before-complete',
      'only who is complete installs',
      FILE,
      ['if (!a.plan || !a.complete) return;', 'if (!a.plan) return;'],
      ['if (from === a.leader || a.complete) this.#commit(a);', 'this.#commit(a);'],
      ['if (this.#attempt?.complete) this.#commit(this.#attempt);', 'if (this.#attempt) this.#commit(this.#attempt);'],
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
  ]),
];
