// Looks, while something is open, at who makes no progress: asks, and after a number of looks accuses
// (docs/design/mesh.md 3.8 and 3.9). Looks are counted instead of time, so that a pause of our own accuses nobody.
import type { WatchPace } from './limits.js';

/** What the watch must know of a member. Undefined marks: nothing of that kind is awaited from it. */
export interface Standing {
  /** A question may bring an answer that helps. */
  readonly ask: boolean;
  /** Whatever changes when it makes the progress that we wait for. */
  readonly marks: readonly (number | undefined)[];
}

interface Seen {
  marks: readonly (number | undefined)[];
  looks: number;
  /** The last look before the accusation is under way. */
  accused: boolean;
}

export interface WatchOut {
  standing(rank: number): Standing;
  ask(rank: number): void;
  accuse(rank: number, looks: number): void;
  /** The next look, in ms; 0: after a full turn of reading. */
  lookIn(ms: number): void;
}

export class Watch {
  readonly #pace: WatchPace;
  readonly #out: WatchOut;
  readonly #seen: (Seen | undefined)[];
  #waitMs: number;
  #armed = false;
  #lastLook = false;

  constructor(pace: WatchPace, members: number, self: number, out: WatchOut) {
    this.#pace = pace;
    this.#out = out;
    this.#waitMs = pace.firstMs;
    this.#seen = Array.from({ length: members }, (_, rank) =>
      rank === self ? undefined : { marks: [], looks: 0, accused: false },
    );
  }

  /** Something is open: starts looking unless it does already. */
  start(): void {
    if (this.#armed) return;
    this.#armed = true;
    this.#waitMs = this.#pace.firstMs;
    this.#seen.forEach((seen, rank) => {
      if (seen === undefined) return;
      seen.looks = 0;
      seen.accused = false;
      seen.marks = this.#out.standing(rank).marks;
    });
    this.#out.lookIn(this.#waitMs);
  }

  /** The timer ran out; `open`: is there still something to wait for? */
  look(open: boolean): void {
    if (!this.#armed) return;
    if (!open) {
      this.#armed = false;
      this.#lastLook = false;
      return;
    }
    if (this.#lastLook) this.#judge();
    else this.#lookAround();
  }

  #lookAround(): void {
    let quiet = false;
    let accused = false;
    for (const [rank, seen] of this.#seen.entries()) {
      if (seen === undefined) continue;
      const now = this.#out.standing(rank);
      if (!same(seen.marks, now.marks)) seen.looks = 0;
      else if (++seen.looks >= this.#pace.looks) seen.accused = accused = true;
      seen.marks = now.marks;
      if (seen.looks === 0) continue;
      quiet = true;
      if (now.ask) this.#out.ask(rank);
    }
    this.#waitMs = quiet ? Math.min(this.#waitMs * 2, this.#pace.longestMs) : this.#pace.firstMs;
    this.#lastLook = accused;
    this.#out.lookIn(accused ? 0 : this.#waitMs);
  }

  /** Everything that had arrived was read in between: who still shows no progress is accused. */
  #judge(): void {
    this.#lastLook = false;
    this.#out.lookIn(this.#waitMs);
    this.#seen.forEach((seen, rank) => {
      if (seen?.accused !== true) return;
      seen.accused = false;
      const looks = seen.looks;
      seen.looks = 0;
      if (same(seen.marks, this.#out.standing(rank).marks)) this.#out.accuse(rank, looks);
    });
  }
}

/** No progress: something is awaited, and of all that was awaited one kind has not moved. */
function same(before: readonly (number | undefined)[], now: readonly (number | undefined)[]): boolean {
  return now.some((mark, i) => mark !== undefined && mark === before[i]);
}
