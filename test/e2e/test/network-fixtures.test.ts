// The network fixtures of the peer (12a, 12b, 13, 15a) replayed against three daemons that are real processes: daemons are
// killed, stopped, continued and started at the moments at which the peer's were, and what the clients get must match
// byte for byte but for what section 16 of the protocol as measured lets differ (test/fixture-replay/normalise.ts).
import { afterEach, expect, test } from '@jest/globals';
import { isDeepStrictEqual } from 'node:util';
import { RawClient, WireClient } from '../../../client-apis/binary/test/wire-client.js';
import type { StatusReport } from '../../../core/runtime/status.js';
import { readEvents } from '../../../core/wire/event.js';
import { Service, frameService, readName, SENDER_OFFSET } from '../../../core/wire/frame.js';
import { readExcerpt } from '../../fixture-replay/fixture.js';
import { FrameComparison } from '../../fixture-replay/normalise.js';
import { type Part, replay } from '../../fixture-replay/replay.js';
import { Astray, playStory, statusOf } from '../course.js';
import { Farm, type LinkName } from '../processes.js';

/** Only catches a hang: on a busy machine a story is played several times (../course.ts). */
const LIMIT_MS = 300_000;
/** Long enough for a client to act while a daemon stands still and nobody suspects it yet. */
const SILENCE_MS = 2000;

/** A guess that was right is given up when it was wrong twice. */
const FORGOTTEN = 3;

const LINKS: LinkName[] = ['tcp', 'ring'];

let farm: Farm | undefined;
const clients: RawClient[] = [];

async function start(link: LinkName): Promise<Farm> {
  const begun = await Farm.create({ daemons: 3, link, daemonSection: [`silence_limit_ms = ${SILENCE_MS}`] });
  farm = begun;
  await begun.start();
  for (const i of [0, 1, 2]) await until(begun, i, (s) => s.configuration?.members.length === 3);
  return begun;
}

afterEach(async () => {
  for (const c of clients.splice(0)) c.destroy();
  await farm?.destroy();
}, LIMIT_MS);

async function until(of: Farm, daemon: number, holds: (s: StatusReport) => boolean): Promise<void> {
  while (!holds(await statusOf(of, daemon))) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A member of the group that nobody listens to. */
async function member(of: Farm, daemon: number, name: string, group: string): Promise<WireClient> {
  const client = await WireClient.connect(of.daemons[daemon]!.port, name);
  clients.push(client);
  await client.join(group);
  return client;
}

/**
 * Alpha and beta speak, twice each, as often as it takes until neither remembers that gamma has followed it: they would give it the
 * turn unasked (docs/design/order.md 2.1).
 */
async function withoutGamma(of: Farm): Promise<void> {
  for (let i = 0; i < FORGOTTEN; i++)
    for (const daemon of [0, 1]) {
      const client = await member(of, daemon, `s${i}`, `once-${daemon}-${i}`);
      await client.frame();
      await client.join(`twice-${daemon}-${i}`);
      await client.frame();
    }
}

const joins = (of: Farm, daemon: number, name: string, group: string) => async (): Promise<void> => {
  await member(of, daemon, name, group);
};

const signals = (of: Farm, signal: NodeJS.Signals, ...daemons: number[]) => {
  return (): Promise<void> => {
    for (const d of daemons) of.daemons[d]!.signal(signal);
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
    const wrong = await playStory({
      start: () => start(link),
      course: new Map([
        [0, ['alpha beta gamma', 'alpha', 'alpha beta gamma']],
        [1, ['alpha beta gamma', 'beta gamma', 'alpha beta gamma']],
      ]),
      awake: 0,
      play: (on) => replay(on.daemons[0]!.port, stoppedTogether(on)),
    });
    expect(wrong).toEqual([]);
  },
  LIMIT_MS,
);

function stoppedTogether(on: Farm): Part[] {
  const alpha = {
    file: '12a-three-way-merge-alpha.hex',
    before: {
      7: joins(on, 0, 'm0', 'trio'),
      9: joins(on, 2, 'm3', 'trio'),
      10: signals(on, 'SIGSTOP', 1, 2),
      11: signals(on, 'SIGCONT', 1, 2),
    },
  };
  // m2 of beta joins when alpha has seen m0.
  const beta = {
    file: '12b-three-way-merge-beta.hex',
    port: on.daemons[1]!.port,
    after: { part: 0, line: 7 },
    extra: { 9: wokenTogether },
  };
  return [alpha, beta];
}

test(
  '13: messages between TRANSITION and NETWORK',
  async () => {
    const course = ['alpha beta gamma', 'alpha beta'];
    const wrong = await playStory({
      start: () => start('tcp'),
      course: new Map([
        [0, course],
        [1, course],
      ]),
      awake: 0,
      play: betweenTheNotices,
    });
    expect(wrong).toEqual([]);
  },
  LIMIT_MS,
);

async function betweenTheNotices(on: Farm): Promise<string[]> {
  const a = await member(on, 0, 'a', 'evs');
  await a.frame();
  const b = await member(on, 1, 'b', 'evs');
  await a.frame();
  await member(on, 2, 'c', 'evs');
  await a.frame();
  const expected = readExcerpt('13-evs-transitional-excerpt.hex');
  const comparison = new FrameComparison();
  const differences: string[] = [];
  const next = async (frame: Buffer): Promise<void> => {
    const got = await a.frame();
    if (got === undefined) throw new Error('the connection ended');
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
  await withoutGamma(on);
  await until(on, 1, (s) => s.counters['log packs'] === 0);
  // The first message behind the signal is SAFE and gamma cannot confirm it: all behind it wait with it.
  on.daemons[2]!.signal('SIGSTOP');
  for (const frame of expected.slice(signal + 1, view)) {
    const logged = (await statusOf(on, 1)).counters['log packs']!;
    await send(frame);
    await until(on, 1, (s) => {
      if (s.configuration?.members.length !== 3) throw new Astray('gamma was given up before all was said');
      return s.counters['log packs']! > logged;
    });
  }
  await on.daemons[2]!.end('SIGKILL');
  for (const frame of expected.slice(signal, view + 1)) await next(frame);
  for (const frame of expected.slice(view + 1)) {
    await send(frame);
    await next(frame);
  }
  return differences.filter((d) => d !== '');
}

test.each(LINKS)(
  '15a: loss, return and stop of daemons as a member on alpha sees them, over %s',
  async (link) => {
    const all = 'alpha beta gamma';
    const wrong = await playStory({
      start: () => start(link),
      course: new Map([[0, [all, 'alpha beta', all, 'alpha gamma', all]]]),
      awake: 0,
      play: (on) => replay(on.daemons[0]!.port, [lossReturnAndStop(on)]),
    });
    expect(wrong).toEqual([]);
  },
  LIMIT_MS,
);

function lossReturnAndStop(on: Farm): Part {
  let a2: WireClient;
  return {
    file: '15a-network-alpha-member.hex',
    before: {
      8: joins(on, 1, 'b1', 'g'),
      9: joins(on, 2, 'c1', 'g'),
      10: async () => void (a2 = await member(on, 0, 'a2', 'g')),
      13: signals(on, 'SIGKILL', 2),
      17: async () => {
        await on.daemons[2]!.exit;
        await on.daemons[2]!.start();
        await until(on, 0, (s) => s.configuration?.members.length === 3);
        await member(on, 2, 'c2', 'g');
      },
      18: signals(on, 'SIGSTOP', 1),
      // a2 joins the other group when it has seen the message.
      20: async () => {
        for (;;) {
          const event = await a2.event();
          if (event === undefined) throw new Error('the connection of a2 ended');
          if (event.kind === 'message' && Buffer.from(event.data).toString() === 'while-stopped') break;
        }
        await a2.join('h');
      },
      21: signals(on, 'SIGCONT', 1),
    },
  };
}
