// One connection of the data port between the event loop and the machine: chunks read become a LOW source of the loop, what
// is sent is gathered and leaves in one write at the end of the tick. A channel (resynchronisation) goes on over the same
// socket with another reader in the machine's place.
import type { Socket } from 'node:net';
import type { Bytes, EventLoop, Source } from 'peal/plugin';

/** Chunks of up to 64 KiB that may wait in the loop before the socket is no longer read. */
const QUEUED_CHUNKS = 2;
/** Bytes that wait for the network before `send` answers that it is full. */
const FULL_BYTES = 1_048_576;
/** What is shorter is joined with its neighbours before it is written. */
const JOIN_BYTES = 4096;

export type ClosedWhy = 'ended' | 'reset';

/** Who is told what a connection does; replaced when it becomes a channel. */
export interface SocketReader {
  received(bytes: Bytes): void;
  /** After a `send` that answered false: it may go on. */
  writable(): void;
  /** The last call. Not after `end`. */
  closed(why: ClosedWhy): void;
}

export interface SocketOptions {
  readonly loop: EventLoop;
  /** For diagnostics. */
  readonly name: string;
  /** Something is to be written at the end of this tick. */
  readonly dirty: (connection: WireSocket) => void;
  /** The socket is closed and nothing of it goes on. */
  readonly gone: (connection: WireSocket) => void;
}

const CLOSED = Symbol('the peer has ended the connection, or it is lost');

export class WireSocket {
  private readonly source: Source<Bytes | typeof CLOSED>;
  private waiting: Bytes[] = [];
  private waitingBytes = 0;
  private full = false;
  private failed = false;
  private over = false;

  constructor(
    private readonly socket: Socket,
    private readonly o: SocketOptions,
    private reader: SocketReader,
  ) {
    this.source = o.loop.attach<Bytes | typeof CLOSED>('low', {
      name: o.name,
      handle: (chunk) => this.handle(chunk),
      pause: () => socket.pause(),
      resume: () => socket.resume(),
      limit: QUEUED_CHUNKS,
    });
    socket.on('data', (chunk: Buffer) => this.source.push(chunk));
    socket.on('error', () => (this.failed = true));
    socket.on('drain', () => o.loop.run(`${o.name} drained`, () => this.drained()));
    socket.on('close', () => {
      this.source.push(CLOSED);
      if (this.over) o.loop.cancelTimer(this);
      o.gone(this);
    });
  }

  /** Queues; false: it is full, and `writable` follows. */
  send(...parts: readonly Bytes[]): boolean {
    if (this.over) return true;
    for (const part of parts) {
      if (part.length === 0) continue;
      this.waiting.push(part);
      this.waitingBytes += part.length;
    }
    this.o.dirty(this);
    this.full ||= this.socket.writableLength + this.waitingBytes > FULL_BYTES;
    return !this.full;
  }

  /** What was queued in this tick leaves. */
  flush(): void {
    if (this.socket.destroyed || this.waiting.length === 0) return;
    const parts = joined(this.waiting);
    this.waiting = [];
    this.waitingBytes = 0;
    this.socket.cork();
    for (const part of parts) this.socket.write(part);
    this.socket.uncork();
    // When the system took everything at once, nothing drains later.
    if (this.full && !this.socket.writableNeedDrain) this.o.loop.queueTimer(this, 0, () => this.drained());
  }

  /** From here on somebody else reads; what was read already and waits is for him too. */
  hand(reader: SocketReader): void {
    this.reader = reader;
  }

  /** Stop and go on reading. */
  pause(on: boolean): void {
    if (on) this.source.deactivate();
    else this.source.activate();
  }

  /** Ends the connection after what was queued; nobody is told of anything any more. Idempotent. */
  end(lingerMs: number): void {
    if (this.over) return;
    this.flush();
    this.finish();
    this.socket.end();
    this.o.loop.queueTimer(this, lingerMs, () => this.socket.destroy());
    // What the peer still says is read and thrown away, so that its end of the connection is seen.
    this.socket.resume();
  }

  destroy(): void {
    this.finish();
    this.socket.destroy();
  }

  private finish(): void {
    this.over = true;
    this.source.close();
    this.o.loop.cancelTimer(this);
  }

  private handle(chunk: Bytes | typeof CLOSED): void {
    if (chunk !== CLOSED) {
      this.reader.received(chunk);
      return;
    }
    this.finish();
    this.reader.closed(this.failed ? 'reset' : 'ended');
  }

  private drained(): void {
    if (!this.full || this.over) return;
    this.full = false;
    this.reader.writable();
  }
}

/** Neighbours that are short become one: a write for each of them costs more than the copy. */
function joined(parts: readonly Bytes[]): readonly Bytes[] {
  const result: Bytes[] = [];
  let short: Bytes[] = [];
  const close = (): void => {
    if (short.length > 0) result.push(short.length === 1 ? short[0]! : Buffer.concat(short));
    short = [];
  };
  for (const part of parts) {
    if (part.length < JOIN_BYTES) short.push(part);
    else {
      close();
      result.push(part);
    }
  }
  close();
  return result;
}
