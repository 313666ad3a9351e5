// Lines of the control channel, both ways.
import {
  LineSplitter,
  readRequest,
  readResponse,
  writeLine,
  type ControlRequest,
} from '../../../core/runtime/control-wire.js';
import type { Random } from '../../sim/random.js';
import { mustEqual, pieces, type Target } from '../target.js';

const LIMIT_BYTES = 4096;
const COMMANDS = ['status', 'fault', 'log', 'plugins', 'stop'];

function request(r: Random): ControlRequest {
  const id = r.chance(500) ? r.below(1000) : `id${r.below(1000)}`;
  const args = Object.fromEntries(
    Array.from(
      { length: r.below(4) },
      (_, i) => [`k${i}`, r.pick([null, true, 1.5, 'text', [1, 2], { deep: {} }])] as const,
    ),
  );
  return { id, command: r.pick(COMMANDS), args };
}

function valid(r: Random): Uint8Array {
  const lines = Array.from({ length: 1 + r.below(4) }, () =>
    r.chance(500)
      ? writeLine(request(r))
      : writeLine(
          r.chance(500)
            ? { id: r.below(9), ok: true, result: { a: 1 } }
            : { id: null, ok: false, error: { code: 'PEAL_X', message: 'what', remedy: 'do' } },
        ),
  );
  return new TextEncoder().encode(lines.join(''));
}

function feed(input: Uint8Array, r: Random): boolean {
  const splitter = new LineSplitter(LIMIT_BYTES);
  let deep = false;
  for (const piece of pieces(input, r)) {
    const lines = splitter.push(Buffer.from(piece));
    if (lines === 'too-long') break;
    for (const line of lines) {
      const asked = readRequest(line);
      const answered = readResponse(line);
      deep ||= !('wrong' in asked) || typeof answered !== 'string' || line.length > 1;
    }
  }
  return deep;
}

function roundTrip(r: Random): void {
  const q = request(r);
  mustEqual(readRequest(writeLine(q).trimEnd()), q, 'request');
}

export default { name: 'control', front: 0, valid, feed, roundTrip } satisfies Target;
