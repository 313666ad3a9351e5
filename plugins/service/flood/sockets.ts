// The data port on Node's sockets: listens, dials (address first, then host name), and keeps all connections by the numbers
// that the machine knows them by. Every event of a connection is told inside a tick of the loop.
import { connect, createServer, isIP, isIPv6, type Server, type Socket } from 'node:net';
import { type Bytes, type EventLoop, PealError, reasonOf } from 'peal/plugin';
import { FLOOD_ERRORS } from './errors.js';
import type { SiteDefinition } from './machine/settings.js';
import type { ConnectionId } from './machine/types.js';
import { type SocketReader, WireSocket } from './wire-socket.js';

/** A dial with all its attempts takes that long at most, milliseconds. */
const DIAL_LIMIT_MS = 10_000;
/** What was queued before the end of a connection has that long to leave, milliseconds. */
const LINGER_MS = 5000;
/** At the end of the daemon, milliseconds. */
const LAST_WORDS_MS = 1000;
const BACKLOG = 511;
/** Connections of strangers that may be open at once; a site has a handful of neighbours. */
const MAX_CONNECTIONS = 4096;

export type DialFailure = 'refused' | 'unreachable';

/** What the machine is told. */
export interface SocketEvents {
  accepted(connection: ConnectionId, address: string): void;
  dialled(connection: ConnectionId, address: string): void;
  received(connection: ConnectionId, bytes: Bytes): void;
  writable(connection: ConnectionId): void;
  closed(connection: ConnectionId, why: DialFailure | 'ended' | 'reset'): void;
}

export interface SocketsOptions {
  readonly section: string;
  readonly loop: EventLoop;
  readonly site: SiteDefinition;
  /** Undefined: all addresses of the host. */
  readonly host: string | undefined;
}

export class Sockets {
  private readonly open = new Map<ConnectionId, WireSocket>();
  /** Dials that are under way. */
  private readonly dials = new Map<ConnectionId, Socket | undefined>();
  private readonly all = new Set<WireSocket>();
  private readonly dirty = new Set<WireSocket>();
  private readonly loop: EventLoop;
  private server: Server | undefined;
  private next: ConnectionId = 1;
  private emptied: (() => void) | undefined;

  constructor(
    private readonly o: SocketsOptions,
    private readonly events: SocketEvents,
  ) {
    this.loop = o.loop;
  }

  /** Rejects with a coded error when the port cannot be had. */
  async listen(): Promise<void> {
    const { site, host } = this.o;
    const server = createServer({ noDelay: true, keepAlive: true });
    server.maxConnections = MAX_CONNECTIONS;
    server.on('connection', (socket) => this.accept(socket));
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host, port: site.dataPort, backlog: BACKLOG, exclusive: true }, () => {
          server.off('error', reject);
          resolve();
        });
      });
    } catch (cause) {
      const values = { site: site.name, address: `${host ?? '*'}:${site.dataPort}`, detail: reasonOf(cause) };
      throw PealError.of(FLOOD_ERRORS.LISTEN, values, { cause });
    }
    // A connection that cannot be accepted (no descriptors) is the dialler's to try again.
    server.on('error', () => undefined);
    this.server = server;
  }

  get size(): number {
    return this.open.size;
  }

  dial(site: SiteDefinition): ConnectionId {
    const id = this.next++;
    const hosts = site.inetAddress === undefined ? [] : [site.inetAddress];
    if (!hosts.includes(site.hostname)) hosts.push(site.hostname);
    this.dials.set(id, undefined);
    this.loop.queueTimer(this.dialKey(id), DIAL_LIMIT_MS, () => this.gaveUp(id, 'unreachable'));
    this.attempt(id, hosts, site.dataPort, 'unreachable');
    return id;
  }

  send(id: ConnectionId, head: Bytes, body?: Bytes): boolean {
    const connection = this.open.get(id);
    if (connection === undefined) return true;
    return body === undefined ? connection.send(head) : connection.send(head, body);
  }

  /** Ends it after what was queued; no event follows. */
  close(id: ConnectionId): void {
    const connection = this.open.get(id);
    this.open.delete(id);
    connection?.end(LINGER_MS);
    const dialling = this.dials.get(id);
    if (!this.dials.delete(id)) return;
    this.loop.cancelTimer(this.dialKey(id));
    dialling?.destroy();
  }

  /** Takes the connection away from the machine, for a channel. */
  take(id: ConnectionId): WireSocket | undefined {
    const connection = this.open.get(id);
    this.open.delete(id);
    return connection;
  }

  /** The end of a tick. */
  flush(): void {
    if (this.dirty.size === 0) return;
    for (const connection of this.dirty) connection.flush();
    this.dirty.clear();
  }

  /** Nothing new comes in. */
  stopListening(): void {
    this.server?.close();
    this.server = undefined;
  }

  /** Ends everything after what was queued, and resolves when it is closed. */
  async closeAll(): Promise<void> {
    this.stopListening();
    for (const id of [...this.dials.keys(), ...this.open.keys()]) this.close(id);
    for (const connection of this.all) connection.end(LAST_WORDS_MS);
    if (this.all.size === 0) return;
    const timer = setTimeout(() => {
      for (const connection of this.all) connection.destroy();
    }, LAST_WORDS_MS);
    await new Promise<void>((resolve) => (this.emptied = resolve));
    clearTimeout(timer);
  }

  private dialKey(id: ConnectionId): string {
    return `${this.o.section} dial ${id}`;
  }

  private accept(socket: Socket): void {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined) {
      socket.destroy();
      return;
    }
    const id = this.next++;
    const address = plain(remoteAddress);
    this.keep(id, socket, address);
    this.loop.run(`${this.o.section} accepted`, () => this.events.accepted(id, address));
  }

  private keep(id: ConnectionId, socket: Socket, address: string): void {
    const reader: SocketReader = {
      received: (bytes) => this.events.received(id, bytes),
      writable: () => this.events.writable(id),
      closed: (why) => {
        if (this.open.delete(id)) this.events.closed(id, why);
      },
    };
    const connection = new WireSocket(
      socket,
      {
        loop: this.loop,
        name: `${this.o.section} ${address}`,
        dirty: (c) => this.dirty.add(c),
        gone: (c) => {
          this.all.delete(c);
          if (this.all.size === 0) this.emptied?.();
        },
      },
      reader,
    );
    this.open.set(id, connection);
    this.all.add(connection);
  }

  /** One host after the other; `refused` by any of them is what is told in the end. */
  private attempt(id: ConnectionId, hosts: readonly string[], port: number, worst: DialFailure): void {
    const [host, ...others] = hosts;
    if (host === undefined) {
      // Not at once: the machine does not know the number yet when the first attempt cannot even begin.
      this.loop.queueTimer(this.dialKey(id), 0, () => this.gaveUp(id, worst));
      return;
    }
    const socket = connect({ host, port, noDelay: true, keepAlive: true, ...this.sourceFor(host) });
    this.dials.set(id, socket);
    const failed = (error: NodeJS.ErrnoException): void => {
      socket.destroy();
      if (this.dials.get(id) !== socket) return;
      this.attempt(id, others, port, error.code === 'ECONNREFUSED' ? 'refused' : worst);
    };
    socket.once('error', failed);
    socket.once('connect', () => {
      socket.off('error', failed);
      if (this.dials.get(id) !== socket) {
        socket.destroy();
        return;
      }
      this.dials.delete(id);
      this.loop.cancelTimer(this.dialKey(id));
      const address = plain(socket.remoteAddress ?? host);
      this.keep(id, socket, address);
      this.loop.run(`${this.o.section} dialled`, () => this.events.dialled(id, address));
    });
  }

  /** Peers check where we come from: it is where we listen, if that is one address of a kind with theirs. */
  private sourceFor(host: string): { localAddress?: string } {
    const own = this.o.host;
    if (own === undefined || isIP(host) !== isIP(own) || isLoopback(own) !== isLoopback(host)) return {};
    return { localAddress: own };
  }

  private gaveUp(id: ConnectionId, why: DialFailure): void {
    const socket = this.dials.get(id);
    if (!this.dials.delete(id)) return;
    this.loop.cancelTimer(this.dialKey(id));
    socket?.destroy();
    this.events.closed(id, why);
  }
}

/** An IPv4 address that came over an IPv6 socket is the IPv4 one. */
function plain(address: string): string {
  return address.startsWith('::ffff:') && !isIPv6(address.slice(7)) ? address.slice(7) : address;
}

function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1';
}
