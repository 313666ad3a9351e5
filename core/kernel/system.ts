// The ports of the real world: clock, timers, random numbers. Plugins get them from their scope; the simulator and tests
// put others in their place.
import { randomBytes, randomInt } from 'node:crypto';
import type { Clock, Random, TimerHandle, Timers } from '../plugin/ports.js';

const RANDOM_LIMIT_BYTES = 65_536;

export const systemClock: Clock = {
  nowMs: () => Math.floor(performance.now()),
  wallMs: () => Date.now(),
};

export const systemRandom: Random = {
  u32: () => randomInt(2 ** 32),
  real: () => randomInt(2 ** 47) / 2 ** 47,
  bytes: (count) => {
    if (count > RANDOM_LIMIT_BYTES) throw new RangeError(`at most ${RANDOM_LIMIT_BYTES} random bytes at once`);
    return randomBytes(count);
  },
};

/** Timers that remember what is set, so that a plugin which has stopped leaves none behind. */
export class SystemTimers implements Timers {
  private readonly running = new Set<NodeJS.Timeout>();

  set(ms: number, fn: () => void): TimerHandle {
    const timer = setTimeout(() => {
      this.running.delete(timer);
      fn();
    }, ms);
    this.running.add(timer);
    return timer;
  }

  cancel(timer: TimerHandle): void {
    clearTimeout(timer as NodeJS.Timeout);
    this.running.delete(timer as NodeJS.Timeout);
  }

  /** Cancels all; answers how many there were. */
  cancelAll(): number {
    const count = this.running.size;
    for (const timer of this.running) clearTimeout(timer);
    this.running.clear();
    return count;
  }
}
