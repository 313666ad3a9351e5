// Delivery: from numbered packs to the one ordered stream that the group layer sees. Agreed order as soon as all
// before it is here; SAFE holds back what follows until every member has it; at the end of a configuration by plan.
// The delivery point is (position, byte offset), since packs mix service levels. Design: docs/design/order.md.
import { PackLog, type Entry } from './log.js';
import { Reassembly } from './pieces.js';
import type { OldPlan } from '../recovery/plan.js';
import type { Bytes } from '../types.js';

export interface DeliveryOut {
  frames(sender: number, bytes: Bytes, from: number, to: number): void;
  /** False: malformed. */
  state(sender: number, bytes: Bytes): boolean;
  dropped(what: string): void;
  /** Of a pack that was accepted: not needed any more (`DaemonPorts.release`). */
  release(bytes: Bytes): void;
}

export class Delivery {
  readonly log = new PackLog(({ pack }) => {
    // A piece is kept until the frame is whole; messages of the group exchange are read into what they tell.
    if (pack.kind === 'frames') this.out.release(pack.bytes);
  });
  readonly #pieces: Reassembly;
  /** Bytes of position deliveredTo + 1 that were delivered already. */
  #offset = 0;
  /** Ranks whose packs are delivered behind a gap, by a plan that was completed; own rank always. */
  #promised = new Set<number>();
  #frozen = false;

  constructor(
    maxFrameBytes: number,
    private readonly out: DeliveryOut,
  ) {
    this.#pieces = new Reassembly(maxFrameBytes);
  }

  install(): void {
    this.log.clear();
    this.#pieces.clear();
    this.#promised.clear();
    this.#offset = 0;
    this.#frozen = false;
  }

  get promised(): readonly number[] {
    return [...this.#promised].sort((a, b) => a - b);
  }

  /** From the link, numbered packs only. A position that is held already is a fault of its sender: ignored. */
  accept(entry: Entry): void {
    if (this.#frozen) throw new Error('accepted after the report');
    if (this.log.holds(entry.pack.position)) {
      this.out.dropped('position numbered twice');
      return;
    }
    this.log.put(entry.pack.position, entry);
    this.#advance();
  }

  /** Per rank the index that every member has accepted. */
  stable(upTo: ArrayLike<number>): void {
    if (this.log.acknowledge(upTo)) this.#advance();
  }

  /** Every member has accepted all positions up to this one. */
  stableTo(position: number): void {
    if (this.log.acknowledgeTo(position)) this.#advance();
  }

  /** The report is made: from here on nothing is accepted but by repair. */
  freeze(): void {
    this.#frozen = true;
  }

  /** All that the plan asks is here: what it promised others, we promise too, until a regular configuration. */
  completed(plan: OldPlan): void {
    this.log.stableTo = Math.max(this.log.stableTo, plan.stable);
    for (const rank of plan.promised) this.#promised.add(rank);
  }

  /** The end of the configuration: its regular part, `transitional`, then what only its survivors are sure of. */
  finish(transitional: () => void): void {
    this.#advance();
    transitional();
    for (let e = this.log.get(this.log.deliveredTo + 1); e; e = this.log.get(this.log.deliveredTo + 1)) {
      this.#deliver(e, e.pack.bytes.length);
      this.log.deliveredTo++;
      this.#offset = 0;
    }
    // Behind the first gap only packs of those who promised; of others something before may be missing for ever.
    for (const [, e] of this.log.behind()) if (this.#promised.has(e.sender)) this.#deliver(e, e.pack.bytes.length);
  }

  describe(): string {
    const { deliveredTo, heldTo, highest, stableTo, size } = this.log;
    const at = this.#offset > 0 ? `+${this.#offset}` : '';
    return `delivered ${deliveredTo}${at} held ${heldTo}/${highest} stable ${stableTo} kept ${size}`;
  }

  #advance(): void {
    for (;;) {
      const position = this.log.deliveredTo + 1;
      const e = position <= this.log.heldTo ? this.log.get(position) : undefined;
      if (!e) break;
      const safe = e.pack.safeAt < 0 || position <= this.log.stableTo;
      const end = safe ? e.pack.bytes.length : e.pack.kind === 'frames' ? e.pack.safeAt : 0;
      if (end > this.#offset || (safe && e.pack.bytes.length === 0)) this.#deliver(e, end);
      if (!safe) {
        this.#offset = Math.max(this.#offset, end);
        break;
      }
      this.log.deliveredTo = position;
      this.#offset = 0;
    }
    this.log.drop();
  }

  /** Delivers from the offset to `end` of that pack. */
  #deliver(e: Entry, end: number): void {
    const { kind, bytes } = e.pack;
    switch (kind) {
      case 'frames':
        this.out.frames(e.sender, bytes, this.#begun(e), end);
        return;
      case 'piece': {
        const whole = this.#pieces.add(e.sender, bytes);
        if (whole) this.out.frames(e.sender, whole, 0, whole.length);
        return;
      }
      case 'state':
        if (!this.out.state(e.sender, bytes)) this.out.dropped('malformed state pack');
        return;
      case 'turn':
        return;
    }
  }

  /** Where to go on in that pack: only the pack at the delivery point was begun. */
  #begun(e: Entry): number {
    return e.pack.position === this.log.deliveredTo + 1 ? this.#offset : 0;
  }
}
