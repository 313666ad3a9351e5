// The timers of the event loop: a binary heap ordered by due time, then by order of queueing, with the place of every
// timer known so that moving one (the usual case: a limit pushed back by every pack) leaves nothing stale behind.
// Pure: no clock of its own. Rules: docs/design/runtime.md, 1.3.
import { ChurnMap } from '../machine/churn-map.js';
import type { TimerKey } from '../plugin/loop.js';

export interface Timer {
  readonly key: TimerKey;
  /** Monotonic milliseconds. */
  due: number;
  /** Rises with every queueing: the order of equal times. */
  order: number;
  /** The turn in which it was queued: it runs in a later one. */
  turn: number;
  fn: () => void;
  /** Index in the heap. */
  at: number;
}

export class TimerQueue {
  private readonly heap: Timer[] = [];
  private readonly byKey = new ChurnMap<TimerKey, Timer>();
  private orders = 0;

  get size(): number {
    return this.heap.length;
  }

  has(key: TimerKey): boolean {
    return this.byKey.has(key);
  }

  /** Queues or moves. */
  set(key: TimerKey, due: number, turn: number, fn: () => void): void {
    const order = this.orders++;
    const known = this.byKey.get(key);
    if (known === undefined) {
      const fresh: Timer = { key, due, order, turn, fn, at: this.heap.length };
      this.byKey.set(key, fresh);
      this.heap.push(fresh);
      this.rise(fresh);
      return;
    }
    known.due = due;
    known.order = order;
    known.turn = turn;
    known.fn = fn;
    this.rise(known);
    this.sink(known);
  }

  /** The one that is due first. */
  first(): Timer | undefined {
    return this.heap[0];
  }

  /** True: there was one. */
  delete(key: TimerKey): boolean {
    const gone = this.byKey.get(key);
    if (gone === undefined) return false;
    this.byKey.delete(key);
    const last = this.heap.pop()!;
    if (last !== gone) {
      this.place(last, gone.at);
      this.rise(last);
      this.sink(last);
    }
    return true;
  }

  clear(): void {
    this.heap.length = 0;
    this.byKey.clear();
  }

  private place(t: Timer, at: number): void {
    this.heap[at] = t;
    t.at = at;
  }

  private rise(t: Timer): void {
    while (t.at > 0) {
      const parent = this.heap[(t.at - 1) >> 1]!;
      if (!before(t, parent)) return;
      const at = parent.at;
      this.place(parent, t.at);
      this.place(t, at);
    }
  }

  private sink(t: Timer): void {
    for (;;) {
      const left = this.heap[2 * t.at + 1];
      const right = this.heap[2 * t.at + 2];
      if (left === undefined) return;
      const child = right !== undefined && before(right, left) ? right : left;
      if (!before(child, t)) return;
      const at = child.at;
      this.place(child, t.at);
      this.place(t, at);
    }
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.due !== b.due ? a.due < b.due : a.order < b.order;
}
