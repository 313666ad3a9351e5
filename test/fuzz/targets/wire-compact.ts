// Compact runs of frames: whole again what was made compact, whatever else arrives refused or bounded.
import { Compactor, expandedBytes, MAX_RUN_BYTES } from '../../../core/wire/compact.js';
import { buildFrame, HEADER_BYTES, Service } from '../../../core/wire/frame.js';
import type { Random } from '../../sim/random.js';
import { mustEqual, type Target } from '../target.js';

const compactor = new Compactor();

function frames(r: Random): Uint8Array {
  const all = Array.from({ length: 1 + r.below(12) }, () => {
    const groups = ['g', 'h'].slice(0, 1 + r.below(2));
    return buildFrame({ service: Service.AGREED, sender: '#a#alpha', groups, body: new Uint8Array(r.below(60)) });
  });
  return Uint8Array.from(all.flatMap((frame) => [...frame]));
}

function feed(input: Uint8Array): boolean {
  const expanded = compactor.expand(input);
  if (expanded === undefined) return input.length >= HEADER_BYTES;
  mustEqual(expanded.length, expandedBytes(input), 'length');
  if (expanded.length > MAX_RUN_BYTES) throw new Error(`${input.length} bytes became ${expanded.length}`);
  return true;
}

function roundTrip(r: Random): void {
  const run = frames(r);
  mustEqual(compactor.expand(compactor.compact(run)), run, 'run');
}

export default {
  name: 'wire-compact',
  front: HEADER_BYTES,
  valid: (r) => compactor.compact(frames(r)),
  feed,
  roundTrip,
} satisfies Target;
