// One connection that a peer dialled: after the hellos we only write on it. What a tick offers
// leaves together at its end; the queue is bounded.
import type { Socket } from 'node:net';
import type { Bytes } from 'peal/plugin';
import { SocketWriter } from 'peal/plugin';

export class Outgoing {
  /** An offer was refused, and room was not yet announced. */
  full = false;
  readonly #socket: Socket;
  readonly #limitBytes: number;
  readonly #writer: SocketWriter;
  readonly #room: () => void;
  /** Offered in this tick. */
  #chunks: Bytes[] = [];
  #bytes = 0;
  #gone = false;

  /**
   * Takes over a socket whose hello was read. `room` is called when an offer was refused and the queue has drained,
   * `ended` once when the connection ends.
   */
  constructor(socket: Socket, limitBytes: number, room: () => void, ended: (code: string) => void) {
    this.#socket = socket;
    this.#writer = new SocketWriter(socket);
    this.#limitBytes = limitBytes;
    this.#room = room;
    let code = 'closed';
    socket.on('drain', () => this.#drained());
    socket.on('error', (e: NodeJS.ErrnoException) => (code = e.code ?? e.message));
    socket.on('data', () => socket.destroy(new Error('bytes on a connection that we only write')));
    socket.on('end', () => (code = 'closed by the other side'));
    socket.on('close', () => {
      if (!this.#gone) ended(code);
    });
    socket.resume();
  }

  get queued(): number {
    return this.#writer.waiting + this.#bytes;
  }

  /** Is there something that `flush` will write? */
  get offered(): boolean {
    return this.#bytes > 0;
  }

  /** False: the queue is full and nothing was taken. */
  offer(head: Bytes, body: Bytes | undefined): boolean {
    const bytes = head.length + (body?.length ?? 0);
    const { queued } = this;
    if (this.full || (queued > 0 && queued + bytes > this.#limitBytes)) {
      this.full = true;
      return false;
    }
    this.#bytes += bytes;
    this.#chunks.push(head);
    if (body !== undefined && body.length > 0) this.#chunks.push(body);
    return true;
  }

  /** End of a tick: one write for all that was offered. */
  flush(): void {
    if (this.#bytes === 0) return;
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#bytes = 0;
    const taken = this.#writer.write(chunks);
    // Something was refused in this tick and yet all is gone: no 'drain' will tell.
    if (taken && this.full) process.nextTick(() => this.#drained());
  }

  /** Says goodbye behind everything offered; `ended` is not called any more. */
  finish(): void {
    this.#gone = true;
    this.flush();
    this.#socket.end();
  }

  /** Idempotent; no call of `room` or `ended` follows. */
  destroy(): void {
    this.#gone = true;
    this.#socket.destroy();
  }

  #drained(): void {
    if (!this.full || this.#gone || !this.#socket.writable) return;
    this.full = false;
    this.#room();
  }
}
