// A peer made by hand from the wire reference in README.md, to do what a well-behaved medium never does.
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Address, Plane } from 'peal/plugin';
import { HELLO_BYTES, readHello, writeHello } from '../wire.js';

export class FakePeer {
  /** Connections the daemon dialled to us and we answered, by plane. */
  readonly accepted = new Map<Plane, Socket>();
  /** Connections we dialled. */
  readonly dialled = new Map<Plane, Socket>();
  /** False: connections are taken and nothing is said. */
  answering = true;
  life = 1;
  incarnation = 7n;
  listHash = 0x12345678;
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();

  constructor(
    readonly self: Address,
    readonly other: Address,
  ) {}

  async listen(): Promise<void> {
    const server = createServer((socket) => this.#accept(socket));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.self.port, this.self.host, resolve));
  }

  /** Dials a plane and says hello; resolves with the answer's first bytes, or nothing when it was closed. */
  dial(plane: Plane, hello = this.hello(plane)): Promise<Buffer> {
    const socket = connect({ host: this.other.host, port: this.other.port, localAddress: this.self.host });
    this.#keep(socket);
    this.dialled.set(plane, socket);
    socket.write(hello);
    return new Promise((resolve) => {
      let have = Buffer.alloc(0);
      socket.on('data', (chunk) => {
        have = Buffer.concat([have, chunk]);
        if (have.length >= HELLO_BYTES) resolve(have);
      });
      socket.on('close', () => resolve(have));
    });
  }

  /** The connection on which we write that plane, as soon as the daemon has dialled it. */
  async answered(plane: Plane): Promise<Socket> {
    for (;;) {
      const socket = this.accepted.get(plane);
      if (socket !== undefined) return socket;
      await new Promise(setImmediate);
    }
  }

  hello(plane: Plane, to = this.other.place): Uint8Array {
    const { listHash, incarnation, life } = this;
    return writeHello({ plane, from: this.self.place, to, listHash, incarnation, life });
  }

  dropAll(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.accepted.clear();
    this.dialled.clear();
  }

  async close(): Promise<void> {
    this.dropAll();
    await new Promise<void>((resolve) => {
      if (this.#server?.listening === true) this.#server.close(() => resolve());
      else resolve();
    });
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #accept(socket: Socket): void {
    this.#keep(socket);
    socket.once('data', (bytes) => {
      const hello = readHello(bytes.subarray(0, HELLO_BYTES));
      if (typeof hello === 'string' || !this.answering) return;
      socket.write(this.hello(hello.plane));
      this.accepted.set(hello.plane, socket);
    });
  }
}
