// One run: a cluster, a schedule and a workload from one seed, judged by all checkers while it goes. The same seed
// and code give the same trace hash.
import type { DaemonOptions } from '../../core/machine/ports.js';
import { DEFAULT_MAX_MESSAGE_BYTES } from '../../core/wire/frame.js';
import type { Link } from '../../core/machine/types.js';
import { Chaos } from './chaos.js';
import { Checkers, type CheckerOptions } from './checkers.js';
import { Cluster } from './cluster.js';
import type { MachineFactory } from './daemon.js';
import type { Violation } from './ledger.js';
import { Random } from './random.js';
import type { ChaosPhase, Schedule } from './schedule.js';
import { drawLife, drawSetting, type Flavour, type Setting } from './setting.js';
import { TraceHash, type TraceEvent } from './trace.js';
import { Workload } from './workload.js';

/** What is simulated. */
export interface Subject {
  readonly create: MachineFactory;
  readonly link: (stream: boolean, windowBytes: number | undefined) => Link;
  readonly options: DaemonOptions;
  readonly checkers: CheckerOptions;
  readonly media: readonly Flavour[];
}

export interface RunOptions {
  readonly seed: number;
  /** Between these numbers of daemons. */
  readonly daemons: readonly [number, number];
  readonly phases?: number;
  /** Instead of the one the seed gives. */
  readonly medium?: Flavour;
  /** Largest send; instead of the one the seed gives. */
  readonly maxBytes?: number;
  /** Instead of all that the seed gives, but for what the run itself draws. */
  readonly setting?: Setting;
  /** Sees every event of the trace. */
  readonly record?: (e: TraceEvent) => void;
}

export interface Figures {
  readonly daemons: number;
  readonly medium: Flavour;
  readonly simulatedMs: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly messages: number;
  /** Of `messages`, by service: one of the six regular bits. */
  readonly services: Readonly<Record<number, number>>;
  readonly views: number;
  readonly events: number;
  /** How long the slowest quiet phase took to one configuration per component. */
  readonly slowestConvergenceMs: number;
}

export interface RunResult {
  readonly seed: number;
  readonly hash: string;
  readonly violations: readonly Violation[];
  readonly figures: Figures;
  readonly setting: Setting;
}

const STEP_MS = 20;
/** A merge may wait 30 s for an edge that broke often (docs/design/membership.md); then it takes its rounds. */
const CONVERGENCE_LIMIT_MS = 60_000;
/** Small windows on slow paths leave seconds of backlog behind a full load. */
const DRAIN_LIMIT_MS = 60_000;
const DRAIN_STEP_MS = 200;
const REST_MS = 2_000;
/** Longer than anything sent before the healing is still under way: 3 s of retransmissions, 2 s of tail. */
const HOLD_MS = 6_000;
const CALM_MS = 2_000;
/** The longest stall of all daemons in a calm; half of them are about as long as the limit of silence. */
const STALL_MAX_MS = 1_500;
const STALL_LOW_MS = 250;
const STALL_HIGH_MS = 450;
const EVENTS_OF_A_RUN_MAX = 30_000_000;
/** Eleven daemons in a change of configuration have up to 10,000, a storm of rounds among them has 25 million. */
const EVENTS_OF_A_SECOND_MAX = 1_000_000;
const SECOND_MS = 1_000;

export function runSeed(subject: Subject, o: RunOptions): RunResult {
  const { seed, daemons, phases, maxBytes } = o;
  const media = o.medium === undefined ? subject.media : [o.medium];
  const maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES;
  const given = { ...(phases === undefined ? {} : { phases }), ...(maxBytes === undefined ? {} : { maxBytes }) };
  const setting = o.setting ?? drawSetting({ seed, daemons, media, maxMessageBytes, ...given });
  return new Run(subject, setting, o.record).go();
}

class Run {
  private readonly checkers: Checkers;
  private readonly hash = new TraceHash();
  private readonly schedule: Schedule;
  private readonly cluster: Cluster;
  private readonly workload: Workload;
  private readonly chaos: Chaos;
  private readonly random: Random;
  private readonly resets: Random;
  private readonly own: Violation[] = [];
  private slowestMs = 0;
  /** End of the second that runs, and how many events there may be by then. */
  private secondMs = 0;
  private stepsMax = 0;

  constructor(
    subject: Subject,
    private readonly setting: Setting,
    private readonly record: ((e: TraceEvent) => void) | undefined,
  ) {
    const { seed, schedule, medium, maxBytes, fits, bufferBytes, rates } = setting;
    this.random = new Random(seed, 'calm');
    this.resets = new Random(seed, 'resets');
    this.schedule = schedule;
    this.checkers = new Checkers(subject.checkers);
    const lives = new Random(seed, 'lives');
    this.cluster = new Cluster({
      seed,
      daemons: schedule.daemons,
      medium,
      maxBytes,
      fits,
      bufferBytes,
      create: subject.create,
      life: () => {
        const { options, windowBytes } = drawLife(lives, subject.options);
        return { options, link: subject.link(medium === 'stream', windowBytes) };
      },
      trace: (e) => this.trace(e),
    });
    this.workload = new Workload(seed, this.cluster, rates);
    this.chaos = new Chaos(seed, this.cluster, this.workload);
  }

  go(): RunResult {
    try {
      this.play();
    } catch (error) {
      this.violate('exception', error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    this.checkers.finish();
    return {
      seed: this.setting.seed,
      hash: this.hash.hex(),
      violations: [...this.own, ...this.checkers.violations],
      setting: this.setting,
      figures: {
        daemons: this.schedule.daemons,
        medium: this.setting.medium,
        simulatedMs: this.cluster.clock.now,
        faults: this.chaos.counts,
        messages: this.cluster.messages,
        services: this.cluster.services,
        views: this.cluster.views,
        events: this.cluster.clock.steps,
        slowestConvergenceMs: this.slowestMs,
      },
    };
  }

  private trace(e: TraceEvent): void {
    this.hash.add(e);
    this.record?.(e);
    this.checkers.add(e);
    if (e.event === 'note' && e.what.startsWith('FATAL')) this.violate('fatal', e.what);
  }

  private violate(guarantee: string, detail: string): void {
    this.own.push({ guarantee, t: this.cluster.clock.now, detail });
  }

  private play(): void {
    this.cluster.list.forEach(({ place }) => this.cluster.boot(place));
    this.workload.set('full');
    this.wait(1000);
    for (const phase of this.schedule.phases) {
      this.workload.set('full');
      this.chaos.begin(phase);
      this.wait(phase.ms);
      this.status();
      this.chaos.end(phase.components);
      if (!this.quiet(phase)) return;
    }
  }

  /** False: it does not converge, so nothing after it would tell more. */
  private quiet({ components }: ChaosPhase): boolean {
    const { clock } = this.cluster;
    const from = clock.now;
    // What was sent before the healing may still arrive late and break a configuration once more: it has to hold.
    for (let heldMs = 0; heldMs < HOLD_MS; heldMs += STEP_MS) {
      if (!this.converged(components)) heldMs = -STEP_MS;
      if (clock.now - from > CONVERGENCE_LIMIT_MS) {
        this.violate('15/18 convergence', `no agreement ${CONVERGENCE_LIMIT_MS} ms after healing: ${this.states()}`);
        return false;
      }
      this.chaos.revive();
      this.wait(STEP_MS);
    }
    this.slowestMs = Math.max(this.slowestMs, clock.now - from - HOLD_MS);
    if (!this.drained()) return false;
    this.mark('calm');
    this.workload.set('messages');
    // A path that suddenly carries less is a fault: half of the packs under way are lost each time, even nine times in a row.
    this.cluster.faults.steadySince = clock.now;
    this.calm();
    if (!this.drained()) return false;
    this.cluster.faults.steadySince = undefined;
    this.mark('calm-end');
    this.status();
    const components_ = components.map((c) => [...c].sort((a, b) => a - b).map((p) => this.cluster.list[p]!.name));
    this.trace({ t: clock.now, event: 'settled', components: components_ });
    return this.checkers.violations.length === 0;
  }

  /** Some time without a fault but such as may change nothing: all stand still at once, or a connection breaks and is back. */
  private calm(): void {
    const r = this.random;
    const before = r.below(CALM_MS);
    this.wait(before);
    if (this.resets.chance(300)) {
      const [a, b] = this.resets.shuffled(this.cluster.list.map(({ place }) => place));
      this.cluster.network.reset(a!, b!);
    }
    if (r.chance(500)) {
      const ms = r.chance(500) ? r.between(STALL_LOW_MS, STALL_HIGH_MS) : r.below(STALL_MAX_MS);
      this.chaos.stallAll(ms);
      this.wait(ms + 1);
    }
    this.wait(CALM_MS - before);
  }

  /** Clients say nothing more; waits until every daemon has said what they said, and a while for its way. */
  private drained(): boolean {
    const { clock, daemons } = this.cluster;
    this.workload.set('off');
    const until = clock.now + DRAIN_LIMIT_MS;
    // A path that carries less than packs have loses half of them each time: what is under way may take some seconds.
    const waiting = (): boolean =>
      daemons.some((d) => {
        if (d === undefined) return false;
        const { counters } = d.machine.status();
        return d.backlog.size > 0 || counters['backlog bytes'] !== 0 || counters['log packs'] !== 0;
      });
    while (waiting()) {
      if (clock.now > until) {
        this.violate(
          '15/18 convergence',
          `clients still wait ${DRAIN_LIMIT_MS} ms after their last word: ${this.states()}`,
        );
        return false;
      }
      this.wait(DRAIN_STEP_MS);
    }
    this.wait(REST_MS);
    return true;
  }

  private converged(components: readonly (readonly number[])[]): boolean {
    return components.every((c) => {
      const lives = c.map((place) => this.cluster.daemons[place]);
      const first = lives[0]?.config;
      return lives.every((d) => d?.config !== undefined && d.config === first && d.members === c.length);
    });
  }

  private status(): void {
    for (const d of this.cluster.daemons) {
      if (d === undefined) continue;
      const { groups, counters } = d.machine.status();
      const { name: daemon, incarnation } = d;
      this.trace({ t: this.cluster.clock.now, event: 'status', daemon, incarnation, groups, counters });
    }
  }

  private states(): string {
    const lines = this.cluster.daemons.map((d) => {
      if (d === undefined) return '-';
      const { peers } = d.machine.status();
      const text = peers
        .map((p) => `${p.name} ${p.heardMsAgo}${p.hearsUs ? '' : '!'} held ${p.heldUntilMs}`)
        .join(', ');
      return `${d.name}: ${d.machine.describe().split('\n').slice(0, 2).join(', ')}; ${text}`;
    });
    return lines.map((l) => `\n      ${l}`).join('');
  }

  private mark(event: 'calm' | 'calm-end'): void {
    this.trace({ t: this.cluster.clock.now, event });
  }

  private wait(ms: number): void {
    const { clock } = this.cluster;
    const until = clock.now + ms;
    do {
      if (clock.now >= this.secondMs) {
        this.secondMs = clock.now + SECOND_MS;
        this.stepsMax = clock.steps + EVENTS_OF_A_SECOND_MAX;
      }
      clock.runUntil(Math.min(this.secondMs, until), this.stepsMax);
    } while (clock.now < until);
    if (clock.steps > EVENTS_OF_A_RUN_MAX) throw new Error(`more than ${EVENTS_OF_A_RUN_MAX} events: something spins`);
  }
}
