// Who speaks after us: what the holder of the turn goes by when it gives the turn away unasked (docs/design/order.md 2.1).
// Daemons that speak at even rates do so in the same order again and again, so the one that followed twice in a row will
// follow again; a single speaker follows itself. Pure.

export class Followers {
  #self = 0;
  /** Who spoke last, and up to which position. */
  #last = -1;
  #position = 0;
  /** Who followed us the last time, and the time before; -1: nobody yet. */
  #latest = -1;
  #earlier = -1;

  install(self: number): void {
    this.#self = self;
    this.#last = this.#latest = this.#earlier = -1;
    this.#position = 0;
  }

  /** We begin to speak, in a tick of its own. */
  begin(): void {
    if (this.#last === this.#self) this.#note(this.#self);
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
    return this.#latest === this.#earlier && this.#latest !== this.#self ? this.#latest : -1;
  }

  #note(rank: number): void {
    this.#earlier = this.#latest;
    this.#latest = rank;
  }
}
