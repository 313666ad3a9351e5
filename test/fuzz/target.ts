// What a fuzz target is: one parser of bytes or text from outside. A file in `targets/` with a target as its default
// export is found by `npm run fuzz` and by the tests; nothing else is to be entered anywhere.
import { inspect, isDeepStrictEqual } from 'node:util';
import type { Random } from '../sim/random.js';

export interface Target {
  readonly name: string;
  /** Bytes at the front that most mutations leave alone, so that what lies behind the first checks is reached. */
  readonly front: number;
  /** A valid input: drawn, or a real capture. Not changed by the caller. */
  valid(r: Random): Uint8Array;
  /**
   * Feeds one input, whole or in parts; given away. Answers whether it got past the first check of a length or form.
   * Whatever it throws is a failure; so is a wrong answer that it notices and throws for.
   */
  feed(input: Uint8Array, r: Random): boolean;
  /** Draws a value, writes and reads it; throws when it is not the same. */
  roundTrip?(r: Random): void;
}

/** Throws when the two are not deeply equal. */
export function mustEqual(a: unknown, b: unknown, what: string): void {
  if (!isDeepStrictEqual(a, b)) throw new Error(`${what} comes back changed: ${inspect(a)} is ${inspect(b)}`);
}

/** Cuts an input into pieces as a socket might. */
export function* pieces(input: Uint8Array, r: Random): Generator<Uint8Array> {
  if (r.chance(500)) {
    yield input;
    return;
  }
  for (let at = 0; at < input.length;) {
    const n = 1 + r.heavy(8, input.length);
    yield input.slice(at, at + n);
    at += n;
  }
}
