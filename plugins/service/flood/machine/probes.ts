// Measurement (docs/design/flood.md, section 9): round-trip time to one member per ping period, bandwidth to one per
// bandwidth period, drawn by lot so that none waits longer than two rounds. Estimates are smoothed; what never answered has
// none.
import type { BandwidthResult, BandwidthTest, EstimatedLink, Ping } from '../wire/frames.js';
import { ErrorCode } from '../wire/frames.js';
import { bandwidthTestHead } from '../wire/write.js';
import type { Connection } from './connection.js';
import type { Connections } from './connections.js';
import type { Context } from './context.js';
import type { Group } from './group.js';
import { BANDWIDTH_LIMIT_MS, PING_LIMIT_MS } from './limits.js';
import type { Sites } from './sites.js';

const OLD_WEIGHT = 7 / 8;
const RTT_LEAST_MS = 0.01;
const ELAPSED_LEAST_MS = 0.1;
/** Numbers of probes are 32 bits wide. */
const ID_LIMIT = 2 ** 32;

interface Estimate {
  rttMs: number | undefined;
  bytesPerSecond: number | undefined;
  atMs: number;
}

interface Question {
  readonly id: number;
  readonly site: string;
  sentMs: number;
}

interface Test extends Question {
  readonly bytes: number;
  connection: Connection | undefined;
}

export class Probes {
  private readonly estimates = new Map<string, Estimate>();
  /** Pings without an answer, by number. */
  private readonly pings = new Map<number, Question>();
  private test: Test | undefined;
  private ids = 0;
  /** Until when a probe of somebody was coming in. */
  private busyUntilMs = -Infinity;
  private readonly decks = new Map<string, string[]>();
  private readonly limitMs: number;

  constructor(
    private readonly ctx: Context,
    private readonly sites: Sites,
    private readonly connections: Connections,
  ) {
    const periods = ctx.settings.groups.map((g) => g.pingPeriodMs).filter((ms) => ms > 0);
    this.limitMs = Math.min(PING_LIMIT_MS, ...periods);
  }

  begin(g: Group): void {
    const { pingPeriodMs, bandwidthPeriodMs } = g.settings;
    this.ctx.every(`ping ${g.name}`, pingPeriodMs, () => this.pingOne(g));
    this.ctx.every(`bandwidth ${g.name}`, bandwidthPeriodMs, () => this.testOne(g));
  }

  rtt(site: string): number | undefined {
    return this.estimates.get(site)?.rttMs;
  }

  /** Own measurements of members of a group. */
  links(g: Group): EstimatedLink[] {
    const { nowMs } = this.ctx;
    return [...this.estimates]
      .filter(([to]) => g.members.has(to))
      .map(([to, e]) => ({
        to,
        rttMs: e.rttMs,
        bytesPerSecond: e.bytesPerSecond,
        ageSeconds: Math.round(nowMs - e.atMs) / 1000,
      }));
  }

  forget(site: string): void {
    this.estimates.delete(site);
  }

  /** Asks over a connection that is open: the answer proves that it lives, and is a sample. */
  ping(c: Connection): void {
    const id = this.nextId();
    this.ctx.counters.pings++;
    this.pings.set(id, { id, site: c.site, sentMs: this.ctx.nowMs });
    this.connections.send(c, { kind: 'ping', id, time: Math.max(0, this.ctx.nowMs) });
    this.ctx.after(`pong ${id}`, this.limitMs, () => this.lost(id));
  }

  onPing(c: Connection, f: Ping): void {
    if (!c.full) this.connections.send(c, { kind: 'pong', id: f.id, time: f.time });
  }

  onPong(c: Connection, f: Ping): void {
    const q = this.pings.get(f.id);
    if (q === undefined || q.site !== c.site) return;
    this.pings.delete(f.id);
    this.ctx.timers.cancel(`pong ${f.id}`);
    const sample = Math.max(RTT_LEAST_MS, this.ctx.nowMs - q.sentMs);
    const e = this.estimate(c.site);
    e.rttMs = e.rttMs === undefined ? sample : OLD_WEIGHT * e.rttMs + (1 - OLD_WEIGHT) * sample;
    if (c.dialled && c.purpose === 'probe') this.connections.close(c, 'probed');
  }

  /** A probe of a peer is here completely; one at a time is measured. */
  onTest(c: Connection, f: BandwidthTest & { readonly payloadBytes: number; readonly firstAtMs: number }): void {
    const { nowMs } = this.ctx;
    const busy = f.firstAtMs < this.busyUntilMs || [...this.connections.all()].some((o) => o !== c && o.stream.probing);
    this.busyUntilMs = nowMs;
    if (busy) this.connections.send(c, { kind: 'error', code: ErrorCode.busy, text: 'another probe', incarnation: 0 });
    else {
      const elapsedUs = Math.round((nowMs - f.firstAtMs) * 1000);
      this.connections.send(c, { kind: 'bwresult', id: f.id, bytes: f.payloadBytes, elapsedUs });
    }
  }

  onResult(c: Connection, f: BandwidthResult): void {
    const { test } = this;
    if (test?.id !== f.id || test.connection !== c) return;
    const bytesPerSecond = (test.bytes * 1000) / Math.max(ELAPSED_LEAST_MS, f.elapsedUs / 1000);
    const e = this.estimate(c.site);
    e.bytesPerSecond = e.bytesPerSecond === undefined ? bytesPerSecond : (e.bytesPerSecond + bytesPerSecond) / 2;
    this.endTest();
  }

  /** ERROR 450, or anything else that ends a probe. */
  onError(c: Connection): void {
    if (this.test?.connection === c) this.endTest();
  }

  /** A probe connection that we dialled is greeted: say what it was dialled for. */
  opened(c: Connection): void {
    if (!c.dialled || c.purpose !== 'probe') return;
    const { test } = this;
    if (test?.connection === c) {
      this.connections.write(c, bandwidthTestHead(test.id, test.bytes), new Uint8Array(test.bytes));
      return;
    }
    this.ping(c);
  }

  ended(c: Connection): void {
    if (this.test?.connection === c) {
      this.test.connection = undefined;
      this.endTest();
    } else if (c.dialled && c.purpose === 'probe' && c.incarnation === 0) this.sites.lostPing(c.site);
  }

  private pingOne(g: Group): void {
    const site = this.draw(g, 'ping');
    if (site === undefined) return;
    const [open] = this.connections.openTo(site).filter((c) => c.purpose === 'link' && !c.full);
    if (open !== undefined) this.ping(open);
    else if (!this.connections.dialling(site, 'probe')) this.dialProbe(site);
  }

  private testOne(g: Group): void {
    if (this.test !== undefined) return;
    const site = this.draw(g, 'bandwidth');
    if (site === undefined || this.connections.dialling(site, 'probe')) return;
    this.ctx.counters.bandwidthProbes++;
    const id = this.nextId();
    this.test = { id, site, sentMs: this.ctx.nowMs, bytes: g.settings.bandwidthSizeBytes, connection: undefined };
    this.test.connection = this.dialProbe(site);
    this.ctx.after('bandwidth test', BANDWIDTH_LIMIT_MS, () => this.endTest());
  }

  private dialProbe(site: string): Connection | undefined {
    const s = this.sites.get(site);
    return s === undefined ? undefined : this.connections.dial(s.definition, 'probe');
  }

  private endTest(): void {
    const c = this.test?.connection;
    this.test = undefined;
    this.ctx.timers.cancel('bandwidth test');
    if (c !== undefined) this.connections.close(c, 'probed');
  }

  private lost(id: number): void {
    const q = this.pings.get(id);
    this.pings.delete(id);
    if (q !== undefined) this.sites.lostPing(q.site);
  }

  private estimate(site: string): Estimate {
    let e = this.estimates.get(site);
    if (e === undefined) this.estimates.set(site, (e = { rttMs: undefined, bytesPerSecond: undefined, atMs: 0 }));
    e.atMs = this.ctx.nowMs;
    return e;
  }

  private nextId(): number {
    this.ids = (this.ids + 1) % ID_LIMIT;
    return this.ids;
  }

  /** The next member of a shuffled round: a new one is shuffled when it is used up. */
  private draw(g: Group, what: string): string | undefined {
    const key = `${what} ${g.name}`;
    let deck = this.decks.get(key) ?? [];
    for (let rounds = 0; rounds < 2; rounds++) {
      for (let site = deck.pop(); site !== undefined; site = deck.pop())
        if (g.members.has(site)) {
          this.decks.set(key, deck);
          return site;
        }
      deck = this.shuffled([...g.members].filter((m) => m !== this.ctx.self).sort());
    }
    this.decks.delete(key);
    return undefined;
  }

  private shuffled(all: string[]): string[] {
    for (let i = all.length - 1; i > 0; i--) {
      const j = this.ctx.ports.chance.u32() % (i + 1);
      [all[i], all[j]] = [all[j]!, all[i]!];
    }
    return all;
  }
}
