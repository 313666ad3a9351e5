// One connection that a peer dialled: after the hellos we only write on it. Writes are corked until the tick's end and
// leave together; the queue is bounded.
import type { Socket } from 'node:net';
import type { Bytes } from 'peal/plugin';

export class Outgoing {
  /** An offer was refused, and room was not yet announced. */
  full = false;
  readonly #socket: Socket;
  readonly #limitBytes: number;
  #corked = false;
  #gone = false;

  /**
   * Takes over a socket whose hello was read. `room` is called when an offer was refused and the queue has drained,
   * `ended` once when the connection ends.
   */
  constructor(socket: Socket, limitBytes: number, room: () => void, ended: (code: string) => void) {
    this.#socket = socket;
    this.#limitBytes = limitBytes;
    let code = 'closed';
    socket.on('drain', () => {
      if (!this.full || this.#gone) return;
      this.full = false;
      room();
    });
    socket.on('error', (e: NodeJS.ErrnoException) => (code = e.code ?? e.message));
    socket.on('data', () => socket.destroy(new Error('bytes on a connection that we only write')));
    socket.on('end', () => (code = 'closed by the other side'));
    socket.on('close', () => {
      if (!this.#gone) ended(code);
    });
    socket.resume();
  }

  get queued(): number {
    return this.#socket.writableLength;
  }

  /** False: the queue is full and nothing was taken. */
  offer(head: Bytes, body: Bytes | undefined): boolean {
    const bytes = head.length + (body?.length ?? 0);
    const { writableLength } = this.#socket;
    if (this.full || (writableLength > 0 && writableLength + bytes > this.#limitBytes)) {
      this.full = true;
      return false;
    }
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
    }
    this.#socket.write(head);
    if (body !== undefined && body.length > 0) this.#socket.write(body);
    return true;
  }

  /** End of a tick: one write for all that was offered. */
  flush(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#socket.uncork();
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
}
