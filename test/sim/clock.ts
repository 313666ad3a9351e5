// The virtual clock: a heap of events in whole milliseconds. Events of one millisecond run in three phases (reads,
// then timers, then timers of 0 ms, which must come after a full turn of reading: core/machine/ports.ts), and within
// a phase in the order in which they were scheduled. Nothing here depends on the real time.

/** Place of an event within its millisecond. */
export const Phase = { read: 0, timer: 1, late: 2, harness: 3 } as const;
export type PhaseNumber = (typeof Phase)[keyof typeof Phase];

/** One event to come; cancelled by `Clock.cancel`. */
export interface Entry {
  readonly key: number;
  readonly seq: number;
  run: (() => void) | undefined;
}

const PHASES = 4;

function before(a: Entry, b: Entry): boolean {
  return a.key < b.key || (a.key === b.key && a.seq < b.seq);
}

export class Clock {
  /** Milliseconds since the beginning of the run. */
  now = 0;
  /** Events run so far. */
  steps = 0;
  private seq = 0;
  private readonly heap: Entry[] = [];

  /** Runs `run` at `at` (not before now). */
  schedule(at: number, phase: PhaseNumber, run: () => void): Entry {
    const entry: Entry = { key: Math.max(at, this.now) * PHASES + phase, seq: this.seq++, run };
    this.rise(entry);
    return entry;
  }

  cancel(entry: Entry): void {
    entry.run = undefined;
  }

  /**
   * Runs every event up to and including `until`, then the clock stands there. Throws when `steps` goes beyond `stepsMax`:
   * machines that answer each other without end need not let the time go on.
   */
  runUntil(until: number, stepsMax = Infinity): void {
    const limit = until * PHASES + PHASES;
    for (let top = this.heap[0]; top !== undefined && top.key < limit; top = this.heap[0]) {
      this.sink();
      const run = top.run;
      if (run === undefined) continue;
      this.now = Math.floor(top.key / PHASES);
      if (++this.steps > stepsMax) throw new Error(`${this.steps} events before ${until} ms: something spins`);
      run();
    }
    this.now = Math.max(this.now, until);
  }

  private rise(entry: Entry): void {
    const heap = this.heap;
    let i = heap.length;
    heap.push(entry);
    while (i > 0) {
      const up = (i - 1) >> 1;
      if (!before(entry, heap[up]!)) break;
      heap[i] = heap[up]!;
      i = up;
    }
    heap[i] = entry;
  }

  /** Takes the first entry out. */
  private sink(): void {
    const heap = this.heap;
    const last = heap.pop()!;
    const n = heap.length;
    if (n === 0) return;
    let i = 0;
    for (;;) {
      let down = 2 * i + 1;
      if (down >= n) break;
      if (down + 1 < n && before(heap[down + 1]!, heap[down]!)) down++;
      if (!before(heap[down]!, last)) break;
      heap[i] = heap[down]!;
      i = down;
    }
    heap[i] = last;
  }
}
