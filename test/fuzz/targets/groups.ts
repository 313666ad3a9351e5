// State messages of the group exchange.
import { decodeState, encodeState, type Announced } from '../../../core/machine/groups/announce.js';
import type { Random } from '../../sim/random.js';
import { mustEqual, type Target } from '../target.js';

const LIMIT_BYTES = 1400;
const HEAD_BYTES = 20;

const id = (r: Random): { number: number; time: number } => ({ number: r.next(), time: r.next() });

function entries(r: Random): Announced[] {
  return Array.from({ length: r.heavy(3, 30) }, (_, i) => {
    const names = Array.from({ length: 1 + r.below(5) }, (__, n) => `n${i}-${n}`);
    const index = r.next();
    return { group: `g${i}`, id: { ...id(r), index }, changed: r.chance(300), total: names.length + r.below(9), names };
  });
}

function messages(r: Random): Uint8Array[] {
  return encodeState(id(r), id(r), entries(r), r.pick([128, LIMIT_BYTES]));
}

const valid = (r: Random): Uint8Array => r.pick(messages(r));

function feed(input: Uint8Array): boolean {
  const m = decodeState(input);
  for (const e of m?.entries ?? [])
    if (e.names.length === 0 || e.names.length > e.total)
      throw new Error(`${e.group} has ${e.names.length} names of ${e.total}`);
  return m !== undefined || input.length > HEAD_BYTES;
}

function roundTrip(r: Random): void {
  const all = entries(r);
  const [configuration, tag] = [id(r), id(r)];
  const back = encodeState(configuration, tag, all, LIMIT_BYTES).map((b) => decodeState(b)!);
  mustEqual(
    back.map((m) => m.configuration),
    back.map(() => configuration),
    'configuration',
  );
  // An entry that did not fit is continued in the next message.
  const names = new Map<string, string[]>();
  for (const e of back.flatMap((m) => m.entries)) names.set(e.group, [...(names.get(e.group) ?? []), ...e.names]);
  mustEqual(
    [...names],
    all.map((e) => [e.group, e.names]),
    'members',
  );
}

export default { name: 'groups', front: HEAD_BYTES, valid, feed, roundTrip } satisfies Target;
