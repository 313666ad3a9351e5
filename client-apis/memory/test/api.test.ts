// The memory API beyond its kind's suite: handlers, iteration, misuse, and what a frame becomes.
import { describe, expect, test } from '@jest/globals';
import { Sessions } from '../../../core/plugin/index.js';
import { NodeLoop } from '../../../core/runtime/loop.js';
import type { FrameEvent } from '../../../core/wire/event.js';
import { readEvents } from '../../../core/wire/event.js';
import { Service, buildFrame } from '../../../core/wire/frame.js';
import { bind, buildPlugin } from '../../../test/compliance/build.js';
import { FakeSessions } from '../../../test/compliance/fake-sessions.js';
import type { MemoryApi } from '../api.js';
import memory from '../index.js';

const DATA = Uint8Array.of(1, 2, 3);

async function started(maxEvents = 10, loop?: NodeLoop) {
  const sessions = new FakeSessions(loop);
  const options = { max_events: String(maxEvents) };
  const ports = [bind(Sessions, sessions)];
  const { instance: api, logged } = buildPlugin<MemoryApi>({ plugin: memory, options, ports });
  await api.start();
  return { api, sessions, logged };
}

function code(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

describe('sessions in the process', () => {
  test('a handler gets events at once, and no queue grows', async () => {
    const { api } = await started(2);
    const events: FrameEvent[] = [];
    const ann = api.connect({ name: 'ann', onEvent: (event) => events.push(event) });
    ann.join('room');
    for (let i = 0; i < 20; i++) ann.multicast({ groups: ['room'], data: DATA, level: 'fifo', type: -i });
    expect(events.map((e) => e.kind)).toEqual(['view', ...Array.from({ length: 20 }, () => 'message')]);
    expect(events.at(-1)).toMatchObject({ type: -19, service: Service.FIFO, sender: '#ann#solo', data: DATA });
  });

  test('a handler that throws ends its own session only', async () => {
    const { api, sessions, logged } = await started();
    const ann = api.connect({
      name: 'ann',
      onEvent: () => {
        throw new Error('application fault');
      },
    });
    const bob = api.connect({ name: 'bob' });
    bob.multicast({ groups: ['#ann#solo', '#bob#solo'], data: DATA });
    expect(await ann.ended).toBe('error');
    expect(await bob.next()).toMatchObject({ kind: 'message' });
    expect(sessions.ended).toEqual([{ name: 'ann', reason: 'error', detail: 'application fault' }]);
    expect(logged.join()).toContain('application fault');
  });

  test('for await ends with the session, after what was queued', async () => {
    const { api } = await started();
    const ann = api.connect();
    ann.multicast({ groups: [ann.privateGroup], data: DATA, selfDiscard: true });
    ann.multicast({ groups: [ann.privateGroup], data: DATA });
    ann.close();
    const kinds: string[] = [];
    for await (const event of ann) kinds.push(event.kind);
    expect(kinds).toEqual(['message']);
    expect(await ann.ended).toBe('closed');
  });

  test('no membership events for who does not want them', async () => {
    const { api } = await started();
    const ann = api.connect({ name: 'ann', membership: false });
    ann.join('room');
    ann.multicast({ groups: ['room'], data: DATA });
    expect(await ann.next()).toMatchObject({ kind: 'message' });
  });

  test('misuse is told by a code', async () => {
    const { api, sessions } = await started();
    const ann = api.connect({ name: 'ann' });
    const long = new Uint8Array(sessions.maxMessageBytes);
    const send = (groups: string[], data = DATA) => code(() => ann.multicast({ groups, data }));
    expect([code(() => ann.join('#x')), code(() => ann.leave(''))]).toEqual([
      'PEAL_CLIENT_MEMORY_ILLEGAL_GROUP',
      'PEAL_CLIENT_MEMORY_ILLEGAL_GROUP',
    ]);
    expect([send([]), send(Array.from({ length: 101 }, () => 'x'))]).toEqual([
      'PEAL_CLIENT_MEMORY_GROUPS',
      'PEAL_CLIENT_MEMORY_GROUPS',
    ]);
    expect([send(['x'.repeat(32)]), send(['x'], long)]).toEqual([
      'PEAL_CLIENT_MEMORY_ILLEGAL_GROUP',
      'PEAL_CLIENT_MEMORY_TOO_LONG',
    ]);
    expect(code(() => api.connect({ name: 'ann' }))).toBe('PEAL_CLIENT_MEMORY_REFUSED');
    ann.close();
    expect(send(['x'])).toBe('PEAL_CLIENT_MEMORY_CLOSED');
    await api.stop();
    expect(code(() => api.connect())).toBe('PEAL_CLIENT_MEMORY_STOPPED');
  });

  test('works inside the ticks of a loop as well', async () => {
    const loop = new NodeLoop(() => undefined);
    const { api } = await started(10, loop);
    loop.start();
    const ann = api.connect({ name: 'ann' });
    ann.join('room');
    expect(await ann.next()).toMatchObject({ kind: 'view', cause: 'join', members: ['#ann#solo'], localSet: 0 });
    loop.stop();
  });
});

describe('malformed frames', () => {
  const view = buildFrame({
    service: Service.REG_MEMB | Service.CAUSED_BY_NETWORK,
    sender: 'room',
    groups: ['#a#solo'],
    body: new Uint8Array(20),
  });

  test.each([
    ['half a header', view.subarray(0, 20)],
    ['half a body', view.subarray(0, view.length - 1)],
    ['a view without sets where it claims some', patched(view, view.length - 8, 1)],
    ['a view without a cause', buildFrame({ service: Service.REG_MEMB, sender: 'room', groups: [], body: view })],
    ['a view without a body', buildFrame({ service: Service.REG_MEMB | 0x100, sender: 'room', groups: [] })],
    ['a transition without an id', buildFrame({ service: Service.TRANSITION, sender: 'room', groups: [] })],
    ['no service', buildFrame({ service: 0, sender: 'room', groups: [] })],
  ])('%s is no event', (_what, bytes) => {
    expect(readEvents(bytes)).toBeUndefined();
  });
});

function patched(b: Uint8Array, at: number, value: number): Uint8Array {
  const copy = new Uint8Array(b);
  copy[at] = value;
  return copy;
}
