// Timers of the machine on one alarm of the driver: names with a time each. One that is set again moves. Those of one
// time fire in the order in which they were set, so equal runs stay equal.

interface Timer {
  readonly name: string;
  readonly atMs: number;
  readonly order: number;
  readonly fire: () => void;
}

const before = (a: Timer, b: Timer): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

export class Timers {
  private readonly byName = new Map<string, Timer>();
  /** A heap; a timer that moved or was cancelled stays in it until it comes up. */
  private readonly heap: Timer[] = [];
  private order = 0;

  /** `atMs` is a time of the machine's clock. */
  set(name: string, atMs: number, fire: () => void): void {
    const timer = { name, atMs, order: this.order++, fire };
    this.byName.set(name, timer);
    this.rise(timer);
  }

  cancel(name: string): void {
    this.byName.delete(name);
  }

  has(name: string): boolean {
    return this.byName.has(name);
  }

  get size(): number {
    return this.byName.size;
  }

  /** The time of the first one. */
  next(): number | undefined {
    for (let top = this.heap[0]; top !== undefined; top = this.heap[0]) {
      if (this.byName.get(top.name) === top) return top.atMs;
      this.sink();
    }
    return undefined;
  }

  /** Fires all that are due, also those set meanwhile for no later than `nowMs`, but none twice that a firing sets anew. */
  run(nowMs: number): void {
    const last = this.order;
    for (let at = this.next(); at !== undefined && at <= nowMs; at = this.next()) {
      const timer = this.heap[0]!;
      if (timer.order >= last) return;
      this.sink();
      this.byName.delete(timer.name);
      timer.fire();
    }
  }

  private rise(timer: Timer): void {
    const { heap } = this;
    let i = heap.length;
    heap.push(timer);
    while (i > 0) {
      const up = (i - 1) >> 1;
      if (!before(timer, heap[up]!)) break;
      heap[i] = heap[up]!;
      i = up;
    }
    heap[i] = timer;
  }

  /** Takes the first one out. */
  private sink(): void {
    const { heap } = this;
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
