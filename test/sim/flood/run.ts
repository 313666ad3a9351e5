// One run of flooding sites: phases of faults and of quiet from one seed, judged while it goes. Same seed and code, same
// trace hash.
import type { FloodEvent, SubmitRefusal, UpdateId } from '../../../plugins/service/flood/machine/types.js';
import { Clock, Phase } from '../clock.js';
import type { Violation } from '../ledger.js';
import { hashText, Random } from '../random.js';
import { judgeCalm, judgeGentle, judgeGroups, judgeLimits, judgeRest, judgeUpdates, type Live } from './judge.js';
import { Ledger, type Submitted } from './ledger.js';
import { Network } from './network.js';
import { type FloodFault, type FloodPhase, type FloodSchedule, makeFloodSchedule, tellFault } from './schedule.js';
import { makeWorld, type World } from './settings.js';
import { Site } from './site.js';

export interface FloodRunOptions {
  readonly seed: number;
  /** Between these numbers of sites. */
  readonly sites: readonly [number, number];
  readonly phases?: number;
  /** Instead of the one the seed gives: for shrinking. */
  readonly schedule?: FloodSchedule;
  /** Told line by line what happens. */
  readonly tell?: (line: string) => void;
}

export interface FloodFigures {
  readonly sites: number;
  readonly simulatedMs: number;
  readonly siteDays: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly updates: number;
  readonly exports: number;
  readonly dropped: number;
  readonly events: number;
}

export interface FloodResult {
  readonly seed: number;
  readonly hash: string;
  readonly violations: readonly Violation[];
  readonly schedule: FloodSchedule;
  readonly figures: FloodFigures;
}

const PHASES = 2;
const DAY_MS = 86_400_000;
/** Redial every 60 s at the latest, with its jitter, a slow dial and the other side's turn. */
const REDIAL_SLACK_MS = 120_000;
const CALM_SUBMITS_MS = 5_000;
const EVENTS_MAX = 30_000_000;
const VIOLATIONS_MAX = 50;
/** Updates that one site may add in a phase: the lists of what is missing must stay exact. */
const UPDATES_MAX = 3_000;

export function runFlood(o: FloodRunOptions): FloodResult {
  return new Run(o).go();
}

class Run {
  private readonly clock = new Clock();
  private readonly random: Random;
  private readonly world: World;
  private readonly network: Network;
  private readonly sites: Site[];
  private readonly schedule: FloodSchedule;
  private readonly ledger: Ledger;
  private readonly violations: Violation[] = [];
  private readonly faults: Record<string, number> = {};
  private hash = 0x811c9dc5;
  /** First life whose memory a site still has. */
  private readonly remembers: number[];
  private updates = 0;
  private dropped = 0;
  /** Something happened in this phase that may cost updates. */
  private costly = false;
  private patient = false;
  /** Rises when a quiet begins: what was to happen later in the chaos does not. */
  private age = 0;

  constructor(private readonly o: FloodRunOptions) {
    const r = new Random(o.seed, 'flood run');
    this.random = r;
    // Drawn in any case: a run with the schedule that its seed gives is the run of that seed.
    const drawn = r.between(o.sites[0], o.sites[1]);
    const n = o.schedule?.sites ?? drawn;
    this.world = makeWorld(r.fork('flood world'), n);
    this.schedule =
      o.schedule ??
      makeFloodSchedule(o.seed, n, o.phases ?? PHASES, this.world.periods.purgeMs, this.world.periods.downMs);
    this.ledger = new Ledger((guarantee, detail) => this.violate(guarantee, detail));
    this.network = new Network(this.clock, r.fork('flood network'), n);
    const byName = new Map<string, Site>();
    this.sites = this.world.settings.map(
      (settings, place) =>
        new Site(
          place,
          settings,
          this.world.durable[place]!,
          this.clock,
          this.network,
          r.fork(`flood site ${place}`),
          (name) => byName.get(name),
          {
            exported: (site, bundle, ok) => {
              const groups = site.settings.groups.map((g) => g.name);
              this.trace(
                `${site.name} exports ${bundle.scope} ${bundle.updates.map((u) => `${u.id.origin}.${u.id.sequence}`).join()} ${ok}`,
              );
              this.ledger.exported(site.name, this.lifeOf(site), groups, bundle, ok);
            },
            event: (site, e) => this.event(site, e),
          },
        ),
    );
    for (const s of this.sites) byName.set(s.name, s);
    this.remembers = this.sites.map(() => 1);
  }

  go(): FloodResult {
    try {
      this.play();
    } catch (error) {
      this.violate('exception', error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    const simulatedMs = this.clock.now;
    return {
      seed: this.o.seed,
      hash: this.hash.toString(16).padStart(8, '0'),
      violations: this.violations,
      schedule: this.schedule,
      figures: {
        sites: this.sites.length,
        simulatedMs,
        siteDays: (this.sites.length * simulatedMs) / DAY_MS,
        faults: this.faults,
        updates: this.updates,
        exports: this.ledger.exports,
        dropped: this.dropped,
        events: this.clock.steps,
      },
    };
  }

  private play(): void {
    const { periods } = this.world;
    for (const s of this.random.shuffled(this.sites)) {
      this.clock.schedule(this.clock.now + this.random.heavy(500, periods.joinMs), Phase.harness, () => this.start(s));
    }
    this.watch();
    this.wait(2 * periods.joinMs + periods.updateMs);
    for (const phase of this.schedule.phases) {
      const from = this.clock.now;
      this.chaos(phase);
      this.quiet(phase, from);
      if (this.violations.length > 0) return;
    }
  }

  private chaos(phase: FloodPhase): void {
    const from = this.clock.now;
    const { age } = this;
    this.patient = phase.patient;
    // A tree falls apart when one site is away, until the next topology.
    const tree = phase.patient && this.sites.some((s) => s.settings.groups.some((g) => g.connectivity < 2));
    this.costly = tree || !(phase.gentle || phase.patient) || this.sites.some((s) => s.life === undefined);
    for (const { at, fault } of phase.entries)
      this.clock.schedule(from + at, Phase.harness, () => {
        if (this.age === age) this.strike(fault, age);
      });
    const every = Math.max(200, Math.ceil(phase.ms / this.random.pick([50, 200, 600])));
    const talk = (): void => {
      if (this.age !== age) return;
      this.submit(this.random.pick(this.sites), this.random.heavy(100, 3000));
      this.clock.schedule(this.clock.now + 1 + this.random.heavy(every, 5 * every), Phase.harness, talk);
    };
    talk();
    this.wait(phase.ms);
  }

  /** Everything is mended, and must come to rest. */
  private quiet({ absent }: FloodPhase, from: number): void {
    const { periods } = this.world;
    this.age++;
    this.trace('quiet');
    this.network.healAll();
    this.network.corruptPerMillion = 0;
    for (const s of this.sites) {
      Object.assign(s.outside, { exportMs: 20, exportFails: 0, exportBusy: false });
      if (s.life !== undefined && !s.life.awake) s.life.thaw();
      if (absent.includes(s.place)) this.stop(s, () => s.kill());
      else this.start(s);
    }
    this.wait(1.3 * periods.purgeMs + 2 * periods.joinMs + periods.updateMs + REDIAL_SLACK_MS);
    const reachable = this.isWhole();
    const calmFrom = this.clock.now;
    const sent: Submitted[] = [];
    for (let i = 0; i < 12; i++) {
      const s = this.submit(this.random.pick(this.liveSites()).site, this.random.heavy(100, 2000));
      if (s !== undefined) sent.push(s);
      this.wait(CALM_SUBMITS_MS / 10);
    }
    this.wait(12 * periods.estimatesMs + CALM_SUBMITS_MS);
    const live = this.liveSites();
    const mastersLive = this.world.groups.every((g) => !absent.includes(g.members[0]!));
    const violate = (guarantee: string, detail: string): void => this.violate(guarantee, detail);
    judgeUpdates(this.world, live, this.ledger, from, violate);
    if (mastersLive && reachable) judgeCalm(this.world, live, this.ledger, sent, violate);
    const counts = live.map((l) => l.machine.statistics());
    const refused = counts.some((c) => c.droppedOversize + c.droppedFull > 0);
    if (!this.costly && !refused && reachable) judgeGentle(this.world, live, this.ledger, from, violate);
    judgeGroups(this.world, live, violate);
    judgeRest(this.world, live, mastersLive, violate);
    this.trace(`judged ${calmFrom}`);
    for (const l of live) {
      const s = l.machine.statistics();
      this.dropped += s.droppedDown + s.droppedSend + s.droppedExport + s.droppedFull;
      this.trace(`${l.site.name} ${JSON.stringify(s)}`);
    }
  }

  /** Do the groups hang together by sites that live? */
  private isWhole(): boolean {
    const [a, b] = this.world.groups;
    return (
      b === undefined ||
      this.liveSites().some(({ site: s }) => a!.members.includes(s.place) && b.members.includes(s.place))
    );
  }

  private liveSites(): Live[] {
    return this.sites.flatMap((site) => {
      if (site.life === undefined) return [];
      const lives = Array.from(
        { length: site.lives - this.remembers[site.place]! + 1 },
        (_, i) => `${site.name} ${this.remembers[site.place]! + i}`,
      );
      return [{ site, machine: site.life.machine, lives }];
    });
  }

  private strike(fault: FloodFault, age: number): void {
    this.faults[fault.kind] = (this.faults[fault.kind] ?? 0) + 1;
    this.trace(tellFault(fault));
    const later = (ms: number, undo: () => void): void => {
      this.clock.schedule(this.clock.now + ms, Phase.harness, () => {
        if (this.age === age) undo();
      });
    };
    switch (fault.kind) {
      case 'kill':
        return this.kill(this.sites[fault.site]!, fault.lose, fault.downMs, later);
      case 'leave': {
        const s = this.sites[fault.site]!;
        // Who keeps in memory what it has loses it.
        if (this.patient && !s.durable) return;
        this.stop(s, () => s.leave());
        return later(fault.downMs, () => this.start(s));
      }
      case 'freeze': {
        const { life } = this.sites[fault.site]!;
        life?.freeze();
        return later(fault.ms, () => life?.thaw());
      }
      case 'cut':
        return this.cut(
          [[fault.from, fault.to], ...(fault.both ? [[fault.to, fault.from] as const] : [])],
          fault.ms,
          later,
        );
      case 'partition': {
        const others = this.sites.map((s) => s.place).filter((p) => !fault.side.includes(p));
        const pairs = fault.side.flatMap((a) => others.flatMap((b) => [[a, b] as const, [b, a] as const]));
        return this.cut(pairs, fault.ms, later);
      }
      case 'break':
        this.network.breakOne(fault.a, fault.b);
        return;
      case 'flap':
        for (let i = 0; i < fault.times; i++) later(300 * i, () => this.network.breakOne(fault.a, fault.b));
        return;
      case 'export': {
        const { outside } = this.sites[fault.site]!;
        if (fault.how === 'slow') outside.exportMs = 20_000;
        else if (fault.how === 'fails') outside.exportFails = 700;
        else outside.exportBusy = true;
        return later(fault.ms, () => Object.assign(outside, { exportMs: 20, exportFails: 0, exportBusy: false }));
      }
      case 'clock':
        this.sites[fault.site]!.outside.wallOffsetMs += fault.offsetMs;
        return;
      case 'corrupt':
        this.network.corruptPerMillion = fault.perMillion;
        return later(fault.ms, () => (this.network.corruptPerMillion = 0));
      case 'burst':
        for (let i = 0; i < fault.updates; i++)
          later(
            10 * i,
            () => void this.submit(this.sites[fault.site]!, this.random.heavy(fault.bytes, 8 * fault.bytes)),
          );
        return;
      case 'update': {
        for (const s of this.sites) s.life?.run(() => void s.life!.machine.update(s.settings.groups[0]!.name));
      }
    }
  }

  private kill(s: Site, lose: boolean, downMs: number, later: (ms: number, undo: () => void) => void): void {
    this.stop(s, () => s.kill());
    if (lose) s.lose();
    later(downMs, () => this.start(s));
  }

  private cut(
    pairs: readonly (readonly [number, number])[],
    ms: number,
    later: (ms: number, undo: () => void) => void,
  ): void {
    for (const [a, b] of pairs) this.network.cut(a, b);
    later(ms, () => {
      for (const [a, b] of pairs) this.network.heal(a, b);
    });
  }

  private start(s: Site): void {
    if (s.life !== undefined) return;
    if (!s.durable || s.disk.size === 0) this.remembers[s.place] = s.lives + 1;
    this.trace(`${s.name} starts`);
    s.start();
  }

  private stop(s: Site, how: () => void): void {
    if (s.life === undefined) return;
    this.trace(`${s.name} stops`);
    how();
  }

  private submit(s: Site, bytes: number): Submitted | undefined {
    const { life } = s;
    if (life === undefined || !life.awake || this.updates > UPDATES_MAX * this.sites.length) return undefined;
    const group = this.random.chance(500) ? undefined : this.random.pick(s.settings.groups).name;
    const { number, body } = this.ledger.next(bytes);
    let result: UpdateId | SubmitRefusal | undefined;
    const submitted = (id: UpdateId): Submitted => ({
      id,
      scope: group ?? '*',
      atMs: this.clock.now,
      bytes: body.length,
    });
    life.run(() => (result = life.machine.submit(body, group)));
    if (result === undefined || typeof result === 'string') {
      if (result !== 'full' && result !== 'too-large') this.violate('submit', `${s.name} refuses: ${String(result)}`);
      return undefined;
    }
    this.updates++;
    const entry = submitted(result);
    this.ledger.accepted(number, entry);
    this.trace(`${s.name} submits ${result.sequence} ${entry.scope}`);
    return entry;
  }

  private lifeOf(site: Site): string {
    return `${site.name} ${site.lives}`;
  }

  /** Limits are looked at all the time. */
  private watch(): void {
    judgeLimits(
      this.liveSites(),
      (place) => this.network.openAt(place),
      (guarantee, detail) => this.violate(guarantee, detail),
    );
    this.clock.schedule(this.clock.now + this.world.periods.pingMs, Phase.harness, () => this.watch());
  }

  private event(site: Site, e: FloodEvent): void {
    this.trace(`${site.name} ${JSON.stringify(e)}`);
    if (e.kind === 'dropped' || e.kind === 'purged') this.costly = true;
    if (e.kind === 'site' && e.state === 'down' && !this.patient) this.costly = true;
    if (e.kind === 'name-clash') this.violate('name clash', `${site.name}: ${JSON.stringify(e)}`);
  }

  private trace(line: string): void {
    this.hash = hashText(`${this.clock.now} ${line}`, this.hash);
    this.o.tell?.(`${this.clock.now} ${line}`);
  }

  private violate(guarantee: string, detail: string): void {
    if (this.violations.length < VIOLATIONS_MAX) this.violations.push({ guarantee, t: this.clock.now, detail });
    this.o.tell?.(`${this.clock.now} VIOLATION [${guarantee}] ${detail}`);
  }

  private wait(ms: number): void {
    this.clock.runUntil(Math.ceil(this.clock.now + ms));
    if (this.clock.steps > EVENTS_MAX) throw new Error(`more than ${EVENTS_MAX} events: something spins`);
  }
}
