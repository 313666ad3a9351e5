// Planted bugs of delivery: the log, stability, SAFE, the end of a configuration, pieces (docs/design/order.md).
import { type Mutant, planted } from './mutant.js';

const FILE = 'delivery/delivery.ts';
const LOG = 'delivery/log.ts';

/** Pieces are kept apart from delivery: one bug, two files. */
const PIECES_KEPT: Mutant = {
  name: 'pieces-kept',
  machine: 'delivery',
  breaks: 'unfinished pieces are dropped at a change',
  edits: [
    { file: `core/machine/${FILE}`, find: 'this.#pieces.clear();', put: '' },
    {
      file: 'core/machine/delivery/pieces.ts',
      find: 'if (offset === 0) this.#unfinished',
      put: 'if (offset === 0 && !this.#unfinished.has(sender)) this.#unfinished',
    },
  ],
};

export const DELIVERY: readonly Mutant[] = [
  PIECES_KEPT,
  ...planted('delivery', [
    [
      'cut-rounded-to-the-end',
      'a SAFE frame inside a pack holds back the rest of the pack',
      FILE,
      ["e.pack.kind === 'frames' ? e.pack.safeAt : 0;", "e.pack.kind === 'frames' ? e.pack.bytes.length : 0;"],
    ],
    [
      'everything-behind-the-gap',
      'behind a gap only packs of senders in P',
      FILE,
      ['if (this.#promised.has(e.sender)) this.#deliver', 'this.#deliver'],
    ],
    [
      'nothing-behind-the-gap',
      'packs of senders in P are delivered behind a gap',
      FILE,
      ['if (this.#promised.has(e.sender)) this.#deliver', 'if (e.sender < 0) this.#deliver'],
    ],
    [
      'piece-given-back-with-its-pack',
      'the bytes of a piece are kept until its frame is whole',
      FILE,
      ["if (pack.kind === 'frames') this.out.release(pack.bytes);", 'this.out.release(pack.bytes);'],
    ],
    [
      'promise-set-forgotten',
      'a promise holds until a regular configuration',
      FILE,
      [
        'for (const rank of plan.promised) this.#promised.add(rank);',
        'this.#promised = new Set(this.#promised.size > 0 ? this.#promised : plan.promised);',
      ],
    ],
    [
      'stable-over-a-gap',
      'stability is counted from positions held without a gap',
      LOG,
      [
        'const e = this.#entries.get(this.stableTo + 1);\n      if (!e || e.index',
        'const e = this.#entries.get(this.stableTo + 1);\n      if (!e && this.stableTo < this.highest) {\n        this.stableTo++;\n        continue;\n      }\n      if (!e || e.index',
      ],
    ],
    [
      'stable-one-too-far',
      'stable means that every member has accepted it',
      LOG,
      ['if (!e || e.index > (upTo[e.sender] ?? 0)) break;', 'if (!e || e.index > (upTo[e.sender] ?? 0) + 1) break;'],
    ],
    [
      'begun-pack-from-the-start',
      'a pack that was begun goes on where it stopped',
      FILE,
      ['? this.#offset : 0;', '? 0 : 0;'],
    ],
    [
      'dropped-before-stable',
      'a pack is kept until every member holds it',
      LOG,
      ['const to = Math.min(this.stableTo, this.deliveredTo);', 'const to = this.deliveredTo;'],
    ],
  ]),
];
