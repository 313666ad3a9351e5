// The network fixtures of the peer (12a, 12b, 13, 15a) replayed against three daemons that are real processes: daemons are
// killed, stopped, continued and started at the moments at which the peer's were, and what the clients get must match
// byte for byte but for what section 16 of the protocol as measured lets differ (test/fixture-replay/normalise.ts).
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { RawClient, WireClient } from '../../../client-apis/binary/test/wire-client.js';
import { ControlClient } from '../../../core/runtime/control-client.js';
import type { StatusReport } from '../../../core/runtime/status.js';
import { readEvents } from '../../../core/wire/event.js';
import { Service, frameService, readName, SENDER_OFFSET } from '../../../core/wire/frame.js';
import { readExcerpt } from '../../fixture-replay/fixture.js';
import { FrameComparison } from '../../fixture-replay/normalise.js';
import { replay } from '../../fixture-replay/replay.js';
import { Farm, type LinkName } from '../processes.js';

/** Only catches a hang. */
const LIMIT_MS = 60_000;
/** Long enough for a client to act while a daemon stands still and nobody suspects it yet. */
const SILENCE_MS = 2000;

const LINKS: LinkName[] = ['tcp', 'ring'];

let farm: Farm;
let clients: RawClient[];

beforeEach(() => {
  clients = [];
});

async function start(link: LinkName): Promise<void> {
  farm = await Farm.create({ daemons: 3, link, daemonSection: [`silence_limit_ms = ${SILENCE_MS}`] });
  await farm.start();
  for (const i of [0, 1, 2]) await until(i, (s) => s.configuration?.members.length === 3);
}

afterEach(async () => {
  for (const c of clients) c.destroy();
  await farm.destroy();
}, LIMIT_MS);

const port = (daemon: number): number => farm.daemons[daemon]!.port;

async function status(daemon: number): Promise<StatusReport> {
  const control = await ControlClient.connect(join(farm.dir, farm.daemons[daemon]!.name));
  try {
    return (await control.call('status', {})) as StatusReport;
  } finally {
    control.close();
  }
}

async function until(daemon: number, holds: (s: StatusReport) => boolean): Promise<void> {
  while (!holds(await status(daemon))) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A member of the group that nobody listens to. */
async function member(daemon: number, name: string, group: string): Promise<WireClient> {
  const client = await WireClient.connect(port(daemon), name);
  clients.push(client);
  await client.join(group);
  return client;
}

/** Whoever gamma followed twice would give it the turn unasked (docs/design/order.md 2.1): not who follows itself. */
async function followsItself(daemon: number): Promise<void> {
  const client = await member(daemon, 'twice', `once-${daemon}`);
  await client.frame();
  await client.join(`twice-${daemon}`);
  await client.frame();
}

const joins = (daemon: number, name: string, group: string) => async (): Promise<void> => {
  await member(daemon, name, group);
};

const signals = (signal: NodeJS.Signals, ...daemons: number[]) => {
  return (): Promise<void> => {
    for (const d of daemons) farm.daemons[d]!.signal(signal);
    return Promise.resolve();
  };
};

/**
 * Those who stood still together install their own view first and merge then (docs/spread-differences.md); the peer's
 * merged at once.
 */
function wokenTogether(frame: Buffer | undefined): string {
  const [event] = frame === undefined ? [] : (readEvents(frame) ?? []);
  const members = ['#m2#beta', '#m3#gamma'];
  const expected = { kind: 'view', cause: 'network', group: 'trio', members, sets: [members], localSet: 0 };
  const { id: _id, ...got } = { id: undefined, ...event };
  return isDeepStrictEqual(got, expected) ? '' : `not the view of those that stood still: ${JSON.stringify(got)}`;
}

test.each(LINKS)(
  '12a and 12b: two daemons stopped together and continued together, over %s',
  async (link) => {
    await start(link);
    const alpha = {
      file: '12a-three-way-merge-alpha.hex',
      before: {
        7: joins(0, 'm0', 'trio'),
        9: joins(2, 'm3', 'trio'),
        10: signals('SIGSTOP', 1, 2),
        11: signals('SIGCONT', 1, 2),
      },
    };
    // m2 of beta joins when alpha has seen m0.
    const beta = {
      file: '12b-three-way-merge-beta.hex',
      port: port(1),
      after: { part: 0, line: 7 },
      extra: { 9: wokenTogether },
    };
    expect(await replay(port(0), [alpha, beta])).toEqual([]);
  },
  LIMIT_MS,
);

test(
  '13: messages between TRANSITION and NETWORK',
  async () => {
    await start('tcp');
    const a = await member(0, 'a', 'evs');
    await a.frame();
    const b = await member(1, 'b', 'evs');
    await a.frame();
    await member(2, 'c', 'evs');
    await a.frame();
    const expected = readExcerpt('13-evs-transitional-excerpt.hex');
    const comparison = new FrameComparison();
    const differences: string[] = [];
    let logged = 0;
    const next = async (frame: Buffer): Promise<void> => {
      const got = (await a.frame()) ?? Buffer.alloc(0);
      differences.push(comparison.difference(frame, got));
    };
    const send = (frame: Buffer): Promise<void> =>
      (readName(frame, SENDER_OFFSET) === a.privateGroup ? a : b).write(frame);
    const signal = expected.findIndex((f) => frameService(f, 0) === Service.TRANSITION);
    const view = expected.findIndex((f) => frameService(f, 0) === (Service.REG_MEMB | Service.CAUSED_BY_NETWORK));
    for (const frame of expected.slice(0, signal)) {
      await send(frame);
      await next(frame);
    }
    await followsItself(0);
    await followsItself(1);
    await until(1, (s) => s.counters['log packs'] === 0);
    // The first message behind the signal is SAFE and gamma cannot confirm it: all behind it wait with it.
    farm.daemons[2]!.signal('SIGSTOP');
    for (const frame of expected.slice(signal + 1, view)) {
      logged = (await status(1)).counters['log packs']!;
      await send(frame);
      await until(1, (s) => s.counters['log packs']! > logged);
    }
    await farm.daemons[2]!.end('SIGKILL');
    for (const frame of expected.slice(signal, view + 1)) await next(frame);
    for (const frame of expected.slice(view + 1)) {
      await send(frame);
      await next(frame);
    }
    expect(differences.filter((d) => d !== '')).toEqual([]);
  },
  LIMIT_MS,
);

test.each(LINKS)(
  '15a: loss, return and stop of daemons as a member on alpha sees them, over %s',
  async (link) => {
    await start(link);
    let a2: WireClient;
    const alpha = {
      file: '15a-network-alpha-member.hex',
      before: {
        8: joins(1, 'b1', 'g'),
        9: joins(2, 'c1', 'g'),
        10: async () => void (a2 = await member(0, 'a2', 'g')),
        13: signals('SIGKILL', 2),
        17: async () => {
          await farm.daemons[2]!.exit;
          await farm.daemons[2]!.start();
          await until(0, (s) => s.configuration?.members.length === 3);
          await member(2, 'c2', 'g');
        },
        18: signals('SIGSTOP', 1),
        // a2 joins the other group when it has seen the message.
        20: async () => {
          for (;;) {
            const event = await a2.event();
            if (event?.kind === 'message' && Buffer.from(event.data).toString() === 'while-stopped') break;
          }
          await a2.join('h');
        },
        21: signals('SIGCONT', 1),
      },
    };
    expect(await replay(port(0), [alpha])).toEqual([]);
  },
  LIMIT_MS,
);
