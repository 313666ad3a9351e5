// Are there fewer cores than work? Linux tells how long a thread was ready to run and had to wait for a core; who waits
// for a good part of the time gains by doing more at a time and less often. Other systems do not tell: never short.
import { openSync, readSync } from 'node:fs';

/** Between two looks, milliseconds. */
export const LOOK_MS = 50;
/** Cores are short for who waited for that share of the time. */
const SHORT_SHARE = 0.1;
/**
 * Who asks less often than that between two looks has little to do, and counts as not short (one that handles chunks for more than 17 ms
 * each does, too). An idle daemon asks once or twice in 200 ms: a look, with cold caches, was a tenth of what it did.
 */
const LEAST_ASKED = 3;
const NS_PER_MS = 1e6;

/** Time that this process's main thread has waited for a core so far, milliseconds; NaN: not known. */
function systemsWaitedMs(): () => number {
  const text = Buffer.alloc(96);
  let file: number | undefined;
  // Three numbers: nanoseconds run, nanoseconds waited, turns.
  return () => {
    try {
      file ??= openSync('/proc/self/schedstat', 'r');
      return Number(text.toString('latin1', 0, readSync(file, text, 0, text.length, 0)).split(' ')[1]) / NS_PER_MS;
    } catch {
      return NaN;
    }
  };
}

export class Shortage {
  private share = 0;
  private waitedMs = NaN;
  private lookedMs = -Infinity;
  /** Since the last look. */
  private asked = 0;

  constructor(private readonly readWaitedMs: () => number = systemsWaitedMs()) {}

  /**
   * `nowMs`: of one monotonic clock. True: between its last two looks, a `LOOK_MS` apart or more, more than that share of the time
   * (0 to 1) went by waiting for a core.
   */
  at(nowMs: number, share = SHORT_SHARE): boolean {
    const passedMs = nowMs - this.lookedMs;
    if (passedMs >= LOOK_MS) {
      const waitedMs = this.asked < LEAST_ASKED ? NaN : this.readWaitedMs();
      this.share = (waitedMs - this.waitedMs) / passedMs;
      this.waitedMs = waitedMs;
      this.lookedMs = nowMs;
      this.asked = 0;
    }
    this.asked++;
    return this.share > share;
  }
}

/** Those of this process, one look for all who ask. */
export const cores = new Shortage();
