// The order stage between outbox, link and delivery: who gives packs their positions. Two kinds: `TurnOrder` for links
// that do not order, `LinkOrder` for those that do (`Link.totalOrder`). Design: docs/design/order.md.
import type { Delivery } from '../delivery/delivery.js';
import type { Content, Outbox } from '../outbox/outbox.js';
import type { Configuration, Link, Pack } from '../types.js';

/** What both kinds stand between. */
export interface OrderParts {
  readonly link: Link;
  readonly outbox: Outbox;
  readonly delivery: Delivery;
  /** Does the group exchange run? Then only its own messages are submitted. */
  exchanging(): boolean;
  dropped(what: string): void;
}

export interface Order {
  /** A configuration begins; the link's window is unknown. */
  install(c: Configuration): void;
  /** End of a tick: submits what may be sent now. */
  pump(): void;
  /** From the link, as `LinkUp` says. */
  accepted(sender: number, index: number, pack: Pack): void;
  stable(upTo: ArrayLike<number>): void;
  window(bytes: number): void;
  /** The configuration ends: link and delivery are frozen, and all that counts as accepted is in the log. Idempotent. */
  freeze(): void;
  /** After `freeze`: what was submitted and never numbered, in order. Once. */
  takeUnsent(): readonly Content[];
  /** Packs that were submitted and are not accepted here yet, and their bytes. */
  readonly waiting: number;
  readonly waitingBytes: number;
  describe(): string;
}
