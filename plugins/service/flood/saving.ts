// What a site must not forget, in storage that outlives the process: the machine says which records changed, and at the end
// of a tick all of them are written in one batch. One batch is under way at a time; what changes meanwhile is the next.
// Clients are told that an update is in when the batch with it holds.
import { type Bytes, type Change, type Logger, reasonOf, type Store, type TimerHandle, type Timers } from 'peal/plugin';

/** Before a batch that the storage refused is tried again, milliseconds. */
const AGAIN_MS = 1000;
/** Records read at once when a life begins. */
const PAGE = 1000;

export interface SavingPorts {
  readonly store: Store;
  readonly timers: Timers;
  readonly log: Logger;
  /** The three calls of the machine that a cut takes; inside a tick. */
  cut(): number;
  record(key: string): Bytes | undefined;
  stored(cut: number): void;
}

export class Saving {
  private touched = new Set<string>();
  private waiting: (() => void)[] = [];
  private underWay: Promise<void> | undefined;
  private again: TimerHandle | undefined;
  private complained = false;
  private stopped = false;
  batches = 0;
  failures = 0;

  constructor(private readonly ports: SavingPorts) {}

  touch(key: string): void {
    this.touched.add(key);
  }

  /** Resolves when everything touched until now holds, or when the storage is closed. */
  saved(): Promise<void> {
    if (this.stopped) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** The end of a tick: a batch begins unless one is under way. */
  flush(): void {
    if (this.underWay !== undefined || this.again !== undefined || this.stopped) return;
    if (this.touched.size === 0) {
      this.release();
      return;
    }
    this.underWay = this.write().finally(() => {
      this.underWay = undefined;
      // What changed meanwhile does not wait for another tick: none may come for long.
      if (this.touched.size > 0 || this.waiting.length > 0) this.flush();
    });
  }

  /** The last batch; resolves when it holds or was refused. */
  async stop(): Promise<void> {
    await this.underWay;
    // Once more for what changed meanwhile or was refused; then nobody waits any longer.
    this.forgetAgain();
    this.flush();
    await this.underWay;
    this.forgetAgain();
    this.stopped = true;
    this.release();
  }

  private forgetAgain(): void {
    if (this.again !== undefined) this.ports.timers.cancel(this.again);
    this.again = undefined;
  }

  private release(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  private async write(): Promise<void> {
    const { store, timers, log } = this.ports;
    const cut = this.ports.cut();
    const keys = this.touched;
    const waiting = this.waiting;
    this.touched = new Set();
    this.waiting = [];
    const changes: Change[] = [...keys].map((key) => ({ key, value: this.ports.record(key) }));
    try {
      await store.batch(changes);
    } catch (error) {
      this.failures++;
      if (!this.complained) log.warn(`what waits for other sites cannot be stored: ${reasonOf(error)}`);
      this.complained = true;
      for (const key of keys) this.touched.add(key);
      this.waiting.unshift(...waiting);
      this.again = timers.set(AGAIN_MS, () => {
        this.again = undefined;
        this.flush();
      });
      return;
    }
    if (this.complained) log.info('what waits for other sites is stored again');
    this.complained = false;
    this.batches++;
    this.ports.stored(cut);
    for (const resolve of waiting) resolve();
  }
}

/** All records of a store, in parts: a large one is never in memory twice. */
export async function* recordsOf(store: Store): AsyncGenerator<readonly [string, Bytes]> {
  let from = '';
  for (;;) {
    let count = 0;
    for await (const { key, value } of store.range(from === '' ? { limit: PAGE } : { from, limit: PAGE })) {
      count++;
      // The first key behind that one.
      from = `${key} `;
      yield [key, value];
    }
    if (count < PAGE) return;
  }
}
