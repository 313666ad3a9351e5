// Bad input on every port of real daemons: mutated streams of real clients, garbage on the link port and the control socket,
// half-open, silent and never-reading connections. The daemons live, the others do not notice, refusals are counted.
// PEAL_HOSTILE_RUNS raises the number of mutations for each port.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { ControlClient } from '../../../core/runtime/control-client.js';
import { Service } from '../../../core/wire/frame.js';
import { readFixture } from '../../fixture-replay/fixture.js';
import { Random } from '../../sim/random.js';
import { Farm } from '../processes.js';
import { Recorder, TracedClient } from '../traced-client.js';

const RUNS = Number(process.env['PEAL_HOSTILE_RUNS'] ?? 300);
const AT_ONCE = 20;
/** Only catches a hang. */
const LIMIT_MS = 600_000;
const STREAMS = ['01-le-member-lifecycle', '08a-big-endian-sender', '10-c-libspread-4.4-spuser', '11-java-4.4-client'];

let farm: Farm;
const recorder = new Recorder(() => undefined);
let good: TracedClient[] = [];

beforeAll(async () => {
  farm = await Farm.create({ daemons: 2 });
  await farm.start();
  good = [
    await TracedClient.connect(recorder, farm.daemons[0]!, 'g1'),
    await TracedClient.connect(recorder, farm.daemons[1]!, 'g2'),
  ];
  for (const c of good) c.join('good');
  while (!good.every((c) => c.views.get('good')?.length === 2)) await new Promise((r) => setTimeout(r, 10));
}, 60_000);

afterAll(async () => {
  for (const c of good) c.destroy();
  await farm.destroy();
});

interface Counters {
  readonly counters: Readonly<Record<string, number>>;
}
async function status(daemon: number): Promise<Counters> {
  const control = await ControlClient.connect(join(farm.dir, farm.daemons[daemon]!.name));
  const answer = (await control.call('status')) as Counters;
  control.close();
  return answer;
}

/** Two clients that do nothing wrong still talk through both daemons, and no view came in between. */
async function unharmed(): Promise<void> {
  const [before, views] = [recorder.delivered, recorder.views];
  for (const c of good) c.multicast(Service.SAFE, ['good'], 200);
  while (recorder.delivered < before + 4) await new Promise((r) => setTimeout(r, 5));
  expect([farm.daemons.every((d) => d.running), good.every((c) => c.open), recorder.views - views]).toEqual([
    true,
    true,
    0,
  ]);
}

function spoil(bytes: Buffer, r: Random): Buffer {
  const b = Buffer.from(bytes);
  for (let n = 1 + r.below(4); n > 0; n--) {
    const at = r.below(b.length);
    const kind = r.below(4);
    if (kind === 0) b[at] = r.below(256);
    else if (kind === 1) b[at] = b[at]! ^ (1 << r.below(8));
    else if (kind === 2) b.fill(r.below(2) * 255, at, Math.min(b.length, at + 1 + r.below(8)));
    else return Buffer.concat([b.subarray(0, at), b.subarray(Math.min(b.length, at + r.below(40)))]);
  }
  return b;
}

/** Connects, writes, reads what comes, and is gone when the other side closes or shortly after. */
function attack(open: () => Socket, bytes: readonly Buffer[]): Promise<void> {
  return new Promise((resolve) => {
    const socket = open();
    const end = setTimeout(() => socket.destroy(), 30);
    socket.on('data', () => undefined);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(end);
      resolve();
    });
    for (const b of bytes) socket.write(b);
  });
}

async function many(one: (i: number) => Promise<void>): Promise<void> {
  for (let i = 0; i < RUNS; i += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, (_, k) => one(i + k)));
}

test(
  'mutated streams of real clients',
  async () => {
    const r = new Random(5, 'hostile clients');
    const streams = STREAMS.map((f) =>
      readFixture(`${f}.hex`)[0]!.steps.flatMap((s) => (s.kind === 'send' ? [s.bytes] : [])),
    );
    await many((i) => {
      const steps = streams[i % streams.length]!;
      const spoilt = 2 + r.below(Math.max(1, steps.length - 2));
      const bytes = steps.map((b, k) => (k === spoilt || r.below(20) === 0 ? spoil(b, r) : b));
      return attack(() => connect(farm.daemons[0]!.port, '127.0.0.1'), bytes);
    });
    await unharmed();
    expect(farm.daemons[0]!.log.some((line) => line.includes('refused'))).toBe(true);
  },
  LIMIT_MS,
);

test(
  'garbage on the link port',
  async () => {
    const r = new Random(6, 'hostile links');
    const port = Number(/link_port = (\d+)/.exec(farm.ini)![1]);
    await many(() => {
      const bytes = Buffer.from(Array.from({ length: 1 + r.below(200) }, () => r.below(256)));
      return attack(() => connect(port, '127.0.0.1'), [bytes]);
    });
    await unharmed();
  },
  LIMIT_MS,
);

test(
  'garbage on the control socket',
  async () => {
    const r = new Random(7, 'hostile control');
    const path = join(farm.dir, farm.daemons[0]!.name, 'control.sock');
    const line = Buffer.from(
      '{"id":1,"command":"status","args":{"limit":5}}\n{"id":2,"command":"fault","args":{"set":{"loss_percent":"5"}}}\n',
    );
    await many(() => attack(() => connect(path), [spoil(line, r)]));
    await unharmed();
    expect((await status(0)).counters).toBeDefined();
  },
  LIMIT_MS,
);

test(
  'half-open and silent connections, and a client that never reads',
  async () => {
    const silent = Array.from({ length: 200 }, () => {
      const s = connect(farm.daemons[0]!.port, '127.0.0.1');
      s.on('error', () => undefined);
      return s;
    });
    silent.slice(0, 100).forEach((s) => s.write(Buffer.from([4, 4])));
    const lazy = await TracedClient.connect(recorder, farm.daemons[0]!, 'lazy');
    lazy.join('flood');
    lazy.stopReading();
    await unharmed();
    const flooder = await TracedClient.connect(recorder, farm.daemons[1]!, 'flood');
    for (let i = 0; i < 400; i++) flooder.multicast(Service.AGREED, ['flood'], 60_000);
    await unharmed();
    for (const s of silent) s.destroy();
    lazy.destroy();
    flooder.destroy();
  },
  LIMIT_MS,
);
