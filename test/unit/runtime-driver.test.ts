// The driver between a fake machine and a fake medium: what is one tick, when things leave, sessions, the end.
import { describe, expect, test } from '@jest/globals';
import type { PealError } from '../../core/errors.js';
import type { DaemonMachine, DaemonPorts, DaemonStatus } from '../../core/machine/ports.js';
import type { SessionRequest, SessionSink, Session } from '../../core/plugin/client.js';
import { lentWhole, release, Slab } from '../../core/plugin/lent.js';
import type { Address, Identity, Medium, MediumUp } from '../../core/plugin/medium.js';
import type { Logger } from '../../core/plugin/ports.js';
import { draw, Driver } from '../../core/runtime/driver.js';
import { World } from './runtime-world.js';

const LIST: readonly Address[] = ['alpha', 'beta', 'gamma'].map((name, place) => ({
  name,
  host: '127.0.0.1',
  port: 4800 + place,
  place,
}));

const STATUS: DaemonStatus = {
  state: 'operational',
  configuration: undefined,
  round: 1,
  changes: [],
  peers: [],
  sessions: 0,
  groups: 0,
  counters: {},
};

class Rig {
  readonly world: World;
  readonly driver: Driver;
  readonly trace: string[] = [];
  readonly logged: string[] = [];
  readonly fatals: PealError[] = [];
  readonly names = new Set<string>();
  ports!: DaemonPorts;
  up!: MediumUp;
  identity: Identity | undefined;
  wall = 5_000_700;
  onFlush: () => void = () => undefined;
  onMediumFlush: () => void = () => undefined;
  onReceived: () => void = () => undefined;
  onLeave: (left: () => void) => void = (left) => left();

  constructor(
    maxSessions = 3,
    private readonly mediumHolds = false,
  ) {
    this.world = new World((name, error) => failed(name, error));
    let failed: (name: string, error: unknown) => void = () => undefined;
    this.driver = new Driver({
      list: LIST,
      self: 1,
      listHash: 77,
      medium: this.medium(),
      machine: (_drawn, ports) => {
        this.ports = ports;
        return this.machine();
      },
      log: this.logger(),
      maxSessions,
      maxMessageBytes: 1000,
      fatal: (error) => this.fatals.push(error),
      loop: (f) => {
        failed = f;
        return this.world.loop;
      },
      wallMs: () => this.wall,
    });
  }

  async start(): Promise<this> {
    await this.driver.start();
    this.world.settle();
    this.trace.length = 0;
    return this;
  }

  open(name: string, sink: Partial<SessionSink> = {}): Session {
    const session = this.driver.sessions.open(request(name), this.sink(name, sink));
    if (typeof session === 'string') throw new Error(session);
    this.trace.length = 0;
    return session;
  }

  sink(name: string, over: Partial<SessionSink> = {}): SessionSink {
    return {
      deliver: (frames, messages) => this.trace.push(`${name} gets ${messages} in ${frames.length}`),
      flush: () => this.trace.push(`${name} flush`),
      ended: (reason) => this.trace.push(`${name} ended ${reason}`),
      ...over,
    };
  }

  private machine(): DaemonMachine {
    const t = this.trace;
    return {
      at: (ms, s) => t.push(`at ${ms} ${s}`),
      start: () => t.push('start'),
      received: (from, plane, bytes) => {
        t.push(`received ${from} ${plane} ${bytes.length}`);
        this.onReceived();
      },
      writable: (to) => t.push(`writable ${to}`),
      up: (peer) => t.push(`up ${peer}`),
      down: (peer, why) => t.push(`down ${peer} ${why.kind}`),
      timer: (key) => t.push(`timer ${key}`),
      flush: () => {
        t.push('flush');
        this.onFlush();
      },
      open: (id, name) => {
        this.names.add(name);
        t.push(`open ${id} ${name}`);
      },
      nameInUse: (name) => this.names.has(name),
      submit: (id, frames) => t.push(`submit ${id} ${frames.join()}`),
      close: (id) => t.push(`close ${id}`),
      congested: (id, on) => t.push(`congested ${id} ${on}`),
      leave: (left) => {
        t.push('leave');
        this.onLeave(left);
      },
      status: () => STATUS,
      describe: () => 'fake',
    };
  }

  private medium(): Medium {
    const t = this.trace;
    return {
      maxBytes: 1000,
      stream: true,
      holds: this.mediumHolds,
      open: (self, up) => {
        this.identity = self;
        this.up = up;
        return Promise.resolve();
      },
      peers: (all) => t.push(`peers ${all.map((a) => a.name).join(' ')}`),
      send: (to, plane) => {
        t.push(`send ${to} ${plane}`);
        return true;
      },
      flush: () => this.onMediumFlush(),
      sever: (peer) => t.push(`sever ${peer}`),
      close: () => {
        t.push('medium closed');
        return Promise.resolve();
      },
      describe: () => ({ connections: 2 }),
    };
  }

  private logger(): Logger {
    const write = (level: string) => (message: string, fields?: object) => {
      this.logged.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
    };
    const log: Logger = {
      error: write('error'),
      warn: write('warn'),
      info: write('info'),
      debug: write('debug'),
      verbose: true,
      child: () => log,
    };
    return log;
  }
}

function request(name: string): SessionRequest {
  return { name, membership: true, from: '127.0.0.1:5', listener: 'client.test' };
}

describe('ticks', () => {
  test('starts the medium with its identity, then the machine, and flushes', async () => {
    const rig = new Rig();
    await rig.driver.start();
    expect(rig.identity).toMatchObject({ address: LIST[1], listHash: 77, incarnation: rig.driver.drawn.incarnation });
    expect(rig.trace).toEqual(['at 0 5000', 'start', 'flush']);
  });

  test('the wall clock is read again when 100 ms went by', async () => {
    const rig = await new Rig().start();
    const at = (ms: number, wall: number): string => {
      [rig.world.now, rig.wall] = [ms, wall];
      rig.trace.length = 0;
      rig.driver.sessions.open(request(`s${ms}`), rig.sink('s'));
      return rig.trace[0]!;
    };
    expect([at(99, 6_000_999), at(100, 7_000_999), at(199, 8_000_000)]).toEqual([
      'at 99 5000',
      'at 100 7000',
      'at 199 7000',
    ]);
    // It was set back.
    expect(at(200, 3_000_000)).toBe('at 200 3000');
  });

  test('what one chunk brought is one tick, control before data, with one flush', async () => {
    const rig = await new Rig().start();
    rig.world.now = 12.7;
    rig.up.received(0, 'data', new Uint8Array(1));
    rig.up.received(0, 'control', new Uint8Array(2));
    rig.up.received(2, 'data', new Uint8Array(3));
    expect(rig.trace).toEqual([]);
    rig.up.flush();
    expect(rig.trace).toEqual([
      'at 12 5000',
      'received 0 control 2',
      'received 0 data 1',
      'received 2 data 3',
      'flush',
    ]);
    rig.up.flush();
    expect(rig.trace).toHaveLength(5);
  });

  describe('what the machine gives back', () => {
    const BYTES = 70_001;

    /** One tick in which memory goes to a session and to a peer and is given back; is it used again, in the tick and after it? */
    async function usedAgain(o: { sink?: boolean; medium?: boolean }): Promise<[boolean, boolean]> {
      const rig = await new Rig(3, o.medium).start();
      const memory = lentWhole(BYTES);
      const isFree = (): boolean => new Slab(BYTES).memory === memory;
      let within = false;
      const sink = { flush: () => (within ||= isFree()), ...(o.sink === undefined ? {} : { holds: o.sink }) };
      const a = rig.open('a', sink);
      rig.onReceived = () => {
        rig.ports.deliver(a.id, memory.subarray(10), 1);
        rig.ports.send(0, 'data', memory.subarray(0, 5), memory.subarray(5, 10));
        rig.ports.release(memory.subarray(10));
        rig.ports.release(memory.subarray(10), 10);
      };
      rig.up.received(0, 'data', new Uint8Array(1));
      rig.up.flush();
      return [within, isFree()];
    }

    test('is used again after the tick, not in it', async () => {
      expect(await usedAgain({ sink: true, medium: true })).toEqual([false, true]);
    });

    test('is still held by who submitted it', async () => {
      const rig = await new Rig(3, true).start();
      const memory = lentWhole(BYTES + 1);
      rig.open('a').submit(memory, true);
      rig.onReceived = () => rig.ports.release(memory);
      rig.up.received(0, 'data', new Uint8Array(1));
      rig.up.flush();
      expect(new Slab(BYTES + 1).memory).not.toBe(memory);
      release(memory);
      expect(new Slab(BYTES + 1).memory).toBe(memory);
    });

    test('is not where a sink or a medium may keep it', async () => {
      expect(await usedAgain({ sink: true })).toEqual([false, false]);
      expect(await usedAgain({ medium: true })).toEqual([false, false]);
      expect(await usedAgain({ sink: false, medium: true })).toEqual([false, false]);
    });
  });

  test('control does not pass a connection that came or went', async () => {
    const rig = await new Rig().start();
    rig.up.received(0, 'data', new Uint8Array(1));
    rig.up.down(0, { kind: 'lost', detail: '' });
    rig.up.received(0, 'control', new Uint8Array(2));
    rig.up.writable('all');
    rig.up.up(0);
    expect(rig.trace.filter((l) => !l.startsWith('at') && l !== 'flush')).toEqual([
      'received 0 data 1',
      'down 0 lost',
      'received 0 control 2',
      'writable all',
      'up 0',
    ]);
  });

  test('at the end of a tick peers are served first, then clients, one flush per sink', async () => {
    const rig = await new Rig().start();
    const a = rig.open('a');
    const b = rig.open('b');
    rig.onReceived = () => {
      rig.ports.deliver(a.id, new Uint8Array(80), 1);
      rig.ports.deliver(b.id, new Uint8Array(80), 1);
      rig.ports.deliver(a.id, new Uint8Array(160), 2);
      rig.ports.deliver(99, new Uint8Array(160), 2);
    };
    rig.onFlush = () => rig.ports.deliver(a.id, new Uint8Array(50), 1);
    rig.onMediumFlush = () => rig.trace.push('medium flush');
    rig.up.received(0, 'data', new Uint8Array(1));
    rig.up.flush();
    expect(rig.trace.slice(2)).toEqual([
      'a gets 1 in 80',
      'b gets 1 in 80',
      'a gets 2 in 160',
      'flush',
      'a gets 1 in 50',
      'medium flush',
      'a flush',
      'b flush',
    ]);
    expect(rig.driver.counters.get('sessions.late-deliveries')).toBe(2);
  });

  test('a sink that ends its session while it is delivered to enters the machine only after', async () => {
    const rig = await new Rig().start();
    const a: Session = rig.open('a', { deliver: () => a.end('not-reading', 'queue of 1000') });
    rig.onReceived = () => {
      rig.ports.deliver(a.id, new Uint8Array(80), 1);
      rig.ports.deliver(a.id, new Uint8Array(80), 1);
      rig.trace.push('received done');
    };
    rig.up.received(0, 'data', new Uint8Array(1));
    rig.up.flush();
    expect(rig.trace.slice(2)).toEqual(['received done', `close ${a.id}`, 'flush']);
    expect(rig.driver.counters.get('sessions.ended.not-reading')).toBe(1);
    expect(rig.driver.status().recentEnds).toMatchObject([{ name: 'a', reason: 'not-reading' }]);
    expect(rig.logged.some((l) => l.startsWith('warn session ended') && l.includes('queue of 1000'))).toBe(true);
  });

  test('a stranger who is ended again and again cannot fill the log', async () => {
    const rig = await new Rig(1000).start();
    for (let i = 0; i < 500; i++) rig.open(`a${i}`).end('invalid-frame', 'forged');
    expect(rig.driver.counters.get('sessions.ended.invalid-frame')).toBe(500);
    expect(rig.logged.filter((l) => l.startsWith('warn session ended')).length).toBe(20);
  });

  test('a sink that changes its congestion at its flush makes another round of the same tick', async () => {
    const rig = await new Rig().start();
    const a: Session = rig.open('a', { flush: () => a.congested(true) });
    rig.onReceived = () => rig.ports.deliver(a.id, new Uint8Array(80), 1);
    rig.up.received(0, 'data', new Uint8Array(1));
    rig.up.flush();
    expect(rig.trace.slice(-4)).toEqual(['flush', 'at 0 5000', `congested ${a.id} true`, 'flush']);
  });

  test('timers of the machine are ticks, move and can be cancelled', async () => {
    const rig = await new Rig().start();
    rig.ports.setTimer(7, 10);
    rig.ports.setTimer(8, 10);
    rig.ports.setTimer(7, 20);
    rig.ports.setTimer(8, -1);
    rig.world.now = 15;
    rig.world.settle();
    expect(rig.trace).toEqual([]);
    rig.world.now = 20;
    rig.world.settle();
    expect(rig.trace).toEqual(['at 20 5000', 'timer 7', 'flush']);
  });

  test('calls go to the medium; reading is the threshold of the loop', async () => {
    const rig = await new Rig().start();
    rig.ports.reach([0, 2]);
    rig.ports.sever(2);
    expect(rig.ports.send('all', 'control', new Uint8Array(1))).toBe(true);
    expect(rig.trace).toEqual(['peers alpha gamma', 'sever 2', 'send all control']);
    const client = rig.world.source('low', 'client');
    rig.ports.reading(false);
    client.push('1');
    expect(rig.world.seen).toEqual(['client pause']);
    rig.ports.reading(true);
    rig.world.settle();
    expect(rig.world.seen).toEqual(['client pause', 'client:1', 'client resume']);
    expect(rig.ports.allocate(100).buffer.byteLength).toBe(100);
  });
});

describe('sessions', () => {
  test('names are checked, unique and made up when empty', async () => {
    const rig = await new Rig(10).start();
    const { sessions } = rig.driver;
    const refusals = ['', 'a#b', 'with space', 'elevenbytes', 'ü'].map((name) => {
      const s = sessions.open(request(name), rig.sink(name));
      return typeof s === 'string' ? s : s.name;
    });
    expect(refusals[0]).toMatch(/^r\d{4}-[0-9a-z]{1,4}$/);
    expect(refusals.slice(1)).toEqual(Array(4).fill('illegal-name'));
    const bob = rig.open('bob');
    expect([bob.name, bob.privateGroup]).toEqual(['bob', '#bob#beta']);
    expect(sessions.open(request('bob'), rig.sink('bob'))).toBe('not-unique');
    expect(sessions.nameInUse('bob')).toBe(true);
    expect(rig.driver.counters.get('sessions.refused.illegal-name')).toBe(4);
  });

  test('ids are never reused, the limit counts open sessions', async () => {
    const rig = await new Rig(2).start();
    const a = rig.open('a');
    rig.open('b');
    expect(rig.driver.sessions.open(request('c'), rig.sink('c'))).toBe('quota');
    a.end('closed');
    a.end('closed');
    expect(rig.trace.filter((l) => l.startsWith('close'))).toEqual([`close ${a.id}`]);
    expect(rig.driver.sessions.count).toBe(1);
    const c = rig.open('c');
    expect(c.id).toBeGreaterThan(a.id);
    a.submit(new Uint8Array(1));
    a.congested(true);
    expect(rig.trace).toEqual([]);
  });

  test('sessions whose disconnect is not yet ordered are bounded too', async () => {
    const rig = await new Rig(2).start();
    const [a, b] = [rig.open('a'), rig.open('b')];
    a.end('closed');
    b.end('closed');
    expect(rig.driver.sessions.open(request('c'), rig.sink('c'))).toBe('quota');
    rig.ports.gone(a.id);
    expect(typeof rig.driver.sessions.open(request('c'), rig.sink('c'))).toBe('object');
  });

  test('frames submitted from inside a delivery are copied and submitted after it', async () => {
    const rig = await new Rig().start();
    // As a socket brings them: a Buffer, of which slice() would be the same memory.
    const frames = Buffer.from([1, 2]);
    const a: Session = rig.open('a', {
      deliver: () => {
        a.submit(frames);
        frames.fill(9);
      },
      flush: () => undefined,
    });
    rig.onReceived = () => rig.ports.deliver(a.id, new Uint8Array(80), 1);
    rig.up.received(0, 'data', new Uint8Array(1));
    rig.up.flush();
    expect(rig.trace.slice(-2)).toEqual([`submit ${a.id} 1,2`, 'flush']);
  });
});

describe('notices', () => {
  test('drops and noise are counted each time and logged at a bounded rate', async () => {
    const rig = await new Rig().start();
    for (let i = 0; i < 100; i++) rig.ports.event({ kind: 'dropped', peer: 2, what: 'short envelope' });
    rig.up.noise(-1, 'bad hello');
    expect(rig.driver.counters.get('dropped.short envelope')).toBe(100);
    expect(rig.driver.counters.get('noise.bad hello')).toBe(1);
    const lines = rig.logged.filter((l) => l.startsWith('warn'));
    expect(lines).toHaveLength(2);
    rig.world.now = 10_000;
    rig.ports.event({ kind: 'dropped', peer: 2, what: 'short envelope' });
    expect(rig.logged.at(-1)).toContain('"before":99');
  });

  test('status carries machine, medium, counters and slowest handlers', async () => {
    const rig = await new Rig().start();
    rig.world.now = 50;
    expect(rig.driver.status()).toMatchObject({
      daemon: 'beta',
      machine: STATUS,
      medium: { connections: 2 },
      sessionLimit: 3,
      startedAtMs: 5_000_700,
      upMs: 50,
    });
  });
});

describe('the end', () => {
  test('stop: no new sessions, leave, sessions told, medium closed', async () => {
    const rig = await new Rig().start();
    rig.open('a');
    let left: () => void = () => undefined;
    rig.onLeave = (l) => (left = l);
    const stopped = rig.driver.stop();
    expect(rig.driver.sessions.open(request('b'), rig.sink('b'))).toBe('stopping');
    rig.world.loop.run('test', () => left());
    await stopped;
    await rig.driver.stop();
    expect(rig.trace.filter((l) => !l.startsWith('at') && l !== 'flush')).toEqual([
      'leave',
      'a ended stopping',
      'medium closed',
      'medium closed',
    ]);
  });

  test('a daemon that did not get as far as its medium has nothing to leave', async () => {
    const rig = new Rig();
    rig.onLeave = () => undefined;
    await rig.driver.stop();
    expect(rig.trace).toEqual(['medium closed']);
  });

  test('a leave that takes too long is given up', async () => {
    const rig = await new Rig().start();
    rig.onLeave = () => undefined;
    const stopped = rig.driver.stop();
    rig.world.now = 1000;
    rig.world.settle();
    await stopped;
    expect(rig.logged.some((l) => l.includes('PEAL_DAEMON_LEAVE_TIMEOUT'))).toBe(true);
  });

  test('fatal: told once, with the code of the machine; nothing enters it any more', async () => {
    const rig = await new Rig().start();
    rig.onReceived = () => {
      rig.ports.event({ kind: 'fatal', code: 'PEAL_TEST_TAKEN', detail: 'another lives under this name' });
      rig.ports.event({ kind: 'fatal', code: 'PEAL_TEST_TAKEN', detail: 'again' });
      expect(rig.fatals).toEqual([]);
    };
    rig.up.received(0, 'control', new Uint8Array(1));
    rig.up.received(0, 'control', new Uint8Array(1));
    rig.up.flush();
    expect(rig.fatals.map((e) => e.code)).toEqual(['PEAL_TEST_TAKEN']);
    expect(rig.trace.filter((l) => l.startsWith('received'))).toHaveLength(1);
    await rig.driver.stop();
    expect(rig.trace).not.toContain('leave');
  });

  test('a throw is a coded stop that names the source', async () => {
    const rig = await new Rig().start();
    rig.onReceived = () => {
      throw new Error('impossible');
    };
    rig.up.received(0, 'control', new Uint8Array(1));
    rig.up.flush();
    expect(rig.fatals.map(String)).toEqual([
      expect.stringContaining('PEAL_RUNTIME_HANDLER_THREW the handler of medium failed: impossible'),
    ]);
    await rig.driver.stop();
  });

  test('lives differ: incarnations rise with the clock, numbers are never 0', () => {
    const early = draw(1000);
    const late = draw(1001);
    expect(late.incarnation).toBeGreaterThan(early.incarnation);
    expect(early.incarnation >> 20n).toBe(1000n);
    for (let i = 0; i < 100; i++) {
      const { idNumber } = draw(0);
      expect(idNumber).toBeGreaterThan(0);
      expect(idNumber).toBeLessThan(2 ** 32);
    }
    expect(new Set(Array.from({ length: 50 }, () => draw(1000).incarnation)).size).toBeGreaterThan(45);
  });
});
