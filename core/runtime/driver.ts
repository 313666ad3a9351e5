// The real driver: executes the daemon's machine on the event loop and a medium. It only carries events in and calls
// out; what they mean is the machine's business. The simulator (test/sim) is the other driver of the same machine.
// Rules: docs/design/runtime.md, 2.
import { randomBytes } from 'node:crypto';
import { DAEMON_ERRORS, PealError, reasonOf, RUNTIME_ERRORS } from '../errors.js';
import type { DaemonEvent, DaemonMachine, DaemonPorts, DaemonStatus } from '../machine/ports.js';
import type { Bytes } from '../machine/types.js';
import type { Address, Medium } from '../plugin/medium.js';
import { lentWhole, release } from '../plugin/lent.js';
import type { SlowHandler } from '../plugin/loop.js';
import type { Logger } from '../plugin/ports.js';
import { BoundedLog } from './bounded-log.js';
import { Counters } from './counters.js';
import { NodeLoop } from './loop.js';
import { MediumFeed } from './medium-feed.js';
import type { Scheduler } from './scheduler.js';
import { SessionTable, type EndedSession } from './sessions.js';

/** How long a clean leave may take unless told otherwise, milliseconds. */
export const LEAVE_LIMIT_MS = 1000;

/** The machine needs the wall clock for times of seconds. */
const WALL_READ_MS = 100;
const NOTHING: Bytes = new Uint8Array(0);

/** What is drawn at the start of a life. */
export interface Drawn {
  readonly incarnation: bigint;
  readonly idNumber: number;
}

export interface DriverOptions {
  /** Canonical daemon list, and own place in it. */
  readonly list: readonly Address[];
  readonly self: number;
  readonly listHash: number;
  readonly medium: Medium;
  /** Makes the machine; called once, from the constructor. */
  readonly machine: (drawn: Drawn, ports: DaemonPorts) => DaemonMachine;
  readonly log: Logger;
  /** Limit of sessions, all listeners together. */
  readonly maxSessions: number;
  /** Largest 32 * groups + data of one message, bytes. */
  readonly maxMessageBytes: number;
  /** The daemon cannot go on; called once. Whoever owns the driver stops it. */
  readonly fatal: (error: PealError) => void;
  /** Default `LEAVE_LIMIT_MS`. */
  readonly leaveLimitMs?: number;
  /** For tests: another loop, another wall clock (milliseconds since 1970). */
  readonly loop?: (failed: (name: string, error: unknown) => void) => Scheduler;
  readonly wallMs?: () => number;
}

/** What `peal status` shows of the driver and its machine. */
export interface DriverStatus {
  readonly daemon: string;
  readonly incarnation: bigint;
  readonly machine: DaemonStatus;
  readonly sessionLimit: number;
  readonly recentEnds: readonly EndedSession[];
  readonly medium: Readonly<Record<string, string | number | boolean>>;
  readonly counters: Readonly<Record<string, number>>;
  readonly slowest: readonly SlowHandler[];
  /** Milliseconds since 1970. */
  readonly startedAtMs: number;
  readonly upMs: number;
  /** Monotonic: what the times of changes, holds and slow handlers count from. */
  readonly nowMs: number;
}

/** Draws what must differ from every other life: above the clock, and fresh even if the clock stood still. */
export function draw(wallMs: number): Drawn {
  const random = randomBytes(8);
  const idNumber = random.readUInt32LE(0);
  const low = BigInt(random.readUInt32LE(4) & 0xfffff);
  return { incarnation: (BigInt(Math.floor(wallMs)) << 20n) | low, idNumber: idNumber === 0 ? 1 : idNumber };
}

export class Driver {
  readonly loop: Scheduler;
  readonly sessions: SessionTable;
  readonly counters = new Counters();
  readonly drawn: Drawn;
  private readonly machine: DaemonMachine;
  private readonly feed: MediumFeed;
  private readonly bounded: BoundedLog;
  private readonly wallMs: () => number;
  private readonly timerNames = new Map<number, string>();
  private readonly startedAtMs: number;
  private readonly startedMs: number;
  /** The machine was called in this tick, and is told at its end. */
  private entered = false;
  private insideMachine = false;
  private deferred: (() => void)[] = [];
  /** Given back by the machine in this tick, and how many bytes each stands for. */
  private readonly returned: Bytes[] = [];
  private readonly counts: number[] = [];
  private returns = 0;
  private broken: PealError | undefined;
  private toldFatal = false;
  private started = false;
  /** The wall clock as it was read last, and when. */
  private wallSeconds = 0;
  private wallReadAt = -Infinity;
  private left: Promise<void> | undefined;
  private leaving = false;

  constructor(private readonly o: DriverOptions) {
    this.wallMs = o.wallMs ?? Date.now;
    const failed = (name: string, error: unknown): void => this.failed(name, error);
    this.loop = o.loop === undefined ? new NodeLoop(failed) : o.loop(failed);
    this.bounded = new BoundedLog(o.log, () => this.loop.now());
    this.startedAtMs = this.wallMs();
    this.startedMs = this.loop.now();
    this.drawn = draw(this.startedAtMs);
    this.machine = o.machine(this.drawn, this.ports());
    this.feed = new MediumFeed(this.loop, this.mediumEvents());
    const daemon = o.list[o.self]!.name;
    this.sessions = new SessionTable(this.sessionsHost(), {
      daemon,
      limit: o.maxSessions,
      maxMessageBytes: o.maxMessageBytes,
      life: this.drawn.idNumber,
    });
    this.loop.onTickEnd(() => this.tickEnd());
  }

  /** Opens the medium, then starts loop and machine. Rejects as the medium's `open` does. */
  async start(): Promise<void> {
    const { list, self, listHash, medium } = this.o;
    const identity = { address: list[self]!, incarnation: this.drawn.incarnation, listHash };
    await medium.open(identity, this.feed);
    this.started = true;
    this.loop.start();
    this.within('start', () => this.machine.start());
  }

  /**
   * Takes no new sessions, leaves the configuration cleanly under a time limit, then tells the sessions that are left.
   * Never rejects. Idempotent.
   */
  leave(): Promise<void> {
    this.left ??= this.leaveOnce();
    return this.left;
  }

  /** Leaves, if that was not done, and closes the medium and the loop. Idempotent. */
  async stop(): Promise<void> {
    await this.leave();
    this.feed.close();
    await this.o.medium.close();
    this.loop.stop();
  }

  status(): DriverStatus {
    return {
      daemon: this.sessions.daemon,
      incarnation: this.drawn.incarnation,
      machine: this.machine.status(),
      sessionLimit: this.sessions.limit,
      recentEnds: this.sessions.recentEnds(),
      medium: this.o.medium.describe(),
      counters: this.counters.all(),
      slowest: this.loop.slowest(),
      startedAtMs: this.startedAtMs,
      upMs: Math.floor(this.loop.now() - this.startedMs),
      nowMs: Math.floor(this.loop.now()),
    };
  }

  private async leaveOnce(): Promise<void> {
    this.sessions.refuse();
    this.leaving = true;
    if (this.broken === undefined && this.started) {
      this.loop.setThreshold('medium');
      const limit = this.o.leaveLimitMs ?? LEAVE_LIMIT_MS;
      const inTime = await new Promise<boolean>((resolve) => {
        this.loop.queueTimer('driver leave limit', limit, () => resolve(false));
        this.within('leave', () => this.machine.leave(() => resolve(true)));
      });
      this.loop.cancelTimer('driver leave limit');
      if (!inTime) this.o.log.warn(PealError.of(DAEMON_ERRORS.LEAVE_TIMEOUT, { limit }).toString());
    }
    // What the last chunks caused leaves before the sessions are told.
    if (this.broken === undefined) this.loop.run('driver left', () => undefined);
    this.sessions.endAll();
  }

  // --- into the machine ---

  /** Before each call to the machine: its clock, once a tick; once for all ticks that share an end. */
  private enter(): void {
    if (this.entered) return;
    this.entered = true;
    const now = this.loop.tickAt;
    if (now - this.wallReadAt >= WALL_READ_MS) {
      this.wallReadAt = now;
      this.wallSeconds = Math.floor(this.wallMs() / 1000);
    }
    this.machine.at(Math.floor(now), this.wallSeconds);
  }

  private within(name: string, fn: () => void): void {
    if (this.broken !== undefined) return;
    if (this.insideMachine) {
      this.deferred.push(fn);
      return;
    }
    this.loop.run(name, () => this.inside(fn));
  }

  private inside(fn: () => void): void {
    if (this.broken !== undefined) return;
    this.enter();
    this.insideMachine = true;
    fn();
    this.insideMachine = false;
  }

  /**
   * What the tick caused leaves: peers first, then clients, each in one write. A sink may end its session or change its
   * congestion here, which enters the machine again: another round. That ends, since a session ends once and its
   * congestion follows its queue, which only events of other ticks change.
   */
  private tickEnd(): void {
    while (this.entered || this.sessions.pending || this.deferred.length > 0) {
      const deferred = this.deferred;
      this.deferred = [];
      for (const fn of deferred) this.within('deferred', fn);
      if (this.entered) {
        this.insideMachine = true;
        this.machine.flush();
        this.insideMachine = false;
        this.o.medium.flush?.();
        this.entered = false;
      }
      this.sessions.flush();
    }
    this.giveBack();
    if (this.broken !== undefined) this.tellFatal();
  }

  private takeBack(bytes: Bytes, count = bytes.length): void {
    this.returned[this.returns] = bytes;
    this.counts[this.returns++] = count;
  }

  /**
   * What the machine needs no more, and nobody else does from here on: all is written, or held by who writes it later. After a
   * fault that is not sure.
   */
  private giveBack(): void {
    const { returned, counts, returns } = this;
    this.returns = 0;
    for (let i = 0; i < returns; i++) {
      if (this.broken === undefined) release(returned[i]!, counts[i]);
      returned[i] = NOTHING;
    }
  }

  private mediumEvents(): ConstructorParameters<typeof MediumFeed>[1] {
    const { machine } = this;
    return {
      received: (from, plane, bytes) => this.inside(() => machine.received(from, plane, bytes)),
      writable: (to) => this.inside(() => machine.writable(to)),
      up: (peer) => this.inside(() => machine.up(peer)),
      down: (peer, why) => this.inside(() => machine.down(peer, why)),
      noise: (peer, what) => this.noise('noise', peer, what),
    };
  }

  private sessionsHost(): ConstructorParameters<typeof SessionTable>[0] {
    const inMachine = (): boolean => this.insideMachine;
    const log = this.o.log.child('sessions');
    return {
      machine: this.machine,
      within: (name, fn) => this.within(name, fn),
      get inMachine() {
        return inMachine();
      },
      wallMs: this.wallMs,
      log,
      bounded: new BoundedLog(log, () => this.loop.now()),
      counters: this.counters,
    };
  }

  // --- out of the machine ---

  private ports(): DaemonPorts {
    const { medium, list } = this.o;
    // A medium may keep whatever it was sent, so that nothing can be used again. (Held one by one, a ring's sends cost 7 %.)
    const again = medium.holds === true;
    return {
      send: (to, plane, head, body) => medium.send(to, plane, head, body),
      sever: (peer) => medium.sever(peer),
      reach: (peers) => medium.peers(peers.map((place) => list[place]!)),
      setTimer: (key, ms) => this.setTimer(key, ms),
      deliver: (session, frames, messages) => {
        if (!this.sessions.deliver(session, frames, messages)) this.counters.add('sessions.late-deliveries', messages);
      },
      gone: (session) => this.sessions.gone(session),
      reading: (open) => {
        if (!this.leaving) this.loop.setThreshold(open ? 'low' : 'medium');
      },
      // Not from Node's pool: packs are carved from these, and a pool would keep its other users alive with them.
      allocate: again ? lentWhole : (bytes) => Buffer.allocUnsafeSlow(bytes),
      release: again ? (bytes, count) => this.takeBack(bytes, count) : () => undefined,
      event: (e) => this.event(e),
    };
  }

  private setTimer(key: number, ms: number): void {
    let name = this.timerNames.get(key);
    if (name === undefined) {
      name = `machine ${key}`;
      this.timerNames.set(key, name);
    }
    if (ms < 0) {
      this.loop.cancelTimer(name);
      return;
    }
    this.loop.queueTimer(name, ms, () => this.inside(() => this.machine.timer(key)));
  }

  private event(e: DaemonEvent): void {
    this.counters.add(`events.${e.kind}`);
    switch (e.kind) {
      case 'installed': {
        const { id, members } = e.configuration;
        const names = members.map((m) => m.name).join(' ');
        const why = e.record.why.join('; ');
        this.o.log.info('configuration installed', { id: `${id.number}.${id.time}`, members: names, why });
        break;
      }
      case 'transitional': {
        const survivors = e.survivors.map((m) => m.name).join(' ');
        this.o.log.info('transitional configuration', { from: `${e.from.number}.${e.from.time}`, survivors });
        break;
      }
      case 'suspected':
        this.o.log.warn('peer suspected', { peer: e.peer, evidence: e.why.kind, detail: e.why.detail });
        break;
      case 'round':
        this.o.log.debug('membership round', { round: e.round, why: e.why });
        break;
      case 'refused':
        this.bounded.warn(`refused ${e.peer}`, 'peer refused', { peer: e.peer, detail: e.detail });
        break;
      case 'dropped':
        this.noise('dropped', e.peer, e.what);
        break;
      case 'fatal':
        this.break_(PealError.of({ ...DAEMON_ERRORS.FATAL, code: e.code }, { detail: e.detail }));
        break;
    }
  }

  /** Something from outside that nobody takes: counted each time, logged at a bounded rate. */
  private noise(kind: 'noise' | 'dropped', peer: number, what: string): void {
    this.counters.add(`${kind}.${what}`);
    const name = this.o.list[peer]?.name ?? 'unknown';
    const message = kind === 'noise' ? 'trouble on the medium' : 'bytes from outside dropped';
    this.bounded.warn(`${kind} ${what} ${name}`, message, { peer: name, what });
  }

  // --- the end ---

  private failed(name: string, error: unknown): void {
    this.insideMachine = false;
    this.break_(
      PealError.of(RUNTIME_ERRORS.HANDLER_THREW, { source: name, detail: reasonOf(error) }, { cause: error }),
    );
    this.tellFatal();
  }

  private break_(error: PealError): void {
    if (this.broken !== undefined) return;
    this.broken = error;
    this.sessions.refuse();
    this.o.log.error(error.toString());
  }

  private tellFatal(): void {
    if (this.toldFatal || this.broken === undefined) return;
    this.toldFatal = true;
    this.o.fatal(this.broken);
  }
}
