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
]);
