// One life of one daemon in the simulator: the driver of its machine. It answers `DaemonPorts` with the virtual clock
// and network, as core/runtime does with real ones; pause and kill are done to it from outside.
import type { Birth, DaemonEvent, DaemonMachine, DaemonPorts, Evidence, Plane } from '../../core/machine/ports.js';
import type { Bytes } from '../../core/machine/types.js';
import { type Clock, type Entry, Phase } from './clock.js';
import { Lending } from './lending.js';
import type { Network, NetworkNode } from './network.js';

export type MachineFactory = (birth: Birth, ports: DaemonPorts) => DaemonMachine;

/** What surrounds a daemon in the simulator. */
export interface Surroundings {
  readonly clock: Clock;
  readonly network: Network;
  readonly create: MachineFactory;
  event(d: SimDaemon, e: DaemonEvent): void;
  deliver(d: SimDaemon, session: number, frames: Bytes, messages: number): void;
  gone(d: SimDaemon, session: number): void;
  /** After every tick, outside the machine. */
  ticked(d: SimDaemon): void;
}

interface Timer {
  due: number;
  late: boolean;
  entry: Entry;
  entryAt: number;
}

/** Wall clock at the beginning of every run, seconds. */
export const EPOCH_SECONDS = 1_800_000_000;

export class SimDaemon implements NetworkNode {
  readonly machine: DaemonMachine;
  alive = true;
  paused = false;
  leaving = false;
  /** Id of the last installed configuration, and how many are in it. */
  config: string | undefined;
  members = 0;
  /** May regular frames be read from clients? */
  reading = true;
  /** What its clients do as soon as a paused daemon goes on. */
  readonly onResume: (() => void)[] = [];
  /** Clients that have requests this daemon has not read. */
  readonly backlog = new Set<{ pump(): void }>();
  /** Set by the schedule: how far this daemon's wall clock is off. */
  wallOffsetSeconds = 0;
  private readonly timers = new Map<number, Timer>();
  /** What it may keep of memory that is used again. */
  readonly lending = new Lending();
  /** Bodies of this tick, which a medium may read until it ends. */
  private sent: { readonly body: Bytes; readonly copy: Bytes }[] = [];
  private overdue: { readonly key: number; readonly timer: Timer }[] = [];

  constructor(
    readonly place: number,
    readonly name: string,
    readonly birth: Birth,
    private readonly s: Surroundings,
  ) {
    const { network } = s;
    this.machine = s.create(birth, {
      // What is sent is the system's at once: the body's memory may be given back before it arrives.
      send: (to, plane, head, body) => !this.alive || network.send(place, to, plane, head, body && this.copied(body)),
      sever: (peer) => network.sever(place, peer),
      reach: (peers) => network.reach(place, peers),
      setTimer: (key, ms) => this.setTimer(key, ms),
      deliver: (session, frames, messages) => s.deliver(this, session, frames, messages),
      gone: (session) => s.gone(this, session),
      reading: (open) => {
        this.reading = open;
      },
      // Not zeroed: a slab of 1 MB per configuration would cost more than the rest of the run.
      allocate: (bytes) => {
        const memory = new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
        this.lending.lend(memory);
        return memory;
      },
      release: (bytes, count) => this.lending.release(bytes, count),
      event: (e) => s.event(this, e),
    });
  }

  get incarnation(): string {
    return this.birth.incarnation.toString();
  }

  /** name/incarnation, as traces name a life. */
  get life(): string {
    return `${this.name}/${this.incarnation}`;
  }

  /** May be called: alive, not paused. */
  get awake(): boolean {
    return this.alive && !this.paused;
  }

  /** One tick of the machine. */
  tick(run: () => void): void {
    this.begin();
    run();
    this.end();
  }

  begin(): void {
    const { now } = this.s.clock;
    this.machine.at(now, EPOCH_SECONDS + this.wallOffsetSeconds + Math.floor(now / 1000));
  }

  received(from: number, plane: Plane, bytes: Bytes): void {
    if (!this.alive) return;
    this.lending.lend(bytes);
    this.machine.received(from, plane, bytes);
  }

  writable(to: number | 'all'): void {
    if (this.alive) this.machine.writable(to);
  }

  up(peer: number): void {
    if (this.alive) this.machine.up(peer);
  }

  down(peer: number, why: Evidence): void {
    if (this.alive) this.machine.down(peer, why);
  }

  end(): void {
    if (!this.alive) return;
    this.machine.flush();
    this.s.ticked(this);
    for (const { body, copy } of this.sent)
      if (Buffer.compare(body, copy) !== 0) throw new Error('a body was changed in the tick in which it was sent');
    this.sent = [];
    this.lending.tickEnd();
  }

  private copied(body: Bytes): Bytes {
    const copy = new Uint8Array(body);
    this.sent.push({ body, copy });
    return copy;
  }

  kill(): void {
    this.alive = false;
    for (const t of this.timers.values()) this.s.clock.cancel(t.entry);
    this.timers.clear();
    this.s.network.kill(this.place);
  }

  pause(): void {
    this.paused = true;
    this.s.network.pause(this.place);
  }

  /**
   * What waited in the sockets first, as the driver's loop does (docs/design/runtime.md 1.3), or the timers that ran out, as when
   * it was stopped at the end of a turn.
   */
  resume(readsFirst: boolean): void {
    this.paused = false;
    const all = this.overdue;
    this.overdue = [];
    if (readsFirst) this.s.network.resume(this.place);
    // What was read may have set some of them anew.
    for (const { key, timer } of all) if (this.timers.get(key) === timer) this.fire(key);
    if (this.alive && !readsFirst) this.s.network.resume(this.place);
    for (const run of this.onResume.splice(0)) run();
    if (this.alive) this.tick(() => undefined);
  }

  private setTimer(key: number, ms: number): void {
    if (!this.alive) return;
    const { clock } = this.s;
    const old = this.timers.get(key);
    if (ms < 0) {
      if (old !== undefined) clock.cancel(old.entry);
      this.timers.delete(key);
      return;
    }
    const due = clock.now + ms;
    const late = ms === 0;
    if (old !== undefined && !late && !old.late && old.entryAt <= due && old.entryAt > clock.now) {
      old.due = due;
      return;
    }
    if (old !== undefined) clock.cancel(old.entry);
    const entry = clock.schedule(due, late ? Phase.late : Phase.timer, () => this.fire(key));
    this.timers.set(key, { due, late, entry, entryAt: due });
  }

  private fire(key: number): void {
    const { clock } = this.s;
    const timer = this.timers.get(key);
    if (timer === undefined || !this.alive) return;
    if (this.paused) {
      this.overdue.push({ key, timer });
      return;
    }
    if (timer.due > clock.now) {
      timer.entryAt = timer.due;
      timer.entry = clock.schedule(timer.due, Phase.timer, () => this.fire(key));
      return;
    }
    this.timers.delete(key);
    this.tick(() => this.machine.timer(key));
  }
}
