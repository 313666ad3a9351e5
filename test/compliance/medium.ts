// The compliance suite of media: any implementation of `Medium`, ours or a stranger's, with real instances that talk to
// one another. What it checks is the contract in core/plugin/medium.ts. Random content comes from a fixed seed.
import { connect } from 'node:net';
import type { Bytes, Plane } from '../../core/machine/types.js';
import type { Address, Medium } from '../../core/plugin/medium.js';
import type { TestApi } from './api.js';
import { seeded } from './api.js';
import { MediumHost } from './medium-host.js';

export interface MediumSetup {
  readonly name: string;
  /** That many addresses nobody uses, named and in order of place. */
  addresses(count: number): Promise<readonly Address[]>;
  /** A medium that is not open; `list` is the canonical list, `smallQueues`: with the least queues it can have. */
  create(list: readonly Address[], options: { readonly smallQueues: boolean }): Medium;
  /** It listens on a TCP port at its address: strangers can dial it. */
  readonly tcpPort?: boolean;
  /** What is on its way when a daemon closes is lost: only for media that are late on purpose. */
  readonly losesLastWords?: boolean;
}

const SEED = 77;
const LIST_HASH = 0x12345678;
/** Enough to fill any bounded queue. */
const FILL_BYTES = 256 * 1024 * 1024;

class Bench {
  readonly hosts: MediumHost[] = [];
  list: readonly Address[] = [];

  constructor(readonly setup: MediumSetup) {}

  async start(count: number, options = { smallQueues: false }): Promise<readonly MediumHost[]> {
    this.list = await this.setup.addresses(count);
    for (const address of this.list) await this.host(address, 100n + BigInt(address.place), LIST_HASH, options);
    return this.hosts;
  }

  async host(
    address: Address,
    incarnation: bigint,
    listHash = LIST_HASH,
    o = { smallQueues: false },
  ): Promise<MediumHost> {
    const host = new MediumHost(this.setup.create(this.list, o), { address, incarnation, listHash });
    this.hosts.push(host);
    await host.open();
    return host;
  }

  /** All name all others as peers, and hear each other. */
  async connect(): Promise<void> {
    for (const h of this.hosts) h.peers(this.list);
    for (const h of this.hosts) await h.until(() => h.connected.size === this.list.length - 1, 'all others');
  }

  async stop(): Promise<void> {
    await Promise.all(this.hosts.map((h) => h.close()));
  }
}

function content(random: () => number, size: number): Bytes {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i += 1 + Math.floor(random() * 7)) bytes[i] = random() * 256;
  return bytes;
}

function equal(a: Bytes, b: Bytes): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

function numbered(n: number, size: number): Bytes {
  const bytes = new Uint8Array(Math.max(4, size));
  new DataView(bytes.buffer).setUint32(0, n);
  return bytes;
}

function numberOf(bytes: Bytes): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
}

type Bound = (name: string, body: (b: Bench) => Promise<void>) => void;

export function mediumCompliance(api: TestApi, setup: MediumSetup): void {
  const bound: Bound = (name, body) =>
    api.test(name, async () => {
      const bench = new Bench(setup);
      try {
        await body(bench);
      } finally {
        await bench.stop();
      }
      api.expect(bench.hosts.flatMap((h) => h.breaches)).toEqual([]);
    });
  api.describe(`medium ${setup.name}`, () => {
    carrying(api, bound);
    if (setup.create([], { smallQueues: false }).stream) streaming(api, bound);
    comingAndGoing(api, bound);
    if (setup.tcpPort === true) strangers(api, bound);
  });
}

function carrying(api: TestApi, bound: Bound): void {
  bound('two daemons hear each other on both planes', async (b) => {
    const [x, y] = (await b.start(2)) as [MediumHost, MediumHost];
    await b.connect();
    for (const plane of ['control', 'data'] as const) {
      api.expect(x.send(1, plane, Uint8Array.of(1, 2), Uint8Array.of(3))).toBe(true);
      api.expect(y.send(0, plane, Uint8Array.of(4))).toBe(true);
    }
    await y.until(() => y.heard.length === 2, 'two messages');
    await x.until(() => x.heard.length === 2, 'two messages');
    const seen = (h: MediumHost): string[] => h.heard.map((m) => `${m.from} ${m.plane} ${m.bytes.join('.')}`).sort();
    api.expect(seen(y)).toEqual(['0 control 1.2.3', '0 data 1.2.3']);
    api.expect(seen(x)).toEqual(['1 control 4', '1 data 4']);
  });
  bound("'all' reaches every named peer and nobody else", async (b) => {
    const hosts = await b.start(3);
    await b.connect();
    hosts[1]!.send('all', 'data', Uint8Array.of(9));
    await hosts[0]!.until(() => hosts[0]!.heard.length === 1, 'one message');
    await hosts[2]!.until(() => hosts[2]!.heard.length === 1, 'one message');
    api.expect(hosts.map((h) => h.heard.length)).toEqual([1, 0, 1]);
  });
  bound(`every size up to the largest, seed ${SEED}`, async (b) => {
    const [x, y] = (await b.start(2)) as [MediumHost, MediumHost];
    await b.connect();
    const random = seeded(SEED);
    const max = x.medium.maxBytes;
    const plane = (i: number): Plane => (i % 2 === 0 ? 'data' : 'control');
    for (const [i, size] of [1, 2, 3, 100, 4095, 4096, 4097, max - 1, max].filter((s) => s <= max).entries()) {
      const whole = content(random, size);
      const cut = Math.floor(random() * size) + (i === 0 ? 1 : 0);
      x.send(1, plane(i), whole.slice(0, cut), whole.slice(cut));
      await y.until(() => y.heard.length === i + 1, `${size} bytes`);
      api.expect(equal(y.heard[i]!.bytes, whole)).toBe(true);
    }
  });
  bound('what was received is never changed afterwards, and a flush follows it', async (b) => {
    const [x, y] = (await b.start(2)) as [MediumHost, MediumHost];
    await b.connect();
    const random = seeded(SEED + 1);
    const sent = Array.from({ length: 50 }, () => content(random, Math.min(3000, x.medium.maxBytes)));
    for (const [i, bytes] of sent.entries()) {
      x.send(1, 'control', new Uint8Array(bytes));
      await y.until(() => y.heard.length === i + 1, `message ${i}`);
    }
    await y.until(() => y.unflushed === 0, 'a flush');
    api.expect(y.heard.every((h, i) => equal(h.bytes, sent[i]!))).toBe(true);
  });
  bound('describe gives plain values', async (b) => {
    const hosts = await b.start(2);
    await b.connect();
    const values = Object.values(hosts[0]!.medium.describe());
    api.expect(values.length).toBeGreaterThan(0);
    api.expect(values.every((v) => ['string', 'number', 'boolean'].includes(typeof v))).toBe(true);
  });
}

function streaming(api: TestApi, bound: Bound): void {
  bound(`thousands of messages in order, each once, seed ${SEED}`, async (b) => {
    const [x, y] = (await b.start(2)) as [MediumHost, MediumHost];
    await b.connect();
    const random = seeded(SEED);
    const counts = { control: 0, data: 0 };
    y.take = (h): void => {
      if (numberOf(h.bytes) !== counts[h.plane]++) y.breaches.push(`order of ${h.plane}`);
    };
    for (let i = 0; i < 3000; i++)
      for (const plane of ['control', 'data'] as const) {
        const size = Math.floor(random() * (random() < 0.02 ? x.medium.maxBytes - 4 : 200));
        if (!x.send(1, plane, numbered(i, 0), content(random, size))) throw new Error('full before its time');
        if (i % 100 === 99) await new Promise(setImmediate);
      }
    await y.until(() => counts.control === 3000 && counts.data === 3000, 'all of them');
  });
  bound('control does not wait behind data', async (b) => {
    const [x, y] = (await b.start(2, { smallQueues: false })) as [MediumHost, MediumHost];
    await b.connect();
    let data = 0;
    let dataBeforeControl = -1;
    y.take = (h): void => {
      if (h.plane === 'data') data++;
      else dataBeforeControl = data;
    };
    let sent = 0;
    const body = new Uint8Array(x.medium.maxBytes - 4);
    while (sent * body.length < FILL_BYTES && x.send(1, 'data', numbered(sent, 4), body)) sent++;
    api.expect(x.send(1, 'control', Uint8Array.of(1))).toBe(true);
    await y.until(() => data === sent && dataBeforeControl >= 0, 'all of it');
    api.expect(sent).toBeGreaterThan(dataBeforeControl);
  });
  bound('full buffers: false, then writable, and nothing taken is lost', async (b) => {
    const [x, y] = (await b.start(2, { smallQueues: true })) as [MediumHost, MediumHost];
    await b.connect();
    let next = 0;
    y.take = (h): void => {
      if (numberOf(h.bytes) !== next++) y.breaches.push('order');
    };
    const body = new Uint8Array(Math.min(8000, x.medium.maxBytes - 4));
    let sent = 0;
    for (let round = 0; round < 3; round++) {
      const { length } = x.writables;
      while (sent * body.length < FILL_BYTES && x.send(1, 'data', numbered(sent, 4), body)) sent++;
      api.expect(sent * body.length).toBeLessThanOrEqual(FILL_BYTES - 1);
      api.expect(x.send('all', 'data', numbered(sent, 4))).toBe(false);
      await x.until(() => x.writables.length > length, 'writable');
    }
    await y.until(() => next === sent, 'all that was taken');
  });
}

function comingAndGoing(api: TestApi, bound: Bound): void {
  bound('a daemon that closes is down for the other, and up again when it is back in another life', async (b) => {
    const [x, y] = (await b.start(2)) as [MediumHost, MediumHost];
    await b.connect();
    await y.close();
    await y.close();
    if (x.medium.stream) await x.until(() => x.downs.length === 1, 'down');
    api.expect(x.send(1, 'data', Uint8Array.of(1))).toBe(true);
    b.hosts.splice(1, 1);
    const again = await b.host(b.list[1]!, 999n);
    again.peers(b.list);
    await again.until(() => again.connected.has(0), 'up');
    await x.until(() => x.connected.has(1), 'up again');
    x.send(1, 'control', Uint8Array.of(7));
    await again.until(() => again.heard.length === 1, 'a message');
    api.expect(again.heard[0]!.bytes.join()).toBe('7');
  });
  bound('what was sent before close still leaves', async (b) => {
    if (b.setup.losesLastWords === true) return;
    const [x, y] = (await b.start(2)) as [MediumHost, MediumHost];
    await b.connect();
    x.send(1, 'control', Uint8Array.of(5));
    await x.close();
    await y.until(() => y.heard.length === 1, 'the last words');
  });
  bound('sever: the other hears down, and the pair starts afresh', async (b) => {
    const [x, y] = (await b.start(2)) as [MediumHost, MediumHost];
    await b.connect();
    if (!x.medium.stream) return;
    x.sever(1);
    x.forget(1);
    await y.until(() => y.downs.length === 1, 'down');
    await x.until(() => x.connected.has(1), 'up again');
    await y.until(() => y.connected.has(0), 'up again');
    x.send(1, 'data', Uint8Array.of(3));
    y.send(0, 'data', Uint8Array.of(4));
    await x.until(() => x.heard.length === 1, 'a message');
    await y.until(() => y.heard.length === 1, 'a message');
  });
  bound('both sever at once, again and again: in the end the pair is up and carries', async (b) => {
    const [x, y] = (await b.start(2)) as [MediumHost, MediumHost];
    await b.connect();
    if (!x.medium.stream) return;
    const random = seeded(SEED);
    for (let i = 0; i < 30; i++) {
      const [one, other] = random() < 0.5 ? [x, y] : [y, x];
      one.sever(other.place);
      one.forget(other.place);
      if (random() < 0.5) {
        other.sever(one.place);
        other.forget(one.place);
      }
      for (let turns = random() * 12; turns > 0; turns--) await new Promise(setImmediate);
    }
    const steady = (h: MediumHost): boolean => h.connected.size === 1;
    let heard = false;
    y.take = (): void => void (heard = true);
    while (!heard) {
      await x.until(() => steady(x), 'up');
      await y.until(() => steady(y), 'up');
      x.send(1, 'data', Uint8Array.of(1));
      await Promise.race([
        y.until(() => heard || !steady(y), 'a message'),
        x.until(() => heard || !steady(x), 'a break'),
      ]);
    }
  });
  bound('who is no longer named is severed, and can be named again', async (b) => {
    const [x, y] = (await b.start(2)) as [MediumHost, MediumHost];
    await b.connect();
    if (!x.medium.stream) return;
    y.peers([]);
    x.peers([]);
    x.forget(1);
    y.forget(0);
    api.expect(x.send('all', 'data', Uint8Array.of(1))).toBe(true);
    await b.connect();
    x.send('all', 'control', Uint8Array.of(2));
    await y.until(() => y.heard.length === 1, 'a message');
    api.expect(y.heard[0]!.bytes[0]).toBe(2);
  });
  bound('a listed daemon that reaches us is reached back although nobody named it', async (b) => {
    const [x, y] = (await b.start(2)) as [MediumHost, MediumHost];
    x.peers(b.list);
    await x.until(() => x.connected.has(1), 'up');
    await y.until(() => y.connected.has(0), 'up');
    y.send(0, 'control', Uint8Array.of(6));
    await x.until(() => x.heard.length === 1, 'a message');
  });
  bound('daemons with different lists do not talk, and both say so', async (b) => {
    const list = (b.list = await b.setup.addresses(2));
    const x = await b.host(list[0]!, 1n);
    const y = await b.host(list[1]!, 2n, LIST_HASH + 1);
    x.peers(list);
    y.peers(list);
    await x.until(() => x.noises.length > 0, 'noise');
    await y.until(() => y.noises.length > 0, 'noise');
    api.expect(x.connected.size + y.connected.size).toBe(0);
  });
}

function strangers(api: TestApi, bound: Bound): void {
  const dial = (to: Address, bytes: Bytes): Promise<void> =>
    new Promise((resolve) => {
      const socket = connect({ host: to.host, port: to.port }, () => socket.write(bytes));
      socket.on('error', () => undefined);
      socket.on('data', () => undefined);
      socket.on('close', () => resolve());
    });
  bound('strangers with garbage are dropped, and the daemons go on', async (b) => {
    const [x, y] = (await b.start(2)) as [MediumHost, MediumHost];
    await b.connect();
    const random = seeded(SEED);
    const garbage = [1, 4, 26, 27, 1000, 200_000].map((size) => {
      const bytes = content(random, size);
      bytes[0] = 0xff;
      return bytes;
    });
    await Promise.all(garbage.map((bytes) => dial(b.list[0]!, bytes)));
    api.expect(x.noises.length).toBeGreaterThan(0);
    y.send(0, 'data', Uint8Array.of(1));
    await x.until(() => x.heard.length === 1, 'a message');
    api.expect(x.downs.length + y.downs.length).toBe(0);
  });
  bound('an address in use is a coded error', async (b) => {
    await b.start(1);
    let code = '';
    try {
      await b.host(b.list[0]!, 5n);
    } catch (error) {
      code = (error as { code?: string }).code ?? '';
    }
    api.expect(code.startsWith('PEAL_')).toBe(true);
  });
}
