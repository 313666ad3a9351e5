// One destination: a socket of its own, connected to a peer or to the group. Connected, a send needs no look-up and leaves
// at once, the system tells when the other side refuses, and each peer has a receive buffer of its own (README.md, "Sockets").
import type { Socket } from 'node:dgram';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Bytes } from 'peal/plugin';
import { type Arrivals, numberOf } from './arrivals.js';
import { closed } from './socket.js';

/** One send of data in so many asks for its outcome: each that does costs a callback. What is refused is told by reads, too. */
const ASK_EVERY = 16;
/** Outcomes asked for and not known yet, at which the system's queue is looked at. */
const PENDING_LOOK = 4;
/** So many datagrams came as events in one turn of the event loop: more are likely to wait, and are read without events ... */
const SEVERAL = 6;
/** ... so many at the most, since others want to be read, too. */
const READ_ON = 64;
/** Larger ones always come as events, bytes: with 8,972 reading them was a loss, 0.92 to 0.96. */
const READ_ON_BYTES = 4096;

export interface LineEvents {
  /** The system's code of a send or read that failed; what was sent counts as lost. */
  failed(code: string): void;
  /** After `full` everything that waited is gone. */
  drained(): void;
}

export class Line {
  sent = 0;
  #socket: Socket | undefined;
  readonly #queueBytes: number;
  readonly #arrivals: Arrivals;
  readonly #events: LineEvents;
  #pending = 0;
  #unasked = 0;
  #full = false;
  #gone = false;
  #number: number | undefined;
  /** Turn of the event loop, as the caller counts them, in which the last event came, and events of it, errors too. */
  #turn = 0;
  #came = 0;
  /** Events of a turn after which what waits is read: one, where that was worth it the last time. */
  #patience = SEVERAL;

  constructor(queueBytes: number, arrivals: Arrivals, events: LineEvents) {
    this.#queueBytes = queueBytes;
    this.#arrivals = arrivals;
    this.#events = events;
  }

  /** From here on sends leave by it, a connected socket. Closes it when that is no longer wanted. */
  async use(socket: Socket): Promise<void> {
    if (this.#gone) return closed(socket);
    this.#socket = socket;
    socket.on('error', (e: NodeJS.ErrnoException) => {
      this.#came++;
      this.#failed(e);
    });
    void this.#whenEmpty(socket);
  }

  /**
   * What came before it was connected may be from anybody and has to come as events, which tell from whom. Only when a whole turn of
   * reading brought neither a datagram nor an error, which ends such a turn early, nothing of then is left, and it is read by its
   * number. (A peer that never pauses for a turn goes on as events.)
   */
  async #whenEmpty(socket: Socket): Promise<void> {
    await nextTurn();
    do {
      this.#came = 0;
      await nextTurn();
    } while (this.#came > 0);
    if (!this.#gone) this.#number = numberOf(socket);
  }

  /**
   * A datagram of that many bytes came as an event in that turn of the event loop, as the caller counts them. What else waits goes
   * to `take` if that is likely to be much. Three senders over datagrams of 1472 bytes: 1 KB 1.17 times as many messages with 0.88
   * of the CPU, 100 B 1.08 and 0.91.
   */
  readOn(turn: number, length: number, take: (bytes: Bytes) => void): void {
    if (turn !== this.#turn) this.#came = 0;
    this.#turn = turn;
    if (++this.#came !== this.#patience || length > READ_ON_BYTES) return;
    let n = 0;
    for (let bytes = this.#next(); bytes !== undefined; bytes = ++n < READ_ON ? this.#next() : undefined) take(bytes);
    this.#patience = n < SEVERAL ? SEVERAL : 1;
  }

  get open(): boolean {
    return this.#socket !== undefined;
  }

  /** More waits in this process than may; asked before a send. */
  get full(): boolean {
    if (this.#pending < PENDING_LOOK || this.#socket === undefined) return false;
    if (this.#socket.getSendQueueSize() <= this.#queueBytes) return false;
    this.#full = true;
    return true;
  }

  /** Bytes that wait in this process. */
  get queued(): number {
    return this.#socket?.getSendQueueSize() ?? 0;
  }

  /** One datagram of these bytes or parts. `plain`: its outcome need not be known. */
  send(parts: Bytes | readonly Bytes[], plain = false): void {
    if (this.#socket === undefined || this.#gone) return;
    this.sent++;
    if (plain && ++this.#unasked < ASK_EVERY) {
      this.#socket.send(parts);
      return;
    }
    this.#unasked = 0;
    this.#pending++;
    this.#socket.send(parts, this.#done);
  }

  /** Sends nothing more, reports nothing; what waits may still leave. */
  finish(): void {
    this.#gone = true;
  }

  async close(): Promise<void> {
    this.#gone = true;
    const socket = this.#socket;
    this.#socket = undefined;
    this.#number = undefined;
    if (socket !== undefined) await closed(socket);
  }

  readonly #done = (error: NodeJS.ErrnoException | null): void => {
    this.#pending--;
    if (error !== null) this.#failed(error);
    if (this.#full && this.#pending === 0) {
      this.#full = false;
      if (!this.#gone) this.#events.drained();
    }
  };

  /** The next datagram that waits; undefined: none, or nothing more is wanted. */
  #next(): Bytes | undefined {
    if (this.#number === undefined || this.#gone) return undefined;
    try {
      return this.#arrivals.next(this.#number);
    } catch (error) {
      this.#failed(error as NodeJS.ErrnoException);
      return undefined;
    }
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (!this.#gone) this.#events.failed(error.code ?? error.message);
  }
}
