// Own packs that wait for a number, and how much of them a visit of the token may send: byte flow control
// (docs/design/ring.md 3.5).
import type { Bytes, Pack } from 'peal/plugin';
import { MAX_OPEN_PACKS, OPEN_WINDOWS } from './limits.js';
import type { Store } from './store.js';
import type { Numbered, Token } from './wire.js';

/** A pack without a number, its bytes as they travel, and what it costs on the way. */
interface Waiting {
  readonly pack: Pack;
  readonly body: Bytes;
  readonly cost: number;
}

export class OwnPacks {
  readonly #self: number;
  readonly #windowBytes: number;
  readonly #store: Store;
  #queue: Waiting[] = [];
  #index = 0;
  /** The last position we gave. */
  lastPosition = 0;
  /** Bytes we sent at our last visit, which the token still counts. */
  #contributed = 0;
  /** At our last visit we had more to say than we might send, which the token still counts. */
  #busy = false;
  /** What all that waits costs. */
  waitingBytes = 0;

  constructor(self: number, windowBytes: number, store: Store) {
    this.#self = self;
    this.#windowBytes = windowBytes;
    this.#store = store;
  }

  /** Packs without a number. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** `cost`: bytes on the way, with what the datagrams have besides. */
  queue(pack: Pack, body: Bytes, cost: number): void {
    this.#queue.push({ pack, body, cost });
    this.waitingBytes += cost;
  }

  unsent(): readonly Pack[] {
    return this.#queue.map(({ pack }) => pack);
  }

  /** Bytes that may be sent at a visit of that token; a first pack may be larger than what is left. */
  allowed(t: Token, stuck: boolean): number {
    const { bytes, stableTo } = this.#store;
    if (stuck || bytes > OPEN_WINDOWS * this.#windowBytes || t.highest - stableTo >= MAX_OPEN_PACKS) return 0;
    const others = Math.max(0, t.flight - this.#contributed);
    const share = Math.floor(this.#windowBytes / (Math.max(0, t.busy - (this.#busy ? 1 : 0)) + 1));
    return Math.max(0, Math.min(share, this.#windowBytes - others));
  }

  /**
   * Numbers what this visit may send, and writes into the token what it counts. `resent`: bytes of retransmissions of this
   * visit. Who sent nothing last time may always send one pack, else the window of others could shut it out for ever.
   */
  number(t: Token, resent: number, stuck: boolean): Numbered[] {
    const allowed = this.allowed(t, stuck) - resent;
    const closed = stuck || this.#store.bytes > OPEN_WINDOWS * this.#windowBytes;
    const entitled = !closed && this.#contributed === 0;
    const numbered: Numbered[] = [];
    let sent = 0;
    let taken = 0;
    for (const { pack, body, cost } of this.#queue) {
      if (sent + cost > allowed && !(entitled && taken === 0)) break;
      if (t.highest - this.#store.stableTo >= MAX_OPEN_PACKS) break;
      const position = (this.lastPosition = ++t.highest);
      const n = { position, sender: this.#self, index: ++this.#index, pack: { ...pack, position }, body };
      this.#store.put(n);
      numbered.push(n);
      sent += cost;
      taken++;
    }
    this.#queue.splice(0, taken);
    this.waitingBytes -= sent;
    const busy = this.#queue.length > 0;
    t.flight = Math.max(0, t.flight - this.#contributed) + resent + sent;
    t.busy = Math.max(0, t.busy - (this.#busy ? 1 : 0)) + (busy ? 1 : 0);
    this.#contributed = resent + sent;
    this.#busy = busy;
    return numbered;
  }
}
