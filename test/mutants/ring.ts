// Planted bugs of the ring, and of the order over a link that orders (docs/design/ring.md, docs/design/order.md 6). They
// are hunted in runs over the ring.
import type { Edit, Mutant } from './mutant.js';

const RUN = 'link-protocols/ring/run.ts';
const HOLES = 'link-protocols/ring/holes.ts';
const LINK_ORDER = 'core/machine/order/link-order.ts';
const OUTBOX = 'core/machine/outbox/outbox.ts';

const row = (name: string, breaks: string, file: string, find: string, put: string): Mutant => {
  const edits: readonly Edit[] = [{ file, find, put }];
  return { name, machine: 'ring', breaks, edits };
};

export const RING: readonly Mutant[] = [
  row(
    'token-taken-twice',
    'a token of a hop already seen is no token',
    RUN,
    'if (t.hop <= this.#lastHop) {',
    'if (t.hop < this.#lastHop || (t.hop === this.#lastHop && this.#token !== undefined)) {',
  ),
  row(
    'stable-without-the-last',
    'stable is what every member has',
    RUN,
    'for (const position of this.#held) if',
    'for (const position of this.#held.slice(0, -1)) if',
  ),
  row(
    'held-before-it-came',
    'a member says it has a position when it has all up to it',
    RUN,
    't.held[this.#self] = this.#store.heldTo;',
    't.held[this.#self] = this.#highestBefore;',
  ),
  row(
    'tail-never-asked-for',
    'the last pack is asked for like any other',
    HOLES,
    'store.missing(position, max)',
    'store.missing(position - 1, max)',
  ),
  row(
    'parked-before-all-know',
    'the token parks when everybody knows that all is stable',
    RUN,
    'if (this.#mayPark(t)) this.#park();',
    'if (t.quiet > 0) this.#park();',
  ),
  row(
    'parked-token-not-called',
    'who has something to say calls for a parked token',
    RUN,
    'else if (something && this.#parked !== undefined)',
    'else if (something && this.#parked !== undefined && this.#lastHop === 0)',
  ),
  row(
    'unsent-forgotten',
    'what was submitted and never numbered goes into the next configuration',
    LINK_ORDER,
    'const unsent = this.#submitted;',
    'const unsent: typeof this.#submitted = [];',
  ),
  row(
    'numbered-counts-as-unsent',
    'what was numbered is not sent in the next configuration',
    LINK_ORDER,
    'sender === this.#self ? this.#submitted.shift()',
    'sender === this.#self ? this.#submitted[0]',
  ),
  row(
    'behind-the-gap-forgotten',
    'what the link holds behind a gap is reported',
    LINK_ORDER,
    'of behind) this.#enter',
    'of behind.slice(0, 0)) this.#enter',
  ),
  row(
    'whole-for-each-piece',
    'a large frame goes once into the next configuration',
    OUTBOX,
    'if (frame !== undefined && frames.at(-1) !== frame) frames.push(frame);',
    'if (frame !== undefined) frames.push(frame);',
  ),
  row(
    'suspicion-of-a-later-life',
    'the link means the life that is in the configuration',
    'core/machine/membership/membership.ts',
    'if (this.#h.isMember(place)) this.#accuse(this.#h.peers[place]!, why);',
    'this.#accuse(this.#h.peers[place]!, why);',
  ),
  row(
    'behind-the-gap-sent-again',
    'what was numbered behind a gap is not sent in the next configuration',
    LINK_ORDER,
    'of behind) this.#enter(position, sender, index, pack);',
    'of behind) this.#parts.delivery.accept({ sender, index, pack: { ...pack, position } });',
  ),
  row(
    'numbered-still-waits',
    'what was numbered waits no more',
    LINK_ORDER,
    'if (own !== undefined) this.waitingBytes -= own.bytes.length;',
    'void own;',
  ),
  row(
    'compact-pack-not-safe',
    'a pack keeps its SAFE mark in whatever form it travels',
    'link-protocols/ring/own.ts',
    'pack: { ...pack, position }, body };',
    'pack: { ...pack, position, safeAt: body === pack.bytes ? pack.safeAt : -1 }, body };',
  ),
  row(
    'answers-the-first-five',
    'what any member asks for is sent to it',
    'link-protocols/ring/requests.ts',
    'if (r.who === self) continue;',
    'if (r.who === self || r.who > 4) continue;',
  ),
];
