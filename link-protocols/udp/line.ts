// One destination: a socket of its own, connected to a peer or to the group. Connected, a send needs no look-up and leaves
// at once, the system tells when the other side refuses, and each peer has a receive buffer of its own (README.md, "Sockets").
import type { Socket } from 'node:dgram';
import type { Bytes } from 'peal/plugin';
import { closed } from './socket.js';

/** One send of data in so many asks for its outcome: each that does costs a callback. What is refused is told by reads, too. */
const ASK_EVERY = 16;
/** Outcomes asked for and not known yet, at which the system's queue is looked at. */
const PENDING_LOOK = 4;

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
  readonly #events: LineEvents;
  #pending = 0;
  #unasked = 0;
  #full = false;
  #gone = false;

  constructor(queueBytes: number, events: LineEvents) {
    this.#queueBytes = queueBytes;
    this.#events = events;
  }

  /** From here on sends leave by it. Closes it when that is no longer wanted. */
  async use(socket: Socket): Promise<void> {
    if (this.#gone) return closed(socket);
    this.#socket = socket;
    socket.on('error', (e: NodeJS.ErrnoException) => this.#failed(e));
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

  #failed(error: NodeJS.ErrnoException): void {
    if (!this.#gone) this.#events.failed(error.code ?? error.message);
  }
}
