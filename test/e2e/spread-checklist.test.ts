// Items of section 17 of the protocol as measured that the fixtures do not show, against the real machine of one daemon
// on real sockets. The item's number stands in the test's name. Handshake and frames: client-apis/binary/test.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { RawClient, WireClient } from '../../client-apis/binary/test/wire-client.js';
import type { WireOptions } from '../../client-apis/binary/test/wire-client.js';
import type { FrameEvent, ViewEvent } from '../../core/wire/event.js';
import { Service, buildFrame } from '../../core/wire/frame.js';
import { startSolo } from '../fixture-replay/solo.js';
import type { Solo } from '../fixture-replay/solo.js';

const SESSION_MESSAGES = 50;
const LEVELS = [
  Service.UNRELIABLE,
  Service.RELIABLE,
  Service.FIFO,
  Service.CAUSAL,
  Service.AGREED,
  Service.SAFE,
] as const;

let solo: Solo;
let clients: RawClient[];

beforeEach(async () => {
  solo = await startSolo({ max_session_messages: String(SESSION_MESSAGES) });
  clients = [];
});

afterEach(async () => {
  for (const client of clients) client.destroy();
  await solo.stop();
  expect(solo.fatal).toEqual([]);
});

async function connect(name: string, o?: WireOptions): Promise<WireClient> {
  const client = await WireClient.connect(solo.port, name, o);
  clients.push(client);
  return client;
}

async function connectAll(...names: string[]): Promise<WireClient[]> {
  const all: WireClient[] = [];
  for (const name of names) all.push(await connect(name));
  return all;
}

/** New clients, all of them in the group. */
async function room(group: string, ...names: string[]): Promise<WireClient[]> {
  const members = await connectAll(...names);
  await joinAll(group, members);
  return members;
}

/** Joins one after the other; each view is read by all that see it. */
async function joinAll(group: string, members: readonly WireClient[]): Promise<void> {
  for (const [i, member] of members.entries()) {
    await member.join(group);
    for (const other of members.slice(0, i + 1)) expect(await other.event()).toMatchObject({ kind: 'view' });
  }
}

/** The next event, as one line. */
async function line(client: WireClient): Promise<string> {
  return shown(await client.event());
}

function shown(event: FrameEvent | undefined): string {
  if (event === undefined) return 'end';
  if (event.kind === 'message') return `${event.sender} ${Buffer.from(event.data).toString('latin1')}`;
  if (event.kind === 'view') return `${event.group} ${event.cause} ${event.sets.flat().join(' ')}`;
  return `${event.group} ${event.kind}`;
}

/** All lines up to and with a message of that text. */
async function until(client: WireClient, text: string): Promise<string[]> {
  const lines: string[] = [];
  while (!(lines.at(-1) ?? '').endsWith(` ${text}`) && lines.at(-1) !== 'end') lines.push(await line(client));
  return lines;
}

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('frames', () => {
  test('item 19: a regular frame to nobody is ignored, the session stays', async () => {
    const [ann] = await room('g', 'ann');
    await ann!.multicast([], bytes('nobody'));
    await ann!.multicast(['g'], bytes('somebody'));
    expect(await line(ann!)).toBe('#ann#solo somebody');
  });

  test('item 20: 100 destinations deliver once to each session', async () => {
    const [ann, bob] = await connectAll('ann', 'bob');
    const groups = Array.from({ length: 99 }, (_, i) => `g${i}`);
    for (const group of groups) await bob!.join(group);
    for (const group of groups) expect(await line(bob!)).toBe(`${group} join #bob#solo`);
    await ann!.multicast([...groups, '#ann#solo'], bytes('all'));
    await ann!.multicast(['#ann#solo', '#bob#solo'], bytes('next'));
    for (const client of [ann!, bob!]) {
      expect(await client.event()).toMatchObject({ kind: 'message', groups: [...groups, '#ann#solo'] });
      expect(await line(client)).toBe('#ann#solo next');
    }
  });

  test('item 21: unknown destinations are silent', async () => {
    const [ann] = await room('g', 'ann');
    const unknown = ['nowhere', '#nobody#solo', '#ann#elsewhere', '#', '##', '#a', '#a#b#c', 'a b', ''];
    await ann!.multicast(unknown, bytes('lost'));
    await ann!.multicast([...unknown, 'g'], bytes('found'));
    expect(await ann!.event()).toMatchObject({ groups: [...unknown, 'g'], data: new Uint8Array(bytes('found')) });
  });

  test.each([143_119, 143_120, 143_920])('item 22: %d bytes of data are delivered intact', async (length) => {
    const [ann, bob] = await room('g', 'ann', 'bob');
    const data = Buffer.from(Array.from({ length }, (_, i) => i % 251));
    for (const service of [Service.FIFO, Service.SAFE]) await ann!.multicast(['g'], data, service);
    for (const client of [ann!, bob!]) {
      for (let i = 0; i < 2; i++) {
        const event = await client.event();
        expect(event?.kind === 'message' && Buffer.compare(event.data, data)).toBe(0);
      }
    }
  });

  test('item 22: one byte more ends the session, and the daemon survives', async () => {
    const [ann, bob] = await room('g', 'ann', 'bob');
    await ann!.multicast(['g'], Buffer.alloc(143_921)).catch(() => undefined);
    expect(await line(bob!)).toBe('g disconnect #ann#solo');
    expect(await line(ann!)).toBe('end');
    await bob!.multicast(['g'], bytes('alive'));
    expect(await line(bob!)).toBe('#bob#solo alive');
  });

  test('item 23: forged bits end the session, SUBGROUP_CAST and unknown high bits pass', async () => {
    const [ann, bob] = await room('g', 'ann', 'bob');
    const passing = (Service.FIFO | Service.SUBGROUP_CAST | 0x02000000) >>> 0;
    await ann!.multicast(['g'], bytes('cast'), passing);
    expect(await bob!.event()).toMatchObject({ service: passing });
    await ann!.multicast(['g'], bytes('forged'), Service.AGREED | Service.REG_MEMB | Service.CAUSED_BY_JOIN);
    expect(await line(bob!)).toBe('g disconnect #ann#solo');
  });

  test('unvalidated names of the peer: joins that could never be reached are ignored', async () => {
    const [ann] = await connectAll('ann');
    for (const name of ['', 'a b', '#x', '#obs#solo']) await ann!.join(name);
    await ann!.join('g');
    expect(await line(ann!)).toBe('g join #ann#solo');
  });
});

describe('membership', () => {
  test('item 24: a joiner gets its JOIN first; members in order, index +1, one set, offset 0, 56 bytes', async () => {
    const [cid, ann] = await room('g', 'cid', 'ann');
    const bob = await connect('bob');
    await bob.join('g');
    const frame = (await bob.frame())!;
    expect(frame.length).toBe(48 + 3 * 32 + 56);
    expect(frame.readUInt32LE(48 + 3 * 32 + 16)).toBe(0);
    const views = [await cid!.event(), await ann!.event()] as ViewEvent[];
    for (const view of views)
      expect(view).toMatchObject({
        members: ['#ann#solo', '#bob#solo', '#cid#solo'],
        sets: [['#bob#solo']],
        localSet: 0,
      });
    expect(views[0]!.id).toEqual(views[1]!.id);
    expect(views[0]!.id.index).toBe(3);
  });

  test('item 25: a leaver gets the self-leave only, the others the LEAVE', async () => {
    const [ann, bob] = await room('g', 'ann', 'bob');
    await bob!.leave('g');
    await bob!.multicast(['#bob#solo'], bytes('then'));
    expect([await line(bob!), await line(bob!)]).toEqual(['g left', '#bob#solo then']);
    expect(await ann!.event()).toMatchObject({ cause: 'leave', sets: [['#bob#solo']], members: ['#ann#solo'] });
  });

  test.each(['KILL', 'end', 'reset'])('item 26: %s is a DISCONNECT in each group, in bytewise order', async (how) => {
    const groups = ['zeta', 'mid', 'Alpha', 'beta'];
    const [ann, bob] = await connectAll('ann', 'bob');
    for (const group of groups) {
      await ann!.join(group);
      await line(ann!);
      await bob!.join(group);
      await line(bob!);
      await line(ann!);
    }
    if (how === 'KILL') await bob!.kill();
    else if (how === 'end') bob!.socket.end();
    else bob!.socket.resetAndDestroy();
    for (const group of ['Alpha', 'beta', 'mid', 'zeta'])
      expect(await line(ann!)).toBe(`${group} disconnect #bob#solo`);
  });

  test('item 27: a second join and the leave of a non-member are silent', async () => {
    const [ann, bob] = await room('g', 'ann', 'bob');
    const cid = await connect('cid');
    await bob!.join('g');
    await cid.leave('g');
    await cid.leave('unknown');
    for (const client of [bob!, cid]) {
      await client.multicast(['g'], bytes(`of ${client.privateGroup}`));
      expect(await line(ann!)).toBe(`${client.privateGroup} of ${client.privateGroup}`);
    }
  });

  test('item 28: a session without membership gets regular messages only', async () => {
    const [ann] = await room('g', 'ann');
    const quiet = await connect('quiet', { flags: 0 });
    await quiet.join('g');
    expect(await line(ann!)).toBe('g join #quiet#solo');
    await ann!.multicast(['g'], bytes('one'));
    expect(await line(quiet)).toBe('#ann#solo one');
    await quiet.leave('g');
    await quiet.multicast(['#quiet#solo'], bytes('two'));
    expect(await line(quiet)).toBe('#quiet#solo two');
  });

  test('item 29: a group that was empty is born again under an id that was never used', async () => {
    const [ann] = await connectAll('ann');
    const ids = new Set<string>();
    for (let i = 0; i < 5; i++) {
      await ann!.join('g');
      const view = (await ann!.event()) as ViewEvent;
      ids.add(`${view.id.number}/${view.id.time}/${view.id.index}`);
      await ann!.leave('g');
      await line(ann!);
    }
    expect(ids.size).toBe(5);
  });

  test('item 30: a name is free again once the disconnect was delivered', async () => {
    const [ann] = await room('g', 'ann');
    for (let i = 0; i < 5; i++) {
      const bob = await connect('bob');
      await bob.join('g');
      expect(await line(ann!)).toBe('g join #bob#solo');
      await bob.kill();
      const early = await connect('bob').catch((error: unknown) => (error as Error).message);
      expect(early === '-6' || early instanceof WireClient).toBe(true);
      expect(await line(ann!)).toBe('g disconnect #bob#solo');
      const again = early instanceof WireClient ? early : await connect('bob');
      await again.kill();
      await again.rest();
    }
  });

  test('items 31 and 32: SELF_DISCARD keeps only the own copy back and stays visible', async () => {
    const [ann, bob] = await room('g', 'ann', 'bob');
    await ann!.multicast(['g', '#ann#solo'], bytes('not to me'), Service.AGREED | Service.SELF_DISCARD);
    await ann!.multicast(['g'], bytes('to me too'));
    expect(await bob!.event()).toMatchObject({ service: Service.AGREED | Service.SELF_DISCARD });
    expect([await line(ann!), await line(bob!)]).toEqual(['#ann#solo to me too', '#ann#solo to me too']);
  });

  test('item 33: who is no member may send and gets nothing back', async () => {
    const [ann] = await room('g', 'ann');
    const out = await connect('out');
    await out.multicast(['g'], bytes('from outside'));
    await out.multicast(['#out#solo'], bytes('to myself'));
    expect([await line(ann!), await line(out)]).toEqual(['#out#solo from outside', '#out#solo to myself']);
  });

  test('item 34: one copy, however often a session is meant', async () => {
    const [ann] = await room('g', 'ann');
    await ann!.join('h');
    await line(ann!);
    await ann!.multicast(['g', 'h', '#ann#solo', 'g', '#ann#solo'], bytes('once'));
    await ann!.multicast(['h'], bytes('then'));
    expect([await line(ann!), await line(ann!)]).toEqual(['#ann#solo once', '#ann#solo then']);
  });
});

describe('order', () => {
  test('item 36: all levels and membership in one sequence at all members, over two groups', async () => {
    const [ann, bob, cid] = await room('g', 'ann', 'bob', 'cid');
    await joinAll('h', [ann!, bob!, cid!]);
    const send = async (client: WireClient) => {
      for (let i = 0; i < 300; i++) await client.multicast([i % 3 === 0 ? 'h' : 'g'], bytes(`${i}`), LEVELS[i % 6]);
    };
    const coming = async () => {
      for (let i = 0; i < 10; i++) {
        const guest = await connect(`guest${i}`, { flags: 0 });
        await guest.join('g');
        await guest.kill();
        await guest.rest();
      }
    };
    await Promise.all([send(ann!), send(bob!), coming()]);
    await cid!.multicast(['g'], bytes('end of it'));
    const seen = await Promise.all([ann!, bob!, cid!].map((client) => until(client, 'end of it')));
    expect(seen[0]).toEqual(seen[1]);
    expect(seen[1]).toEqual(seen[2]);
    expect(seen[0]).toHaveLength(600 + 20 + 1);
    const ofAnn = seen[0]!.filter((l) => l.startsWith('#ann#solo '));
    expect(ofAnn).toEqual(Array.from({ length: 300 }, (_, i) => `#ann#solo ${i}`));
  });

  test('item 37: what is sent after the own leave is not received', async () => {
    const [ann, bob] = await room('g', 'ann', 'bob');
    await bob!.leave('g');
    await bob!.multicast(['g'], bytes('after'));
    await bob!.multicast(['#bob#solo'], bytes('own'));
    expect([await line(bob!), await line(bob!)]).toEqual(['g left', '#bob#solo own']);
    expect([await line(ann!), await line(ann!)]).toEqual(['g leave #bob#solo', '#bob#solo after']);
  });
});

describe('flow', () => {
  test('item 44: a slow reader is ended at the limit of messages, the others see it disconnect', async () => {
    const [ann, slow] = await room('g', 'ann', 'slow');
    slow!.socket.pause();
    const data = Buffer.alloc(100_000, 1);
    let sent = 0;
    let received = 0;
    let view = '';
    while (view === '' && sent < 1000) {
      await ann!.multicast(['g'], data);
      sent++;
      const event = await ann!.event();
      if (event?.kind === 'message') received++;
      else view = shown(event);
    }
    expect(view).toBe('g disconnect #slow#solo');
    while (received < sent && (await ann!.event())?.kind === 'message') received++;
    expect(received).toBe(sent);
    expect(sent).toBeGreaterThan(SESSION_MESSAGES);
    expect(solo.api.describe()['not-reading']).toBe(1);
    slow!.socket.resume();
    let frames = 0;
    while ((await slow!.frame()) !== undefined) frames++;
    expect(frames).toBeLessThan(sent);
  });

  test('item 45: while the order stands still input stops, and nothing is lost', async () => {
    const [ann] = await room('g', 'ann');
    const bob = await connect('bob');
    const data = Buffer.alloc(100_000, 2);
    solo.driver.loop.setThreshold('medium');
    let written = 0;
    const all = Array.from({ length: 400 }, (_, i) =>
      bob.multicast(['g'], i < 399 ? data : bytes('last')).then(() => written++),
    );
    for (let turns = 0; turns < 100; turns++) await new Promise((resolve) => setImmediate(resolve));
    expect(written).toBeLessThan(400);
    const late = new RawClient(solo.port);
    clients.push(late);
    await late.connected();
    solo.driver.loop.setThreshold('low');
    let received = 0;
    for (let event = await ann!.event(); shown(event) !== '#bob#solo last'; event = await ann!.event()) {
      expect(event?.kind === 'message' && event.data.length).toBe(data.length);
      received++;
    }
    await Promise.all(all);
    expect(received).toBe(399);
  });

  test('bytes of every sort at the port: the daemon lives, members do not notice', async () => {
    const [ann] = await room('g', 'ann');
    let seed = 1;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    const valid = buildFrame({ service: Service.AGREED, sender: '#bad#solo', groups: ['g'], body: bytes('x') });
    for (let i = 0; i < 150; i++) {
      const bad = await connect('bad').catch(() => undefined);
      if (bad === undefined) continue;
      const stream = Buffer.concat([valid, valid, valid]);
      for (let changes = 1 + random(6); changes > 0; changes--) stream[random(stream.length)] = random(256);
      await bad.write(stream).catch(() => undefined);
      bad.socket.end();
      await bad.rest();
    }
    await ann!.multicast(['g'], bytes('alive'));
    expect((await until(ann!, 'alive')).at(-1)).toBe('#ann#solo alive');
  });
});
