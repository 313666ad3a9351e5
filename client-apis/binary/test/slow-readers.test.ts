// The slow-reader policies of the listener on real sockets (README.md, "Slow readers"): what the options mean; the queue
// itself is tried in test/unit/runtime-outbound.test.ts.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DaemonInfo, type Storage } from '../../../core/plugin/index.js';
import lmdb from '../../../plugins/storage/lmdb/index.js';
import memory from '../../../plugins/storage/memory/index.js';
import { bind, buildPlugin } from '../../../test/compliance/build.js';
import type { WireClient } from './wire-client.js';
import { withApi } from './world.js';
import type { World } from './world.js';

const DATA = Buffer.alloc(100_000, 5);
/** More than the system's buffers of a connection hold, messages of DATA. */
const MANY = 400;
const ROOM = 'room';

/** A sender outside and a member that does not read. */
async function pair(world: World): Promise<{ sender: WireClient; slow: WireClient }> {
  const [sender, slow] = [await world.connect('sender'), await world.connect('slow')];
  await slow.join(ROOM);
  await slow.event();
  slow.socket.pause();
  return { sender, slow };
}

/** Sends numbered messages until `enough`, each of them handled before the next; answers how many. */
async function send(sender: WireClient, enough: () => boolean): Promise<number> {
  let sent = 0;
  while (sent < MANY && !enough()) {
    DATA.writeUInt32LE(sent++);
    await sender.multicast([ROOM, sender.privateGroup], DATA);
    await sender.event();
  }
  return sent;
}

/** Reads that many messages and checks their order. */
async function readAll(slow: WireClient, count: number): Promise<void> {
  slow.socket.resume();
  for (let i = 0; i < count; i++) {
    const event = await slow.event();
    expect(event?.kind === 'message' && Buffer.from(event.data).readUInt32LE()).toBe(i);
  }
}

async function waitFor(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setImmediate(resolve));
}

const ended = (world: World) => world.sessions.ended.map((e) => `${e.name} ${e.reason}`);

describe('kick', () => {
  test('by bytes, where they are limited', () =>
    withApi({ max_session_bytes: '1 MiB', max_session_messages: '100000' }, async (world) => {
      const { sender } = await pair(world);
      await send(sender, () => world.sessions.ended.length > 0);
      expect(ended(world)).toEqual(['slow not-reading']);
      expect(world.sessions.ended[0]!.detail).toMatch(/bytes wait/);
      expect(world.api.describe()['not-reading']).toBe(1);
      // One line, where the session ends: not another one here.
      expect(world.lines.join('\n')).not.toMatch(/not-reading/);
    }));
});

describe('block', () => {
  const options = { slow_reader: 'block', max_session_messages: '20' };

  test('the session is congested until half of its queue is gone, and gets everything', () =>
    withApi(options, async (world) => {
      const { sender, slow } = await pair(world);
      const sent = await send(sender, () => world.sessions.congested.has('slow'));
      expect(world.sessions.congested.has('slow')).toBe(true);
      await readAll(slow, sent);
      await waitFor(() => !world.sessions.congested.has('slow'));
      expect(ended(world)).toEqual([]);
      expect(world.lines.join('\n')).toMatch(/slow reader blocked[^]*slow reader relieved/);
    }));

  test.each(['reset', 'destroyed'] as const)(
    'a reader that goes (%s) while all wait for it ends, and is waited for no longer',
    (how) =>
      withApi(options, async (world) => {
        const { sender, slow } = await pair(world);
        await send(sender, () => world.sessions.congested.has('slow'));
        expect(world.sessions.congested.has('slow')).toBe(true);
        if (how === 'reset') slow.socket.resetAndDestroy();
        else slow.socket.destroy();
        await waitFor(() => world.sessions.ended.length > 0);
        expect(ended(world)).toEqual(['slow closed']);
        expect(world.sessions.congested.has('slow')).toBe(false);
        expect(await send(sender, () => false)).toBe(MANY);
      }),
  );

  test('a reader that stays slow beyond the limit is kicked', () =>
    withApi({ ...options, block_limit_ms: '100' }, async (world) => {
      const { sender } = await pair(world);
      await send(sender, () => world.sessions.congested.has('slow'));
      await waitFor(() => world.sessions.ended.length > 0);
      expect(ended(world)).toEqual(['slow not-reading']);
    }));
});

const folder = mkdtempSync(join(tmpdir(), 'peal-spill-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const ports = [bind(DaemonInfo, { name: 'solo', stateDir: folder } as DaemonInfo)];

describe.each([
  ['memory', memory],
  ['lmdb', lmdb],
])('spill to storage.%s', (_name, plugin) => {
  let storage: Storage;

  beforeAll(async () => {
    storage = buildPlugin<Storage>({ plugin, ports }).instance;
    await storage.start?.();
  });

  afterAll(() => storage.stop?.());

  const options = { slow_reader: 'spill', max_session_messages: '20' };

  test('what does not fit goes to storage and comes back in order', async () => {
    const store = storage.space('client.binary');
    await withApi(
      options,
      async (world) => {
        const { sender, slow } = await pair(world);
        const sent = await send(sender, () => store.usage().usedBytes > 5_000_000);
        expect(store.usage().usedBytes).toBeGreaterThan(5_000_000);
        await readAll(slow, sent);
        expect(ended(world)).toEqual([]);
        await waitFor(() => store.usage().usedBytes < 1000);
        await sender.multicast([ROOM], Buffer.from('after'));
        expect(await slow.event()).toMatchObject({ data: new Uint8Array(Buffer.from('after')) });
      },
      store,
    );
  });

  test('a storage without room ends the session, not the daemon', async () => {
    const store = storage.space('small', 1_000_000);
    await withApi(
      options,
      async (world) => {
        const { sender } = await pair(world);
        await send(sender, () => world.sessions.ended.length > 0);
        expect(ended(world)).toEqual(['slow error']);
        expect(world.api.describe()['spill-error']).toBe(1);
        await sender.multicast([sender.privateGroup], Buffer.from('alive'));
        expect(await sender.event()).toMatchObject({ kind: 'message' });
      },
      store,
    );
  });

  test('what a former life of the daemon left goes at the start', async () => {
    const store = storage.space('former');
    for (const name of ['session-1', 'session-9']) await store.log(name).append(DATA);
    await withApi(options, async () => expect([await store.logs(), store.usage().usedBytes]).toEqual([[], 0]), store);
  });
});
