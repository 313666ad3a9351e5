// Messages of the mesh: DATA with and without a row, STAND, NACK.
import * as wire from '../../../core/machine/mesh/wire.js';
import type { Random } from '../../sim/random.js';
import { mustEqual, type Target } from '../target.js';

const MEMBERS = 5;
const u48 = (r: Random): number => r.next() * 0x10000 + r.below(0x10000);

function pack(r: Random): Parameters<typeof wire.dataHead>[1] {
  const bytes = new Uint8Array(1 + r.below(60));
  return {
    kind: r.pick(['frames', 'piece', 'state', 'turn'] as const),
    position: u48(r),
    safeAt: r.below(bytes.length + 1) - 1,
    bytes,
  };
}

const row = (r: Random): number[] => Array.from({ length: MEMBERS }, () => u48(r));

function ranges(r: Random): { first: number; many: number }[] {
  let at = 0;
  return Array.from({ length: 1 + r.below(10) }, () => {
    const first = at + 1 + r.below(9);
    const many = 1 + r.below(9);
    at = first + many;
    return { first, many };
  });
}

function valid(r: Random): Uint8Array {
  switch (r.below(3)) {
    case 0: {
      const p = pack(r);
      return Uint8Array.of(...wire.dataHead(1 + u48(r), p, r.chance(500) ? row(r) : undefined), ...p.bytes);
    }
    case 1: {
      const from = r.below(MEMBERS);
      return wire.stand(r.below(4), row(r), from, 1 + r.below(MEMBERS - from));
    }
    default:
      return wire.nack(ranges(r));
  }
}

function feed(input: Uint8Array): boolean {
  switch (input[0]) {
    case wire.DATA:
      if (!wire.checkData(input, MEMBERS)) return input.length >= wire.DATA_HEAD_BYTES;
      if (wire.readPack(input, MEMBERS).bytes.length > input.length) throw new Error('a pack longer than its message');
      return true;
    case wire.STAND: {
      const s = wire.readStand(input, MEMBERS);
      if (s !== undefined && s.from + s.count > MEMBERS) throw new Error('a row of too many');
      return s !== undefined || input.length >= wire.STAND_HEAD_BYTES;
    }
    case wire.NACK:
      return wire.readNack(input) !== undefined || input.length >= wire.NACK_HEAD_BYTES + wire.RANGE_BYTES;
    default:
      return false;
  }
}

function roundTrip(r: Random): void {
  const p = pack(r);
  const entries = row(r);
  const bytes = Uint8Array.of(...wire.dataHead(9, p, entries), ...p.bytes);
  mustEqual(wire.readPack(bytes, MEMBERS), p, 'pack');
  mustEqual(
    entries.map((_, i) => wire.readEntry(bytes, wire.DATA_HEAD_BYTES, i)),
    entries,
    'row',
  );
  const asked = ranges(r);
  mustEqual(wire.readNack(wire.nack(asked)), asked, 'nack');
}

export default { name: 'mesh', front: 2, valid, feed, roundTrip } satisfies Target;
