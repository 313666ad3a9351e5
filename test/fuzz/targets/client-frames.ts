// Whole client connections of the binary API: handshake, then frames in either byte order, in pieces of any size.
import { BinarySession, type SessionOut } from '../../../client-apis/binary/session.js';
import { buildFrame, frameBytes, Service } from '../../../core/wire/frame.js';
import { privateGroupOf } from '../../../core/wire/name.js';
import type { Random } from '../../sim/random.js';
import { pieces, type Target } from '../target.js';

const HELLO = [4, 4, 0, 1];
const CHOICE_BYTES = 90;
const NAME = 'fuzz';
const SELF = privateGroupOf(NAME, 'solo');
const LEVELS = [Service.UNRELIABLE, Service.RELIABLE, Service.FIFO, Service.CAUSAL, Service.AGREED, Service.SAFE];
/** Large enough for frames that are kept where they were read. */
const MAX_BYTES = 12_000;

function frame(r: Random): Uint8Array {
  const group = `g${r.below(4)}`;
  if (r.chance(150)) return buildFrame({ service: Service.JOIN, sender: SELF, groups: [group] });
  if (r.chance(100)) return buildFrame({ service: Service.LEAVE, sender: SELF, groups: [group] });
  const groups = Array.from({ length: 1 + r.heavy(1, 8) }, (_, i) => `${group}.${i}`);
  const body = new Uint8Array(r.chance(50) ? r.below(11_000) : r.heavy(32, 2000));
  return buildFrame({ service: r.pick(LEVELS), sender: SELF, groups, type: r.below(0x10000) - 0x8000, body });
}

function valid(r: Random): Uint8Array {
  const name = new TextEncoder().encode(NAME);
  const choice = new Uint8Array(CHOICE_BYTES);
  choice.set(new TextEncoder().encode('NULL'));
  const frames = Array.from({ length: 1 + r.below(5) }, () => frame(r));
  return Uint8Array.from(Buffer.concat([Uint8Array.from([...HELLO, name.length]), name, choice, ...frames]));
}

function feed(input: Uint8Array, r: Random): boolean {
  let deep = false;
  const ends: string[] = [];
  const out: SessionOut = {
    write: () => undefined,
    nameInUse: () => false,
    open: (name) => ({ privateGroup: privateGroupOf(name === '' ? 'made-1' : name, 'solo') }),
    verify: () => session.verified(true),
    run: (frames, messages) => {
      deep = true;
      // What is let through is whole canonical frames, as many as it says.
      let n = 0;
      let at = 0;
      for (; at < frames.length; n++) at += frameBytes(frames, at);
      if (at !== frames.length || n !== messages)
        throw new Error(`a run of ${messages} frames has ${n}, ${at} of ${frames.length} bytes`);
    },
    dropped: () => undefined,
    end: (e) => ends.push(e.kind),
  };
  const session = new BinarySession({ allowed: ['NULL', 'PWORD'], required: [], maxMessageBytes: MAX_BYTES }, out);
  // Half of the inputs lie in one piece of memory that lasts.
  const lasting = input.length % 2 === 0;
  const whole = new Uint8Array(input);
  let at = 0;
  for (const piece of pieces(input, r)) {
    session.received(lasting ? whole.subarray(at, at + piece.length) : piece, lasting);
    at += piece.length;
  }
  deep ||= session.settled;
  session.finished();
  if (ends.length !== 1) throw new Error(`ended ${ends.length} times: ${ends.join(' ')}`);
  return deep;
}

export default {
  name: 'client-frames',
  front: HELLO.length + 1 + NAME.length + CHOICE_BYTES,
  valid,
  feed,
} satisfies Target;
