// The whole machine of a daemon among two others: every message that it really gets, damaged, and it goes on. Its
// peers are of the same code, so what is captured are real streams of rows, proposals, reports, packs and state.
import { ENVELOPE_BYTES } from '../../../core/machine/envelope.js';
import { createDaemon } from '../../../core/machine/daemon.js';
import { createMesh } from '../../../core/machine/mesh/index.js';
import { DEFAULT_OPTIONS } from '../../../core/machine/options.js';
import type { DaemonMachine } from '../../../core/machine/ports.js';
import type { Bytes, Plane } from '../../../core/machine/types.js';
import { buildFrame, Service } from '../../../core/wire/frame.js';
import type { Random } from '../../sim/random.js';
import type { Target } from '../target.js';

const NAMES = ['alpha', 'beta', 'gamma'];
const LIST_HASH = 0x5eed;
const MAX_BYTES = 1400;
const CAPTURED_MAX = 400;
/** A trio is used for so many inputs: damage that it took may have parted it. */
const INPUTS_OF_A_TRIO = 200;
const SETTLE_MS = 3000;
const STEP_MS = 5;

interface Sent {
  readonly from: number;
  readonly to: number;
  readonly plane: Plane;
  readonly bytes: Bytes;
}

/** Three machines on one virtual network without faults. */
class Trio {
  readonly captured: Sent[] = [];
  readonly machines: DaemonMachine[] = [];
  private readonly timers: Map<number, number>[] = NAMES.map(() => new Map<number, number>());
  private readonly reach: (readonly number[])[] = NAMES.map(() => []);
  private flying: Sent[] = [];
  private now = 0;
  private sessions = 0;

  constructor(stream: boolean) {
    const list = NAMES.map((name, place) => ({ name, place }));
    for (const { place } of list) {
      const link = createMesh({ stream });
      const birth = {
        list,
        self: place,
        listHash: LIST_HASH,
        incarnation: BigInt(100 + place),
        idNumber: 1000 + place,
      };
      const medium = { maxBytes: MAX_BYTES, stream };
      this.machines.push(
        createDaemon(
          { ...birth, medium, link, options: DEFAULT_OPTIONS },
          {
            send: (to, plane, head, body) => this.send(place, to, plane, head, body),
            sever: () => undefined,
            reach: (peers) => {
              this.reach[place] = [...peers];
            },
            setTimer: (key, ms) => {
              if (ms < 0) this.timers[place]!.delete(key);
              else this.timers[place]!.set(key, this.now + ms);
            },
            deliver: () => undefined,
            gone: () => undefined,
            reading: () => undefined,
            allocate: (bytes) => new Uint8Array(bytes),
            release: () => undefined,
            event: () => undefined,
          },
        ),
      );
    }
    for (const { place } of list) this.tick(place, (m) => m.start());
    for (const a of [0, 1, 2]) for (const b of [0, 1, 2]) if (a !== b) this.tick(a, (m) => m.up(b));
    this.run(SETTLE_MS);
  }

  tick(place: number, what: (m: DaemonMachine) => void): void {
    const m = this.machines[place]!;
    m.at(this.now, 1_800_000_000 + Math.floor(this.now / 1000));
    what(m);
    m.flush();
  }

  /** Time goes on; clients speak now and then. */
  run(ms: number): void {
    for (const until = this.now + ms; this.now < until; this.now += STEP_MS) {
      for (const [place, timers] of this.timers.entries())
        for (const [key, at] of [...timers])
          if (at <= this.now) {
            timers.delete(key);
            this.tick(place, (m) => m.timer(key));
          }
      const all = this.flying;
      this.flying = [];
      for (const s of all) this.tick(s.to, (m) => m.received(s.from, s.plane, s.bytes));
    }
  }

  speak(r: Random): void {
    const place = r.below(NAMES.length);
    const session = ++this.sessions;
    const name = `s${session}`;
    const sender = `#${name}#${NAMES[place]!}`;
    this.tick(place, (m) => {
      m.open(session, name, true);
      m.submit(session, buildFrame({ service: Service.JOIN, sender, groups: ['g'] }));
      const service = r.pick([Service.AGREED, Service.SAFE]);
      m.submit(session, buildFrame({ service, sender, groups: ['g'], body: new Uint8Array(r.heavy(50, 4000)) }));
      if (r.chance(700)) m.close(session);
    });
  }

  private send(from: number, to: number | 'all', plane: Plane, head: Bytes, body: Bytes | undefined): boolean {
    const bytes = Uint8Array.of(...head, ...(body ?? []));
    for (const peer of to === 'all' ? this.reach[from]! : [to]) {
      const sent = { from, to: peer, plane, bytes };
      this.flying.push(sent);
      if (peer === 0) {
        this.captured.push(sent);
        if (this.captured.length > CAPTURED_MAX) this.captured.shift();
      }
    }
    return true;
  }
}

let trio: Trio | undefined;
let used = 0;

function present(r: Random): Trio {
  if (trio === undefined || ++used > INPUTS_OF_A_TRIO) {
    trio = new Trio(r.chance(500));
    used = 0;
    for (let n = 4; n > 0; n--) trio.speak(r);
    trio.run(100);
  }
  return trio;
}

function valid(r: Random): Uint8Array {
  const t = present(r);
  if (r.chance(30)) {
    t.speak(r);
    t.run(r.chance(100) ? 1000 : 20);
  }
  const s = r.pick(t.captured);
  return Uint8Array.of(s.from, s.plane === 'control' ? 0 : 1, ...s.bytes);
}

function feed(input: Uint8Array, r: Random): boolean {
  const t = present(r);
  const from = r.chance(900) ? (input[0] ?? 0) % NAMES.length : -1;
  const plane = (input[1] ?? 0) % 2 === 0 ? 'control' : 'data';
  const before = count(t);
  t.tick(0, (m) => m.received(from, plane, input.slice(2)));
  t.run(STEP_MS);
  return count(t) === before;
}

/** Messages that the envelope kept out. */
function count(t: Trio): number {
  const { counters } = t.machines[0]!.status();
  const names = [
    'too short',
    'other version',
    'unknown kind',
    'other daemon list',
    'unknown transmitter',
    'unexpected seal',
  ];
  return names.reduce((n, name) => n + (counters[`dropped: ${name}`] ?? 0), 0);
}

export default { name: 'daemon', front: 2 + ENVELOPE_BYTES, valid, feed } satisfies Target;
