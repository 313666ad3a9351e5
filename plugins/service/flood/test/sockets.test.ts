// The data port on real sockets, without a machine: dialling, order, what is full, ends of every kind, channels.
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { Logger } from 'peal/plugin';
import { NodeLoop } from '../../../../core/runtime/loop.js';
import { freePorts } from '../../../../test/e2e/processes.js';
import { Channels } from '../channels.js';
import type { SiteDefinition } from '../machine/settings.js';
import type { ConnectionId } from '../machine/types.js';
import type { Channel, ChannelSink } from '../service.js';
import { Sockets } from '../sockets.js';

type Told = readonly [what: string, id: ConnectionId, more?: string];

/** One end: a data port and what it was told. */
class End {
  readonly told: Told[] = [];
  readonly bytes = new Map<ConnectionId, number>();
  readonly sockets: Sockets;
  private readonly watchers = new Set<() => void>();

  constructor(
    readonly loop: NodeLoop,
    readonly site: SiteDefinition,
  ) {
    this.sockets = new Sockets(
      { section: site.name, loop, site, host: site.inetAddress },
      {
        accepted: (id, address) => this.tell(['accepted', id, address]),
        dialled: (id, address) => this.tell(['dialled', id, address]),
        received: (id, bytes) => {
          this.bytes.set(id, (this.bytes.get(id) ?? 0) + bytes.length);
          this.tell(['received', id, Buffer.from(bytes.subarray(0, 20)).toString()]);
        },
        writable: (id) => this.tell(['writable', id]),
        closed: (id, why) => this.tell(['closed', id, why]),
      },
    );
    loop.onTickEnd(() => this.sockets.flush());
  }

  /** Resolves with the first that was or will be told so. */
  async until(what: string, more?: string): Promise<Told> {
    for (;;) {
      const found = this.told.find((t) => t[0] === what && (more === undefined || t[2] === more));
      if (found !== undefined) return found;
      await this.change();
    }
  }

  change(): Promise<void> {
    return new Promise((resolve) => {
      const watcher = (): void => {
        this.watchers.delete(watcher);
        resolve();
      };
      this.watchers.add(watcher);
    });
  }

  send(id: ConnectionId, ...texts: string[]): boolean {
    let room = true;
    this.loop.run('test', () => {
      for (const text of texts) room = this.sockets.send(id, Buffer.from(text));
    });
    return room;
  }

  private tell(told: Told): void {
    this.told.push(told);
    for (const watcher of [...this.watchers]) watcher();
  }
}

const failures: unknown[] = [];
const loop = new NodeLoop((_, error) => failures.push(error));
loop.start();
afterAll(() => loop.stop());
let ends: End[] = [];
afterEach(async () => {
  await Promise.all(ends.map((e) => e.sockets.closeAll()));
  ends = [];
  expect(failures).toEqual([]);
});

/** Ports are free for nobody in particular: another test may have taken one meanwhile, then two others are tried. */
const PORT_TRIES = 5;

async function twoEnds(): Promise<[End, End]> {
  for (let left = PORT_TRIES; ; left--)
    try {
      return await twoListening();
    } catch (e) {
      await Promise.all(ends.map((end) => end.sockets.closeAll()));
      if (left === 1) throw e;
    }
}

async function twoListening(): Promise<[End, End]> {
  const [p, q] = await freePorts(2);
  const make = (name: string, dataPort: number, inetAddress: string): End =>
    new End(loop, { name, hostname: 'localhost', inetAddress, clientPort: 0, dataPort });
  ends = [make('a', p!, '127.0.0.2'), make('b', q!, '127.0.0.3')];
  for (const end of ends) await end.sockets.listen();
  return ends as [End, End];
}

async function joined(): Promise<{ a: End; b: End; there: ConnectionId; here: ConnectionId }> {
  const [a, b] = await twoEnds();
  const here = a.sockets.dial(b.site);
  const [, there] = await b.until('accepted');
  await a.until('dialled');
  return { a, b, there, here };
}

describe('a connection', () => {
  test('comes from the address that its site listens on, and carries bytes in order', async () => {
    const { a, b, here, there } = await joined();
    expect([b.told[0], a.told[0]]).toEqual([
      ['accepted', there, '127.0.0.2'],
      ['dialled', here, '127.0.0.3'],
    ]);
    a.send(here, 'one ', 'two ', 'three');
    expect(await b.until('received')).toEqual(['received', there, 'one two three']);
    b.send(there, 'back');
    await a.until('received', 'back');
  });

  test('ends after what was queued; the other end is told, we are not', async () => {
    const { a, b, here } = await joined();
    a.loop.run('test', () => {
      a.sockets.send(here, Buffer.from('last words'));
      a.sockets.close(here);
    });
    await b.until('closed', 'ended');
    expect(b.told.map((t) => t[0])).toEqual(['accepted', 'received', 'closed']);
    expect(a.told.map((t) => t[0])).toEqual(['dialled']);
  });

  test('that is full says so and says when it has room, and loses nothing', async () => {
    const { a, b, here, there } = await joined();
    let sent = 0;
    const block = Buffer.alloc(65_536, 'x');
    a.loop.run('test', () => {
      for (let room = true; room; sent += block.length) room = a.sockets.send(here, block);
    });
    expect(sent).toBeGreaterThan(1_048_576);
    await a.until('writable', undefined);
    while ((b.bytes.get(there) ?? 0) < sent) await b.change();
    expect(a.told.filter((t) => t[0] === 'writable').length).toBe(1);
  });
});

describe('a dial', () => {
  test('that nobody answers is refused, once', async () => {
    const [a] = await twoEnds();
    const [port] = await freePorts(1);
    const id = a.sockets.dial({ name: 'c', hostname: 'localhost', clientPort: 0, dataPort: port! });
    expect(await a.until('closed')).toEqual(['closed', id, 'refused']);
  });
  test('that cannot even begin is told afterwards', async () => {
    const [a] = await twoEnds();
    const id = a.sockets.dial({ name: 'c', hostname: 'no.such.host.invalid', clientPort: 0, dataPort: 1 });
    expect(a.told).toEqual([]);
    expect(await a.until('closed')).toEqual(['closed', id, 'unreachable']);
  });
  test('goes on with the name when the address is dead', async () => {
    const [a] = await twoEnds();
    const server = createServer((socket) => socket.end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const dataPort = (server.address() as { port: number }).port;
    a.sockets.dial({ name: 'c', hostname: '127.0.0.1', inetAddress: '127.0.0.9', clientPort: 0, dataPort });
    expect((await a.until('dialled'))[2]).toBe('127.0.0.1');
    server.close();
  });
  test('given up is not told of', async () => {
    const [a, b] = await twoEnds();
    const id = a.sockets.dial(b.site);
    a.sockets.close(id);
    a.sockets.dial(b.site);
    await a.until('dialled');
    expect(a.told.some((t) => t[1] === id)).toBe(false);
  });
});

test('a port that is taken is a coded error', async () => {
  const [a] = await twoEnds();
  const again = new End(loop, a.site);
  await expect(again.sockets.listen()).rejects.toMatchObject({ code: 'PEAL_SERVICE_FLOOD_LISTEN' });
});

// ---- channels ----------------------------------------------------------------------------------------------------

const silent = (): void => undefined;
const log: Logger = { error: silent, warn: silent, info: silent, debug: silent, verbose: false, child: () => log };

/** Keeps what a channel says. */
class Sink implements ChannelSink {
  private parts: Uint8Array[] = [];
  bytes = 0;
  readonly over: Promise<void>;
  private end: () => void = silent;
  private go: () => void = silent;
  room: Promise<void> = Promise.resolve();

  constructor() {
    this.over = new Promise((resolve) => (this.end = resolve));
  }
  received(bytes: Uint8Array): void {
    this.parts.push(new Uint8Array(bytes));
    this.bytes += bytes.length;
  }
  drained(): void {
    this.go();
  }
  closed(): void {
    this.end();
  }
  async write(channel: Channel, bytes: Uint8Array): Promise<void> {
    this.room = new Promise((resolve) => (this.go = resolve));
    if (!channel.write(bytes)) await this.room;
  }
  get text(): string {
    return Buffer.concat(this.parts).toString('latin1');
  }
}

/** A limit of the test as a whole catches what never comes. */
async function until(is: () => boolean): Promise<void> {
  while (!is()) await new Promise((resolve) => setImmediate(resolve));
}

function channelsOf(serveCommand?: string): Channels {
  return new Channels({ serveCommand, environment: (peer) => ({ FLOODD_PEER: peer }), log, open: () => 1 });
}

/** Channels of both ends, with one connection that is a channel from here on. */
async function channelPair(far: Channels, first = ''): Promise<{ sink: Sink; near: Channels; channel: Channel }> {
  const { a, b, here, there } = await joined();
  const near = channelsOf();
  const sink = new Sink();
  const asked = near.connect('b', sink);
  near.established(a.sockets.take(here)!, 'b', 1, new Uint8Array(0));
  far.established(b.sockets.take(there)!, 'a', undefined, Buffer.from(first));
  return { sink, near, channel: (await asked) as Channel };
}

describe('item 47: channels', () => {
  test('carry 10 MB both ways, byte by byte', async () => {
    const far = channelsOf();
    const theirs = new Sink();
    const listening = far.listen(theirs)!;
    expect(far.canServe()).toBe(true);
    expect(far.listen(new Sink())).toBeUndefined();
    const { sink, channel } = await channelPair(far, 'first ');
    const other = (await listening.accepted)!;
    expect([channel.peer, other.peer]).toEqual(['b', 'a']);
    const block = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7) % 256));
    const pump = async (from: Channel, keeper: Sink): Promise<void> => {
      for (let i = 0; i < 100; i++) await keeper.write(from, block);
    };
    await Promise.all([pump(channel, sink), pump(other, theirs)]);
    const whole = block.toString('latin1').repeat(100);
    await until(() => sink.bytes === whole.length && theirs.bytes === whole.length + 6);
    expect(sink.text).toBe(whole);
    expect(theirs.text).toBe(`first ${whole}`);
    // Either end may close; what it wrote before arrives, and then the other hears of it.
    await theirs.write(other, Buffer.from('bye'));
    other.end();
    await sink.over;
    expect(sink.text.slice(whole.length)).toBe('bye');
  });

  test('a serve command has the channel as its standard input and output', async () => {
    const far = channelsOf('echo "$FLOODD_PEER $(pwd)"; tr a-z A-Z');
    const { sink, channel } = await channelPair(far, 'some ');
    channel.write(Buffer.from('words'));
    await until(() => sink.bytes >= 'a /\n'.length);
    channel.end();
    expect(sink.text).toMatch(/^a \/\n/);
    far.stop();
  });

  test('the end of a serve command is the end of the channel', async () => {
    const { sink } = await channelPair(channelsOf('head -c 9; echo " end"'), 'some words');
    await sink.over;
    expect(sink.text).toBe('some word end\n');
  });

  test('nobody who serves, and the end of the daemon', async () => {
    const far = channelsOf();
    expect(far.canServe()).toBe(false);
    const listening = far.listen(new Sink())!;
    listening.cancel();
    expect(await listening.accepted).toBeUndefined();
    const near = channelsOf();
    const asked = near.connect('b', new Sink());
    near.failed(1, 'not-served');
    expect(await asked).toBe('not-served');
    const serving = channelsOf('sleep 100');
    const { sink, near: open } = await channelPair(serving);
    open.stop();
    await sink.over;
    serving.stop();
    expect(await open.connect('b', new Sink())).toBe('stopping');
  });
});
