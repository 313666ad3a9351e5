// Pieces of control messages between daemons, without their envelope.
import { cut, Fragments, FRAGMENT_HEAD_BYTES, OPEN_BYTES } from '../../../core/machine/fragments/fragments.js';
import type { Random } from '../../sim/random.js';
import { mustEqual, type Target } from '../target.js';

const ROOM = 40;
const box = new Fragments();

function all(r: Random): Uint8Array[] {
  const whole = Uint8Array.from({ length: 41 + r.heavy(4, 200) }, () => r.below(256));
  return cut(whole, undefined, ROOM).map(({ head, bytes }) => Uint8Array.of(...head, ...bytes));
}

function feed(input: Uint8Array): boolean {
  const answer = box.received(0, input);
  if (box.bytesOf(0) > OPEN_BYTES) throw new Error('more is held than may be');
  return answer !== 'malformed' || input.length > FRAGMENT_HEAD_BYTES;
}

function roundTrip(r: Random): void {
  const whole = Uint8Array.from({ length: 41 + r.below(1000) }, () => r.below(256));
  const at = r.below(whole.length);
  const own = new Fragments();
  const pieces = r.shuffled([...cut(whole.subarray(0, at), whole.subarray(at), ROOM)]);
  const answers = pieces.map(({ head, bytes }) => own.received(1, Uint8Array.of(...head, ...bytes)));
  mustEqual(answers.at(-1), whole, 'message');
}

export default { name: 'fragments', front: 0, valid: (r) => r.pick(all(r)), feed, roundTrip } satisfies Target;
