// The listening sockets of [client.binary]: TCP on each address, and the Unix socket. Accepts, refuses at the door when
// there is no room, and keeps the list of what must be closed at the end.
import { createServer, isIPv6 } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { ChurnMap, PealError, reasonOf } from 'peal/plugin';
import type { ClientAddress } from './access.js';
import { Connection, endGently } from './connection.js';
import type { ConnectionHost } from './connection.js';
import { BINARY_ERRORS } from './errors.js';
import { clearUnixPath, openToAll, unixPath } from './unix-path.js';
import { Reject } from './wire.js';

/** Connections the system keeps for us before we accept them; the peer has 25. */
const BACKLOG = 511;

export interface ListenerOptions {
  readonly hosts: readonly string[];
  readonly port: number;
  readonly unixSocket: string;
  readonly maxHandshakes: number;
}

/** All of a connection's host but what the listener itself does. */
export type ListenerHost = Omit<ConnectionHost, 'settled' | 'closed'>;

export class Listener {
  private readonly servers: Server[] = [];
  private readonly connections = new ChurnMap<Connection, true>();
  private readonly where: string[] = [];
  private readonly host: ConnectionHost;
  private handshakes = 0;
  private waiting: (() => void) | undefined;
  private closing: Promise<void> | undefined;

  constructor(
    host: ListenerHost,
    private readonly o: ListenerOptions,
  ) {
    this.host = {
      ...host,
      settled: () => this.handshakes--,
      closed: (connection) => {
        this.connections.delete(connection);
        if (this.connections.size === 0) this.waiting?.();
      },
    };
  }

  get addresses(): readonly string[] {
    return this.where;
  }

  /** Open connections, handshakes included. */
  get size(): number {
    return this.connections.size;
  }

  /** Rejects with a coded error when an address cannot be had. */
  async open(): Promise<void> {
    let { port } = this.o;
    for (const host of this.o.hosts) {
      const server = await this.listen({ host, port }, `${host}:${port}`);
      port = (server.address() as AddressInfo).port;
      this.where.push(isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`);
    }
    const path = unixPath(this.o.unixSocket, port);
    if (path === undefined) return;
    await clearUnixPath(path);
    await this.listen({ path }, path);
    await openToAll(path);
    this.where.push(path);
  }

  /** Idempotent. Resolves when nothing is open any more. */
  close(): Promise<void> {
    return (this.closing ??= this.closeAll());
  }

  private async closeAll(): Promise<void> {
    const closing = this.servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve)));
    for (const connection of [...this.connections.keys()]) connection.stop();
    if (this.connections.size > 0) await new Promise<void>((resolve) => (this.waiting = resolve));
    await Promise.all(closing);
  }

  private async listen(at: { host: string; port: number } | { path: string }, label: string): Promise<Server> {
    const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true });
    server.on('connection', (socket) => this.accept(socket, 'path' in at ? at.path : undefined));
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ ...at, backlog: BACKLOG, exclusive: true }, () => {
          server.off('error', reject);
          resolve();
        });
      });
    } catch (error) {
      const values = { address: label, detail: reasonOf(error), section: this.host.section };
      throw PealError.of(BINARY_ERRORS.LISTEN, values, { cause: error });
    }
    server.on('error', (error) => this.host.refusals.note('accept-error', label, reasonOf(error)));
    this.servers.push(server);
    return server;
  }

  private accept(socket: Socket, path: string | undefined): void {
    const { remoteAddress, remotePort } = socket;
    if (path === undefined && remoteAddress === undefined) {
      socket.destroy();
      return;
    }
    const from: ClientAddress = path === undefined ? { ip: remoteAddress! } : 'unix';
    const label = path === undefined ? `${remoteAddress!}:${remotePort ?? 0}` : `unix:${path}`;
    if (this.host.sessions.count >= this.host.sessions.limit) {
      this.refuse(socket, label, `all ${this.host.sessions.limit} sessions are taken`);
    } else if (this.handshakes >= this.o.maxHandshakes) {
      this.refuse(socket, label, `${this.handshakes} connections are in their handshake`);
    } else {
      this.handshakes++;
      this.connections.set(new Connection(socket, this.host, from, label), true);
    }
  }

  /** One byte, before anything is read. */
  private refuse(socket: Socket, label: string, detail: string): void {
    this.host.refusals.note('reject-quota', label, detail);
    socket.on('error', () => undefined);
    socket.on('close', () => this.host.loop.cancelTimer(socket));
    socket.write(Uint8Array.of(Reject.QUOTA));
    endGently(socket, this.host.loop, socket);
  }
}
