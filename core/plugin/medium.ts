// Contract of a medium: carries bytes between named daemons and promises little. Sockets live here.
import type { Bytes, Evidence, Plane } from '../machine/types.js';

/** Where a daemon is reached: one line of the canonical daemon list. */
export interface Address {
  readonly name: string;
  /** IPv4 or IPv6 literal. */
  readonly host: string;
  readonly port: number;
  /** Place in the canonical daemon list, 0-based; peers are named by it from here on. */
  readonly place: number;
}

/** What others must know of this life of the daemon before they listen to it: sent in the medium's own hello. */
export interface Identity {
  readonly address: Address;
  readonly incarnation: bigint;
  /** Hash of the canonical daemon list: daemons with different lists do not talk. */
  readonly listHash: number;
}

/**
 * A carrier, about 100 lines to write. Bytes are never changed after a call in either direction, until they were given back (lent.ts): what it
 * hands up by `received` it neither keeps nor hands up again.
 * Every call of `up` comes from the event loop, never from inside a call to the medium.
 */
export interface Medium {
  /** The largest `head` plus `body` of one send. */
  readonly maxBytes: number;
  /**
   * What of one send gets through well now to everybody who is heard: at most `maxBytes`, which it is when it is absent.
   * Rises and falls with what the paths carry.
   */
  readonly fitBytes?: number;
  /**
   * True: of what `send` gave nothing is kept beyond the tick but by `hold` (lent.ts; `SocketWriter` does so). Absent: it may be
   * kept for ever, at the price that no memory is used again.
   */
  readonly holds?: boolean;
  /** True: per pair and plane no loss, gap, duplicate or reordering until `down`; after it the pair starts afresh. */
  readonly stream: boolean;
  /** Listens on `self`. Rejects with a coded error when the address cannot be had. */
  open(self: Identity, up: MediumUp): Promise<void>;
  /** Whom to reach from now on (never oneself); others are severed. A medium dials again every 0.5 s by itself. */
  peers(all: readonly Address[]): void;
  /** False: not taken at all, `writable` follows. Bytes for a peer that is not connected are dropped and count as taken. */
  send(to: number | 'all', plane: Plane, head: Bytes, body?: Bytes): boolean;
  /**
   * End of a tick: no more is sent in it. A medium that gathers what is sent in a tick into one write writes it now,
   * before clients are written to. Who has called it once calls it after everything that it sends; before the first call
   * what is sent must leave by itself (process.nextTick). A medium that wraps another passes it on.
   */
  flush?(): void;
  /** Forget connection and queues of that peer; start afresh if it is still in `peers`. */
  sever(peer: number): void;
  /** Idempotent; resolves when nothing is open any more. What was sent before is given a chance to leave (at most 0.2 s). */
  close(): Promise<void>;
  /** One object of plain values for status: connections, queued bytes, counters. */
  describe(): Record<string, string | number | boolean>;
  /** New values of options that are `live` in its table, by their names in code; takes effect at once. */
  tune?(changes: Readonly<Record<string, unknown>>): void;
}

export interface MediumUp {
  /** `from` is the place of the peer that sent it as far as the medium knows, -1 if it does not. */
  received(from: number, plane: Plane, bytes: Bytes): void;
  writable(to: number | 'all'): void;
  /** A pair with that peer is usable in both directions (stream media; others call it at the first bytes heard). */
  up(peer: number): void;
  /**
   * What was in flight may be lost. 'refused' and 'unanswered' mean the process or host is likely gone; these two may
   * come also of a named peer that is not up. After the medium's own `sever` no `down` comes on this side.
   */
  down(peer: number, why: Evidence): void;
  /** End of a tick: all bytes of one chunk read were handed up; what they caused may leave now. */
  flush(): void;
  /** Something an operator should know that is no fault of a peer's process: counted and logged by the core. */
  noise(peer: number, what: string): void;
}
