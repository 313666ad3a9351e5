// What is known of every other daemon of the list: when it was heard, which life of it, its last row, and whether
// it is accused. Design: docs/design/membership.md, sections 1 and 3.
import { FLAP_HOLD_FIRST_MS, FLAP_HOLD_MAX_MS, FLAP_WINDOW_MS, HEARING_LIMIT_MS, SILENCE_STRETCH } from '../options.js';
import type { Evidence } from '../types.js';
import { type Row, RowReader } from './row.js';

/** Long before any time of the monotonic clock. */
const NEVER_MS = -1e12;
/** A gap is remembered with this decay per message heard, so the limit follows what was lately normal. */
const GAP_DECAY_SHIFT = 6;
/** A neighbour may be silent that many times its lately normal gap, in halves: 4 means twice. */
const GAP_HALVES = 4;

export class Peer {
  /** 0n: never heard. */
  incarnation = 0n;
  heardAt = NEVER_MS;
  sentAt = NEVER_MS;
  row: Row | undefined = undefined;
  readonly rows: RowReader;
  rowAt = NEVER_MS;
  accused: Evidence | undefined = undefined;
  /** No edge to it counts before this time (it broke twice within a minute). */
  heldUntil = NEVER_MS;
  /** The present life has said that it leaves: nothing that still arrives of it counts. */
  #over = false;
  #gapMs = 0;
  #breaks: number[] = [];
  #holds = 0;

  constructor(
    readonly place: number,
    readonly name: string,
    places: number,
  ) {
    this.rows = new RowReader(places);
  }

  /** Was it heard since it was last forgotten? */
  get everHeard(): boolean {
    return this.heardAt > NEVER_MS;
  }

  /** Something of this life arrived. */
  hear(now: number): void {
    const gap = now - this.heardAt;
    if (gap < HEARING_LIMIT_MS)
      this.#gapMs = Math.max(gap, this.#gapMs - Math.ceil(this.#gapMs / (1 << GAP_DECAY_SHIFT)));
    this.heardAt = now;
  }

  /** A new life begins: nothing said by the one before counts. */
  reborn(incarnation: bigint): void {
    this.incarnation = incarnation;
    this.#over = false;
    this.row = undefined;
    this.rowAt = NEVER_MS;
    this.accused = undefined;
    this.#gapMs = 0;
  }

  forget(): void {
    this.heardAt = NEVER_MS;
    this.rowAt = NEVER_MS;
    this.row = undefined;
    this.accused = undefined;
  }

  /** A clean leave: what was sent before it and arrives behind it must not bring it back. */
  end(): void {
    this.forget();
    this.#over = true;
  }

  /** Has that life said that it leaves? */
  isOver(incarnation: bigint): boolean {
    return this.#over && incarnation === this.incarnation;
  }

  /** Heard within the limit, not accused, its edge not held back. */
  hears(now: number): boolean {
    return this.accused === undefined && now - this.heardAt <= HEARING_LIMIT_MS && now >= this.heldUntil;
  }

  /** How long a neighbour may be silent. */
  silenceLimit(base: number): number {
    return Math.min(base * SILENCE_STRETCH, Math.max(base, (this.#gapMs * GAP_HALVES) >> 1));
  }

  /** An edge to it broke. From the second break within a minute on it waits 2, 4 ... 30 s. */
  broke(now: number): void {
    this.#breaks = this.#breaks.filter((t) => now - t < FLAP_WINDOW_MS);
    this.#breaks.push(now);
    if (this.#breaks.length < 2) {
      this.#holds = 0;
      return;
    }
    this.heldUntil = now + Math.min(FLAP_HOLD_MAX_MS, FLAP_HOLD_FIRST_MS << Math.min(this.#holds, 8));
    this.#holds++;
  }
}
