// One connection of a session: socket, handshake, frames both ways. It lives until its end and is never used again; a
// session that reconnects makes another.
import { connect, type Socket } from 'node:net';
import type { Where } from './address.js';
import { abortReason, ClientError } from './errors.js';
import type { SessionEvent } from './events.js';
import { type Accepted, Handshake, type HandshakeRequest } from './handshake.js';
import { EventReader } from './reader.js';

export interface ConnectionUp {
  events(all: readonly SessionEvent[]): void;
  /** The socket takes bytes again. */
  drained(): void;
  /** Called once; nothing comes after it. */
  ended(why: ClientError): void;
}

export interface ConnectionOptions extends HandshakeRequest {
  readonly where: Where;
  /** TCP connect and handshake together, ms; 0: for ever. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly maxFrameBytes: number;
}

/** How long last bytes may make no progress. */
const LAST_WORDS_IDLE_MS = 2000;

export class WireConnection {
  private reader: EventReader | undefined;
  private readonly handshake: Handshake;
  private up: ConnectionUp | undefined;
  private over = false;
  private early: Uint8Array | undefined;

  private constructor(
    private readonly socket: Socket,
    private readonly o: ConnectionOptions,
  ) {
    this.handshake = new Handshake(o, (b) => socket.write(b));
  }

  /** Connects and is let in, or rejects with a ClientError (or the reason of the signal). */
  static open(o: ConnectionOptions): Promise<{ connection: WireConnection; accepted: Accepted }> {
    o.signal?.throwIfAborted();
    const text = 'path' in o.where ? o.where.path : `${o.where.port}@${o.where.host}`;
    const socket = connect('path' in o.where ? { path: o.where.path } : { ...o.where, noDelay: true, keepAlive: true });
    const c = new WireConnection(socket, o);
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const aborted = (): void => fail(abortReason(o.signal));
      const settle = (): void => {
        clearTimeout(timer);
        o.signal?.removeEventListener('abort', aborted);
      };
      const fail = (why: Error): void => {
        settle();
        c.over = true;
        socket.destroy();
        reject(why);
      };
      if (o.timeoutMs > 0)
        timer = setTimeout(() => {
          const what = `no answer of ${text} within ${o.timeoutMs} ms${c.handshake.unanswered}`;
          fail(new ClientError('TIMED_OUT', what));
        }, o.timeoutMs);
      o.signal?.addEventListener('abort', aborted, { once: true });
      socket.on('connect', () => {
        try {
          c.handshake.begin();
        } catch (e) {
          fail(e as Error);
        }
      });
      socket.on('error', (cause) => {
        if (c.reader !== undefined) c.end(new ClientError('CONNECTION_CLOSED', `${text}: ${cause.message}`, { cause }));
        else
          fail(
            new ClientError(
              socket.connecting || !c.connected ? 'COULD_NOT_CONNECT' : 'CONNECTION_CLOSED',
              `${text}: ${cause.message}`,
              { cause },
            ),
          );
      });
      socket.on('close', () => {
        const torn = c.reader?.torn === true ? ' in the middle of a message' : '';
        if (c.reader !== undefined) c.end(new ClientError('CONNECTION_CLOSED', `${text} closed the connection${torn}`));
        else fail(new ClientError('CONNECTION_CLOSED', `${text} closed the connection within the handshake`));
      });
      socket.on('drain', () => c.up?.drained());
      socket.on('data', (chunk: Uint8Array) => {
        if (c.reader !== undefined) {
          c.read(chunk);
          return;
        }
        try {
          const done = c.handshake.received(chunk);
          if (done === undefined) return;
          settle();
          c.reader = new EventReader(done.accepted.privateGroup, o.maxFrameBytes);
          c.early = done.rest;
          resolve({ connection: c, accepted: done.accepted });
        } catch (e) {
          fail(e as Error);
        }
      });
    });
  }

  private get connected(): boolean {
    return this.socket.bytesRead > 0 || this.socket.bytesWritten > 0;
  }

  /** From here on events come; those that came with the handshake come at once. */
  start(up: ConnectionUp): void {
    this.up = up;
    if (this.early !== undefined && this.early.length > 0) this.read(this.early);
    this.early = undefined;
    if (this.over) up.ended(new ClientError('CONNECTION_CLOSED', 'the daemon closed the connection'));
  }

  /** False: `drained` follows. */
  write(blocks: readonly Uint8Array[]): boolean {
    if (this.over) return true;
    if (blocks.length === 1) return this.socket.write(blocks[0]!);
    this.socket.cork();
    for (const b of blocks) this.socket.write(b);
    this.socket.uncork();
    return !this.socket.writableNeedDrain;
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Sends these last bytes and closes; `ended` is not called. */
  finish(last: readonly Uint8Array[]): Promise<void> {
    if (this.over) return Promise.resolve();
    this.over = true;
    this.up = undefined;
    this.writeAll(last);
    return new Promise((resolve) => {
      this.socket.once('close', () => resolve());
      // A daemon that stands still does not hold us: what it does not take within that time is lost with it.
      this.socket.setTimeout(LAST_WORDS_IDLE_MS, () => this.socket.destroy());
      this.socket.resume();
      this.socket.end();
    });
  }

  destroy(): void {
    this.over = true;
    this.up = undefined;
    this.socket.destroy();
  }

  private writeAll(blocks: readonly Uint8Array[]): void {
    for (const b of blocks) this.socket.write(b);
  }

  private read(chunk: Uint8Array): void {
    if (this.over) return;
    try {
      const events = this.reader!.push(chunk);
      if (events.length > 0) this.up?.events(events);
    } catch (e) {
      this.socket.destroy();
      this.end(e instanceof ClientError ? e : new ClientError('ILLEGAL_MESSAGE', String(e), { cause: e }));
    }
  }

  private end(why: ClientError): void {
    if (this.over) return;
    this.over = true;
    this.up?.ended(why);
  }
}
