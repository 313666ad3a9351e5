// Order over a link that orders: packs are submitted without a number, and the n-th that the link hands up is position n
// (docs/design/order.md 6).
import type { Content } from '../outbox/outbox.js';
import type { Configuration, Pack } from '../types.js';
import type { Order, OrderParts } from './order.js';

/** Remembers what it submitted until it was numbered, since what never was goes whole into the next configuration. */
export class LinkOrder implements Order {
  waitingBytes = 0;
  readonly #parts: OrderParts;
  #submitted: Content[] = [];
  #self = 0;
  /** Position of the last pack handed up. */
  #position = 0;
  #window = 0;
  #frozen = true;

  constructor(parts: OrderParts) {
    this.#parts = parts;
  }

  get waiting(): number {
    return this.#submitted.length;
  }

  install(c: Configuration): void {
    this.#self = c.self;
    this.#submitted = [];
    this.waitingBytes = 0;
    this.#position = 0;
    this.#window = 0;
    this.#frozen = false;
  }

  pump(): void {
    const { link, outbox } = this.#parts;
    for (;;) {
      const exchanging = this.#parts.exchanging();
      if (!outbox.pending(exchanging) || outbox.nextBytes(exchanging) > this.#window) return;
      const content = outbox.take();
      this.#submitted.push(content);
      this.waitingBytes += content.bytes.length;
      const { kind, safeAt, bytes } = content;
      link.submit({ kind, safeAt, bytes, position: 0 });
    }
  }

  accepted(sender: number, index: number, pack: Pack): void {
    this.#enter(++this.#position, sender, index, pack);
  }

  /** Own packs come back in the order in which they were submitted. */
  #enter(position: number, sender: number, index: number, pack: Pack): void {
    const own = sender === this.#self ? this.#submitted.shift() : undefined;
    if (own !== undefined) this.waitingBytes -= own.bytes.length;
    const numbered = pack.position === position ? pack : { ...pack, position };
    this.#parts.delivery.accept({ sender, index, pack: numbered });
  }

  stable(upTo: ArrayLike<number>): void {
    this.#parts.delivery.stableTo(upTo[0] ?? 0);
  }

  window(bytes: number): void {
    this.#window = bytes;
  }

  /** What the link holds behind a gap was accepted too: it goes into the log, and so into the report. */
  freeze(): void {
    if (this.#frozen) return;
    this.#frozen = true;
    const { behind } = this.#parts.link.freeze();
    for (const { position, sender, index, pack } of behind) this.#enter(position, sender, index, pack);
    this.#parts.delivery.freeze();
  }

  takeUnsent(): readonly Content[] {
    const unsent = this.#submitted;
    this.#submitted = [];
    this.waitingBytes = 0;
    return unsent;
  }

  describe(): string {
    return `order of the link at ${this.#position}, waiting ${this.#submitted.length}`;
  }
}
