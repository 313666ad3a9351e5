// [client.line] at work: listening sockets, the command table of this instance, refusals at the door, status.
import { createServer, isIPv6, type AddressInfo, type Server, type Socket } from 'node:net';
import { faceOf, PealError, reasonOf } from 'peal/plugin';
import type { ClientApi, EventLoop, Logger, OptionsOf, PageSection, Service, Sessions } from 'peal/plugin';
import { Connection, LINGER_MS, type ConnectionHost } from './connection.js';
import { LINE_ERRORS } from './errors.js';
import { GROUP_COMMANDS } from './groups.js';
import type { OPTIONS } from './options.js';
import { pageBytes } from './page.js';
import { CommandTable, type Layer } from './table.js';
import { FAREWELL, formatReply } from './wire.js';

export type LineOptions = OptionsOf<typeof OPTIONS>;

/** What the API needs of its scope. */
export interface LinePorts {
  readonly section: string;
  readonly sessions: Sessions;
  readonly loop: EventLoop;
  readonly log: Logger;
  readonly service: Service | undefined;
}

/** Without an own one and without a service's. */
const DEFAULT_PORT = 4805;
const DEFAULT_HOST = '127.0.0.1';
/** Connections the system keeps for us before we accept them. */
const BACKLOG = 128;
const CLOSING = 421;

export class LineApi implements ClientApi {
  private readonly servers: Server[] = [];
  private readonly connections = new Set<Connection>();
  private readonly where: string[] = [];
  private readonly counts: Record<string, number> = {};
  private readonly host: ConnectionHost;
  private readonly table: CommandTable;
  private waiting: (() => void) | undefined;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly ports: LinePorts,
    private readonly o: LineOptions,
  ) {
    const { section, sessions, loop, log } = ports;
    this.table = new CommandTable(this.layers());
    this.host = {
      section,
      sessions,
      loop,
      log,
      table: this.table,
      rules: {
        form: o.replies,
        prompt: o.prompt,
        idleLimitMs: o.idleLimitMs,
        uploadLimitMs: o.uploadLimitMs,
        greetingWaitMs: o.greetingWaitMs,
      },
      outbound: {
        policy: o.slowReader,
        limitMessages: o.maxSessionMessages,
        limitBytes: 0,
        blockLimitMs: o.blockLimitMs,
      },
      greeting: () => this.greeting(),
      page: () => this.page(),
      count: (what) => this.count(what),
      closed: (connection) => {
        this.connections.delete(connection);
        if (this.connections.size === 0) this.waiting?.();
      },
    };
  }

  /** Rejects with a coded error when an address cannot be had. */
  async start(): Promise<void> {
    const given = faceOf(this.ports.service)?.address?.();
    let port = this.o.port ?? given?.port ?? DEFAULT_PORT;
    for (const host of this.o.host ?? [given?.host ?? DEFAULT_HOST]) {
      const server = await this.listen(host, port);
      const at = server.address() as AddressInfo;
      port = at.port;
      const shown = host === '' ? at.address : host;
      this.where.push(isIPv6(shown) ? `[${shown}]:${port}` : `${shown}:${port}`);
    }
  }

  stop(): Promise<void> {
    return (this.closing ??= this.closeAll());
  }

  addresses(): readonly string[] {
    return this.where;
  }

  describe(): Readonly<Record<string, string | number>> {
    return { addresses: this.where.join(' '), connections: this.connections.size, ...this.counts };
  }

  private async closeAll(): Promise<void> {
    const closing = this.servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve)));
    for (const connection of [...this.connections]) connection.stop();
    if (this.connections.size > 0) await new Promise<void>((resolve) => (this.waiting = resolve));
    await Promise.all(closing);
  }

  // ---- words -----------------------------------------------------------------------------------------------------

  private layers(): readonly Layer[] {
    const own: Layer = {
      title: 'This connection',
      commands: [
        {
          name: 'help',
          usage: '[command]',
          arguments: [0, 1],
          help: 'this list, or more about one command',
          run: ({ args }) => this.table.help(args[0]),
        },
        {
          name: 'quit',
          aliases: ['bye', 'exit', 'close'],
          help: 'close the connection',
          run: () => ({ code: FAREWELL, text: 'closing', close: true }),
        },
        { name: 'noop', help: 'does nothing', run: () => ({ code: 250, text: 'ok' }) },
      ],
    };
    const face = faceOf(this.ports.service);
    return [
      ...(face === undefined ? [] : [{ title: face.title, commands: face.commands }]),
      own,
      ...(this.o.groups ? [GROUP_COMMANDS] : []),
    ];
  }

  private greeting(): string {
    if (this.o.greeting !== '') return this.o.greeting;
    return (
      faceOf(this.ports.service)?.greeting?.() ??
      `peal daemon ${this.ports.sessions.daemon} ready; help shows what it takes`
    );
  }

  private async page(): Promise<Uint8Array> {
    let sections: readonly PageSection[] | undefined;
    try {
      sections = await faceOf(this.ports.service)?.page?.();
    } catch (error) {
      this.ports.log.error('the page of the text port failed', { detail: reasonOf(error) });
    }
    return pageBytes(
      this.greeting(),
      sections ?? [{ title: 'Commands', lines: this.table.help(undefined).lines ?? [] }],
    );
  }

  private count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  // ---- the door --------------------------------------------------------------------------------------------------

  private async listen(host: string, port: number): Promise<Server> {
    const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true });
    server.on('connection', (socket) => this.accept(socket));
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ ...(host === '' ? {} : { host }), port, backlog: BACKLOG, exclusive: true }, () => {
          server.off('error', reject);
          resolve();
        });
      });
    } catch (error) {
      const values = { address: `${host}:${port}`, detail: reasonOf(error), section: this.ports.section };
      throw PealError.of(LINE_ERRORS.LISTEN, values, { cause: error });
    }
    server.on('error', (error) => this.ports.log.warn(`cannot accept: ${reasonOf(error)}`));
    this.servers.push(server);
    return server;
  }

  private accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined) {
      socket.destroy();
      return;
    }
    const address = remoteAddress.replace(/^::ffff:(?=\d+\.)/i, '');
    if (this.connections.size >= this.o.maxConnections) this.refuse(socket);
    else this.connections.add(new Connection(socket, this.host, address, `${address}:${remotePort ?? 0}`));
  }

  private refuse(socket: Socket): void {
    this.count('refused');
    const { loop } = this.ports;
    socket.on('error', () => undefined);
    socket.on('close', () => loop.cancelTimer(socket));
    socket.end(formatReply({ code: CLOSING, text: 'too many connections' }, this.o.replies, this.o.prompt));
    loop.queueTimer(socket, LINGER_MS, () => socket.destroy());
    socket.resume();
    socket.once('end', () => socket.destroySoon());
  }
}
