// The command `receive` (docs/design/line.md, 4.3): events go out as they come or wait to be asked for, and a script may wait until so
// many of a kind went out. Pure.

export type Wanted = 'messages' | 'views' | 'events';
/** transitional and left count as views: they are about membership. */
export type EventKind = 'messages' | 'views';

/** How many given events are remembered for the next `receive`; older ones are as if claimed. */
const MAX_UNCLAIMED = 4096;

interface Held {
  readonly bytes: Uint8Array;
  readonly kind: EventKind;
}

interface Waiter {
  readonly wanted: Wanted;
  readonly done: (count: number) => void;
  left: number;
  given: number;
}

export class Receiver {
  private holding = false;
  private held: Held[] = [];
  private readonly unclaimed: EventKind[] = [];
  private waiter: Waiter | undefined;
  /** Bytes of events that are held back. */
  heldBytes = 0;

  constructor(private readonly give: (bytes: Uint8Array) => void) {}

  get heldEvents(): number {
    return this.held.length;
  }

  /** An event has come. */
  event(bytes: Uint8Array, kind: EventKind): void {
    if (this.holding && this.waiter === undefined) {
      this.held.push({ bytes, kind });
      this.heldBytes += bytes.length;
    } else this.out(bytes, kind);
  }

  /** Holds events back from now on, or gives out what was held and everything to come. */
  hold(on: boolean): void {
    this.holding = on;
    if (!on) this.release(() => true);
  }

  /**
   * Resolves when `count` events of that sort were given out since the last time, with how many were given out meanwhile of any
   * sort; what is held back goes out until then. One at a time.
   */
  wait(count: number, wanted: Wanted): Promise<number> {
    return new Promise((done) => {
      const waiter: Waiter = { wanted, done, left: count, given: 0 };
      this.waiter = waiter;
      let claimed = 0;
      while (claimed < this.unclaimed.length && this.waiter === waiter) this.count(this.unclaimed[claimed++]!);
      this.unclaimed.splice(0, claimed);
      this.release(() => this.waiter === waiter);
    });
  }

  /** Ends a wait that is under way: its promise resolves with what there was. */
  giveUp(): void {
    const { waiter } = this;
    this.waiter = undefined;
    waiter?.done(waiter.given);
  }

  private release(on: () => boolean): void {
    let taken = 0;
    while (taken < this.held.length && on()) {
      const { bytes, kind } = this.held[taken++]!;
      this.heldBytes -= bytes.length;
      this.out(bytes, kind);
    }
    this.held = this.held.slice(taken);
  }

  private out(bytes: Uint8Array, kind: EventKind): void {
    this.give(bytes);
    if (this.waiter !== undefined) this.count(kind);
    else {
      this.unclaimed.push(kind);
      if (this.unclaimed.length > 2 * MAX_UNCLAIMED) this.unclaimed.splice(0, MAX_UNCLAIMED);
    }
  }

  private count(kind: EventKind): void {
    const waiter = this.waiter!;
    waiter.given++;
    if (waiter.wanted !== 'events' && waiter.wanted !== kind) return;
    waiter.left--;
    if (waiter.left > 0) return;
    this.waiter = undefined;
    waiter.done(waiter.given);
  }
}
