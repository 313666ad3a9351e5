// Planted bugs of delivery: the log, stability, SAFE, the end of a configuration, pieces (docs/design/order.md).
import { planted } from './mutant.js';

const FILE = 'delivery/delivery.ts';
const LOG = 'delivery/log.ts';

export const DELIVERY = planted('delivery', [
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
    'promise-set-forgotten',
    'a promise holds until a regular configuration',
    FILE,
    [
      'for (const rank of plan.promised) this.#promised.add(rank);',
      'this.#promised = new Set(this.#promised.size > 0 ? this.#promised : plan.promised);',
    ],
  ],
  ['pieces-kept', 'unfinished pieces are dropped at a change', FILE, ['this.#pieces.clear();', '']],
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
]);
