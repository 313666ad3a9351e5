// Planted bugs of the group layer: views, ids, sets, the exchange, the way to sessions (docs/design/groups.md).
import { planted } from './mutant.js';

const FILE = 'groups/index.ts';
const EXCHANGE = 'groups/exchange.ts';
const STORE = 'groups/store.ts';
const ROUTER = 'groups/router.ts';
const DAEMON = 'daemon.ts';

export const GROUPS = planted('groups', [
  [
    'cut-short-exchange-forgotten',
    'an exchange that was cut short is made again',
    FILE,
    ['if (!cutShort && members.length', 'if (members.length'],
    ['const cutShort = this.#exchange !== undefined;', 'this.#exchange = undefined;'],
  ],
  [
    'exchange-ends-early',
    'the exchange ends at its last state message',
    FILE,
    ['if (exchange.missing === 0) this.#endExchange', 'if (exchange.missing <= 1) this.#endExchange'],
  ],
  [
    'own-set-is-the-first',
    'a view says which set is the receiver own',
    EXCHANGE,
    ['own: [...sets.keys()].indexOf(own) };', 'own: 0 };'],
  ],
  [
    'index-used-again',
    'a group that empties raises the floor of its index',
    STORE,
    ['this.#floors.set(g.name, g.id.index);', ''],
  ],
  [
    'lost-members-kept',
    'members of lost daemons leave',
    FILE,
    ['for (const place of this.#lost ?? []) this.#store.dropDaemon(place);', ''],
  ],
  [
    'merged-unchanged',
    'a group whose announcers come from two views changed',
    EXCHANGE,
    ['a.tag !== d.tag || e.total !== d.first.total || !sameId(e.id, d.first.id)', 'e.total !== d.first.total'],
  ],
  [
    'twice-to-one',
    'a session in two of the destinations gets one copy',
    ROUTER,
    ['if (s.mark === epoch) continue;', ''],
  ],
  [
    'ended-session-in-the-list',
    'nothing is delivered to a session that ended',
    FILE,
    ['for (const g of this.#store.groupsOf(this.#place, s.field)) dropSession(g, s);', ''],
    ['this.#sessions.detach(s);', ''],
  ],
  [
    'transition-untold',
    'who loses somebody is told before it delivers what is not sure',
    FILE,
    ['this.#changes.tellTransition(g);\n      g.changed = true;', 'g.changed = true;'],
  ],
  [
    'one-id-for-all-transitions',
    'each old configuration has a transitional id of its own',
    DAEMON,
    ['p.id.time - p.members.length + first }', 'p.id.time - 1 }'],
  ],
  [
    'no-room-for-transitions',
    'the time of an id leaves room for the transitional ones below it',
    'membership/membership.ts',
    ['Math.max(this.#wall, this.highestTime) + 1 + places.length', 'Math.max(this.#wall, this.highestTime) + 1'],
    ['if (p.id.time - p.members.length <= this.#ownTime)', 'if (p.id.time <= this.#ownTime)'],
  ],
  [
    'runs-of-equal-size',
    'messages are one run only if they go to the same sessions',
    ROUTER,
    ['if (a[i] !== b[i]) return false;', 'if (i === 0 && a[i] !== b[i]) return false;'],
  ],
  [
    'one-list-for-all',
    'the recipients of a run are not those of the next',
    ROUTER,
    ['this.#scratch = this.#spare;\n        this.#spare = list;', ''],
  ],
  [
    'ended-session-still-served',
    'a session that ended receives nothing',
    DAEMON,
    ['this.#groups.detach(session);\n', '\n'],
  ],
  [
    'states-of-the-first-five',
    'the exchange waits for the state of every member, however many they are',
    EXCHANGE,
    ['this.#missing = configuration.members.length;', 'this.#missing = Math.min(configuration.members.length, 5);'],
  ],
]);
