// Messages of recovery and membership between daemons, without their envelope: row, proposal, report, plan, repair.
import { decodeRow, encodeRow } from '../../../core/machine/membership/row.js';
import { decodePlan, decodeReport, encodePlan, encodeReport, heldTo } from '../../../core/machine/recovery/plan.js';
import { decodeProposal, encodeProposal } from '../../../core/machine/recovery/recovery.js';
import { decodeRepair, repairHead } from '../../../core/machine/recovery/repair.js';
import type { Random } from '../../sim/random.js';
import { mustEqual, type Target } from '../target.js';

const PLACES = 12;
const ID = { number: 7, time: 1_800_000_000 };

const u48 = (r: Random): number => r.next() * 0x10000 + r.below(0x10000);
const id = (r: Random): { number: number; time: number } => ({ number: r.next(), time: r.next() });
const incarnation = (r: Random): bigint => (BigInt(r.next()) << 32n) | BigInt(r.next());
const ranks = (r: Random): number[] => Array.from({ length: r.below(PLACES) }, () => r.below(0x10000));

function row(r: Random): Parameters<typeof encodeRow>[0] {
  const places = Array.from({ length: PLACES }, (_, place) => place).filter(() => r.chance(600));
  const bit = (): boolean => r.chance(500);
  return {
    round: r.next(),
    sequence: r.next(),
    highestTime: r.next(),
    configuration: bit() ? { number: r.next(), time: 1 + r.below(1000) } : undefined,
    leaving: bit(),
    asks: bit(),
    entries: new Map(
      places.map((place) => [
        place,
        { place, incarnation: incarnation(r), member: bit(), hears: bit(), answered: bit() },
      ]),
    ),
  };
}

function report(r: Random): Parameters<typeof encodeReport>[0] {
  let at = 0;
  const ranges = Array.from({ length: r.heavy(3, 60) }, () => {
    const from = at + 1 + r.below(9);
    at = from + r.below(9);
    return { from, to: at };
  });
  const old = { id: id(r), rank: r.below(0x10000), stable: u48(r), promised: ranks(r), ranges };
  return { maxPackBytes: r.next(), highestTime: r.next(), old: r.chance(800) ? old : undefined };
}

function plan(r: Random): Parameters<typeof encodePlan>[0] {
  const one = (): Parameters<typeof encodePlan>[0]['olds'][number] => ({
    id: id(r),
    together: ranks(r),
    stable: u48(r),
    promised: ranks(r),
    segments: Array.from({ length: r.heavy(2, 40) }, () => ({ from: u48(r), to: u48(r), holder: r.below(PLACES) })),
  });
  return { maxPackBytes: r.next(), olds: Array.from({ length: r.below(4) }, one) };
}

function proposal(r: Random): Parameters<typeof encodeProposal>[0] {
  const places = Array.from({ length: PLACES }, (_, place) => place).filter((p) => p === 0 || r.chance(500));
  return { round: r.next(), id: ID, members: places.map((place) => ({ place, incarnation: incarnation(r) })) };
}

function repair(r: Random): { position: number; entry: Parameters<typeof repairHead>[1]; end: boolean } {
  const bytes = new Uint8Array(r.below(50));
  const position = 1 + u48(r);
  const pack = {
    kind: r.pick(['frames', 'piece', 'state'] as const),
    position,
    safeAt: r.below(bytes.length + 2) - 1,
    bytes,
  };
  return { position, end: r.chance(500), entry: { sender: r.below(PLACES), index: u48(r), pack } };
}

const repairBytes = (x: ReturnType<typeof repair>): Uint8Array =>
  Uint8Array.of(...repairHead(x.position, x.entry, x.end), ...x.entry.pack.bytes);

function valid(r: Random): Uint8Array {
  const made = [
    () => encodeRow(row(r)),
    () => encodeReport(report(r)),
    () => encodePlan(plan(r)),
    () => encodeProposal(proposal(r)),
    () => repairBytes(repair(r)),
  ];
  const which = r.below(made.length);
  return Uint8Array.of(which, ...made[which]!());
}

function feed(input: Uint8Array): boolean {
  const body = input.subarray(1);
  switch (input[0]) {
    case 0:
      return decodeRow(body, PLACES) !== undefined || body.length >= 23;
    case 1: {
      const read = decodeReport(body);
      if (read?.old && heldTo(read.old.ranges) < 0) throw new Error('held below nothing');
      return read !== undefined || body.length >= 9;
    }
    case 2:
      return decodePlan(body) !== undefined || body.length >= 6;
    case 3:
      return decodeProposal(ID, body, PLACES) !== undefined || body.length >= 6;
    default:
      return decodeRepair(body) !== undefined || body.length >= 20;
  }
}

function roundTrip(r: Random): void {
  const [a, b, c, d, e] = [row(r), report(r), plan(r), proposal(r), repair(r)];
  mustEqual(decodeRow(encodeRow(a), PLACES), a, 'row');
  mustEqual(decodeReport(encodeReport(b)), b, 'report');
  mustEqual(decodePlan(encodePlan(c)), c, 'plan');
  mustEqual(decodeProposal(ID, encodeProposal(d), PLACES), d, 'proposal');
  const back = decodeRepair(repairBytes(e))!;
  mustEqual([back.position, back.end, back.entry.pack], [e.position, e.end, e.entry.pack], 'repair');
}

export default { name: 'recovery', front: 1, valid, feed, roundTrip } satisfies Target;
