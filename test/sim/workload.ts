// What clients do in a simulated cluster: connect, join, leave, send with every service level, to one group, to many,
// to each other, small and large, in bursts; storms on demand. Drawn from the seed, apart from the faults.
import { Service } from '../../core/wire/frame.js';
import type { Cluster } from './cluster.js';
import { Phase } from './clock.js';
import { BODY_MIN_BYTES } from './payload.js';
import { Random } from './random.js';
import type { SimSession } from './session.js';

const SERVICES = [
  Service.UNRELIABLE,
  Service.RELIABLE,
  Service.FIFO,
  Service.CAUSAL,
  Service.AGREED,
  Service.SAFE,
] as const;
const GROUPS = ['g0', 'g1', 'g2', 'g3', 'Group', 'zz'];
const STORM_SIZE = 12;
const BURST_SESSIONS = 3;
const BURST_MESSAGES = 3;
/** Messages alike, at the most, and bytes of their bodies. */
const REPEATS = 30;
const REPEATED_BYTES = 60;
const SESSIONS_PER_DAEMON_MAX = 24;

export interface WorkloadRates {
  /** Mean milliseconds between two acts of clients. */
  readonly everyMs: number;
  /** Messages of one burst at the most. */
  readonly burst: number;
  readonly sessionsPerDaemon: number;
  /** Largest body. */
  readonly largestBytes: number;
  /** Of 1000 messages so many have others like them behind, small, with the same head; absent: none. */
  readonly repeated?: number;
}

/** full: everything; messages: nobody connects, joins, leaves or ends; off: nothing. */
export type WorkloadMode = 'full' | 'messages' | 'off';

export class Workload {
  private mode: WorkloadMode = 'off';
  private readonly random: Random;
  private names = 0;
  private scheduled = false;

  constructor(
    seed: number,
    private readonly cluster: Cluster,
    private readonly rates: WorkloadRates,
  ) {
    this.random = new Random(seed, 'workload');
  }

  set(mode: WorkloadMode): void {
    this.mode = mode;
    if (!this.scheduled && mode !== 'off') this.again();
  }

  storm(place: number, what: 'connect' | 'disconnect' | 'join' | 'leave'): void {
    const d = this.cluster.daemons[place];
    if (d === undefined) return;
    if (what === 'connect') for (let i = 0; i < STORM_SIZE; i++) this.connect(place);
    const all = this.cluster.sessionsOf(d);
    for (const s of all) {
      if (what === 'disconnect' && this.random.chance(700)) s.close();
      if (what === 'join') for (const g of GROUPS) this.join(s, g);
      if (what === 'leave') for (const g of [...s.joined]) s.leave(g);
      s.pump();
    }
  }

  /** Everybody says something at once, small, so that packs are many. */
  burst(): void {
    if (this.mode === 'off') return;
    for (const d of this.cluster.daemons) {
      if (d?.awake !== true) continue;
      const live = this.cluster.sessionsOf(d).filter((s) => s.connected);
      for (const s of live.slice(0, BURST_SESSIONS)) {
        for (let n = 1 + this.random.below(BURST_MESSAGES); n > 0; n--) this.multicast(s, live);
        s.pump();
      }
    }
  }

  private again(): void {
    const { clock } = this.cluster;
    this.scheduled = true;
    clock.schedule(clock.now + 1 + this.random.below(2 * this.rates.everyMs), Phase.harness, () => {
      this.scheduled = false;
      if (this.mode === 'off') return;
      this.act();
      this.again();
    });
  }

  private act(): void {
    const r = this.random;
    const place = r.below(this.cluster.list.length);
    const d = this.cluster.daemons[place];
    if (d === undefined || !d.awake) return;
    const all = this.cluster.sessionsOf(d);
    if (this.mode === 'full') {
      if (all.length < this.rates.sessionsPerDaemon && r.chance(300)) this.connect(place);
      if (all.length > 0 && r.chance(30)) r.pick(all).close();
      if (all.length > 0 && r.chance(100)) this.move(r.pick(all));
    }
    const live = all.filter((s) => s.connected);
    if (live.length === 0) return;
    const s = r.pick(live);
    for (let n = 1 + r.below(this.rates.burst); n > 0; n--) this.multicast(s, live);
    s.pump();
  }

  private connect(place: number): void {
    const d = this.cluster.daemons[place];
    const r = this.random;
    if (d === undefined || this.cluster.sessionsOf(d).length >= SESSIONS_PER_DAEMON_MAX) return;
    // Names come again, so that a name in use and one just freed are met as well.
    const name = r.chance(200) ? `c${r.below(8)}` : `n${this.names++}`;
    const s = this.cluster.connect(place, name, !r.chance(150));
    if (s === undefined) return;
    for (let n = r.below(4); n > 0; n--) this.join(s, r.pick(GROUPS));
    s.pump();
  }

  private join(s: SimSession, group: string): void {
    if (!s.joined.has(group)) s.join(group);
  }

  private move(s: SimSession): void {
    const group = this.random.pick(GROUPS);
    if (s.joined.has(group)) s.leave(group);
    else s.join(group);
  }

  private multicast(s: SimSession, neighbours: readonly SimSession[]): void {
    const r = this.random;
    const groups = [r.chance(100) ? r.pick(neighbours).privateGroup : r.pick(GROUPS)];
    if (r.chance(150)) for (let n = r.between(1, 3); n > 0; n--) groups.push(r.pick(GROUPS));
    const service = r.pick(SERVICES);
    const bytes = this.bytes();
    const discard = r.chance(60);
    s.multicast(service, groups, bytes, discard);
    const { repeated = 0 } = this.rates;
    if (repeated === 0 || !r.chance(repeated)) return;
    for (let n = r.between(2, REPEATS); n > 0; n--)
      s.multicast(service, groups, BODY_MIN_BYTES + r.below(REPEATED_BYTES), discard);
  }

  private bytes(): number {
    const r = this.random;
    const draw = r.below(1000);
    const most = draw < 850 ? 100 : draw < 970 ? 2000 : draw < 997 ? 12_000 : this.rates.largestBytes;
    return BODY_MIN_BYTES + r.below(Math.min(most, this.rates.largestBytes) - BODY_MIN_BYTES);
  }
}
