// Rings whose messages are carried by hand: each send is kept until a test delivers or loses it, so that a story can be
// told message by message. The clock moves only when a test says so.
import type { Bytes, Frozen, Link, Pack } from 'peal/plugin';
import { createRing, type RingOptions } from '../machine.js';
import { DATA, STATE, TOKEN } from '../wire.js';

const NAMES: Readonly<Record<number, string>> = { [DATA]: 'data', [TOKEN]: 'token', [STATE]: 'state' };

export interface Sent {
  readonly from: number;
  readonly to: number;
  readonly bytes: Bytes;
  /** E.g. `token 0>1`. */
  readonly text: string;
}

interface Seat {
  readonly link: Link;
  /** First bytes of the packs handed up. */
  readonly got: number[];
  stable: number;
  suspects: number[];
  readonly timers: Map<number, number>;
}

export class Bench {
  now = 0;
  /** Under way, oldest first. */
  sent: Sent[] = [];
  readonly seats: readonly Seat[];

  /** `rooms`: what a datagram of each has room for, bytes; else all that a pack may have. */
  constructor(count: number, options: RingOptions = {}, rooms: readonly number[] = []) {
    this.seats = Array.from({ length: count }, () => ({
      link: createRing(options),
      got: [],
      stable: 0,
      suspects: [],
      timers: new Map<number, number>(),
    }));
    const members = this.seats.map((_, place) => ({ name: `m${place}`, incarnation: 1n, place }));
    this.seats.forEach((seat, self) =>
      seat.link.install(
        { id: { number: 1, time: 1 }, members, self, maxPackBytes: rooms.length > 0 ? Math.max(...rooms) : 1000 },
        {
          accepted: (_, __, pack) => void seat.got.push(pack.bytes[0]!),
          release: () => undefined,
          stable: (upTo) => void (seat.stable = upTo[0]!),
          window: () => undefined,
          suspect: (rank) => void seat.suspects.push(rank),
          send: (to, _, head, body) => this.#send(self, to, head, body),
          setTimer: (key, ms) => {
            if (ms < 0) seat.timers.delete(key);
            else seat.timers.set(key, this.now + ms);
          },
          now: () => this.now,
          ...(rooms[self] === undefined ? {} : { roomBytes: () => rooms[self]! }),
        },
      ),
    );
  }

  #send(from: number, to: number | 'all', head: Bytes, body: Bytes = new Uint8Array(0)): boolean {
    const bytes = Uint8Array.of(...head, ...body);
    const places = to === 'all' ? this.seats.map((_, i) => i).filter((i) => i !== from) : [to];
    for (const place of places) {
      const text = `${NAMES[bytes[0]!] ?? 'wake'} ${from}>${place}`;
      this.sent.push({ from, to: place, bytes, text });
    }
    return true;
  }

  /** That member says one pack, whose first byte is `mark`; its tick ends. */
  say(rank: number, mark: number, bytes = 500): void {
    const pack: Pack = { kind: 'frames', position: 0, safeAt: -1, bytes: new Uint8Array(bytes).fill(mark) };
    this.seats[rank]!.link.submit(pack);
    this.seats[rank]!.link.flush();
  }

  /** What is under way, in words. */
  get texts(): string[] {
    return this.sent.map((s) => s.text);
  }

  /** Delivers what matches, oldest first, each in a tick of its own; not what that causes. */
  deliver(which: (s: Sent) => boolean = () => true): void {
    const chosen = this.sent.filter(which);
    this.sent = this.sent.filter((s) => !chosen.includes(s));
    for (const { from, to, bytes } of chosen) {
      this.seats[to]!.link.received(from, bytes);
      this.seats[to]!.link.flush();
    }
  }

  lose(which: (s: Sent) => boolean): void {
    this.sent = this.sent.filter((s) => !which(s));
  }

  /** Delivers everything until nothing is under way; throws if that does not end. */
  settle(): void {
    for (let i = 0; this.sent.length > 0; i++) {
      if (i > 1000) throw new Error('it goes on without end');
      this.deliver();
    }
  }

  /** Lets time pass; timers that are due run. */
  pass(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const due = this.seats.flatMap((seat) => [...seat.timers].map(([key, at]) => ({ seat, key, at })));
      const [next] = due.filter((t) => t.at <= until).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.now = Math.max(this.now, next.at);
      next.seat.timers.delete(next.key);
      next.seat.link.timer(next.key);
      next.seat.link.flush();
    }
    this.now = until;
  }

  freeze(rank: number): Frozen {
    return this.seats[rank]!.link.freeze();
  }
}
