// What a daemon reads on a connection of the `tcp` medium: a hello, then messages with a length before each.
import { MessageReader } from '../../../link-protocols/tcp/reader.js';
import { HELLO_BYTES, LENGTH_BYTES, readHello, writeHello, writeMessage } from '../../../link-protocols/tcp/wire.js';
import type { Random } from '../../sim/random.js';
import { mustEqual, pieces, type Target } from '../target.js';

const MAX_BYTES = 8192;
const SLAB_BYTES = 32_768;

function hello(r: Random): Parameters<typeof writeHello>[0] {
  return {
    plane: r.pick(['control', 'data'] as const),
    from: r.below(0x10000),
    to: r.below(0x10000),
    listHash: r.next(),
    incarnation: (BigInt(r.next()) << 32n) | BigInt(r.next()),
    life: r.next(),
  };
}

function valid(r: Random): Uint8Array {
  const parts: Uint8Array[] = [writeHello(hello(r))];
  for (let n = 1 + r.below(6); n > 0; n--) {
    const body = Uint8Array.from({ length: 1 + r.heavy(16, 1000) }, () => r.below(256));
    const message = new Uint8Array(LENGTH_BYTES + body.length);
    writeMessage(message, new Uint8Array(0), body.length, body);
    parts.push(message);
  }
  return Uint8Array.from(Buffer.concat(parts));
}

function feed(input: Uint8Array, r: Random): boolean {
  const head = readHello(input.subarray(0, HELLO_BYTES));
  let bytes = 0;
  const reader = new MessageReader(MAX_BYTES, SLAB_BYTES, (m) => {
    if (m.length === 0 || m.length > MAX_BYTES) throw new Error(`a message of ${m.length} bytes`);
    bytes += m.length;
  });
  for (const piece of pieces(input.subarray(HELLO_BYTES), r)) if (!reader.push(piece)) break;
  if (bytes > input.length) throw new Error('more came out than went in');
  return typeof head !== 'string' && bytes > 0;
}

function roundTrip(r: Random): void {
  const h = hello(r);
  mustEqual(readHello(writeHello(h)), h, 'hello');
}

export default { name: 'link-tcp', front: HELLO_BYTES, valid, feed, roundTrip } satisfies Target;
