// The attempts of an exporter at one batch: waits between them that grow, and that a stop ends.
import type { ExportResult } from './export.js';
import type { TimerHandle, Timers } from './ports.js';

/** Before the second, third and every further attempt, milliseconds. */
const RETRY_WAITS_MS = [1000, 5000, 30_000] as const;

export class Attempts {
  private going = false;
  /** Ends a wait between two attempts. */
  private wake: (() => void) | undefined;

  constructor(
    private readonly timers: Timers,
    /** After the first attempt. */
    private readonly retries: number,
  ) {}

  /** Between `start` and `stop`. */
  get running(): boolean {
    return this.going;
  }

  start(): void {
    this.going = true;
  }

  /** No attempt begins any more; the one under way is not touched. Idempotent. */
  stop(): void {
    this.going = false;
    this.wake?.();
  }

  /** `once` answers what went wrong, undefined: nothing, and never rejects; `failed` is told of every attempt that failed. */
  async make(
    once: () => Promise<string | undefined>,
    failed: (why: string, attempt: number) => void,
  ): Promise<ExportResult> {
    for (let attempt = 1; ; attempt++) {
      const failure = await once();
      if (failure === undefined) return { ok: true };
      failed(failure, attempt);
      if (attempt > this.retries) return { ok: false, detail: `${failure}, ${attempt} attempts were made` };
      if (this.going) await this.wait(RETRY_WAITS_MS[Math.min(attempt, RETRY_WAITS_MS.length) - 1]!);
      if (!this.going) return { ok: false, detail: `${failure}, then the daemon stopped` };
    }
  }

  private async wait(ms: number): Promise<void> {
    let timer: TimerHandle | undefined;
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      timer = this.timers.set(ms, resolve);
    });
    this.wake = undefined;
    this.timers.cancel(timer!);
  }
}
