// One path: what is known of the way to one peer (machine.ts keeps the rules).
import type { Evidence } from 'peal/plugin';

/** The last samples of a path that count ... */
const SAMPLES = 16;
/** ... and so many lost among them make its datagrams smaller. */
const SAMPLES_LOST = 3;
/** Asks to the group that may go unanswered one after the other. */
const GROUP_MISSES = 3;

export class Path {
  /** Bytes of it arrived since it was forgotten or went down. */
  heard = false;
  /** It was told to be down, and was not heard since. */
  told = false;
  /** Place of its size in the ladder of sizes. */
  rung = 0;
  /** Asks for the next size that were not answered. */
  tries = 0;
  /** Looks until a larger size is tried again, 0: none is waited for. */
  pauseLooks = 0;
  /** How often it had to pause. */
  pauses = 0;
  /** Asks to the group that it has not answered since it last did. */
  missed = Infinity;
  /** It was refused and is being asked; `first` is the number of the first ask. */
  doubt: { readonly kind: Evidence['kind']; readonly code: string; readonly first: number; looks: number } | undefined;
  #samples: boolean[] = [];

  constructor(readonly place: number) {}

  get hearsGroup(): boolean {
    return this.missed < GROUP_MISSES;
  }

  /** Notes whether a large datagram got through where a small one did. True: too many did not, the notes start anew. */
  sampled(arrived: boolean): boolean {
    this.#samples = [...this.#samples, arrived].slice(-SAMPLES);
    if (this.#samples.filter((s) => !s).length < SAMPLES_LOST) return false;
    this.#samples = [];
    return true;
  }
}
