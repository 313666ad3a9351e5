// Who speaks after us: what the holder of the turn goes by when it gives the turn away unasked (docs/design/order.md 2.1).
// Daemons that speak at even rates do so in the same order again and again; two whose times lie close change places now and then, and
// then who comes next depends on who came before us, so that is asked, too. A single speaker follows itself. Pure.

const NOBODY = -1;

export class Followers {
  #self = 0;
  /** Who spoke last, and up to which position. */
  #last = NOBODY;
  #position = 0;
  /** Who had spoken before we did. */
  #before = NOBODY;
  /** By who had spoken before us (`NOBODY` first): who is thought to follow us then, and was it so the last time? */
  #guess: number[] = [];
  #right: boolean[] = [];

  install(self: number, members: number): void {
    this.#self = self;
    this.#last = this.#before = NOBODY;
    this.#position = 0;
    this.#guess = new Array<number>(members + 1).fill(NOBODY);
    this.#right = new Array<boolean>(members + 1).fill(false);
  }

  /** We begin to speak, in a tick of its own. */
  begin(): void {
    if (this.#last === this.#self) this.#note(this.#self);
    this.#before = this.#last;
  }

  /** A pack of that rank has that position. Streams of several senders may come in any order: older ones say nothing. */
  heard(rank: number, position: number): void {
    if (position <= this.#position) return;
    if (this.#last === this.#self && rank !== this.#self) this.#note(rank);
    this.#last = rank;
    this.#position = position;
  }

  /** Who will speak next, or -1 if that is ourselves or not known. */
  get next(): number {
    const guess = this.#guess[this.#before + 1]!;
    return guess === this.#self ? NOBODY : guess;
  }

  /** A guess that was right is given up when it was wrong twice in a row: those who change places do so now and then. */
  #note(rank: number): void {
    const i = this.#before + 1;
    const right = this.#guess[i] === rank;
    if (!right && !this.#right[i]) this.#guess[i] = rank;
    this.#right[i] = right;
  }
}
