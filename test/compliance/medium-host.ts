// One medium under test with everything it called up, and a way to wait for what is to come (medium suite).
import type { Bytes, Evidence, Plane } from '../../core/machine/types.js';
import type { Address, Identity, Medium, MediumUp } from '../../core/plugin/medium.js';

/** What is awaited must come within, in ms; a limit for a broken medium, no measure of a good one. */
const WAIT_LIMIT_MS = 10_000;
/** Media without streams are up at the first bytes heard: these are sent so often, in ms. */
const PULSE_MS = 20;

export interface Heard {
  readonly from: number;
  readonly plane: Plane;
  readonly bytes: Bytes;
}

interface Waiter {
  readonly holds: () => boolean;
  readonly done: () => void;
}

export class MediumHost implements MediumUp {
  readonly heard: Heard[] = [];
  readonly downs: { peer: number; why: Evidence }[] = [];
  readonly noises: string[] = [];
  readonly connected = new Set<number>();
  ups = 0;
  writables: (number | 'all')[] = [];
  /** Messages since the last flush. */
  unflushed = 0;
  breaches: string[] = [];
  /** Called for every message; default keeps it in `heard`. */
  take: (h: Heard) => void = (h) => void this.heard.push(h);
  #inside = 0;
  #open = false;
  readonly #waiters = new Set<Waiter>();

  constructor(
    readonly medium: Medium,
    readonly identity: Identity,
  ) {}

  get place(): number {
    return this.identity.address.place;
  }

  async open(): Promise<void> {
    await this.medium.open(this.identity, this);
    this.#open = true;
  }

  peers(all: readonly Address[]): void {
    this.#call(() => this.medium.peers(all.filter((a) => a.place !== this.place)));
  }

  send(to: number | 'all', plane: Plane, head: Bytes, body?: Bytes): boolean {
    return this.#call(() => this.medium.send(to, plane, head, body));
  }

  sever(peer: number): void {
    this.#call(() => this.medium.sever(peer));
  }

  async close(): Promise<void> {
    this.#open = false;
    for (const w of [...this.#waiters]) w.done();
    await this.#call(() => this.medium.close());
  }

  /** Resolves when it holds; looked at after every call to `up`. Rejects with `what` after a limit. */
  until(holds: () => boolean, what: string): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter = { holds, done: () => finish(resolve) };
      const limit = setTimeout(() => {
        const seen = `connected ${[...this.connected].join()}, ${this.heard.length} heard, noises ${this.noises.join('; ')}`;
        finish(() => reject(new Error(`${this.identity.address.name} waited in vain for ${what} (${seen})`)));
      }, WAIT_LIMIT_MS);
      const pulse = this.medium.stream ? undefined : setInterval(() => this.send('all', 'control', PULSE), PULSE_MS);
      const finish = (then: () => void): void => {
        clearTimeout(limit);
        clearInterval(pulse);
        this.#waiters.delete(waiter);
        then();
      };
      this.#waiters.add(waiter);
    });
  }

  #call<T>(fn: () => T): T {
    this.#inside++;
    try {
      return fn();
    } finally {
      this.#inside--;
    }
  }

  #called(what: string): void {
    if (this.#inside > 0) this.breaches.push(`${what} from inside a call to the medium`);
    if (!this.#open && what !== 'noise') this.breaches.push(`${what} while not open`);
    queueMicrotask(() => this.#look());
  }

  #look(): void {
    for (const w of [...this.#waiters]) if (w.holds()) w.done();
  }

  // MediumUp ---------------------------------------------------------------------------------------------------------

  received(from: number, plane: Plane, bytes: Bytes): void {
    this.#called('received');
    if (this.medium.stream && !this.connected.has(from)) this.breaches.push(`bytes of ${from} while it is down`);
    if (bytes.length === 1 && bytes[0] === ANSWER[0]) return;
    if (bytes.length === 1 && bytes[0] === PULSE[0]) {
      queueMicrotask(() => {
        if (this.#open && from >= 0) this.send(from, 'control', ANSWER);
      });
      return;
    }
    this.unflushed++;
    this.take({ from, plane, bytes });
  }

  writable(to: number | 'all'): void {
    this.#called('writable');
    this.writables.push(to);
  }

  up(peer: number): void {
    this.#called('up');
    if (this.connected.has(peer)) this.breaches.push(`up of ${peer} twice`);
    this.connected.add(peer);
    this.ups++;
  }

  down(peer: number, why: Evidence): void {
    this.#called('down');
    // A failed dial may say more of a peer that is not up: its process is gone.
    const gone = why.kind === 'refused' || why.kind === 'unanswered';
    if (this.connected.delete(peer)) this.downs.push({ peer, why });
    else if (!gone) this.breaches.push(`down of ${peer}, which was not up: ${why.kind}`);
  }

  flush(): void {
    this.#called('flush');
    this.unflushed = 0;
  }

  noise(_peer: number, what: string): void {
    this.#called('noise');
    this.noises.push(what);
  }

  /** After our own `sever` no `down` comes: forget it. */
  forget(peer: number): void {
    this.connected.delete(peer);
  }
}

const PULSE = Uint8Array.of(0xee);
/** Who is heard at once sends no pulse of its own any more; it must be heard all the same. */
const ANSWER = Uint8Array.of(0xef);
