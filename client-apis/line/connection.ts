// One client's socket between the event loop and the machine (session.ts): chunks of a LOW source go in, commands are looked up and run,
// everything that goes out, replies and events alike, passes one output queue, so that its order is that of its making.
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { Outbound, reasonOf, socketPort } from 'peal/plugin';
import type {
  Bytes,
  EventLoop,
  Logger,
  OutboundOptions,
  SessionEnd,
  Sessions,
  Source,
  Step,
  Steps,
  TextCommand,
} from 'peal/plugin';
import { LineCall } from './call.js';
import { Seat } from './seat.js';
import { LineSession } from './session.js';
import type { LineEnd, LineOut, LineRules } from './session.js';
import type { CommandTable } from './table.js';

/** After our last word a client has that long to close its side, milliseconds; an abrupt end could lose the word. */
export const LINGER_MS = 1000;
/** And that long to read what waits before it. */
const LAST_WORDS_MS = 5000;
/** Output that waits before no further command is begun, bytes. */
const MAX_OUTPUT_BYTES = 64 * 1024;
/** Chunks of up to 64 KiB that may wait in the loop before the socket is no longer read. */
const QUEUED_CHUNKS = 2;

/** What all connections of a port share. */
export interface ConnectionHost {
  readonly section: string;
  readonly loop: EventLoop;
  readonly sessions: Sessions;
  readonly log: Logger;
  readonly rules: LineRules;
  readonly table: CommandTable;
  readonly outbound: OutboundOptions;
  greeting(): string;
  /** A page for browsers, with its HTTP head. */
  page(): Promise<Uint8Array>;
  /** Counted by the reason. */
  count(what: 'kicked' | LineEnd): void;
  /** The socket is closed; called once, last. */
  closed(connection: Connection): void;
}

const FINISHED = Symbol('the client has ended its side');

export class Connection implements LineOut {
  private readonly machine: LineSession;
  private readonly source: Source<Uint8Array | typeof FINISHED>;
  private readonly queue: Outbound;
  private readonly seat: Seat;
  private readonly gone = new AbortController();
  private readonly linger = {};
  private readonly wait = {};
  /** Written in this tick. */
  private fresh = 0;
  private held = false;
  private stream: Duplex | undefined;
  private streaming = false;
  private ending = false;
  private ended = false;
  private over = false;

  constructor(
    readonly socket: Socket,
    private readonly host: ConnectionHost,
    private readonly address: string,
    /** For log and status. */
    private readonly label: string,
  ) {
    this.machine = new LineSession(host.rules, this);
    this.queue = new Outbound(socketPort(socket), this.outboundHost(), host.outbound);
    this.seat = this.makeSeat();
    this.source = host.loop.attach<Uint8Array | typeof FINISHED>('low', {
      name: this.name,
      handle: (chunk) => this.handle(chunk),
      pause: () => socket.pause(),
      resume: () => socket.resume(),
      limit: QUEUED_CHUNKS,
    });
    socket.on('data', (chunk: Buffer) => this.source.push(chunk));
    socket.on('end', () => this.source.push(FINISHED));
    // Nothing is lost by not looking at the error: 'close' follows, and that ends the connection.
    socket.on('error', () => undefined);
    socket.on('drain', () => this.tick(() => undefined));
    socket.on('close', () => this.lost());
    this.tick(() => this.machine.greet(host.greeting()));
  }

  private get name(): string {
    return `${this.host.section} ${this.label}`;
  }

  /** The port closes. */
  stop(): void {
    this.tick(() => {
      this.seat.end('stopping');
      this.machine.stop('the daemon stops');
    });
    // A connection that was taken over ends at once; a page that is being made is not waited for.
    if (this.stream !== undefined) this.socket.destroy();
    else this.tick(() => this.end('stopping'));
  }

  // ---- from the socket -------------------------------------------------------------------------------------------

  private handle(chunk: Uint8Array | typeof FINISHED): void {
    if (this.stream !== undefined) this.toStream(chunk);
    else if (chunk === FINISHED) this.machine.finished();
    else this.machine.received(chunk);
    this.settle();
  }

  /** `fn` as a tick of its own, or as a part of the one we are in. */
  private tick(fn: () => void): void {
    this.host.loop.run(this.name, () => {
      fn();
      this.settle();
    });
  }

  private lost(): void {
    if (this.over) return;
    this.over = true;
    this.gone.abort();
    this.machine.abandon();
    this.queue.close();
    this.source.close();
    this.stream?.destroy();
    this.host.loop.cancelTimer(this);
    this.host.loop.cancelTimer(this.linger);
    this.host.loop.cancelTimer(this.wait);
    this.host.loop.run(this.name, () => this.seat.end('closed'));
    this.host.closed(this);
  }

  // ---- what the machine asks for ---------------------------------------------------------------------------------

  write(bytes: Uint8Array): void {
    this.queue.deliver(bytes, 0);
    this.fresh += bytes.length;
    if (this.fresh + this.queue.info().waitingBytes <= MAX_OUTPUT_BYTES || this.held) return;
    this.held = true;
    this.machine.hold(true);
  }

  obey(line: Uint8Array): void {
    const found = this.host.table.interpret(line);
    if ('code' in found) {
      this.machine.answer(found);
      return;
    }
    const { command } = found;
    const call = new LineCall(found, this.address, this.label, this.gone.signal, this.seat);
    this.perform(command, () => command.run(call));
  }

  take(call: () => Steps): void {
    this.perform(undefined, call);
  }

  raw(stream: Duplex, first: readonly Uint8Array[], ended: boolean): void {
    this.stream = stream;
    stream.on('error', (error) => {
      this.host.log.debug('a stream on the text port broke', { from: this.label, detail: reasonOf(error) });
      this.socket.destroy();
    });
    stream.on('close', () => {
      this.endGently();
    });
    for (const bytes of first) this.toStream(bytes);
    if (ended) this.toStream(FINISHED);
  }

  page(): void {
    void this.host.page().then((page) =>
      this.tick(() => {
        this.queue.deliver(page, 0);
        this.end('closed');
      }),
    );
  }

  reading(on: boolean): void {
    if (on) this.source.activate();
    else this.source.deactivate();
  }

  timer(ms: number): void {
    if (ms < 0) this.host.loop.cancelTimer(this);
    else
      this.host.loop.queueTimer(this, ms, () => {
        // While what it sent waits for the daemon, a client is not idle.
        if (this.source.held) this.timer(ms);
        else this.machine.expired();
        this.settle();
      });
  }

  attending(): boolean {
    return this.seat.groups.length > 0;
  }

  end(why: LineEnd): void {
    if (this.ending) return;
    this.ending = true;
    this.host.count(why);
    this.gone.abort();
    this.seat.end(why === 'stopping' ? 'stopping' : why === 'idle' ? 'timeout' : 'closed');
    const limitMs = why === 'stopping' ? LINGER_MS : LAST_WORDS_MS;
    if (!this.over) this.host.loop.queueTimer(this.linger, limitMs, () => this.socket.destroy());
  }

  // ---- commands --------------------------------------------------------------------------------------------------

  private perform(command: TextCommand<LineCall> | undefined, call: () => Steps): void {
    let step: Steps;
    try {
      step = call();
    } catch (error) {
      step = this.failed(command, error);
    }
    if (!(step instanceof Promise)) {
      this.answer(step);
      return;
    }
    void step
      .catch((error: unknown) => this.failed(command, error))
      .then((found) => {
        if (!this.over) this.tick(() => this.answer(found));
        else if ('stream' in found) found.stream.destroy();
      });
  }

  private answer(step: Step): void {
    const taken = 'stream' in step;
    if (taken && (this.machine.over || this.seat.session !== undefined)) {
      step.stream.destroy();
      this.machine.answer({ code: 503, text: 'this connection takes part in groups; use another one' });
      return;
    }
    this.machine.answer(step);
  }

  private failed(command: TextCommand<LineCall> | undefined, error: unknown): Step {
    const name = command?.name ?? 'an upload';
    this.host.log.error('a command of the text port failed', { command: name, detail: reasonOf(error) });
    return { code: 451, text: 'internal error, nothing was done' };
  }

  // ---- output ----------------------------------------------------------------------------------------------------

  /** End of a tick: what was written leaves; if the client takes it, what was held goes on. */
  private settle(): void {
    while (!this.over) {
      this.fresh = 0;
      this.queue.flush();
      if (!this.held || this.queue.info().waitingBytes > MAX_OUTPUT_BYTES) break;
      this.held = false;
      this.machine.hold(false);
    }
    if (this.over || this.queue.info().waitingBytes > this.socket.writableLength) return;
    if (this.ending) this.endGently();
    else if (this.stream !== undefined && !this.streaming) {
      this.streaming = true;
      this.stream.pipe(this.socket);
    }
  }

  private toStream(chunk: Uint8Array | typeof FINISHED): void {
    const stream = this.stream!;
    if (chunk === FINISHED) {
      stream.end();
    } else if (stream.writable && !stream.write(chunk)) {
      this.source.deactivate();
      stream.once('drain', () => this.source.activate());
    }
  }

  /** Waits a moment for the client to close its side, and reads on until then, since a reset could lose our last word. */
  private endGently(): void {
    if (this.ended || this.socket.destroyed) return;
    this.ended = true;
    this.host.loop.queueTimer(this.linger, LINGER_MS, () => this.socket.destroy());
    this.source.close();
    this.socket.end();
    this.socket.resume();
    if (this.socket.readableEnded) this.socket.destroySoon();
    else this.socket.once('end', () => this.socket.destroySoon());
  }

  private kick(detail: string): void {
    if (this.over) return;
    this.host.count('kicked');
    this.host.log.warn(`client disconnected: ${detail}`, { from: this.label });
    this.seat.end('not-reading', detail);
    this.socket.destroy();
    this.lost();
  }

  // ---- groups and the output queue -------------------------------------------------------------------------------

  private makeSeat(): Seat {
    const { loop, sessions, section, outbound } = this.host;
    return new Seat({
      sessions,
      section,
      from: this.label,
      maxHeldEvents: outbound.limitMessages,
      event: (bytes: Bytes) => this.queue.deliver(bytes, 1),
      flush: () => this.settle(),
      ended: (reason: SessionEnd) => {
        this.machine.stop(reason === 'stopping' ? 'the daemon stops' : `the session was ended: ${reason}`);
        this.settle();
      },
      kick: (detail) => this.kick(detail),
      timer: (ms, fn) => {
        loop.queueTimer(this.wait, ms, fn);
        return () => loop.cancelTimer(this.wait);
      },
    });
  }

  private outboundHost(): ConstructorParameters<typeof Outbound>[1] {
    const { loop, log } = this.host;
    return {
      loop,
      name: this.name,
      congested: (on) => this.seat.session?.congested(on),
      sendBlocked: () => this.source.held,
      kick: (_reason, detail) => this.kick(detail),
      notice: (what, detail) => log.info(`slow reader ${what}: ${detail}`, { from: this.label }),
    };
  }
}
