// Planted bugs of the turn: who may number (docs/design/order.md).
import { planted } from './mutant.js';

const FILE = 'turn/turn.ts';

export const TURN = planted('turn', [
  [
    'turn-kept-across-a-change',
    'a turn ends with its configuration',
    FILE,
    ['this.#next = self === 0 ? 1 : 0;', 'this.#next = self === 0 || this.#next > 0 ? 1 : 0;'],
  ],
  [
    'two-first-members',
    'the turn begins at the first member alone',
    FILE,
    ['this.#next = self === 0 ? 1 : 0;', 'this.#next = self < 2 ? 1 : 0;'],
  ],
  [
    'log-without-a-bound',
    'nobody numbers while its log keeps twice the windows of all',
    'order/turn-order.ts',
    [' && this.#mayKeepMore()', ''],
  ],
  [
    'turn-not-given-away',
    'who passed the turn numbers no more',
    FILE,
    ['this.#next = 0;\n    this.out.submit(w.finish());', 'this.out.submit(w.finish());'],
  ],
  [
    'position-passed-too-low',
    'the turn carries the next position',
    FILE,
    ['if (to === this.#self) this.#next = next;', 'if (to === this.#self) this.#next = Math.max(1, next - 1);'],
  ],
  [
    'asks-once',
    'each wish to speak is a request of its own',
    FILE,
    ['if (this.#asked[this.#self]! > this.#served[this.#self]!) return;', 'if (this.#asked[this.#self]! > 0) return;'],
  ],
  [
    'served-forgotten',
    'a pass names the requests it has served',
    FILE,
    ['this.#served[to] = this.#asked[to]!;', ''],
    ['const served = r.u48();', 'const served = 0 * r.u48();'],
  ],
  [
    'followers-kept-across-a-change',
    'who follows whom is forgotten with the configuration',
    'turn/followers.ts',
    [
      'this.#guess = new Array<number>(members + 1)',
      'this.#guess = this.#guess.length > 0 ? this.#guess : new Array<number>(members + 1)',
    ],
  ],
  [
    'turn-kept-by-as-many',
    'a turn ends with its configuration, though the next one has as many members',
    FILE,
    [
      'this.#next = self === 0 ? 1 : 0;',
      'this.#next = self === 0 || (this.#next > 0 && members === this.#asked.length) ? 1 : 0;',
    ],
  ],
  [
    'first-pack-of-a-turn-marked',
    'each pack of a turn says where its first SAFE frame is',
    'order/turn-order.ts',
    [
      'link.submit({ kind, safeAt, bytes, position: turn.take() });',
      'link.submit({ kind, safeAt: said === bytes.length ? safeAt : -1, bytes, position: turn.take() });',
    ],
  ],
  [
    'turn-at-the-first-of-the-list',
    'the turn begins at the first member, not at the first of the list',
    'order/turn-order.ts',
    [
      'this.#turn.install(c.self, c.members.length);',
      'this.#turn.install(c.members[c.self]!.place, c.members.length);',
    ],
  ],
  [
    'requests-of-the-first-five',
    'whoever waits is served, however many they are',
    FILE,
    ['for (let i = 0; i < this.#asked.length; i++) {', 'for (let i = 0; i < Math.min(this.#asked.length, 5); i++) {'],
  ],
  [
    'safe-only-while-nobody-waits',
    'a SAFE frame is marked although others wait for the turn',
    'order/turn-order.ts',
    [
      'link.submit({ kind, safeAt, bytes, position: turn.take() });',
      'link.submit({ kind, safeAt: turn.awaited ? -1 : safeAt, bytes, position: turn.take() });',
    ],
  ],
]);
