// A client of the binary protocol whose every act and sight goes into a trace, for the simulator's checkers. What real
// processes do is judged like what simulated ones do.
import { connect, type Socket } from 'node:net';
import { buildFrame, frameBytes, HEADER_BYTES, Service } from '../../core/wire/frame.js';
import { choice, hello } from '../../client-apis/binary/test/wire-client.js';
import { FrameReader, message, type Sent } from '../sim/payload.js';
import type { TraceEvent } from '../sim/trace.js';
import type { Daemon } from './processes.js';

/** A handshake that takes longer has failed: it waits, as all that clients say, while a slow line holds up what was said before. */
const CONNECT_LIMIT_MS = 60_000;

/** What the clients of one run share. */
export class Recorder {
  /** By id; forgotten at rest. */
  readonly sent: (Sent | undefined)[] = [];
  #forgotten = 0;
  readonly reader = new FrameReader((id) => this.sent[id]);
  sessions = 0;
  delivered = 0;
  views = 0;
  readonly #started = performance.now();

  constructor(private readonly sink: (e: TraceEvent) => void) {}

  /** Milliseconds since the beginning. */
  get now(): number {
    return Math.floor(performance.now() - this.#started);
  }

  /** Everything sent so far has come wherever it goes: its bytes need not be kept. */
  settled(): void {
    this.emit({ t: this.now, event: 'settled', components: [] });
    while (this.#forgotten < this.sent.length) this.sent[this.#forgotten++] = undefined;
  }

  emit(e: TraceEvent): void {
    if (e.event === 'deliver') this.delivered++;
    else if (e.event === 'view') this.views++;
    this.sink(e);
  }
}

/** A client of one daemon, whatever it speaks with. */
export interface Traced {
  readonly daemon: Daemon;
  readonly privateGroup: string;
  /** Members of each group as last seen. */
  readonly views: ReadonlyMap<string, readonly string[]>;
  /** When something last came, ms of the recorder. */
  readonly lastHeard: number;
  readonly open: boolean;
  readonly closed: Promise<void>;
  /** Unsent bytes in this process: a sender waits while they are many. */
  readonly waiting: number;
  join(group: string): void;
  leave(group: string): void;
  multicast(service: number, groups: readonly string[], bytes: number): void;
  /** Ends like a client that is done. */
  kill(): Promise<void>;
  destroy(): void;
}

export class TracedClient implements Traced {
  readonly uid: number;
  privateGroup = '';
  readonly views = new Map<string, readonly string[]>();
  lastHeard = 0;
  open = true;
  readonly closed: Promise<void>;
  #buffered: Buffer = Buffer.alloc(0);
  #accept: (() => void) | undefined;
  #stage: 'list' | 'answer' | 'frames' = 'list';
  readonly #socket: Socket;

  private constructor(
    private readonly recorder: Recorder,
    readonly daemon: Daemon,
    readonly name: string,
  ) {
    this.uid = ++recorder.sessions;
    this.#socket = connect({ ...daemon.where, noDelay: true });
    this.#socket.on('connect', () => this.#socket.write(hello(name)));
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk));
    this.#socket.on('error', () => undefined);
    this.closed = new Promise((resolve) =>
      this.#socket.on('close', () => {
        this.open = false;
        resolve();
      }),
    );
  }

  /** Connects; rejects when the daemon refuses or is not there. */
  static async connect(recorder: Recorder, daemon: Daemon, name: string): Promise<TracedClient> {
    const c = new TracedClient(recorder, daemon, name);
    const accepted = new Promise<'accepted'>((resolve) => (c.#accept = () => resolve('accepted')));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => (timer = setTimeout(() => resolve('late'), CONNECT_LIMIT_MS)));
    const how = await Promise.race([accepted, late, c.closed.then(() => 'closed')]);
    clearTimeout(timer);
    if (how !== 'accepted') {
      c.#socket.destroy();
      throw new Error(`client ${name} of ${daemon.name}: ${how}`);
    }
    return c;
  }

  join(group: string): void {
    this.#ask('join', Service.JOIN, group);
  }

  leave(group: string): void {
    this.#ask('leave', Service.LEAVE, group);
  }

  #ask(event: 'join' | 'leave', service: number, group: string): void {
    this.recorder.emit({ t: this.recorder.now, event, session: this.uid, group });
    this.#socket.write(buildFrame({ service, sender: this.privateGroup, groups: [group] }));
  }

  multicast(service: number, groups: readonly string[], bytes: number): void {
    const id = this.recorder.sent.length;
    const sent = message(id, this.privateGroup, service, groups, false, bytes);
    this.recorder.sent.push(sent);
    const e = { t: this.recorder.now, event: 'send', session: this.uid, id, service, groups, bytes } as const;
    this.recorder.emit({ ...e, discard: false });
    this.#socket.write(sent.frame);
  }

  get waiting(): number {
    return this.#socket.writableLength;
  }

  async kill(): Promise<void> {
    this.recorder.emit({ t: this.recorder.now, event: 'disconnect', session: this.uid });
    const sender = this.privateGroup;
    this.#socket.end(buildFrame({ service: Service.KILL, sender, groups: [sender] }));
    this.#socket.destroySoon();
    await this.closed;
  }

  /** Takes nothing any more. */
  stopReading(): void {
    this.#socket.pause();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.lastHeard = this.recorder.now;
    const bytes = this.#buffered.length > 0 ? Buffer.concat([this.#buffered, chunk]) : chunk;
    const from = this.#stage === 'frames' ? 0 : this.#handshake(bytes);
    let at = from;
    let messages = 0;
    while (this.#stage === 'frames' && bytes.length - at >= HEADER_BYTES) {
      const length = frameBytes(bytes, at);
      if (bytes.length - at < length) break;
      at += length;
      messages++;
    }
    if (messages > 0)
      this.recorder.reader.read(this.recorder.now, this.uid, bytes.subarray(from, at), messages, (e) => this.#saw(e));
    this.#buffered = Buffer.from(bytes.subarray(at));
  }

  #saw(e: TraceEvent): void {
    if (e.event === 'view') this.views.set(e.group, e.members);
    this.recorder.emit(e);
  }

  /** Answers how many bytes it used. */
  #handshake(b: Buffer): number {
    if (b[0]! > 127) {
      this.#socket.destroy();
      return b.length;
    }
    if (this.#stage === 'list') {
      if (b.length < 1 + b[0]!) return 0;
      this.#socket.write(choice('NULL'));
      this.#stage = 'answer';
      return 1 + b[0]!;
    }
    if (b.length < 5 || b.length < 5 + b[4]!) return 0;
    this.privateGroup = b.toString('latin1', 5, 5 + b[4]!);
    this.#stage = 'frames';
    const incarnation = String(this.daemon.life);
    const { uid: session, privateGroup: name } = this;
    const e = { t: this.recorder.now, event: 'connect', daemon: this.daemon.name, incarnation, session, name } as const;
    this.recorder.emit({ ...e, membership: true });
    this.#accept?.();
    return 5 + b[4]!;
  }
}
