// A soak of real daemons: clients on all of them, every service level, while daemons are killed, frozen, stopped,
// restarted, slowed and cut from one another at random; between the storms everything must come together again. Traces go to the simulator's checkers.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { ControlClient } from '../../core/runtime/control-client.js';
import { Service } from '../../core/wire/frame.js';
import { Checkers, PEAL_OPTIONS } from '../sim/checkers.js';
import type { Violation } from '../sim/ledger.js';
import { Random } from '../sim/random.js';
import { LibraryClient } from './library-client.js';
import type { Namespaces } from './namespaces.js';
import { type Daemon, Farm, type LinkName } from './processes.js';
import { type Growth, Witness } from './resources.js';
import { Recorder, type Traced, TracedClient } from './traced-client.js';

export interface SoakOptions {
  readonly seed: number;
  readonly daemons: number;
  /** Default: tcp. */
  readonly link?: LinkName;
  /** Percent of all messages between daemons that get lost, all the time; default 0. */
  readonly loss?: number;
  readonly phases: number;
  /** Begins no phase after that time (`Date.now`), however many are left. */
  readonly until?: number;
  readonly stormMs: number;
  /** Mean pause of the senders between two bursts, ms; default 10. */
  readonly pauseMs?: number;
  /** Each daemon in one of these; without it on loopback, with cuts made by the faulty medium. */
  readonly machines?: Namespaces;
  /** Place of a real Spread: its C client floods a group of its own through some daemon in each storm. */
  readonly spread?: string;
  /** Progress, one line each. */
  readonly say: (line: string) => void;
}

export interface SoakFigures {
  readonly faults: number;
  readonly messages: number;
  readonly deliveries: number;
  readonly views: number;
  readonly slowestMergeMs: number;
  readonly violations: readonly Violation[];
  /** Of the first daemon, which is frozen and cut but never ended. */
  readonly growth: Growth;
}

const LEVELS = [Service.RELIABLE, Service.FIFO, Service.CAUSAL, Service.AGREED, Service.SAFE];
const GROUPS = ['g0', 'g1', 'g2'];
/** Everybody is in it: its view tells when all have come together. */
const ALL = 'everybody';
/** After a storm: come together within this, or it is a violation. Flapping edges wait up to 30 s by design. */
const MERGE_LIMIT_MS = 45_000;
const QUIET_MS = 400;
const FLOOD_MESSAGES = 3_000;
const FLOOD_BYTES = 500;
const SENDER_WAIT_BYTES = 1 << 18;
const PAUSE_MS = 10;
/** Most bandwidths are far below the load, so that queues fill. */
const KBITS = [2_000, 8_000, 20_000];

const sleep = (ms: number): Promise<void> => new Promise((r) => setTimeout(r, ms));

/** A command to the faulty medium of a daemon that works. */
async function command(farm: Farm, d: Daemon, args: Readonly<Record<string, unknown>>): Promise<void> {
  const control = await ControlClient.connect(join(farm.dir, d.name));
  await control.call('fault', args);
  control.close();
}

class Soak {
  readonly random: Random;
  readonly checkers = new Checkers(PEAL_OPTIONS);
  readonly recorder = new Recorder((e) => this.checkers.add(e));
  readonly witness = new Witness();
  clients: Traced[] = [];
  faults = 0;
  slowestMergeMs = 0;
  sending = false;
  isCut = false;
  readonly narrowed = new Set<Daemon>();
  names = 0;
  /** Broken daemons and their repair. */
  readonly broken = new Map<Daemon, () => Promise<void>>();

  constructor(
    readonly farm: Farm,
    readonly o: SoakOptions,
  ) {
    this.random = new Random(o.seed, 'soak');
  }

  async run(): Promise<void> {
    this.recorder.emit({ t: 0, event: 'cluster', daemons: this.farm.daemons.map((d) => d.name) });
    await Promise.all(this.farm.daemons.map((d) => this.boot(d)));
    await this.together('start');
    for (let phase = 1; phase <= this.o.phases && Date.now() < (this.o.until ?? Infinity); phase++) {
      await this.storm();
      await Promise.all([...this.broken.values()].map((repair) => repair()));
      await this.heal();
      await this.together(`phase ${phase}`);
      this.witness.look(this.farm.daemons[0]!.process!.pid!);
    }
  }

  async boot(d: Daemon): Promise<void> {
    await d.start();
    if (this.o.machines === undefined) await command(this.farm, d, { set: this.always() });
    const e = { daemon: d.name, incarnation: String(d.life) };
    this.recorder.emit({ t: this.recorder.now, event: 'boot', ...e });
    for (let i = 0; i < 2; i++) await this.client(d);
  }

  async client(d: Daemon): Promise<void> {
    // Half of them with the library, half with bare frames.
    const kind = ++this.names % 2 === 0 ? LibraryClient : TracedClient;
    const c = await kind.connect(this.recorder, d, `s${this.names}`);
    this.clients.push(c);
    c.join(ALL);
    for (const g of GROUPS) if (this.random.below(2) === 0) c.join(g);
  }

  async storm(): Promise<void> {
    this.sending = true;
    const senders = this.send();
    const flooder = this.o.spread === undefined ? undefined : this.flood(this.o.spread);
    const until = this.recorder.now + this.o.stormMs;
    while (this.recorder.now < until) {
      await sleep(100 + this.random.below(900));
      await this.fault();
    }
    this.sending = false;
    flooder?.kill();
    await senders;
  }

  /** An unmodified client of the peer, as fast as it is let; its daemon may die under it. */
  flood(spread: string): ChildProcess {
    const d = this.farm.daemons[this.random.below(this.farm.daemons.length)]!;
    const at = `${d.port}@127.0.0.1`;
    const args = ['-wo', '-u', `f${this.names}`, '-m', String(FLOOD_MESSAGES), '-b', String(FLOOD_BYTES), '-s', at];
    const program = join(spread, 'bin/spflooder');
    this.o.say(`spflooder at ${d.name}`);
    const { machines } = this.o;
    const flooder = machines?.run(this.place(d), program, args, 'ignore') ?? spawn(program, args, { stdio: 'ignore' });
    flooder.on('error', (e) => this.o.say(`no spflooder: ${e.message}`));
    flooder.on('exit', (code) => code === 0 && this.o.say('spflooder has sent everything'));
    return flooder;
  }

  async send(): Promise<void> {
    while (this.sending) {
      for (const c of this.clients) if (c.open && c.waiting < SENDER_WAIT_BYTES) this.burst(c);
      await sleep(this.o.pauseMs ?? PAUSE_MS);
    }
  }

  burst(c: Traced): void {
    const r = this.random;
    for (let n = r.below(12); n > 0; n--) {
      const service = LEVELS[r.below(LEVELS.length)]!;
      const bytes = 8 + (r.below(40) === 0 ? r.below(100_000) : r.below(600));
      const groups = [GROUPS[r.below(3)]!];
      if (r.below(4) === 0) groups.push(ALL);
      c.multicast(service, groups, bytes);
    }
    if (r.below(60) === 0) c.join(GROUPS[r.below(3)]!);
    if (r.below(60) === 0) c.leave(GROUPS[r.below(3)]!);
  }

  async fault(): Promise<void> {
    const d = this.farm.daemons[this.random.below(this.farm.daemons.length)]!;
    const repair = this.broken.get(d);
    this.faults++;
    if (repair) {
      await repair();
      return;
    }
    const first = d === this.farm.daemons[0];
    const what = this.random.below(this.o.machines === undefined ? 5 : 6);
    if (what === 0 && !first) await this.end(d, 'crash', 'SIGKILL');
    else if (what === 1 && !first) await this.end(d, 'stop', 'SIGTERM');
    else if (what === 5) this.narrow(d);
    else if (what <= 2) {
      this.o.say(`${d.name} frozen`);
      d.signal('SIGSTOP');
      this.broken.set(d, () => {
        this.broken.delete(d);
        d.signal('SIGCONT');
        return Promise.resolve();
      });
    } else if (what === 3) await this.turnover(d);
    else await this.cut();
  }

  /** Parts the daemons that work at random, in both directions or in one, or heals what was cut. */
  async cut(): Promise<void> {
    const working = this.farm.daemons.filter((d) => d.running && !this.broken.has(d));
    if (this.isCut || working.length < 2) return this.heal();
    const some = working.filter(() => this.random.below(2) === 0);
    const others = working.filter((d) => !some.includes(d)).map((d) => d.name);
    if (some.length === 0 || others.length === 0) return;
    const oneWay = this.random.below(3) === 0;
    this.o.say(`${some.map((d) => d.name).join()} cut ${oneWay ? 'one way ' : ''}from ${others.join()}`);
    this.isCut = true;
    const names = others.join(', ');
    const { machines } = this.o;
    for (const d of some)
      if (machines === undefined)
        await command(this.farm, d, { set: { cut_to: names, cut_from: oneWay ? '' : names } });
      else
        for (const other of others) {
          machines.cut(this.place(d), this.place(other));
          if (!oneWay) machines.cut(this.place(other), this.place(d));
        }
  }

  place(d: Daemon | string): number {
    return this.farm.daemons.findIndex((x) => x === d || x.name === d);
  }

  /** What that daemon sends goes out slowly, until the storm is over. */
  narrow(d: Daemon): void {
    const kbits = KBITS[this.random.below(KBITS.length)]!;
    this.o.say(`${d.name} sends at ${kbits} kbit/s`);
    this.o.machines!.limit(this.place(d), kbits);
    this.narrowed.add(d);
  }

  /** Every path is whole and wide again. */
  mendNetwork(machines: Namespaces): void {
    const places = this.farm.daemons.map((_, i) => i);
    for (const i of places) for (const j of places) if (i !== j) machines.mend(i, j);
    for (const d of this.narrowed) machines.limit(this.place(d), undefined);
    this.narrowed.clear();
  }

  async heal(): Promise<void> {
    if (this.isCut) this.o.say('cuts healed');
    this.isCut = false;
    if (this.o.machines !== undefined) {
      this.mendNetwork(this.o.machines);
      return;
    }
    for (const d of this.farm.daemons)
      if (d.running && !this.broken.has(d)) await command(this.farm, d, { clear: true, set: this.always() });
  }

  /** Trouble that does not end. */
  always(): Readonly<Record<string, string>> {
    return this.o.loss === undefined ? {} : { loss_percent: String(this.o.loss) };
  }

  /** One client goes, another comes. */
  async turnover(d: Daemon): Promise<void> {
    const c = this.clients.find((x) => x.daemon === d && x.open);
    if (!c) return;
    this.clients = this.clients.filter((x) => x !== c);
    await c.kill();
    await this.client(d);
  }

  async end(d: Daemon, event: 'crash' | 'stop', signal: NodeJS.Signals): Promise<void> {
    this.o.say(`${d.name} gets ${signal}`);
    const life = { daemon: d.name, incarnation: String(d.life) };
    if (event === 'stop') this.recorder.emit({ t: this.recorder.now, event: 'leaving', ...life });
    await d.end(signal);
    // What the kernel still held for its clients belongs before the end of that life.
    const own = this.clients.filter((c) => c.daemon === d);
    await Promise.all(own.map((c) => c.closed));
    this.clients = this.clients.filter((c) => c.daemon !== d);
    this.recorder.emit({ t: this.recorder.now, event, ...life });
    this.broken.set(d, async () => {
      this.broken.delete(d);
      await this.boot(d);
    });
  }

  /** Waits until every client's view of ALL has all clients, and nothing more comes. */
  async together(what: string): Promise<void> {
    const from = this.recorder.now;
    const whole = (): boolean => {
      const names = this.clients
        .map((c) => c.privateGroup)
        .sort()
        .join();
      return this.clients.every((c) => c.open && [...(c.views.get(ALL) ?? [])].sort().join() === names);
    };
    while (!whole()) {
      const lost = this.clients.filter((c) => !c.open);
      if (lost.length > 0) this.fail(`${what}: ${lost.map((c) => c.privateGroup).join()} lost by a living daemon`);
      if (this.recorder.now - from > MERGE_LIMIT_MS) this.fail(`${what}: not together after ${MERGE_LIMIT_MS} ms`);
      await sleep(20);
    }
    this.slowestMergeMs = Math.max(this.slowestMergeMs, this.recorder.now - from);
    this.o.say(`${what}: together after ${this.recorder.now - from} ms`);
    const idle = (): boolean =>
      this.clients.every((c) => this.recorder.now - c.lastHeard > QUIET_MS && c.waiting === 0);
    while (!idle()) await sleep(20);
    this.recorder.settled();
  }

  fail(why: string): never {
    const logs = this.farm.daemons.map((d) => `${d.name}:\n  ${d.log.slice(-12).join('\n  ')}`).join('\n');
    throw new Error(`${why}\n${logs}`);
  }
}

/** Runs one soak. Throws when the daemons do not come together; answers what the checkers found. */
export async function soak(o: SoakOptions): Promise<SoakFigures> {
  const { daemons, machines, link = 'tcp' } = o;
  const where = machines === undefined ? { cuttable: true } : { machines };
  const farm = await Farm.create({ daemons, link, ...where });
  const s = new Soak(farm, o);
  try {
    await s.run();
    const violations = s.checkers.finish();
    const { recorder, faults, slowestMergeMs } = s;
    const { delivered: deliveries, views, sent } = recorder;
    return { faults, messages: sent.length, deliveries, views, slowestMergeMs, violations, growth: s.witness.growth() };
  } finally {
    s.sending = false;
    for (const c of s.clients) c.destroy();
    await farm.destroy();
  }
}
