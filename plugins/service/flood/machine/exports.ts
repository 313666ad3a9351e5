// Export (docs/design/flood.md, section 8): one bundle at a time, oldest first, of one scope; what gathers meanwhile makes
// the next one. Attempts are the exporter's business: a bundle that it gave up is dropped here, and listed as missing.
import type { Context } from './context.js';
import { EXPORT_AGAIN_MS } from './limits.js';
import type { Stored, UpdateStore } from './store.js';

export class Exports {
  private running: readonly Stored[] | undefined;

  constructor(
    private readonly ctx: Context,
    private readonly store: UpdateStore,
    /** It came, and is not exported. */
    private readonly lost: (s: Stored) => void,
  ) {}

  /** Something waits: begins a run if none is under way. */
  push(): void {
    if (this.running !== undefined || this.ctx.timers.has('export')) return;
    const bundle = this.store.take(this.ctx.settings.local.exportBundleMaxBytes);
    if (bundle.length === 0) return;
    const updates = bundle.map(({ data, bytes }) => ({
      id: { origin: data.origin, incarnation: data.incarnation, sequence: data.sequence },
      bytes,
    }));
    this.running = bundle;
    if (this.ctx.ports.offer({ scope: bundle[0]!.data.scope, updates })) {
      this.ctx.counters.exportRuns++;
      return;
    }
    this.running = undefined;
    this.store.settle(bundle, false);
    this.ctx.after('export', EXPORT_AGAIN_MS, () => this.push());
  }

  /** The bundle under way has an end. */
  done(ok: boolean): void {
    const bundle = this.running;
    if (bundle === undefined) return;
    this.running = undefined;
    if (ok) this.ctx.counters.updatesExported += bundle.length;
    else {
      this.ctx.counters.exportFailures++;
      this.ctx.counters.exportDropped += bundle.length;
      for (const s of bundle) this.lost(s);
    }
    this.store.settle(bundle, true);
    this.push();
  }
}
