// What a flooding site reads on its data port: frames of every type, in pieces. Valid inputs are frames as our own writer
// makes them, so the round trip is in every one of them.
import type { SiteDefinition } from '../../../plugins/service/flood/machine/settings.js';
import type { UpdateId } from '../../../plugins/service/flood/machine/types.js';
import { type ControlFrame, type Data, type Frame, PURPOSES } from '../../../plugins/service/flood/wire/frames.js';
import { PREFIX_BYTES } from '../../../plugins/service/flood/wire/limits.js';
import { FrameStream } from '../../../plugins/service/flood/wire/reader.js';
import { bandwidthTestHead, dataHead, writeFrame } from '../../../plugins/service/flood/wire/write.js';
import type { Random } from '../../sim/random.js';
import { mustEqual, pieces, type Target } from '../target.js';

const UPDATE_MAX_BYTES = 4096;
const NAMES = ['a', 'inferno', 'a b', 'q"\\', 'Zürich', 'x'.repeat(64)];
const U32 = 2 ** 32;

const whole = (r: Random): number => r.pick([1, 2, r.next(), 1_700_000_000_000, Number.MAX_SAFE_INTEGER]);
const thousandth = (r: Random): number => Math.round(r.heavy(50, 1_000_000)) / 1000;
const some = <T>(r: Random, draw: () => T, most = 4): T[] => Array.from({ length: r.below(most + 1) }, draw);

function site(r: Random): SiteDefinition {
  return {
    name: r.pick(NAMES),
    hostname: r.pick(['localhost', 'h.example', '']),
    ...(r.chance(500) ? { inetAddress: r.pick(['127.0.0.1', '::1']) } : {}),
    clientPort: r.between(1, 65_535),
    dataPort: r.between(1, 65_535),
    ...(r.chance(300) ? { longitude: -118.29, latitude: 34.02 } : {}),
  };
}

function id(r: Random): UpdateId {
  return { origin: r.pick(NAMES), incarnation: whole(r), sequence: whole(r) };
}

function have(r: Random): { origin: string; incarnation: number; lowWater: number; ranges: [number, number][] } {
  const lowWater = r.below(1000);
  let end = lowWater;
  const ranges = some(r, (): [number, number] => {
    const first = end + 2 + r.below(9);
    end = first + r.below(9);
    return [first, end];
  });
  return { origin: r.pick(NAMES), incarnation: whole(r), lowWater, ranges };
}

function data(r: Random): Data {
  const sequence = r.between(1, 5000);
  return {
    kind: 'data',
    origin: r.pick(NAMES),
    incarnation: whole(r),
    sequence,
    scope: r.pick(['*', 'g']),
    hops: r.below(256),
    created: whole(r),
    since: r.below(sequence),
    sinceOf: some(r, () => [r.pick(NAMES), r.below(sequence)] as const),
  };
}

const CONTROL: readonly ((r: Random) => ControlFrame)[] = [
  (r) => ({
    kind: 'hello',
    site: site(r),
    incarnation: whole(r),
    purpose: r.pick(PURPOSES),
    protocol: r.below(256),
    software: 'x/1',
    groups: some(r, () => r.pick(NAMES)),
  }),
  (r) => ({ kind: 'have', group: r.pick(NAMES), origins: some(r, () => have(r)) }),
  (r) => ({ kind: 'ack', ids: some(r, () => id(r), 64) }),
  (r) => ({ kind: r.pick(['ping', 'pong']), id: r.next(), time: thousandth(r) }),
  (r) => ({ kind: 'bwresult', id: r.next(), bytes: r.next(), elapsedUs: thousandth(r) }),
  (r) => ({
    kind: 'estimates',
    group: r.pick(NAMES),
    origin: r.pick(NAMES),
    incarnation: whole(r),
    serial: whole(r),
    links: some(r, () => ({
      to: r.pick(NAMES),
      rttMs: r.pick([undefined, thousandth(r)]),
      bytesPerSecond: r.pick([undefined, thousandth(r)]),
      ageSeconds: thousandth(r),
    })),
    have: r.pick([undefined, some(r, () => have(r))]),
  }),
  (r) => ({ kind: 'join', group: r.pick(NAMES), hops: r.below(256), site: site(r), incarnation: whole(r) }),
  (r) => ({
    kind: 'members',
    group: r.pick(NAMES),
    epoch: whole(r),
    version: whole(r),
    members: some(r, () => ({ site: site(r), incarnation: whole(r) })),
  }),
  (r) => ({
    kind: 'topology',
    group: r.pick(NAMES),
    epoch: whole(r),
    number: whole(r),
    connectivity: 1 + r.below(9),
    generator: r.pick(['builtin', 'command']),
    edges: some(r, () => ({ a: 'a', b: 'b', cost: thousandth(r) })),
  }),
  (r) => ({ kind: 'leave', group: r.pick(NAMES), site: r.pick(NAMES), incarnation: whole(r) }),
  (r) => ({ kind: 'sync', to: r.pick(NAMES), reason: 'ahead' }),
  (r) => ({ kind: 'goodbye', reason: r.pick(['', 'leaving']) }),
  (r) => ({ kind: 'error', code: r.between(100, 999), text: 'no', incarnation: r.pick([0, whole(r)]) }),
];

/** Bytes of one frame, and what must be read from them. */
function drawn(r: Random): readonly [bytes: Uint8Array, frame: Frame] {
  const payload = Uint8Array.from({ length: r.heavy(40, 6000) }, () => r.below(256));
  const payloadBytes = payload.length;
  if (r.chance(300)) {
    const d = data(r);
    const kept = payloadBytes <= UPDATE_MAX_BYTES ? payload : undefined;
    return [Buffer.concat([dataHead(d, payloadBytes), payload]), { ...d, payload: kept, payloadBytes }];
  }
  if (r.chance(100)) {
    const id = r.below(U32);
    return [
      Buffer.concat([bandwidthTestHead(id, payloadBytes), payload]),
      { kind: 'bwtest', id, payloadBytes, firstAtMs: 0 },
    ];
  }
  const f = r.pick(CONTROL)(r);
  return [writeFrame(f), f];
}

function valid(r: Random): Uint8Array {
  return Uint8Array.from(Buffer.concat(Array.from({ length: 1 + r.below(5) }, () => drawn(r)[0])));
}

function feed(input: Uint8Array, r: Random): boolean {
  let frames = 0;
  const stream = new FrameStream(UPDATE_MAX_BYTES, (f) => {
    frames++;
    if (f.kind === 'data' && (f.payload?.length ?? 0) > UPDATE_MAX_BYTES) throw new Error('more kept than allowed');
  });
  for (const piece of pieces(input, r)) {
    const stop = stream.push(piece, 0);
    piece.fill(0);
    if (stop !== undefined) break;
  }
  return frames > 0;
}

function roundTrip(r: Random): void {
  const all = Array.from({ length: 1 + r.below(5) }, () => drawn(r));
  const read: Frame[] = [];
  const stream = new FrameStream(UPDATE_MAX_BYTES, (f) => read.push(f));
  for (const piece of pieces(Uint8Array.from(Buffer.concat(all.map(([bytes]) => bytes))), r))
    if (stream.push(piece, 0) !== undefined) throw new Error('our own frames are refused');
  mustEqual(
    read,
    all.map(([, f]) => f),
    'frames',
  );
}

export default { name: 'flood-data', front: PREFIX_BYTES, valid, feed, roundTrip } satisfies Target;
