// What the client library reads before it is let in.
import { ClientError } from '../../../client-apis/binary/client/errors.js';
import { Handshake } from '../../../client-apis/binary/client/handshake.js';
import type { Random } from '../../sim/random.js';
import { pieces, type Target } from '../target.js';

/** An empty list, or one of this length: the bytes that most mutations leave alone. */
const FRONT_BYTES = 6;

function valid(r: Random): Uint8Array {
  const list = Buffer.from(r.pick(['NULL ', 'NULL IP ', 'IP NULL PWORD ']));
  const group = Buffer.from(`#a${r.below(1000)}#solo`);
  const answer = [1, 4, r.below(20), r.below(3), group.length, ...group];
  return Uint8Array.of(list.length, ...list, ...(r.chance(100) ? [0xfa] : answer));
}

function feed(input: Uint8Array, r: Random): boolean {
  const credentials = { user: 'u', password: 'p' };
  const auth = r.pick([['NULL'], ['NULL', 'PWORD']] as const);
  const h = new Handshake({ name: 'a', membership: true, priority: false, auth, credentials }, () => undefined);
  h.begin();
  try {
    for (const piece of pieces(input, r)) if (h.received(piece) !== undefined) break;
  } catch (e) {
    if (!(e instanceof ClientError)) throw e;
  }
  // The first byte was no refusal.
  return input.length > 0 && input[0]! < 0x80;
}

export default { name: 'client-handshake', front: FRONT_BYTES, valid, feed } satisfies Target;
