// The compliance suite of client APIs: any implementation of `ClientApi`, ours or a stranger's, on a daemon that is only
// its sessions (fake-sessions.ts). What it checks is the contract in core/plugin/client.ts: sessions open and end as the
// core is told, what is sent arrives whole and in order, and no client can harm another.
import type { ClientApi } from '../../core/plugin/client.js';
import type { Plugin } from '../../core/plugin/define.js';
import { EventLoop, Sessions } from '../../core/plugin/ports.js';
import { NodeLoop } from '../../core/runtime/loop.js';
import type { FrameEvent } from '../../core/wire/event.js';
import type { TestApi } from './api.js';
import { bind, buildPlugin, type Binding } from './build.js';
import { FakeSessions } from './fake-sessions.js';

/** One client as the suite uses it. Promises reject only when the connection cannot be had or is over. */
export interface TestClient {
  /** `#name#daemon`, as the client learnt it. */
  readonly privateGroup: string;
  join(group: string): void | Promise<void>;
  leave(group: string): void | Promise<void>;
  /** An agreed message of type 0. */
  multicast(groups: readonly string[], data: Uint8Array): void | Promise<void>;
  /** The next thing delivered; undefined: the connection is over. */
  next(): Promise<FrameEvent | undefined>;
  /** From here on it takes nothing any more. */
  stopReading(): void;
  /** Leaves as a client should. */
  close(): void | Promise<void>;
}

export interface ClientSetup {
  readonly name: string;
  readonly plugin: Plugin;
  /** Options for an API that can be started many times on one machine, with `kick` as policy for slow readers. */
  readonly options: Readonly<Record<string, string>>;
  /** Ports beyond those of every client API. */
  readonly ports?: readonly Binding[];
  /** Connects a client of that name; empty: the daemon makes one. Rejects when it is refused. */
  connect(api: ClientApi, name: string): Promise<TestClient>;
  /** Sends these bytes in place of the protocol; resolves when the API has closed the connection. */
  readonly garbage?: (api: ClientApi, bytes: Uint8Array) => Promise<void>;
  /** So many messages of so many bytes, not taken, are too much for any session. */
  readonly slowReader: { readonly messages: number; readonly dataBytes: number };
}

class World {
  readonly failures: unknown[] = [];
  readonly loop = new NodeLoop((_name, error) => this.failures.push(error));
  readonly sessions = new FakeSessions(this.loop);
  readonly api: ClientApi;

  constructor(readonly setup: ClientSetup) {
    const ports = [bind(EventLoop, this.loop), bind(Sessions, this.sessions), ...(setup.ports ?? [])];
    this.api = buildPlugin<ClientApi>({ plugin: setup.plugin, options: setup.options, ports }).instance;
    this.loop.start();
  }

  connect(name: string): Promise<TestClient> {
    return this.setup.connect(this.api, name);
  }

  async connectAll(...names: string[]): Promise<TestClient[]> {
    const clients: TestClient[] = [];
    for (const name of names) clients.push(await this.connect(name));
    return clients;
  }
}

const ROOM = 'room';

function text(s: string): Uint8Array {
  return Uint8Array.from(s, (c) => c.charCodeAt(0));
}

function pattern(bytes: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => (i * 31 + seed) & 0xff);
}

/** One line per event, enough to compare what several clients saw. */
function shown(event: FrameEvent | undefined): string {
  if (event === undefined) return 'end';
  switch (event.kind) {
    case 'message':
      return `${event.sender} > ${event.groups.join(' ')}: ${String.fromCharCode(...event.data)}`;
    case 'view':
      return `${event.group} ${event.cause} ${event.sets.flat().join(' ')} = ${event.members.join(' ')}`;
    case 'transitional':
    case 'left':
      return `${event.group} ${event.kind}`;
  }
}

async function take(client: TestClient, count: number): Promise<string[]> {
  const events: string[] = [];
  while (events.length < count) events.push(shown(await client.next()));
  return events;
}

/** Takes what comes up to and with the event of that line. */
async function takeUntil(client: TestClient, line: string): Promise<string[]> {
  const events: string[] = [];
  while (events.at(-1) !== line && events.at(-1) !== 'end') events.push(...(await take(client, 1)));
  return events;
}

async function refusal(connecting: Promise<TestClient>): Promise<boolean> {
  return connecting.then(
    () => false,
    () => true,
  );
}

/** Registers the suite with the test runner `t`. */
export function clientCompliance(t: TestApi, setup: ClientSetup): void {
  const within = (name: string, body: (world: World) => Promise<void>) =>
    t.test(name, async () => {
      const world = new World(setup);
      try {
        await world.api.start();
        await body(world);
      } finally {
        await world.api.stop();
        world.loop.stop();
      }
      t.expect(world.failures).toEqual([]);
      t.expect(world.sessions.count).toBe(0);
    });
  t.describe(`client API ${setup.name}`, () => {
    opening(t, within);
    sending(t, within);
    ending(t, within, setup);
  });
}

type Within = (name: string, body: (world: World) => Promise<void>) => unknown;

function opening(t: TestApi, within: Within): void {
  within('a client is a session of its name', async (w) => {
    const client = await w.connect('ann');
    t.expect(client.privateGroup).toBe('#ann#solo');
    t.expect([w.sessions.count, w.sessions.nameInUse('ann')]).toEqual([1, true]);
  });

  within('a name in use is refused, and its owner does not notice', async (w) => {
    const [ann] = await w.connectAll('ann');
    t.expect(await refusal(w.connect('ann'))).toBe(true);
    await ann!.join(ROOM);
    t.expect(await take(ann!, 1)).toEqual(['room join #ann#solo = #ann#solo']);
  });

  within('an illegal name is refused', async (w) => {
    for (const name of ['a#b', 'a b', 'far-too-long']) t.expect(await refusal(w.connect(name))).toBe(true);
    t.expect(w.sessions.count).toBe(0);
  });

  within('clients without a name get different ones', async (w) => {
    const clients = await w.connectAll('', '', '');
    t.expect(new Set(clients.map((c) => c.privateGroup)).size).toBe(3);
  });

  within('when all sessions are taken the next is refused, until one is given back', async (w) => {
    w.sessions.limit = 2;
    const [ann] = await w.connectAll('ann', 'bob');
    t.expect(await refusal(w.connect('cid'))).toBe(true);
    await ann!.close();
    await ended(w, 'ann');
    await w.connect('cid');
  });
}

/** Resolves when the session of that name has ended. */
async function ended(w: World, name: string): Promise<string> {
  for (;;) {
    const end = w.sessions.ended.find((e) => e.name === name);
    if (end !== undefined) return end.reason;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function sending(t: TestApi, within: Within): void {
  within('members see joins, messages and leaves in one order', async (w) => {
    const [ann, bob] = await w.connectAll('ann', 'bob');
    await ann!.join(ROOM);
    await take(ann!, 1);
    await bob!.join(ROOM);
    const joined = 'room join #bob#solo = #ann#solo #bob#solo';
    t.expect([await take(ann!, 1), await take(bob!, 1)]).toEqual([[joined], [joined]]);
    for (let i = 0; i < 200; i++) await (i % 2 === 0 ? ann! : bob!).multicast([ROOM], text(`m${i}`));
    await ann!.multicast([ROOM], text('last of ann'));
    await bob!.multicast([ROOM], text('last of bob'));
    const seen = [await take(ann!, 202), await take(bob!, 202)];
    t.expect(seen[0]).toEqual(seen[1]);
    const ofAnn = seen[0]!.filter((line) => line.startsWith('#ann#solo > room: m'));
    t.expect(ofAnn).toEqual(Array.from({ length: 100 }, (_, i) => `#ann#solo > room: m${2 * i}`));
    await bob!.leave(ROOM);
    t.expect(await take(bob!, 1)).toEqual(['room left']);
    t.expect(await take(ann!, 1)).toEqual(['room leave #bob#solo = #ann#solo']);
    await ann!.multicast([ROOM], text('alone'));
    await ann!.multicast(['#bob#solo'], text('to you'));
    t.expect(await take(bob!, 1)).toEqual(['#ann#solo > #bob#solo: to you']);
  });

  within('data of any size and any bytes arrive whole', async (w) => {
    const [ann, bob] = await w.connectAll('ann', 'bob');
    for (const bytes of [0, 1, 1000, 65_536, 100_000]) {
      const data = pattern(bytes, bytes);
      await ann!.multicast(['#bob#solo', 'nobody'], data);
      const event = await bob!.next();
      t.expect(event?.kind === 'message' && Buffer.compare(event.data, data) === 0).toBe(true);
    }
  });

  within('what a client does not belong to does not reach it', async (w) => {
    const [ann, bob] = await w.connectAll('ann', 'bob');
    await ann!.join(ROOM);
    await take(ann!, 1);
    await bob!.multicast([ROOM, 'elsewhere'], text('from outside'));
    t.expect(await take(ann!, 1)).toEqual(['#bob#solo > room elsewhere: from outside']);
    await ann!.multicast(['#bob#solo'], text('first'));
    t.expect(await take(bob!, 1)).toEqual(['#ann#solo > #bob#solo: first']);
  });
}

function ending(t: TestApi, within: Within, setup: ClientSetup): void {
  within('a client that closes is gone for the others', async (w) => {
    const [ann, bob] = await w.connectAll('ann', 'bob');
    await ann!.join(ROOM);
    await bob!.join(ROOM);
    await takeUntil(ann!, 'room join #bob#solo = #ann#solo #bob#solo');
    await bob!.close();
    t.expect(await take(ann!, 1)).toEqual(['room disconnect #bob#solo = #ann#solo']);
    await w.connect('bob');
  });

  within('a client that does not read is ended, the others go on', async (w) => {
    const [ann, slow] = await w.connectAll('ann', 'slow');
    await ann!.join(ROOM);
    await slow!.join(ROOM);
    await takeUntil(ann!, 'room join #slow#solo = #ann#solo #slow#solo');
    slow!.stopReading();
    const data = pattern(setup.slowReader.dataBytes, 1);
    let sent = 0;
    let received = 0;
    let view = '';
    while (view === '' && sent < setup.slowReader.messages) {
      sent++;
      await ann!.multicast([ROOM], data);
      const event = await ann!.next();
      if (event?.kind === 'message') received++;
      else view = shown(event);
    }
    if (view === '') view = shown(await ann!.next());
    while (received < sent && (await ann!.next())?.kind === 'message') received++;
    t.expect([view, received]).toEqual(['room disconnect #slow#solo = #ann#solo', sent]);
    t.expect(await ended(w, 'slow')).toBe('not-reading');
    await ann!.multicast([ROOM], text('still here'));
    t.expect(await take(ann!, 1)).toEqual(['#ann#solo > room: still here']);
  });

  const { garbage } = setup;
  if (garbage !== undefined) {
    within('bytes that are not the protocol end their connection and nothing else', async (w) => {
      const [ann] = await w.connectAll('ann');
      for (const bytes of [pattern(1, 0), pattern(300, 7), pattern(70_000, 255), new Uint8Array(500)])
        await garbage(w.api, bytes);
      await ann!.join(ROOM);
      t.expect(await take(ann!, 1)).toEqual(['room join #ann#solo = #ann#solo']);
      t.expect(w.sessions.count).toBe(1);
    });
  }

  within('when the daemon ends the sessions, every client is told', async (w) => {
    const clients = await w.connectAll('ann', 'bob');
    w.sessions.stop();
    for (const client of clients) t.expect(await takeUntil(client, 'end')).toEqual(['end']);
  });

  within('stop ends the sessions, then nobody can connect; it may be called twice', async (w) => {
    const clients = await w.connectAll('ann', 'bob');
    await w.api.stop();
    for (const client of clients) t.expect(await takeUntil(client, 'end')).toEqual(['end']);
    t.expect(w.sessions.ended.map((e) => e.reason)).toEqual(['stopping', 'stopping']);
    t.expect(await refusal(w.connect('cid'))).toBe(true);
    await w.api.stop();
  });

  t.test('stop without start does nothing', async () => {
    const w = new World(setup);
    await w.api.stop();
    w.loop.stop();
  });
}
