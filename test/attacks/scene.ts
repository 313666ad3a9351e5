// A scene: a cluster of the simulator in which one attack is played, message by message. Whatever a daemon sends goes
// through the scene's rules first, which let it pass, drop it, or hold it until it is released; everything else (clock,
// network, sessions, trace, checkers) is the simulator's own. See docs/design/review.md.
import { createDaemon } from '../../core/machine/daemon.js';
import { Kind } from '../../core/machine/envelope.js';
import { createMesh } from '../../core/machine/mesh/index.js';
import { DEFAULT_OPTIONS } from '../../core/machine/options.js';
import type { DaemonOptions, DaemonPorts, Plane } from '../../core/machine/ports.js';
import type { Bytes, Link } from '../../core/machine/types.js';
import { Checkers, PEAL_OPTIONS } from '../sim/checkers.js';
import { Cluster } from '../sim/cluster.js';
import type { SimDaemon } from '../sim/daemon.js';
import type { SimSession } from '../sim/session.js';
import type { TraceEvent } from '../sim/trace.js';

/** One message between two daemons, by place; `kind` is that of its envelope. */
export interface Message {
  readonly from: number;
  readonly to: number;
  readonly plane: Plane;
  readonly kind: Kind;
  readonly head: Bytes;
}

/** The first rule with an opinion decides; none: it passes. */
export type Rule = (m: Message) => 'pass' | 'drop' | 'hold' | undefined;

export interface SceneOptions {
  readonly daemons: number;
  readonly medium?: 'stream' | 'datagram';
  readonly maxBytes?: number;
  readonly options?: (place: number) => Partial<DaemonOptions>;
  readonly link?: (stream: boolean) => Link;
}

const CONVERGENCE_MS = 60_000;
const STEP_MS = 10;
const REST_MS = 3_000;
const PARTED_MS = 8_000;

export class Scene {
  readonly cluster: Cluster;
  readonly events: TraceEvent[] = [];
  rules: Rule[] = [];
  private readonly checkers = new Checkers(PEAL_OPTIONS);
  private held: { readonly m: Message; readonly send: () => void }[] = [];

  constructor(o: SceneOptions) {
    const medium = o.medium ?? 'datagram';
    const stream = medium === 'stream';
    this.cluster = new Cluster({
      seed: 1,
      daemons: o.daemons,
      medium,
      maxBytes: o.maxBytes ?? (stream ? 65_536 : 1400),
      bufferBytes: 4_194_304,
      create: (birth, ports) => createDaemon(birth, this.steered(birth.self, ports)),
      life: (place) => ({
        link: o.link === undefined ? createMesh({ stream }) : o.link(stream),
        options: { ...DEFAULT_OPTIONS, ...o.options?.(place) },
      }),
      trace: (e) => {
        this.events.push(e);
        this.checkers.add(e);
      },
    });
  }

  get now(): number {
    return this.cluster.clock.now;
  }

  /** The life that runs at that place. */
  at(place: number): SimDaemon {
    const d = this.cluster.daemons[place];
    if (d === undefined) throw new Error(`nothing runs at ${place}`);
    return d;
  }

  /** Starts all and waits for their one configuration, or for one on each of these sides. */
  begin(...sides: readonly (readonly number[])[]): this {
    const parts = sides.length > 0 ? sides : [this.cluster.list.map((d) => d.place)];
    this.part(...parts);
    this.cluster.list.forEach(({ place }) => this.cluster.boot(place));
    this.until('all in their configurations', () => parts.every((p) => this.together(p)));
    this.run(REST_MS);
    return this;
  }

  /** One word of the daemon's state. */
  state(place: number): string {
    return this.at(place).machine.status().state;
  }

  run(ms: number): void {
    this.cluster.clock.runUntil(this.now + ms);
  }

  /** Runs, one millisecond after the other, until it is so; an error after a minute. */
  until(what: string, so: () => boolean): void {
    const end = this.now + CONVERGENCE_MS;
    while (!so()) {
      if (this.now >= end) throw new Error(`never: ${what}\n${this.describe()}`);
      this.run(1);
    }
  }

  /** Are these, and nobody else, in one configuration? */
  together(places: readonly number[]): boolean {
    const lives = places.map((p) => this.cluster.daemons[p]);
    const config = lives[0]?.config;
    return config !== undefined && lives.every((d) => d?.config === config && d.members === places.length);
  }

  /** A session with membership that has joined the group. */
  member(place: number, name: string, group = 'g'): SimSession {
    const s = this.cluster.connect(place, name, true);
    if (s === undefined) throw new Error(`${name} cannot connect`);
    s.join(group);
    s.pump();
    return s;
  }

  say(s: SimSession, service: number, bytes = 20, group = 'g'): void {
    s.multicast(service, [group], bytes, false);
    s.pump();
  }

  /** What was held goes its way, in its order: all of it, or what is chosen. */
  release(chosen: (m: Message) => boolean = () => true): void {
    const all = this.held;
    this.held = all.filter(({ m }) => !chosen(m));
    for (const { m, send } of all) if (chosen(m)) send();
  }

  get holding(): number {
    return this.held.length;
  }

  /** The medium tells these daemons that nobody listens at those places any more. */
  refused(at: readonly number[], gone: readonly number[]): void {
    for (const place of at) {
      const d = this.at(place);
      for (const g of gone) d.tick(() => d.machine.down(g, { kind: 'refused', detail: 'nobody listens there' }));
    }
  }

  /** Nothing passes between the two sides. */
  part(...sides: readonly (readonly number[])[]): void {
    this.cluster.faults.partition(sides);
  }

  /** Rules and faults end, all live; answers the violations of everything until rest. */
  verdict(): readonly string[] {
    this.rules = [];
    this.release();
    this.cluster.faults.healAll();
    const all = this.cluster.list.map((d) => d.place);
    for (const place of all) this.cluster.resume(place);
    // What was sent before may still break a configuration once more: it has to hold.
    const end = this.now + CONVERGENCE_MS;
    let since = this.now;
    while (this.now - since < REST_MS && this.now < end) {
      for (const place of all) this.cluster.boot(place);
      this.run(STEP_MS);
      if (!this.together(all)) since = this.now;
    }
    const names = this.cluster.list.map((d) => d.name);
    this.checkers.add({ t: this.now, event: 'settled', components: [names] });
    // Some guarantees are judged when nobody is in a configuration any more.
    this.part(...all.map((place) => [place]));
    this.run(PARTED_MS);
    this.checkers.add({ t: this.now, event: 'settled', components: names.map((name) => [name]) });
    this.checkers.finish();
    return this.checkers.violations.map((v) => `[${v.guarantee}] at ${v.t} ms: ${v.detail}`);
  }

  describe(): string {
    return this.cluster.daemons.map((d) => d?.machine.describe() ?? '-').join('\n');
  }

  /** Configurations that were installed at that place since, as the numbers of their members. */
  installs(place: number, since = 0): readonly string[] {
    const { name } = this.cluster.list[place]!;
    return this.events.flatMap((e) =>
      e.event === 'install' && e.daemon === name && e.t >= since ? [e.members.map((m) => m.split('/')[0]).join()] : [],
    );
  }

  /** Transitional sets that were entered since all were in one configuration. */
  survivors(): readonly string[] {
    const all = this.events.findLastIndex(
      (e) => e.event === 'install' && e.members.length === this.cluster.list.length,
    );
    return this.events
      .slice(all)
      .flatMap((e) =>
        e.event === 'transitional' ? [`${e.daemon}: ${e.survivors.map((m) => m.split('/')[0]).join()}`] : [],
      )
      .sort();
  }

  private steered(place: number, ports: DaemonPorts): DaemonPorts {
    let reach: readonly number[] = [];
    return {
      ...ports,
      reach: (peers) => {
        reach = [...peers];
        ports.reach(peers);
      },
      send: (to, plane, head, body) => {
        if (this.rules.length === 0) return ports.send(to, plane, head, body);
        const each = to === 'all' ? reach : [to];
        return each.map((peer) => this.one(place, peer, plane, head, body, ports)).every((taken) => taken);
      },
    };
  }

  private one(
    from: number,
    to: number,
    plane: Plane,
    head: Bytes,
    body: Bytes | undefined,
    ports: DaemonPorts,
  ): boolean {
    const m = { from, to, plane, kind: head[1] as Kind, head };
    let verdict: ReturnType<Rule>;
    for (const rule of this.rules) if ((verdict = rule(m)) !== undefined) break;
    if (verdict === 'hold') this.held.push({ m, send: () => void ports.send(to, plane, head, body) });
    else if (verdict !== 'drop') return ports.send(to, plane, head, body);
    return true;
  }
}

/** A rule that keeps the data plane from these to those. */
export function mute(from: readonly number[], to: readonly number[]): Rule {
  return (m) => (m.plane === 'data' && from.includes(m.from) && to.includes(m.to) ? 'drop' : undefined);
}

/** A rule for messages of these kinds between these places. */
export function on(
  what: 'drop' | 'hold' | 'pass',
  kinds: readonly Kind[],
  from: readonly number[],
  to: readonly number[],
): Rule {
  return (m) => (kinds.includes(m.kind) && from.includes(m.from) && to.includes(m.to) ? what : undefined);
}

export { Kind };
