// The real driver with the real machine: daemons of one process, on Node's loop, over a carrier of ten lines.
import { afterEach, expect, test } from '@jest/globals';
import { createDaemon } from '../../core/machine/daemon.js';
import { createMesh } from '../../core/machine/mesh/index.js';
import { DEFAULT_OPTIONS } from '../../core/machine/options.js';
import type { Bytes, Plane } from '../../core/machine/types.js';
import type { Session, SessionSink } from '../../core/plugin/client.js';
import type { Address, Medium, MediumUp } from '../../core/plugin/medium.js';
import type { Logger } from '../../core/plugin/ports.js';
import { Driver } from '../../core/runtime/driver.js';
import {
  DEFAULT_MAX_MESSAGE_BYTES,
  buildFrame,
  frameBytes,
  frameService,
  HEADER_BYTES,
  NAME_BYTES,
  readName,
  Service,
} from '../../core/wire/frame.js';

const log: Logger = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  verbose: false,
  child: () => log,
};

const drivers: Driver[] = [];

afterEach(async () => {
  await Promise.all(drivers.splice(0).map((d) => d.stop()));
});

/** Carries everything, in order, in a later turn. */
class Hub {
  private readonly ups = new Map<number, MediumUp>();

  medium(own: number): Medium {
    let named: readonly number[] = [];
    const carry = (to: number, plane: Plane, bytes: Bytes): void => {
      setImmediate(() => {
        const up = this.ups.get(to);
        if (up === undefined || !this.ups.has(own)) return;
        up.received(own, plane, bytes);
        up.flush();
      });
    };
    return {
      maxBytes: 100_000,
      stream: false,
      open: (_self, up) => {
        this.ups.set(own, up);
        return Promise.resolve();
      },
      peers: (all) => void (named = all.map((a) => a.place)),
      send: (to, plane, head, body) => {
        const bytes = Buffer.concat(body === undefined ? [head] : [head, body]);
        for (const peer of to === 'all' ? named : [to]) carry(peer, plane, bytes);
        return true;
      },
      sever: () => undefined,
      close: () => {
        this.ups.delete(own);
        return Promise.resolve();
      },
      describe: () => ({}),
    };
  }
}

async function cluster(names: readonly string[]): Promise<readonly Driver[]> {
  const hub = new Hub();
  const list: Address[] = names.map((name, place) => ({ name, host: '127.0.0.1', port: place, place }));
  const made = list.map(({ place }) => {
    const medium = hub.medium(place);
    const facts = { maxBytes: medium.maxBytes, stream: medium.stream };
    const birth = { list, self: place, listHash: 1, medium: facts, link: createMesh(facts), options: DEFAULT_OPTIONS };
    return new Driver({
      list,
      self: place,
      listHash: 1,
      medium,
      machine: (drawn, ports) => createDaemon({ ...birth, ...drawn }, ports),
      log,
      maxSessions: 10,
      maxMessageBytes: DEFAULT_MAX_MESSAGE_BYTES,
      fatal: (error) => {
        throw error;
      },
    });
  });
  drivers.push(...made);
  await Promise.all(made.map((d) => d.start()));
  return made;
}

/** A session that writes down what it gets: "body" of messages, "view: members" of views. */
class Client implements SessionSink {
  readonly got: string[] = [];
  readonly session: Session;
  private waiting: { done: () => boolean; resolve: () => void }[] = [];

  constructor(driver: Driver, name: string) {
    const session = driver.sessions.open({ name, membership: true, from: 'test', listener: 'test' }, this);
    if (typeof session === 'string') throw new Error(session);
    this.session = session;
  }

  join(group: string): void {
    const sender = this.session.privateGroup;
    this.session.submit(buildFrame({ service: Service.JOIN, sender, groups: [group] }));
  }

  send(group: string, text: string): void {
    const sender = this.session.privateGroup;
    this.session.submit(buildFrame({ service: Service.AGREED, sender, groups: [group], body: Buffer.from(text) }));
  }

  deliver(frames: Bytes): void {
    for (let at = 0; at < frames.length; at += frameBytes(frames, at)) {
      const groups = frames[at + 36]!;
      const body = Buffer.from(frames.subarray(at + HEADER_BYTES + NAME_BYTES * groups, at + frameBytes(frames, at)));
      if ((frameService(frames, at) & Service.REG_MEMB) === 0) this.got.push(body.toString());
      else this.got.push(`view: ${this.names(frames, at + HEADER_BYTES, groups).join(' ')}`);
    }
  }

  flush(): void {
    for (const w of this.waiting) if (w.done()) w.resolve();
    this.waiting = this.waiting.filter((w) => !w.done());
  }

  ended(): void {
    this.got.push('ended');
  }

  until(done: () => boolean): Promise<void> {
    if (done()) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push({ done, resolve }));
  }

  saw(line: string): Promise<void> {
    return this.until(() => this.got.includes(line));
  }

  private names(frames: Bytes, at: number, count: number): readonly string[] {
    return Array.from({ length: count }, (_v, i) => readName(frames, at + NAME_BYTES * i));
  }
}

test('a single daemon serves its sessions', async () => {
  const [solo] = await cluster(['solo']);
  const a = new Client(solo!, 'a');
  a.join('g');
  await a.saw('view: #a#solo');
  a.send('g', 'hello');
  await a.saw('hello');
  await solo!.stop();
  expect(a.got.at(-1)).toBe('ended');
  expect(solo!.sessions.open({ name: 'b', membership: false, from: '', listener: '' }, a)).toBe('stopping');
});

test('only the end of a session that asked to join a group is ordered', async () => {
  const [solo] = await cluster(['solo']);
  const packs = (): number => solo!.status().machine.counters['delivered position']!;
  const a = new Client(solo!, 'a');
  a.join('g');
  await a.saw('view: #a#solo');
  const b = new Client(solo!, 'b');
  b.send('g', 'of b');
  await a.saw('of b');
  const before = packs();
  b.session.end('closed');
  expect(solo!.status().machine.sessions).toBe(1);
  const again = new Client(solo!, 'b');
  again.join('g');
  await a.saw('view: #a#solo #b#solo');
  expect(packs()).toBe(before + 1);
  again.session.end('closed');
  await a.until(() => a.got.filter((line) => line === 'view: #a#solo').length === 2);
  expect(packs()).toBe(before + 2);
});

test('three daemons: one order for all, and a clean leave is known as one', async () => {
  const three = await cluster(['alpha', 'beta', 'gamma']);
  const clients = three.map((driver, i) => new Client(driver, `c${i}`));
  for (const c of clients) c.join('g');
  const all = 'view: #c0#alpha #c1#beta #c2#gamma';
  await Promise.all(clients.map((c) => c.saw(all)));
  const each = 200;
  for (let i = 0; i < each; i++) for (const c of clients) c.send('g', `${c.session.name} ${i}`);
  const orders = await Promise.all(
    clients.map(async (c) => {
      const from = c.got.indexOf(all) + 1;
      await c.until(() => c.got.length >= from + 3 * each);
      return c.got.slice(from, from + 3 * each);
    }),
  );
  expect(orders[1]).toEqual(orders[0]);
  expect(orders[2]).toEqual(orders[0]);
  expect(new Set(orders[0]).size).toBe(3 * each);
  expect(three[0]!.status().machine.state).toBe('operational');

  await three[2]!.stop();
  await Promise.all(clients.slice(0, 2).map((c) => c.saw('view: #c0#alpha #c1#beta')));
  const why = three[0]!.status().machine.changes.at(-1)!.why.join('; ');
  expect(why).toContain('left');
});
