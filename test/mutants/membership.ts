// Planted bugs of membership: rounds, proposals, lives, edges (docs/design/membership.md).
import { planted } from './mutant.js';

const FILE = 'membership/membership.ts';
const HEARING = 'membership/hearing.ts';

export const MEMBERSHIP = planted('membership', [
  [
    'new-life-taken-for-the-old',
    'a new incarnation is another member',
    FILE,
    ['p.reborn(incarnation);', 'p.incarnation = incarnation;'],
    ['if (known && this.#concerns(place))', 'if (!known && this.#concerns(place))'],
  ],
  [
    'timer-accuses-before-reading',
    'after silence was noticed a full turn of reading comes before the verdict',
    FILE,
    ['return this.out.setTimer(MembershipTimer.doubt, RECHECK_MS);', 'return this.#judge();'],
    ['else if (this.#silent().length > 0) this.out.setTimer(MembershipTimer.recheck, 0);', 'else this.#judge();'],
    ['if (soonest < BEAT_MS) this', 'if (soonest < BEAT_MS && soonest > 0) this'],
  ],
  [
    'survivors-by-place',
    'a transitional set is of those who report the old configuration: a new life at the same place is not in it',
    'daemon.ts',
    [
      'before.members.filter((m) => together.includes(m.place))',
      'before.members.filter((m) => p.members.some((x) => x.place === m.place))',
    ],
  ],
  [
    'set-back-clock-ignored',
    'a lower incarnation is a later life when the higher one is not heard any more',
    FILE,
    ['(incarnation < p.incarnation && !this.#mayBeLater(p))', 'incarnation < p.incarnation'],
  ],
  [
    'goodbye-taken-back',
    'what arrives behind a goodbye does not bring its sender back',
    FILE,
    ['p.end();', 'p.forget();'],
  ],
  [
    'failed-merge-tried-at-once',
    'a merge that stood still is a break of its edges',
    FILE,
    ["if (this.state === 'recovering' && place !== this.self && !this.#h.isListed(place))", 'if (place < 0)'],
  ],
  [
    'merge-waits-for-all',
    'who comes and goes all the time does not keep the others apart',
    FILE,
    ['this.#h.now - this.#mergeSince <= MERGE_PATIENCE_MS', 'this.#h.now >= this.#mergeSince'],
  ],
  [
    'answers-of-an-earlier-round',
    'the bits of a row are of the round that it names',
    FILE,
    ['if (p.round !== this.round) this.#answeredBy.clear();', ''],
  ],
  [
    'time-before-the-highest-is-known',
    'the time of an id is above every time known to any member',
    FILE,
    ['Math.max(this.#wall, this.highestTime) + 1', 'this.#wall + 1'],
  ],
  [
    'id-without-the-drawn-number',
    'the first part of an id is drawn at each start',
    FILE,
    ['id: { number: this.idNumber, time }', 'id: { number: 1, time }'],
  ],
  [
    'one-way-edge-counts',
    'an edge counts if both hear each other',
    HEARING,
    ['return this.#says(a, b) && this.#says(b, a);', 'return this.#says(a, b) || this.#says(b, a);'],
    ['if (!p.hears(this.now)) return b !== this.self;', 'if (!p.hears(this.now)) return true;'],
  ],
  [
    'proposes-before-all-answered',
    'a round waits for everybody who is not accused',
    FILE,
    ['if (!this.#answeredBy.has(place)) return undefined;', 'if (!this.#answeredBy.has(place)) continue;'],
  ],
  [
    'failed-round-not-counted-up',
    'a round that came to nothing is followed by a higher one',
    FILE,
    [
      'this.#gather(this.#highestRound() + 1, why);\n  }\n\n  /** The recovery under way',
      'this.#gather(this.#highestRound(), why);\n  }\n\n  /** The recovery under way',
    ],
  ],
  [
    'stalled-daemon-sends-no-beat',
    'whose own loop stood still beats before it judges',
    FILE,
    [
      'if (this.#h.now - n.sentAt >= BEAT_MS - BEAT_SLACK_MS)',
      'if (late <= LATE_LOOP_MS && this.#h.now - n.sentAt >= BEAT_MS - BEAT_SLACK_MS)',
    ],
  ],
  [
    'clocks-anew-only-for-the-beat',
    'who stood still looks at the clocks before what waited is handled',
    FILE,
    ['if (this.#late() > LATE_LOOP_MS) this.#clocksAnew();', ''],
    ['const late = this.#late();', 'const late = this.#late();\n    if (late > LATE_LOOP_MS) this.#clocksAnew();'],
  ],
]);
