// Takes connections: reads the hello of whoever dials, bounded in bytes, time and number, before anything else is done
// for it.
import { createServer, type Server, type Socket } from 'node:net';
import type { Bytes, TimerHandle, Timers } from 'peal/plugin';
import type { Hello } from './wire.js';
import { HELLO_BYTES, readHello } from './wire.js';

/** Who has not said hello by then is dropped, in ms. */
const HELLO_LIMIT_MS = 1000;
/** Connections beyond those the peers need, for strangers and for broken ones not yet noticed. */
const SPARE_CONNECTIONS = 64;

export interface ListenerEvents {
  /** A whole hello, or what is wrong with it. `host` is where it comes from. The socket is the receiver's from here. */
  hello(socket: Socket, hello: Hello | string, host: string): void;
  /** Something else than a hello. */
  strange(what: string, host: string): void;
}

export class Listener {
  readonly #server: Server;
  readonly #timers: Timers;
  readonly #events: ListenerEvents;
  readonly #sockets = new Set<Socket>();

  constructor(peers: number, timers: Timers, events: ListenerEvents) {
    this.#timers = timers;
    this.#events = events;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    // Two per peer, and as many again while old ones are being found dead.
    this.#server.maxConnections = 4 * peers + SPARE_CONNECTIONS;
  }

  /** Rejects with the system's error. */
  listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, exclusive: true }, () => {
        this.#server.removeListener('error', reject);
        this.#server.on('error', (e) => this.#events.strange(`accepting failed: ${e.message}`, 'here'));
        resolve();
      });
    });
  }

  /** Takes nobody any more; `closed` when every accepted connection is gone. */
  close(closed: () => void): void {
    this.#server.close(closed);
  }

  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: Socket): void {
    const host = plainHost(socket.remoteAddress ?? '');
    let have: Bytes = new Uint8Array(0);
    const limit: TimerHandle = this.#timers.set(HELLO_LIMIT_MS, () => {
      this.#events.strange('a connection without a hello', host);
      socket.destroy();
    });
    const forget = (): void => this.#timers.cancel(limit);
    this.#sockets.add(socket);
    socket.on('error', forget);
    socket.on('close', () => {
      forget();
      this.#sockets.delete(socket);
    });
    const read = (chunk: Buffer): void => {
      have = Buffer.concat([have, chunk.subarray(0, HELLO_BYTES + 1 - have.length)]);
      if (have.length < HELLO_BYTES) return;
      forget();
      socket.removeListener('data', read);
      socket.pause();
      this.#events.hello(socket, readHello(have), host);
    };
    socket.on('data', read);
  }
}

/** An IPv4 address the way lists write it, also when it comes over an IPv6 socket. */
export function plainHost(host: string): string {
  return host.startsWith('::ffff:') ? host.slice('::ffff:'.length) : host.toLowerCase();
}
