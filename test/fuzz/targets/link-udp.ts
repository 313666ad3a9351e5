// What a daemon reads of a datagram of the `udp` medium besides the bytes carried: the trailer, and notes.
import {
  MAX_DATAGRAM_BYTES,
  readListHash,
  readNote,
  readTrailer,
  SMALL_BYTES,
  TRAILER_BYTES,
  writeNote,
  writeTrailer,
} from '../../../link-protocols/udp/wire.js';
import type { Random } from '../../sim/random.js';
import { mustEqual, type Target } from '../target.js';

const NOTE_BYTES_MAX = 2000;

function note(r: Random): Parameters<typeof writeNote>[0] {
  const bytes = r.between(SMALL_BYTES, NOTE_BYTES_MAX);
  return { kind: r.pick(['ask', 'answer'] as const), group: r.chance(300), number: r.next(), bytes };
}

function valid(r: Random): Uint8Array {
  if (r.chance(700)) return Uint8Array.of(...writeNote(note(r)), ...writeTrailer('note', r.next()));
  const body = Uint8Array.from({ length: 1 + r.below(60) }, () => r.below(256));
  return Uint8Array.of(...body, ...writeTrailer(r.pick(['data', 'control'] as const), r.next()));
}

function feed(input: Uint8Array): boolean {
  const carries = readTrailer(input);
  if (carries === undefined) return false;
  if (!Number.isInteger(readListHash(input))) throw new Error('no hash');
  const read = readNote(input.subarray(0, -TRAILER_BYTES));
  // An ask claims no more than it is, so that no answer speaks for a size that did not come.
  if (read?.kind === 'ask' && read.bytes !== input.length) throw new Error('an ask of another size');
  return true;
}

function roundTrip(r: Random): void {
  const n = note(r);
  mustEqual(readNote(writeNote(n)), n, 'note');
  const largest = { ...n, bytes: MAX_DATAGRAM_BYTES };
  mustEqual(readNote(writeNote(largest)), largest, 'note');
  const hash = r.next();
  mustEqual(readListHash(Uint8Array.of(1, ...writeTrailer('data', hash))), hash, 'hash');
}

export default { name: 'link-udp', front: 0, valid, feed, roundTrip } satisfies Target;
