// When a site may be dialled again: 1, 2, 4 ... 60 s after a failure, with a jitter. A site that is heard again may be
// dialled at once.
import type { Context } from './context.js';
import { REDIAL_FIRST_MS, REDIAL_LAST_MS } from './limits.js';

interface Wait {
  failures: number;
  untilMs: number;
}

export class Redial {
  private readonly bySite = new Map<string, Wait>();

  constructor(private readonly ctx: Context) {}

  /** From when on; -Infinity: at once. */
  notBefore(site: string): number {
    return this.bySite.get(site)?.untilMs ?? -Infinity;
  }

  failed(site: string): void {
    const failures = this.bySite.get(site)?.failures ?? 0;
    const ms = Math.min(REDIAL_LAST_MS, REDIAL_FIRST_MS * 2 ** Math.min(failures, 16));
    this.bySite.set(site, { failures: failures + 1, untilMs: this.ctx.nowMs + this.ctx.jittered(ms) });
  }

  /** A connection stands: the next failure counts as the first. */
  succeeded(site: string): void {
    this.bySite.delete(site);
  }

  /** It is alive: no need to wait longer than the first time. */
  alive(site: string): void {
    const wait = this.bySite.get(site);
    if (wait === undefined) return;
    wait.failures = 0;
    wait.untilMs = Math.min(wait.untilMs, this.ctx.nowMs);
  }

  tidy(named: (site: string) => boolean): void {
    for (const site of this.bySite.keys()) if (!named(site)) this.bySite.delete(site);
  }
}
