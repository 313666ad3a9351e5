// A world for the scheduler whose clock only moves when told, and whose turns are made by hand as Node makes them.
import { expect } from '@jest/globals';
import type { Priority, Source } from '../../core/plugin/loop.js';
import { Scheduler } from '../../core/runtime/scheduler.js';

export class World {
  now = 0;
  turnAsked = false;
  coresShort = false;
  wakeAt = Infinity;
  readonly seen: string[] = [];
  readonly failures: string[] = [];
  readonly loop: Scheduler;

  constructor(failed?: (name: string, error: unknown) => void) {
    this.loop = new Scheduler({
      now: () => this.now,
      turnEnd: () => {
        expect(this.turnAsked).toBe(false);
        this.turnAsked = true;
      },
      wake: (ms) => {
        this.wakeAt = this.now + ms;
      },
      coresShort: () => this.coresShort,
      failed: failed ?? ((name, error) => this.failures.push(`${name}: ${(error as Error).message}`)),
    });
  }

  /** One turn as Node makes it: timers, poll (`reads`), check. */
  turn(...reads: (() => void)[]): void {
    if (this.now >= this.wakeAt) {
      this.wakeAt = Infinity;
      this.loop.expired();
    }
    for (const read of reads) read();
    if (this.turnAsked) {
      this.turnAsked = false;
      this.loop.turn();
    }
  }

  /** Turns until nothing is asked for. */
  settle(): void {
    for (let i = 0; i < 100 && (this.turnAsked || this.now >= this.wakeAt); i++) this.turn();
    expect(this.turnAsked).toBe(false);
  }

  source(priority: Priority, name: string, limit = 10, onePerPoll = false): Source<string> {
    return this.loop.attach<string>(priority, {
      name,
      limit,
      onePerPoll,
      handle: (chunk) => this.seen.push(`${name}:${chunk}`),
      pause: () => this.seen.push(`${name} pause`),
      resume: () => this.seen.push(`${name} resume`),
    });
  }

  timer(name: string, ms: number): void {
    this.loop.queueTimer(name, ms, () => this.seen.push(name));
  }
}

/** Started, its first quiet turn behind it. */
export function quiet(): World {
  const w = new World();
  w.loop.start();
  w.settle();
  return w;
}
