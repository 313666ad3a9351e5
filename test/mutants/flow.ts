// Planted bugs of flow control: are clients read? (docs/design/order.md).
import { planted } from './mutant.js';

const FILE = 'flow/flow.ts';

export const FLOW = planted('flow', [
  [
    'closed-for-ever-by-the-dead',
    'a closed notice expires',
    FILE,
    ['if (this.#now >= until) this.#closedBy.delete(place);', 'if (this.#now < 0) this.#closedBy.delete(place);'],
  ],
  [
    'backlog-never-opens',
    'clients are read again at half the limit',
    FILE,
    ['this.#full ? bytes <= this.backlogBytes >>> 1 :', 'this.#full ? bytes < 0 :'],
  ],
  [
    'dead-reader-holds-everybody',
    'a slow reader that is gone holds nobody',
    'daemon.ts',
    ['this.#flow.congested(session, false);\n', '\n'],
  ],
  [
    'slow-for-ever',
    'a reader that is good again holds nobody',
    FILE,
    ['else this.#slow.delete(session);', 'else this.#slow.add(session);'],
  ],
  [
    'timer-not-set',
    'a closed notice is looked at again',
    FILE,
    [
      'this.out.setTimer(this.#slow.size > 0 || this.#closedBy.size > 0 ? FLOW_REPEAT_MS : -1);',
      'this.out.setTimer(this.#slow.size > 0 ? FLOW_REPEAT_MS : -1);',
    ],
  ],
  [
    'backlog-only-on-entry',
    'the backlog is looked at when it shrinks too',
    'daemon.ts',
    ['this.#order.pump();\n      this.#flow.backlog(this.#outbox.bytes);', 'this.#order.pump();'],
  ],
]);
