// One virtual stream connection: bytes flow from the daemon that accepted it to the one that dialled it, in two
// lanes, so that control never waits behind data. Each end closes on its own.
import type { Plane } from '../../core/machine/types.js';
import type { Flight } from './network.js';
import type { Random } from './random.js';

export class Lane {
  queue: Flight[] = [];
  /** Sent and not yet read. */
  bytes = 0;
  /** When the last of it arrives: nothing sent later arrives earlier. */
  lastAt = 0;
  /** An arrival is scheduled or waits for a paused reader. */
  scheduled = false;
  /** The writer was told that there is no room, and waits. */
  full = false;
  /** Since when nothing gets through; -1: it flows. */
  stalledSince = -1;
  readonly arrive: () => void;

  constructor(
    readonly connection: Connection,
    readonly plane: Plane,
    arrive: (lane: Lane) => void,
  ) {
    this.arrive = () => arrive(this);
  }
}

export class Connection {
  readonly control: Lane;
  readonly data: Lane;
  writerOpen = true;
  readerOpen = true;
  /** The reader knows that it stands. */
  established = false;

  constructor(
    readonly writer: number,
    readonly reader: number,
    /** Which life of the reader dialled. */
    readonly readerLife: number,
    arrive: (lane: Lane) => void,
  ) {
    this.control = new Lane(this, 'control', arrive);
    this.data = new Lane(this, 'data', arrive);
  }

  get full(): boolean {
    return this.control.full || this.data.full;
  }

  /** The reader's end is open: asked again after every call of a machine, which may close it. */
  isReadable(): boolean {
    return this.readerOpen;
  }

  lane(plane: Plane): Lane {
    return plane === 'control' ? this.control : this.data;
  }

  /** The daemon at that place closes its end. */
  close(place: number): void {
    if (place === this.writer) this.writerOpen = false;
    else this.readerOpen = false;
  }

  /**
   * The writer was killed: its kernel sends all it had, or only a first part, of each lane. Answers when the last
   * byte arrives.
   */
  truncate(random: Random, now: number): number {
    this.writerOpen = false;
    let last = now;
    for (const lane of [this.control, this.data]) {
      if (random.chance(500)) lane.queue.length = random.below(lane.queue.length + 1);
      last = Math.max(last, lane.queue.at(-1)?.at ?? now);
    }
    return last;
  }
}
