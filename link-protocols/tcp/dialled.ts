// One connection that we dialled: we say hello, check the answer, and from then on only read, straight into the slabs that
// messages are cut from (`onread`); what comes before messages are wanted goes through a small buffer.
import { connect, type Socket } from 'node:net';
import type { Address, Bytes, Plane, TimerHandle, Timers } from 'peal/plugin';
import { MessageReader } from './reader.js';
import type { Hello } from './wire.js';
import { HELLO_BYTES, readHello } from './wire.js';

/** A dial that has not been answered with a hello by then is given up, in ms. */
const HANDSHAKE_LIMIT_MS = 1000;
/** Long enough for one turn of reading, in ms. */
const AFTER_READING_MS = 1;
/** Code of a dial that was given up for that reason. */
export const NO_HELLO = 'no hello in time';
/** More than a hello. */
const FIRST_READ_BYTES = 4096;
const SLAB_BYTES = { control: 128 * 1024, data: 1024 * 1024 } as const;

export interface DialledEvents {
  /** The answer; false: it is not taken, and the connection is gone without another event. */
  welcomed(hello: Hello | string): boolean;
  message(bytes: Bytes): void;
  /** All messages of one chunk were handed up. */
  chunkEnd(): void;
  /** It ended, before the answer (`code` tells why) or after it. */
  ended(code: string): void;
}

export class Dialled {
  /** The other side's hello was taken: set by the pair. */
  welcome = false;
  readonly #socket: Socket;
  readonly #reader: MessageReader;
  readonly #events: DialledEvents;
  readonly #timers: Timers;
  #limit: TimerHandle | undefined;
  #hello: Buffer = Buffer.alloc(0);
  /** Messages may be handed up; until then what came is kept here and nothing more is read. */
  #open = false;
  #held: Bytes | undefined;
  /** The read that is under way goes into a slab. */
  #straight = false;
  #muted = false;
  #gone = false;

  constructor(
    to: Address,
    localHost: string | undefined,
    readonly plane: Plane,
    hello: Bytes,
    maxBytes: number,
    timers: Timers,
    events: DialledEvents,
  ) {
    this.#events = events;
    this.#timers = timers;
    this.#reader = new MessageReader(maxBytes, SLAB_BYTES[plane], (bytes) => events.message(bytes));
    const first = Buffer.allocUnsafe(FIRST_READ_BYTES);
    this.#socket = connect({
      host: to.host,
      port: to.port,
      ...(localHost === undefined ? {} : { localAddress: localHost }),
      noDelay: true,
      onread: {
        buffer: () => {
          this.#straight = this.#open && !this.#muted && !this.#gone;
          return this.#straight ? this.#reader.room() : first;
        },
        callback: (n) => (this.#straight ? this.#filled(n) : this.#read(first.subarray(0, n))),
      },
    });
    this.#socket.on('connect', () => this.#socket.write(hello));
    this.#socket.on('error', (e: NodeJS.ErrnoException) => this.#end(e.code ?? e.message));
    this.#socket.on('end', () => this.#end('closed by the other side'));
    this.#socket.on('close', () => this.#end('closed'));
    this.#limit = timers.set(HANDSHAKE_LIMIT_MS, () => {
      // Our own process may have stood still: what has arrived is read first.
      this.#limit = timers.set(AFTER_READING_MS, () => this.#end(NO_HELLO));
    });
  }

  /** Messages are handed up from here on; those that came before at once. */
  open(): void {
    this.#open = true;
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) {
      this.#chunk(held);
      this.#socket.resume();
    }
  }

  /** What comes is read and thrown away; `ended` still follows. */
  mute(): void {
    this.#muted = true;
    this.#held = undefined;
    this.#socket.resume();
  }

  /** Idempotent; no event follows. */
  destroy(): void {
    this.#gone = true;
    this.#reader.stop();
    this.#held = undefined;
    if (this.#limit !== undefined) this.#timers.cancel(this.#limit);
    this.#limit = undefined;
    this.#socket.destroy();
  }

  #end(code: string): void {
    if (this.#gone) return;
    this.destroy();
    this.#events.ended(code);
  }

  #read(chunk: Bytes): boolean {
    if (this.#gone) return false;
    if (this.#hello.length === HELLO_BYTES) return this.#chunk(chunk);
    const missing = HELLO_BYTES - this.#hello.length;
    this.#hello = Buffer.concat([this.#hello, chunk.subarray(0, missing)]);
    if (this.#hello.length < HELLO_BYTES) return true;
    if (this.#limit !== undefined) this.#timers.cancel(this.#limit);
    this.#limit = undefined;
    if (!this.#events.welcomed(readHello(this.#hello))) {
      this.destroy();
      return false;
    }
    return this.#chunk(chunk.subarray(missing));
  }

  /** Answers whether reading goes on. */
  #filled(bytes: number): boolean {
    if (this.#gone) return false;
    if (!this.#muted) this.#cut(this.#reader.filled(bytes));
    return !this.#gone;
  }

  #cut(wellFormed: boolean): void {
    if (!wellFormed) this.#end('a message length outside its bounds');
    else this.#events.chunkEnd();
  }

  /** Answers whether reading goes on. */
  #chunk(chunk: Bytes): boolean {
    if (this.#gone) return false;
    if (chunk.length === 0 || this.#muted) return true;
    if (!this.#open) {
      this.#held = Buffer.from(chunk);
      return false;
    }
    this.#cut(this.#reader.push(chunk));
    return !this.#gone;
  }
}
