// Flow control towards clients: are they read? Closed while the backlog of unnumbered frames is too large, and while
// any daemon has a slow reader of policy `block`. Never stops delivery, ordering or membership (design.md 6).
// A "closed" notice is repeated and expires, so a lost one or a dead daemon never leaves clients shut.
import { FLOW_EXPIRE_MS, FLOW_REPEAT_MS } from '../options.js';

export interface FlowOut {
  /** To all members of the configuration. */
  tell(closed: boolean): void;
  reading(open: boolean): void;
  setTimer(ms: number): void;
}

export class Flow {
  #now = 0;
  #open = true;
  #full = false;
  readonly #slow = new Set<number>();
  readonly #closedBy = new Map<number, number>();

  constructor(
    private readonly backlogBytes: number,
    private readonly out: FlowOut,
  ) {}

  at(now: number): void {
    this.#now = now;
  }

  /** Bytes of client frames that wait for their number. Opens again at half the limit. */
  backlog(bytes: number): void {
    if (this.#full ? bytes <= this.backlogBytes >>> 1 : bytes >= this.backlogBytes) {
      this.#full = !this.#full;
      this.#decide();
    }
  }

  congested(session: number, on: boolean): void {
    const before = this.#slow.size > 0;
    if (on) this.#slow.add(session);
    else this.#slow.delete(session);
    const after = this.#slow.size > 0;
    if (before === after) return;
    this.out.tell(after);
    this.#arm();
    this.#decide();
  }

  /** The daemon at that place says that its readers are too slow, or good again. */
  told(place: number, closed: boolean): void {
    if (closed) this.#closedBy.set(place, this.#now + FLOW_EXPIRE_MS);
    else this.#closedBy.delete(place);
    this.#arm();
    this.#decide();
  }

  timer(): void {
    if (this.#slow.size > 0) this.out.tell(true);
    for (const [place, until] of this.#closedBy) if (this.#now >= until) this.#closedBy.delete(place);
    this.#arm();
    this.#decide();
  }

  describe(): string {
    return `${this.#open ? 'open' : 'closed'} slow ${this.#slow.size} closed by {${[...this.#closedBy.keys()].join(',')}}`;
  }

  #arm(): void {
    this.out.setTimer(this.#slow.size > 0 || this.#closedBy.size > 0 ? FLOW_REPEAT_MS : -1);
  }

  #decide(): void {
    const open = !this.#full && this.#slow.size === 0 && this.#closedBy.size === 0;
    if (open === this.#open) return;
    this.#open = open;
    this.out.reading(open);
  }
}
