// Messages of the ring: DATA, TOKEN, STATE, WAKE; read, and taken by a ring in the middle of its life.
import { Compactor } from '../../../core/wire/compact.js';
import { buildFrame, Service } from '../../../core/wire/frame.js';
import { createRing } from '../../../link-protocols/ring/machine.js';
import { Parts } from '../../../link-protocols/ring/parts.js';
import * as wire from '../../../link-protocols/ring/wire.js';
import type { Random } from '../../sim/random.js';
import { mustEqual, type Target } from '../target.js';

const MEMBERS = 4;
const SELF = 1;
const FEW = 40;

/** Some frames of one sender, their heads left out. */
function compactOf(r: Random, position: number): wire.Numbered {
  const frame = buildFrame({
    service: Service.AGREED,
    sender: '#a#alpha',
    groups: ['g'],
    body: new Uint8Array(r.below(9)),
  });
  const bytes = Uint8Array.from(Array.from({ length: 2 + r.below(9) }, () => [...frame]).flat());
  const pack = { kind: 'frames', position, safeAt: r.below(bytes.length), bytes } as const;
  return {
    position,
    sender: r.below(MEMBERS),
    index: 1 + r.below(position),
    pack,
    body: new Compactor().compact(bytes),
  };
}

function numbered(r: Random): wire.Numbered {
  const bytes = new Uint8Array(1 + r.below(60));
  const position = 1 + r.below(FEW);
  if (r.chance(300)) return compactOf(r, position);
  const pack = { kind: r.pick(['frames', 'piece', 'state'] as const), position, safeAt: r.below(bytes.length), bytes };
  return { position, sender: r.below(MEMBERS), index: 1 + r.below(position), pack, body: pack.bytes };
}

function token(r: Random): wire.Token {
  const highest = 1 + r.below(FEW);
  const ranges = Array.from({ length: r.below(6) }, () => {
    const first = 1 + r.below(highest);
    return { who: r.below(MEMBERS), urgent: r.chance(300), first, many: 1 + r.below(highest - first + 1) };
  });
  const held = Float64Array.from({ length: MEMBERS }, (_, i) => (i === SELF ? 0 : r.below(highest + 1)));
  const hop = 1 + r.below(20);
  return { hop, highest, flight: r.next(), busy: r.below(MEMBERS + 1), quiet: r.below(9), held, ranges };
}

const state = (r: Random): wire.TokenState => ({ parked: r.chance(500), hop: r.below(20), holder: r.below(MEMBERS) });

/** The pack in one message, or cut into up to four. */
function datas(r: Random, n: wire.Numbered): Uint8Array[] {
  const size = Math.ceil(n.body.length / (1 + r.below(4)));
  const parts = Math.ceil(n.body.length / size);
  return Array.from({ length: parts }, (_, i) =>
    Uint8Array.of(...wire.dataHead(n, i, parts), ...n.body.subarray(i * size, (i + 1) * size)),
  );
}

function valid(r: Random): Uint8Array {
  switch (r.below(4)) {
    case 0:
      return r.pick(datas(r, numbered(r)));
    case 1:
      return wire.tokenBytes(token(r));
    case 2:
      return wire.stateBytes(state(r));
    default:
      return wire.wakeBytes(r.below(20));
  }
}

function feed(input: Uint8Array, r: Random): boolean {
  const ring = createRing();
  const members = Array.from({ length: MEMBERS }, (_, place) => ({ name: `m${place}`, incarnation: 1n, place }));
  const given: number[] = [];
  let sent = 0;
  ring.install(
    { id: { number: 1, time: 1 }, members, self: SELF, maxPackBytes: 1000 },
    {
      accepted: (_, __, pack) => void given.push(pack.position),
      release: () => undefined,
      stable: () => undefined,
      window: () => undefined,
      suspect: () => undefined,
      send: () => ++sent > 0,
      setTimer: () => undefined,
      now: () => 0,
    },
  );
  ring.received(2, valid(r));
  ring.received(0, input);
  ring.flush();
  ring.received(3, valid(r));
  ring.flush();
  given.forEach((position, i) => mustEqual(position, i + 1, 'position of what is handed up'));
  if (sent > 10 * FEW) throw new Error(`${sent} messages sent for three received`);
  const deep = [wire.readToken(input, MEMBERS), wire.readData(input, MEMBERS), wire.readState(input, MEMBERS)];
  return deep.some((m) => m !== undefined) || wire.readWake(input) !== undefined || input.length >= 20;
}

function roundTrip(r: Random): void {
  const n = numbered(r);
  const parts = new Parts(MEMBERS);
  const arrived = datas(r, n).map((b) => wire.readData(b, MEMBERS)!);
  const last = arrived.at(-1)!;
  const bodies = arrived.map((a) => (a.parts === 1 ? a.body : parts.add(2, a)));
  mustEqual(bodies.filter((body) => body !== undefined).length, 1, 'bodies that became whole');
  mustEqual(wire.numberedOf(last, bodies.at(-1)!, new Compactor()), n, 'data');
  mustEqual(parts.bytes, 0, 'bytes of parts kept');
  const t = token(r);
  mustEqual(wire.readToken(wire.tokenBytes(t), MEMBERS), t, 'token');
  const s = state(r);
  mustEqual(wire.readState(wire.stateBytes(s), MEMBERS), s, 'state');
}

export default { name: 'link-ring', front: 23, valid, feed, roundTrip } satisfies Target;
