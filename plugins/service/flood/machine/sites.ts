// The sites known here: where they are, which run of them was heard, when, and whether they are up (docs/design/flood.md,
// section 4). A site is heard by any frame of its own, relayed or not.
import type { Context } from './context.js';
import { LOST_IN_A_ROW, SITES_MAX } from './limits.js';
import type { SiteDefinition } from './settings.js';
import type { SiteState } from './types.js';

export interface Site {
  readonly name: string;
  definition: SiteDefinition;
  /** Defined in our own configuration: never forgotten. */
  readonly configured: boolean;
  /** What it said itself in its last HELLO to us. */
  announced: SiteDefinition | undefined;
  /** Largest one heard of; 0: none. */
  incarnation: number;
  /** Undefined: never, or forgotten since. */
  heardMs: number | undefined;
  /** Since when we wait for a first word. */
  sinceMs: number;
  /** Silent for the purge period: nothing is kept for it until it is heard. */
  purged: boolean;
  /** Dials refused since it was heard. */
  refused: number;
  lostPings: number;
  /** The last run that said goodbye: it is down until a later one is heard of. */
  left: number;
  /** As told last. */
  told: SiteState;
}

/** How long silence may be. */
export interface Patience {
  readonly pingPeriodMs: number;
  readonly downPeriodMs: number;
}

export class Sites {
  private readonly byName = new Map<string, Site>();
  /** The shortest of the groups of this site. */
  readonly patience: Patience;

  constructor(
    private readonly ctx: Context,
    private readonly heardAgain: (s: Site) => void,
  ) {
    const { groups, sites } = ctx.settings;
    const least = (of: (p: Patience) => number): number => Math.min(...groups.map(of).filter((ms) => ms > 0));
    const downPeriodMs = least((g) => g.downPeriodMs);
    const ping = least((g) => g.pingPeriodMs);
    this.patience = { downPeriodMs, pingPeriodMs: Math.min(ping, downPeriodMs / 2) };
    for (const definition of sites) this.byName.set(definition.name, this.fresh(definition, true));
  }

  /** The clock begins: until now nobody could be heard. */
  begin(): void {
    for (const s of this.byName.values()) s.sinceMs = this.ctx.nowMs;
  }

  get(name: string): Site | undefined {
    return this.byName.get(name);
  }

  all(): Iterable<Site> {
    return this.byName.values();
  }

  /** Shall updates wait for it? */
  mayQueue(name: string): boolean {
    return this.byName.get(name)?.purged === false;
  }

  /** Is it known now: heard, and not silent for the purge period? */
  isKnown(name: string): boolean {
    return name === this.ctx.self || this.byName.get(name)?.heardMs !== undefined;
  }

  state(name: string): SiteState {
    if (name === this.ctx.self) return 'self';
    const s = this.byName.get(name);
    if (s === undefined) return 'down';
    const silent = this.ctx.nowMs - (s.heardMs ?? s.sinceMs);
    const { downPeriodMs, pingPeriodMs } = this.patience;
    if (hasLeft(s) || s.refused >= LOST_IN_A_ROW || silent >= downPeriodMs) return 'down';
    return s.heardMs === undefined || silent > 2 * pingPeriodMs || s.lostPings >= LOST_IN_A_ROW ? 'suspect' : 'up';
  }

  /** Did its last run end in an orderly way? */
  hasLeft(name: string): boolean {
    const s = this.byName.get(name);
    return s !== undefined && hasLeft(s);
  }

  isDown(name: string): boolean {
    return this.state(name) === 'down';
  }

  /**
   * Learns of a site. What our own configuration says of host, address and ports stays. Undefined: there is no room for
   * one more.
   */
  learn(definition: SiteDefinition): Site | undefined {
    const old = this.byName.get(definition.name);
    if (old === undefined) {
      if (this.byName.size >= SITES_MAX) return undefined;
      const s = this.fresh(definition, false);
      this.byName.set(s.name, s);
      return s;
    }
    if (old.name !== this.ctx.self) old.definition = old.configured ? { ...definition, ...old.definition } : definition;
    return old;
  }

  /** A word of that site came, directly or through others, of that run or of an unknown one (0). */
  heard(name: string, incarnation: number): void {
    const s = this.byName.get(name);
    if (s === undefined || name === this.ctx.self || (incarnation !== 0 && incarnation < s.incarnation)) return;
    if (incarnation === s.left && hasLeft(s)) return;
    const wasAway = s.heardMs === undefined || this.isDown(name);
    s.incarnation = Math.max(s.incarnation, incarnation);
    s.heardMs = this.ctx.nowMs;
    s.purged = false;
    s.refused = 0;
    s.lostPings = 0;
    if (wasAway) this.heardAgain(s);
  }

  /** It has come in. */
  greeted(name: string, announced: SiteDefinition, incarnation: number): void {
    const s = this.byName.get(name);
    if (s !== undefined) s.announced = announced;
    this.heard(name, incarnation);
  }

  /** The master says that it is a member, with that run. */
  listed(name: string, incarnation: number): void {
    const s = this.byName.get(name);
    if (s !== undefined) s.incarnation = Math.max(s.incarnation, incarnation);
  }

  /** That run of it ended in an orderly way. */
  leave(name: string, incarnation: number): void {
    const s = this.byName.get(name);
    if (s !== undefined) s.left = Math.max(s.left, incarnation);
  }

  refusedDial(name: string): void {
    const s = this.byName.get(name);
    if (s !== undefined) s.refused++;
  }

  lostPing(name: string): void {
    const s = this.byName.get(name);
    if (s !== undefined) s.lostPings++;
  }

  /** We stood still ourselves: the silence of others in that time proves nothing. */
  excuse(ms: number): void {
    for (const s of this.byName.values()) {
      if (s.heardMs !== undefined) s.heardMs = Math.min(this.ctx.nowMs, s.heardMs + ms);
      s.sinceMs = Math.min(this.ctx.nowMs, s.sinceMs + ms);
    }
  }

  /** Sites silent for the purge period: they are forgotten here. */
  purge(): readonly string[] {
    const periodMs = this.ctx.settings.local.sitePurgePeriodMs;
    if (periodMs === 0) return [];
    const gone: string[] = [];
    for (const s of this.byName.values()) {
      if (s.purged || s.name === this.ctx.self) continue;
      s.sinceMs = s.heardMs ?? s.sinceMs;
      if (this.ctx.nowMs - s.sinceMs < periodMs) continue;
      s.heardMs = undefined;
      s.purged = true;
      gone.push(s.name);
    }
    return gone;
  }

  /** Forgets what was only learnt, was not heard and is named by nobody. */
  tidy(named: (name: string) => boolean): void {
    for (const s of this.byName.values())
      if (!s.configured && s.heardMs === undefined && !named(s.name)) this.byName.delete(s.name);
  }

  /** Notices of states that changed. */
  tell(): void {
    for (const s of this.byName.values()) {
      const state = this.state(s.name);
      if (state === s.told || state === 'self') continue;
      s.told = state;
      const silent = s.heardMs === undefined ? 'never heard' : `heard ${Math.round(this.ctx.nowMs - s.heardMs)} ms ago`;
      const why = hasLeft(s) ? 'it left' : s.refused >= LOST_IN_A_ROW ? 'dials are refused' : silent;
      this.ctx.ports.event({ kind: 'site', site: s.name, state, why });
    }
  }

  private fresh(definition: SiteDefinition, configured: boolean): Site {
    return {
      name: definition.name,
      definition,
      configured,
      announced: undefined,
      incarnation: 0,
      heardMs: undefined,
      sinceMs: this.ctx.nowMs,
      purged: false,
      refused: 0,
      lostPings: 0,
      left: 0,
      told: 'suspect',
    };
  }
}

function hasLeft(s: Site): boolean {
  return s.left > 0 && s.left >= s.incarnation;
}
