// Answering the requests that a token carries (docs/design/ring.md 3.4): what is asked for by several goes to all at
// once, what is not here stays in the token, and so does what is urgent, for everybody else to answer too.
import type { Bytes } from 'peal/plugin';
import type { Store } from './store.js';
import type { Numbered, Range } from './wire.js';

export interface Answers {
  /** Packs to send, and to whom. */
  readonly sends: readonly { readonly to: number | 'all'; readonly pack: Numbered }[];
  readonly bytes: number;
  /** What the token goes on carrying. */
  readonly left: readonly Range[];
}

/**
 * Packs that cost at most `budget` bytes on the way, but always one. Own requests are dropped: they are made anew at each
 * visit.
 */
export function answer(
  ranges: readonly Range[],
  store: Store,
  self: number,
  budget: number,
  costOf: (body: Bytes) => number,
): Answers {
  const sends = new Map<number, { to: number | 'all'; pack: Numbered }>();
  const left: Range[] = [];
  let bytes = 0;
  /** True: that position is being sent, to `who` among others. */
  const send = (position: number, who: number): boolean => {
    const known = sends.get(position);
    const pack = known?.pack ?? store.get(position);
    if (pack === undefined) return false;
    if (known === undefined) {
      const cost = costOf(pack.body);
      if (bytes > 0 && bytes + cost > budget) return false;
      bytes += cost;
      sends.set(position, { to: who, pack });
    } else if (known.to !== who) known.to = 'all';
    return true;
  };
  for (const r of ranges) {
    if (r.who === self) continue;
    // What is stable everybody has; asking for it is an echo of the past.
    const end = r.first + r.many;
    let from = -1;
    for (let p = Math.max(r.first, store.stableTo + 1); p < end; p++) {
      const done = send(p, r.who) && !r.urgent;
      if (!done && from < 0) from = p;
      if (!done || from < 0) continue;
      left.push({ ...r, first: from, many: p - from });
      from = -1;
    }
    if (from >= 0) left.push({ ...r, first: from, many: end - from });
  }
  return { sends: [...sends.values()], bytes, left };
}
