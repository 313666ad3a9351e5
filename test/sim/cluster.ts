// A cluster in the simulator: daemons that boot, crash, pause and leave, sessions on them, and the trace of what all
// of them saw. It decides nothing: schedule and workload do.
import type { DaemonEvent, DaemonOptions, ListedDaemon } from '../../core/machine/ports.js';
import type { Bytes, Configuration, Link, Member } from '../../core/machine/types.js';
import type { Service } from '../../core/wire/frame.js';
import { Clock, Phase } from './clock.js';
import { EPOCH_SECONDS, type MachineFactory, SimDaemon, type Surroundings } from './daemon.js';
import { DatagramNetwork } from './datagram.js';
import { Faults } from './faults.js';
import type { Network } from './network.js';
import { FrameReader, type Sent, message } from './payload.js';
import { Random } from './random.js';
import { SimSession } from './session.js';
import { StreamNetwork } from './stream.js';
import type { TraceEvent } from './trace.js';

const NAMES = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta', 'eta', 'theta', 'iota', 'kappa', 'lambda', 'mu'];
const INCARNATION_STEP_MAX = 1_000_000;
const MICROSECONDS = 1_000_000n;

export interface ClusterOptions {
  readonly seed: number;
  readonly daemons: number;
  readonly medium: 'stream' | 'datagram';
  readonly maxBytes: number;
  readonly bufferBytes: number;
  /** As in `NetworkOptions`. */
  readonly fits?: readonly number[];
  readonly create: MachineFactory;
  /** What the next life that boots at that place is made with. */
  readonly life: (place: number) => { readonly link: Link; readonly options: DaemonOptions };
  trace(e: TraceEvent): void;
}

export type RegularService = (typeof Service)['UNRELIABLE' | 'RELIABLE' | 'FIFO' | 'CAUSAL' | 'AGREED' | 'SAFE'];

export const lifeOf = (m: Member): string => `${m.name}/${m.incarnation.toString()}`;
export const configOf = (c: Configuration): string => `${c.id.number}.${c.id.time}`;

export class Cluster {
  readonly clock = new Clock();
  readonly faults: Faults;
  readonly network: Network;
  readonly list: readonly ListedDaemon[];
  /** The present life at each place; undefined: not running. */
  readonly daemons: (SimDaemon | undefined)[];
  readonly sessions = new Map<number, SimSession>();
  /** Called for every event of a daemon, from inside the machine: do nothing to the cluster here but schedule. */
  onEvent: (d: SimDaemon, e: DaemonEvent) => void = () => undefined;
  /** Called after every tick of a daemon. */
  onTick: (d: SimDaemon) => void = () => undefined;
  messages = 0;
  /** Of `messages`, by service: one of the six regular bits. */
  readonly services: Record<number, number> = {};
  views = 0;
  private readonly sent: Sent[] = [];
  private readonly random: Random;
  private readonly reader: FrameReader;
  private readonly incarnations: bigint[];
  /** How far the wall clock of each machine is off, in seconds: it stays so when a daemon there ends. */
  private readonly wallOffsets: number[];
  private sessionCount = 0;

  constructor(private readonly o: ClusterOptions) {
    this.random = new Random(o.seed, 'cluster');
    this.list = Array.from({ length: o.daemons }, (_, place) => ({ name: NAMES[place] ?? `node${place}`, place }));
    this.faults = new Faults(o.daemons, new Random(o.seed, 'faults'));
    const { clock, faults } = this;
    const network = { clock, faults, random: new Random(o.seed, 'network'), ...o };
    this.network = o.medium === 'stream' ? new StreamNetwork(network) : new DatagramNetwork(network);
    this.daemons = this.list.map(() => undefined);
    this.incarnations = this.list.map(() => 0n);
    this.wallOffsets = this.list.map(() => 0);
    this.reader = new FrameReader((id) => this.sent[id]);
    o.trace({ t: 0, event: 'cluster', daemons: this.list.map((d) => d.name) });
  }

  note(event: 'fault' | 'note', what: string): void {
    this.o.trace({ t: this.clock.now, event, what });
  }

  /** Sets the wall clock of the machine at that place. */
  setClock(place: number, offsetSeconds: number): void {
    this.wallOffsets[place] = offsetSeconds;
    const d = this.daemons[place];
    if (d !== undefined) d.wallOffsetSeconds = offsetSeconds;
    // Lives follow the clock, back as well: the next is above the last only if the clock is.
    this.incarnations[place] = 0n;
  }

  /** Starts a new life at that place, unless one is running. */
  boot(place: number): void {
    if (this.daemons[place] !== undefined) return;
    const name = this.list[place]!.name;
    const wallOffsetSeconds = this.wallOffsets[place]!;
    const base = BigInt(EPOCH_SECONDS + wallOffsetSeconds + Math.floor(this.clock.now / 1000)) * MICROSECONDS;
    const last = this.incarnations[place]!;
    const incarnation = (base > last ? base : last) + BigInt(1 + this.random.below(INCARNATION_STEP_MAX));
    this.incarnations[place] = incarnation;
    const { list, o } = this;
    const birth = {
      list,
      self: place,
      listHash: 0x5eed,
      incarnation,
      idNumber: this.random.next(),
      medium: this.network.facts,
      ...o.life(place),
    };
    const d = new SimDaemon(place, name, birth, this.surroundings());
    d.wallOffsetSeconds = wallOffsetSeconds;
    this.daemons[place] = d;
    this.ofDaemon(d, 'boot');
    this.network.boot(place, d);
    d.tick(() => d.machine.start());
  }

  /** kill -9. */
  crash(place: number): void {
    const d = this.daemons[place];
    if (d === undefined) return;
    this.ofDaemon(d, 'crash');
    this.bury(d);
  }

  pause(place: number): void {
    const d = this.daemons[place];
    if (d !== undefined && !d.paused) d.pause();
  }

  /** It goes on with its timers or with what waits in its sockets: both happen, by the clock unless told. */
  resume(place: number, readsFirst = this.clock.now % 2 === 1): void {
    const d = this.daemons[place];
    if (d?.paused === true) d.resume(readsFirst);
  }

  /** SIGTERM: the sessions end, the daemon leaves cleanly. */
  stop(place: number): void {
    const d = this.daemons[place];
    if (d === undefined || !d.awake || d.leaving) return;
    d.leaving = true;
    for (const s of this.sessionsOf(d)) s.close();
    this.ofDaemon(d, 'leaving');
    d.tick(() => d.machine.leave(() => this.clock.schedule(this.clock.now, Phase.read, () => this.stopped(d))));
  }

  /** A client connects; undefined: the daemon cannot take it, or the name is in use. */
  connect(place: number, name: string, membership: boolean): SimSession | undefined {
    const d = this.daemons[place];
    if (d === undefined || !d.awake || d.leaving || d.machine.nameInUse(name)) return undefined;
    const uid = ++this.sessionCount;
    const s = new SimSession(uid, name, d, membership, {
      now: () => this.clock.now,
      trace: (e) => this.o.trace(e),
      compose: (sender, service, groups, discard, bytes) => {
        const id = this.sent.length;
        const m = message(id, sender, service, groups, discard, bytes);
        this.sent.push(m);
        this.messages++;
        this.services[service] = (this.services[service] ?? 0) + 1;
        return m;
      },
    });
    this.sessions.set(uid, s);
    this.o.trace({
      t: this.clock.now,
      event: 'connect',
      session: uid,
      daemon: d.name,
      incarnation: d.incarnation,
      name: s.privateGroup,
      membership,
    });
    d.tick(() => d.machine.open(uid, name, membership));
    return s;
  }

  /** Live sessions of that life. */
  sessionsOf(d: SimDaemon): SimSession[] {
    return [...this.sessions.values()].filter((s) => s.daemon === d && s.connected);
  }

  private stopped(d: SimDaemon): void {
    if (!d.alive) return;
    this.ofDaemon(d, 'stop');
    this.bury(d);
  }

  private bury(d: SimDaemon): void {
    d.kill();
    this.daemons[d.place] = undefined;
    for (const [uid, s] of this.sessions)
      if (s.daemon === d) {
        s.connected = false;
        this.sessions.delete(uid);
      }
  }

  private ofDaemon(d: SimDaemon, event: 'boot' | 'crash' | 'leaving' | 'stop'): void {
    this.o.trace({ t: this.clock.now, event, daemon: d.name, incarnation: d.incarnation });
  }

  private surroundings(): Surroundings {
    return {
      clock: this.clock,
      network: this.network,
      create: this.o.create,
      event: (d, e) => this.event(d, e),
      deliver: (d, session, frames, messages) => this.deliver(d, session, frames, messages),
      gone: (_, session) => {
        this.sessions.delete(session);
        this.o.trace({ t: this.clock.now, event: 'gone', session });
      },
      ticked: (d) => {
        if (d.backlog.size > 0 && d.reading) for (const s of [...d.backlog]) s.pump();
        this.onTick(d);
      },
    };
  }

  private event(d: SimDaemon, e: DaemonEvent): void {
    const of = { t: this.clock.now, daemon: d.name, incarnation: d.incarnation };
    if (e.kind === 'installed') {
      const c = e.configuration;
      this.o.trace({ ...of, event: 'install', config: configOf(c), time: c.id.time, members: c.members.map(lifeOf) });
      d.config = configOf(c);
      d.members = c.members.length;
      this.views++;
    } else if (e.kind === 'transitional')
      this.o.trace({
        ...of,
        event: 'transitional',
        config: `${e.from.number}.${e.from.time}`,
        survivors: e.survivors.map(lifeOf),
      });
    else if (e.kind === 'fatal') this.note('note', `FATAL ${d.life} ${e.code} ${e.detail}`);
    this.onEvent(d, e);
  }

  private deliver(d: SimDaemon, session: number, frames: Bytes, messages: number): void {
    const s = this.sessions.get(session);
    if (s === undefined || s.daemon !== d)
      throw new Error(`${d.name} delivers to session ${session}, which is not its`);
    this.reader.read(this.clock.now, session, frames, messages, (e) => {
      if (e.event === 'view') this.views++;
      this.o.trace(e);
    });
  }
}
