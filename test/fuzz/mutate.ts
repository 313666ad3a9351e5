// Small damage to a valid input: what a broken or hostile peer sends. Drawn from the seed.
import type { Random } from '../sim/random.js';

const INTERESTING = [
  0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
] as const;
const MOST_DAMAGES = 4;
const MOST_INSERTED = 64;
/** Longer inputs tell no more and cost time. */
const LONGEST = 64 * 1024;

/** A changed copy; three of four times the first `front` bytes stay as they are. */
export function mutate(valid: Uint8Array, front: number, other: Uint8Array, r: Random): Uint8Array {
  const from = r.chance(750) ? Math.min(front, valid.length) : 0;
  let b: Uint8Array = valid.slice(0, LONGEST);
  for (let n = 1 + r.heavy(1, MOST_DAMAGES); n > 0; n--) b = damage(b, from, other, r);
  return b;
}

function damage(b: Uint8Array, from: number, other: Uint8Array, r: Random): Uint8Array {
  const room = b.length - from;
  const at = from + (room > 0 ? r.below(room) : 0);
  switch (room > 0 ? r.below(8) : 4) {
    case 0:
      b[at]! ^= 1 << r.below(8);
      return b;
    case 1:
      b[at] = r.below(256);
      return b;
    case 2:
    case 3:
      word(b, at, r.pick(INTERESTING), r.pick([1, 2, 4]), r.chance(200));
      return b;
    case 4: {
      const extra = Uint8Array.from({ length: 1 + r.heavy(4, MOST_INSERTED) }, () => r.below(256));
      return joined(b.subarray(0, at), extra, b.subarray(at));
    }
    case 5:
      return b.slice(0, at);
    case 6:
      return joined(b.subarray(0, at), b.subarray(Math.min(b.length, at + 1 + r.heavy(4, MOST_INSERTED))));
    default:
      return joined(b.subarray(0, at), other.subarray(Math.min(at, other.length)));
  }
}

function word(b: Uint8Array, at: number, value: number, bytes: number, big: boolean): void {
  for (let i = 0; i < bytes && at + i < b.length; i++) b[at + i] = value >>> (8 * (big ? bytes - 1 - i : i));
}

function joined(...parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(
    Math.min(
      LONGEST,
      parts.reduce((n, p) => n + p.length, 0),
    ),
  );
  let at = 0;
  for (const p of parts) {
    const fits = p.subarray(0, all.length - at);
    all.set(fits, at);
    at += fits.length;
  }
  return all;
}
