// Messages of one peer, plane and direction that wait in order: for their time, for the end of a cut, or for room in the
// medium below. Streams only: what is late delays what follows.
import type { Bytes, Clock, TimerHandle, Timers } from 'peal/plugin';

interface Waiting {
  readonly dueMs: number;
  readonly bytes: Bytes;
}

export class Line {
  readonly #timers: Timers;
  readonly #clock: Clock;
  /** Nothing may pass now, and `drain` will be called when it may. */
  readonly #stalled: () => boolean;
  /** False: not taken, `drain` will be called. */
  readonly #pass: (bytes: Bytes) => boolean;
  readonly #drained: () => void;
  #queue: Waiting[] = [];
  #bytes = 0;
  #timer: TimerHandle | undefined;
  /** The first was not taken: the next `drain` asks again, no timer does. */
  #refused = false;

  /** `drained` is called after a timer of this line has let something pass. */
  constructor(
    ports: { readonly timers: Timers; readonly clock: Clock },
    stalled: () => boolean,
    pass: (bytes: Bytes) => boolean,
    drained: () => void,
  ) {
    this.#timers = ports.timers;
    this.#clock = ports.clock;
    this.#stalled = stalled;
    this.#pass = pass;
    this.#drained = drained;
  }

  get empty(): boolean {
    return this.#queue.length === 0;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Waits `delayMs`, or longer behind others. */
  push(bytes: Bytes, delayMs: number): void {
    const dueMs = Math.max(this.#clock.nowMs() + delayMs, this.#queue.at(-1)?.dueMs ?? 0);
    this.#queue.push({ dueMs, bytes });
    this.#bytes += bytes.length;
    this.#arm();
  }

  /** Lets pass what may; true if it let something pass. What it passes may clear the line. */
  drain(): boolean {
    let passed = false;
    this.#refused = false;
    while (!this.#stalled()) {
      const first = this.#queue[0];
      if (first === undefined || first.dueMs > this.#clock.nowMs()) break;
      this.#queue.shift();
      this.#bytes -= first.bytes.length;
      if (!this.#pass(first.bytes)) {
        this.#queue.unshift(first);
        this.#bytes += first.bytes.length;
        this.#refused = true;
        break;
      }
      passed = true;
    }
    this.#arm();
    return passed;
  }

  clear(): void {
    this.#queue = [];
    this.#bytes = 0;
    this.#refused = false;
    if (this.#timer !== undefined) this.#timers.cancel(this.#timer);
    this.#timer = undefined;
  }

  #arm(): void {
    const first = this.#queue[0];
    if (first === undefined || this.#timer !== undefined || this.#refused || this.#stalled()) return;
    // Between two looks at the clock it may have become due.
    const ms = Math.max(0, first.dueMs - this.#clock.nowMs());
    this.#timer = this.#timers.set(ms, () => {
      this.#timer = undefined;
      if (this.drain()) this.#drained();
    });
  }
}
