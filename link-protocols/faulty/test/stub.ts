// A medium that does nothing but remember, and a clock that goes only when told: what the faulty medium's tests stand on.
import type { Address, Bytes, Evidence, Identity, Medium, MediumUp, Plane } from 'peal/plugin';
import type { FaultyPorts } from '../medium.js';

export class StubMedium implements Medium {
  readonly maxBytes = 1024 * 1024;
  readonly sent: string[] = [];
  readonly severed: number[] = [];
  taking = true;
  /** Sent since the last flush. */
  unflushed = 0;
  up: MediumUp | undefined;

  constructor(readonly stream: boolean) {}

  open(_self: Identity, up: MediumUp): Promise<void> {
    this.up = up;
    return Promise.resolve();
  }

  peers(): void {
    // Whoever is named is named.
  }

  send(to: number | 'all', plane: Plane, head: Bytes, body?: Bytes): boolean {
    if (this.taking) {
      this.sent.push(`${to} ${plane} ${[...head, ...(body ?? [])].join('.')}`);
      this.unflushed++;
    }
    return this.taking;
  }

  flush(): void {
    this.unflushed = 0;
  }

  sever(peer: number): void {
    this.severed.push(peer);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  describe(): Record<string, string | number | boolean> {
    return { stub: true };
  }
}

/** Everything told to the core, as text. */
export class Told implements MediumUp {
  lines: string[] = [];

  received(from: number, plane: Plane, bytes: Bytes): void {
    this.lines.push(`${from} ${plane} ${bytes.length > 8 ? `(${bytes.length})` : bytes.join('.')}`);
  }

  writable(to: number | 'all'): void {
    this.lines.push(`writable ${to}`);
  }

  up(peer: number): void {
    this.lines.push(`up ${peer}`);
  }

  down(peer: number, why: Evidence): void {
    this.lines.push(`down ${peer} ${why.kind}`);
  }

  flush(): void {
    // The end of a tick is no line of its own.
  }

  noise(): void {
    // No noise is expected.
  }

  /** What was told since the last call. */
  take(): string[] {
    const { lines } = this;
    this.lines = [];
    return lines;
  }
}

export class ManualPorts implements FaultyPorts {
  #now = 0;
  #timers = new Set<{ at: number; fn: () => void }>();
  /** Every look at the clock takes that long: two looks in a row may differ. */
  lookMs = 0;
  readonly clock = { nowMs: () => (this.#now += this.lookMs), wallMs: () => this.#now };
  readonly timers = {
    set: (ms: number, fn: () => void) => {
      const timer = { at: this.#now + ms, fn };
      this.#timers.add(timer);
      return timer;
    },
    cancel: (timer: object) => void this.#timers.delete(timer as { at: number; fn: () => void }),
  };

  get pending(): number {
    return this.#timers.size;
  }

  run(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = [...this.#timers].filter((t) => t.at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#now = Math.max(this.#now, next.at);
      this.#timers.delete(next);
      next.fn();
    }
    this.#now = end;
  }
}

export const LIST: readonly Address[] = ['alpha', 'beta', 'gamma'].map((name, place) => ({
  name,
  host: '127.0.0.1',
  port: 4800 + place,
  place,
}));
