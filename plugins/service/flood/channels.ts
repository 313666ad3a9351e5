// Channels between applications of two sites (docs/floodd.md, resynchronisation): what `connect` opens here, and who serves
// one that a peer asks for: the resync serve command, else whoever listens. Bytes only; what they mean is the applications'.
import type { Bytes, Logger } from 'peal/plugin';
import type { ChannelFailure } from './machine/types.js';
import { ServeCommand } from './serve-command.js';
import type { Channel, ChannelSink, ConnectRefusal, Listening } from './service.js';
import type { WireSocket } from './wire-socket.js';

/** What was written before the end of a channel has that long to leave, milliseconds. */
const LINGER_MS = 30_000;

export interface ChannelsOptions {
  readonly serveCommand: string | undefined;
  /** Environment of the serve command for that peer. */
  readonly environment: (peer: string) => Readonly<Record<string, string>>;
  readonly log: Logger;
  /** The machine opens one; answers its ticket. */
  readonly open: (site: string) => number;
}

interface Asking {
  readonly sink: ChannelSink;
  readonly resolve: (result: Channel | ConnectRefusal) => void;
}

interface Waiting {
  readonly sink: ChannelSink;
  readonly resolve: (channel: Channel | undefined) => void;
}

export class Channels {
  private readonly asking = new Map<number, Asking>();
  private readonly open = new Set<SocketChannel>();
  private readonly commands = new Set<ServeCommand>();
  private waiting: Waiting | undefined;
  private stopped = false;

  constructor(private readonly o: ChannelsOptions) {}

  get size(): number {
    return this.open.size;
  }

  connect(site: string, sink: ChannelSink): Promise<Channel | ConnectRefusal> {
    if (this.stopped) return Promise.resolve('stopping');
    return new Promise((resolve) => this.asking.set(this.o.open(site), { sink, resolve }));
  }

  /** Undefined: somebody listens already, or the daemon stops. */
  listen(sink: ChannelSink): Listening | undefined {
    if (this.waiting !== undefined || this.stopped) return undefined;
    let resolve: (channel: Channel | undefined) => void = () => undefined;
    const accepted = new Promise<Channel | undefined>((r) => (resolve = r));
    const waiting = { sink, resolve };
    this.waiting = waiting;
    const cancel = (): void => {
      if (this.waiting === waiting) this.waiting = undefined;
      resolve(undefined);
    };
    return { accepted, cancel };
  }

  canServe(): boolean {
    return !this.stopped && (this.o.serveCommand !== undefined || this.waiting !== undefined);
  }

  failed(ticket: number, why: ChannelFailure): void {
    const asking = this.asking.get(ticket);
    this.asking.delete(ticket);
    asking?.resolve(why);
  }

  /** A channel stands: with our ticket for whoever asked here, without for whoever serves here. */
  established(socket: WireSocket, peer: string, ticket: number | undefined, first: Bytes): void {
    const asking = ticket === undefined ? undefined : this.asking.get(ticket);
    if (ticket !== undefined) this.asking.delete(ticket);
    if (asking !== undefined) asking.resolve(this.channel(socket, peer, asking.sink, first));
    else if (ticket === undefined && this.canServe()) this.serve(socket, peer, first);
    else socket.destroy();
  }

  /** Ends all of them. */
  stop(): void {
    this.stopped = true;
    for (const { resolve } of this.asking.values()) resolve('stopping');
    this.asking.clear();
    this.waiting?.resolve(undefined);
    this.waiting = undefined;
    for (const channel of this.open) channel.abandon();
    for (const command of this.commands) command.kill();
  }

  private serve(socket: WireSocket, peer: string, first: Bytes): void {
    const { serveCommand, environment, log } = this.o;
    if (serveCommand === undefined) {
      const { sink, resolve } = this.waiting!;
      this.waiting = undefined;
      resolve(this.channel(socket, peer, sink, first));
      return;
    }
    log.info('the resync serve command begins', { peer });
    const command = new ServeCommand(serveCommand, environment(peer), (status) => {
      this.commands.delete(command);
      log.info('the resync serve command ended', { peer, status });
    });
    this.commands.add(command);
    command.attach(this.channel(socket, peer, command, first));
  }

  private channel(socket: WireSocket, peer: string, sink: ChannelSink, first: Bytes): Channel {
    const channel = new SocketChannel(socket, peer, sink, () => this.open.delete(channel));
    this.open.add(channel);
    channel.begin(first);
    return channel;
  }
}

class SocketChannel implements Channel {
  /** Whoever asked for it has it in his hands. */
  private begun = false;
  private wantsPause = false;
  private over = false;

  constructor(
    private readonly socket: WireSocket,
    readonly peer: string,
    private readonly sink: ChannelSink,
    private readonly gone: () => void,
  ) {
    socket.hand({
      received: (bytes) => sink.received(bytes),
      writable: () => sink.drained(),
      closed: () => {
        this.over = true;
        gone();
        sink.closed();
      },
    });
  }

  /** What came already is told first, and not before the turn has ended in which the channel was made. */
  begin(first: Bytes): void {
    this.socket.pause(true);
    setImmediate(() => {
      if (this.over) return;
      if (first.length > 0) this.sink.received(first);
      this.begun = true;
      this.socket.pause(this.wantsPause);
    });
  }

  write(bytes: Bytes): boolean {
    const room = this.socket.send(bytes);
    this.socket.flush();
    return room;
  }

  pause(on: boolean): void {
    this.wantsPause = on;
    if (this.begun) this.socket.pause(on);
  }

  end(): void {
    this.over = true;
    this.gone();
    this.socket.end(LINGER_MS);
  }

  /** The daemon stops. */
  abandon(): void {
    if (this.over) return;
    this.end();
    this.sink.closed();
  }
}
