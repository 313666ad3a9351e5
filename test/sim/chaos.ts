// Carries a schedule out on a cluster: faults at their times, ambushes at their moments, healing at the end of a phase.
import type { Cluster } from './cluster.js';
import { Phase } from './clock.js';
import type { SimDaemon } from './daemon.js';
import { GOOD_PATH, type Path } from './faults.js';
import { Random } from './random.js';
import { type Action, type Ambush, type ChaosPhase, DESCRIBED, type Moment, NOTICED, tellAction } from './schedule.js';
import type { Workload } from './workload.js';

const AMBUSH_MS = 700;
const LAG_MS = 400;
const SLOW_MS = 300;
const RESTART_MS = 5;

interface Armed {
  readonly at: Moment;
  left: number;
  readonly then: Ambush;
}

export class Chaos {
  /** Faults carried out, by kind. */
  readonly counts: Record<string, number> = {};
  private readonly random: Random;
  private armed: Armed[] = [];
  /** What is undone when its time is over or the phase ends; a phase forgets those of the one before. */
  private phase = 0;
  /** Only daemons in a change have moments to describe; false: it installed in the present tick. */
  private readonly changing = new Map<SimDaemon, boolean>();
  private readonly described = new Map<SimDaemon, string>();

  constructor(
    seed: number,
    private readonly cluster: Cluster,
    private readonly workload: Workload,
  ) {
    this.random = new Random(seed, 'chaos');
    cluster.onEvent = (d, e) => {
      if (e.kind === 'round') this.changing.set(d, true);
      if (e.kind === 'installed') this.changing.set(d, false);
      if (this.armed.length === 0) return;
      const notice = NOTICED.find((n) => n === e.kind);
      const whose = e.kind === 'refused' ? cluster.daemons.find((o) => o?.name === e.peer) : d;
      if (notice !== undefined && whose !== undefined) this.moment(whose, notice);
    };
    cluster.onTick = (d) => {
      const changing = this.changing.get(d);
      if (changing === undefined) return;
      if (this.armed.some((a) => DESCRIBED.some((w) => w === a.at))) this.looked(d);
      if (!changing) this.changing.delete(d);
    };
  }

  /** Schedules all of a phase from now on. */
  begin(phase: ChaosPhase): void {
    const { clock } = this.cluster;
    const mine = ++this.phase;
    for (const { at, action } of phase.entries)
      clock.schedule(clock.now + at, Phase.harness, () => {
        if (mine === this.phase) this.act(action);
      });
  }

  /** Everything is mended; everybody lives and runs; the components are apart. */
  end(components: readonly (readonly number[])[]): void {
    const { cluster } = this;
    this.phase++;
    this.armed = [];
    cluster.faults.healAll();
    cluster.faults.partition(components);
    cluster.list.forEach(({ place }) => cluster.resume(place));
    this.revive();
    cluster.note('note', `quiet: ${components.map((c) => c.join('')).join(' | ')}`);
  }

  /** Boots what is not running: also those who still were leaving when the quiet began. */
  revive(): void {
    this.cluster.list.forEach(({ place }) => this.cluster.boot(place));
  }

  /**
   * The machine that all of them run on stands still. Nobody is to blame: after it nobody may be accused, though every
   * timer fires before anything is read.
   */
  stallAll(ms: number): void {
    const { cluster } = this;
    cluster.note('note', `all stand still for ${ms} ms`);
    this.count('stall');
    cluster.list.forEach(({ place }) => cluster.pause(place));
    cluster.clock.schedule(cluster.clock.now + ms, Phase.harness, () =>
      cluster.list.forEach(({ place }) => cluster.resume(place)),
    );
  }

  private act(a: Action): void {
    const { cluster } = this;
    cluster.note('fault', tellAction(a));
    if (a.do === 'path') this.countPath(a.path);
    else if (a.do !== 'ambush') this.count(a.do);
    switch (a.do) {
      case 'crash':
        cluster.crash(a.place);
        return;
      case 'boot':
        cluster.boot(a.place);
        return;
      case 'stop':
        cluster.stop(a.place);
        return;
      case 'restart':
        this.restart(a.place);
        return;
      case 'slow':
        this.slow(a.place, a.ms);
        return;
      case 'plug':
        for (const [from, to, after] of a.pairs) cluster.faults.plug(a.plane, from, to, after);
        if (a.plane === 'data') this.workload.burst();
        this.later(a.ms, () => {
          for (const [from, to] of a.pairs) cluster.faults.plug(a.plane, from, to, -1);
        });
        return;
      case 'pause':
        this.pause(a.place, a.ms);
        return;
      case 'cut':
        this.cut(a.from, a.to, a.both, a.ms);
        return;
      case 'partition':
        cluster.faults.partition(a.components);
        this.later(a.ms, () => cluster.faults.partition([cluster.list.map((d) => d.place)]));
        return;
      case 'path':
        this.path(a.place, a.path);
        this.later(a.ms, () => this.path(a.place, GOOD_PATH));
        return;
      case 'lag':
        this.lag(a.from, a.to, { ...GOOD_PATH, delayMs: LAG_MS });
        this.later(a.ms, () => this.lag(a.from, a.to, GOOD_PATH));
        return;
      case 'reset':
        cluster.network.reset(a.a, a.b);
        return;
      case 'clock':
        cluster.setClock(a.place, a.seconds);
        return;
      case 'slow-reader':
        this.slowReader(a.place, a.ms);
        return;
      case 'storm':
        this.workload.storm(a.place, a.what);
        return;
      case 'ambush':
        this.armed.push({ at: a.at, left: a.nth, then: a.then });
    }
  }

  /** Each thing that is wrong with a path is a fault of its own; an ambush counts when it is sprung. */
  private countPath(p: Path): void {
    for (const what of ['loss', 'duplicate', 'reorder', 'tail', 'full'] as const) if (p[what] > 0) this.count(what);
    if (p.delayMs > GOOD_PATH.delayMs) this.count('delay');
  }

  private count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  /** Undoes a fault unless the phase is over by then. */
  private later(ms: number, undo: () => void): void {
    const mine = this.phase;
    const { clock } = this.cluster;
    clock.schedule(clock.now + ms, Phase.harness, () => {
      if (mine === this.phase) undo();
    });
  }

  private pause(place: number, ms: number): void {
    this.cluster.pause(place);
    this.later(ms, () => this.cluster.resume(place));
  }

  /** Back before anybody can have noticed. */
  private restart(place: number): void {
    this.cluster.crash(place);
    const { clock } = this.cluster;
    clock.schedule(clock.now + this.random.below(RESTART_MS), Phase.harness, () => this.cluster.boot(place));
  }

  private slow(place: number, ms: number): void {
    const set = (path: Path): void =>
      this.cluster.list.forEach(({ place: from }) => this.cluster.faults.setPath(from, place, path));
    set({ ...GOOD_PATH, delayMs: SLOW_MS });
    this.later(ms, () => set(GOOD_PATH));
  }

  private slowReader(place: number, ms: number): void {
    const d = this.cluster.daemons[place];
    const s = d === undefined ? undefined : this.cluster.sessionsOf(d)[0];
    if (d === undefined || s === undefined) return;
    s.congested(true);
    // Its queue empties some time, chaos or quiet; in a paused or dead daemon nobody asks.
    const { clock } = this.cluster;
    clock.schedule(clock.now + ms, Phase.harness, () => s.congested(false));
  }

  private cut(from: number, to: number, both: boolean, ms: number): void {
    const { faults } = this.cluster;
    faults.cut(from, to);
    if (both) faults.cut(to, from);
    this.later(ms, () => {
      faults.mend(from, to);
      if (both) faults.mend(to, from);
    });
  }

  private path(place: number, path: Path): void {
    const { faults, list } = this.cluster;
    for (const { place: a } of list)
      for (const { place: b } of list) if (place === -1 || a === place || b === place) faults.setPath(a, b, path);
  }

  private lag(from: readonly number[], to: readonly number[], path: Path): void {
    for (const a of from) for (const b of to) this.cluster.faults.setPath(a, b, path);
  }

  private looked(d: SimDaemon): void {
    const text = d.machine.describe();
    const before = this.described.get(d) ?? '';
    this.described.set(d, text);
    for (const word of DESCRIBED) if (text.includes(word) && !before.includes(word)) this.moment(d, word);
  }

  private moment(d: SimDaemon, at: Moment): void {
    for (const a of this.armed) if (a.at === at) a.left--;
    const due = this.armed.filter((a) => a.left <= 0);
    this.armed = this.armed.filter((a) => a.left > 0);
    const { clock } = this.cluster;
    for (const a of due) clock.schedule(clock.now, Phase.read, () => this.spring(d, a));
  }

  private spring(d: SimDaemon, { at, then }: Armed): void {
    const { cluster } = this;
    if (!d.alive) return;
    const n = cluster.list.length;
    const other = (d.place + 1 + this.random.below(n - 1)) % n;
    cluster.note('fault', `ambush: ${then} as ${d.name} is ${at}`);
    this.count(`ambush-${then}`);
    switch (then) {
      case 'crash':
        cluster.crash(d.place);
        return;
      case 'restart':
        this.restart(d.place);
        return;
      case 'crash-other':
        cluster.crash(other);
        return;
      case 'shatter': {
        const alone = cluster.list.map(({ place }) => [place]);
        cluster.faults.partition(alone);
        this.later(AMBUSH_MS, () => cluster.faults.partition([alone.flat()]));
        return;
      }
      case 'pause':
        this.pause(d.place, AMBUSH_MS);
        return;
      case 'cut-other':
        this.cut(d.place, other, true, AMBUSH_MS);
        return;
      case 'overtake':
        this.slow(d.place, AMBUSH_MS);
        this.restart(other);
        return;
      case 'isolate':
      case 'deafen':
        for (const { place } of cluster.list)
          if (place !== d.place) this.cut(place, d.place, then === 'isolate', AMBUSH_MS);
    }
  }
}
