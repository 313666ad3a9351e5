// A session with a daemon, ours or a real Spread: what an application holds. Receiving is by pulling (`for await`,
// `receive`) or by listeners (`on`); never both. Guide: docs/client-library.md.
import { EventEmitter } from 'node:events';
import { Service } from '../../../core/wire/frame.js';
import { isGroupName } from '../../../core/wire/name.js';
import { DEFAULT_PORT, parseSpreadName, placeOf, type Where } from './address.js';
import { type Body, Encoder } from './encoder.js';
import { ClientError } from './errors.js';
import {
  LEVELS,
  type Left,
  type Level,
  type Lost,
  type Message,
  type Reconnected,
  type Rejected,
  type SessionEvent,
  type Transitional,
  type View,
} from './events.js';
import type { Accepted, Credentials } from './handshake.js';
import { Ledger } from './ledger.js';
import type { Outgoing } from './message.js';
import { closed, EventQueue } from './queue.js';
import { retrying, type RetryPace } from './retry.js';
import { type Received, type ReceiveOptions, scatterInto } from './scatter.js';
import { WireConnection } from './wire-connection.js';

export interface ConnectOptions {
  /** As the C library names a daemon: `4803`, `4803@host`, or the path of a unix socket. Instead of host, port, path. */
  readonly at?: string;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 4803. */
  readonly port?: number;
  /** Unix socket, instead of host and port. */
  readonly path?: string;
  /** 1 to 10 characters from $ to ~; absent: the daemon makes one. */
  readonly name?: string;
  /** Receive views? Default true. */
  readonly membership?: boolean;
  /** Sent to the daemon as the peer's libraries do; it changes nothing there. Default false. */
  readonly priority?: boolean;
  /** Authentication methods to use, in order. Default NULL, or PWORD with `credentials`. */
  readonly auth?: readonly ('NULL' | 'IP' | 'PWORD')[];
  readonly credentials?: Credentials;
  /** TCP connect and handshake together, ms; 0: for ever. Default 10,000. */
  readonly timeoutMs?: number;
  /** Ends connecting, and the session when it is aborted later. */
  readonly signal?: AbortSignal;
  /** Connects again by itself when the connection is lost, and says what was missed: events `lost` and `reconnected`. */
  readonly reconnect?: boolean | RetryPace;
  /** A name that is taken is tried again so often, 100 ms apart: it may be our own last session, just ending. Default 20. */
  readonly nameRetries?: number;
  /**
   * Largest frame to send: 48 + 32 for each destination + data, bytes. Default 140,000, the most that every Spread
   * survives; with a daemon of peal whose max_message_bytes is higher, up to 64 MiB.
   */
  readonly maxMessageBytes?: number;
  /** Bytes of received events that may wait before reading stops. Default 8 MiB. */
  readonly receiveBytes?: number;
}

export interface SendOptions {
  /** Signed 16 bit. Default 0. */
  readonly type?: number;
  /** Not to ourselves. Default false. */
  readonly selfDiscard?: boolean;
  /** Further bits of the service word, e.g. those of the flush layer. */
  readonly bits?: number;
}

interface Listeners {
  message: [Message];
  view: [View];
  transitional: [Transitional];
  left: [Left];
  rejected: [Rejected];
  lost: [Lost];
  reconnected: [Reconnected];
  /** `multicast` answered 0 bytes of room, and there is room again. */
  drain: [];
  /** The end; with the error unless we ended it. */
  close: [ClientError | undefined];
}

const DEFAULT_TIMEOUT_MS = 10_000;
export const DEFAULT_MAX_MESSAGE_BYTES = 140_000;
export const LARGEST_MESSAGE_BYTES = 64 * 1024 * 1024;
const RECEIVE_FRAME_BYTES = LARGEST_MESSAGE_BYTES + 64 * 1024;
const DEFAULT_RECEIVE_BYTES = 8 * 1024 * 1024;
const NAME_RETRIES = 20;
const NAME_RETRY_MS = 100;
const EVENT_COST_BYTES = 200;
/** So much leaves at once, without waiting for the end of the turn: whoever sends in a loop sees `writable` turn false. */
const SEND_NOW_BYTES = 256 * 1024;
const SAID = ['message', 'view', 'transitional', 'left', 'rejected', 'lost', 'reconnected'] as const;

interface Waiting {
  readonly group: string;
  readonly kind: 'join' | 'leave';
  resolve(e: View | undefined): void;
  reject(why: Error): void;
}

/** Connects to a daemon; rejects with a ClientError whose `code` says why not. */
export async function connect(options: ConnectOptions = {}): Promise<Session> {
  const opened = await open(options, whereOf(options), options.name ?? '', options.signal);
  return new Session(options, opened.connection, opened.accepted);
}

function whereOf(o: ConnectOptions): Where {
  if (o.at !== undefined) return parseSpreadName(o.at);
  return o.path === undefined ? placeOf(o.host ?? '127.0.0.1', o.port ?? DEFAULT_PORT) : { path: o.path };
}

async function open(
  o: ConnectOptions,
  where: Where,
  name: string,
  signal: AbortSignal | undefined,
): Promise<{ connection: WireConnection; accepted: Accepted }> {
  const auth = o.auth ?? (o.credentials ? (['PWORD'] as const) : (['NULL'] as const));
  const { membership = true, priority = false, credentials, timeoutMs = DEFAULT_TIMEOUT_MS } = o;
  const request = {
    where,
    name,
    membership,
    priority,
    auth,
    credentials,
    timeoutMs,
    signal,
    maxFrameBytes: RECEIVE_FRAME_BYTES,
  };
  for (let left = o.nameRetries ?? NAME_RETRIES; ; left--)
    try {
      return await WireConnection.open(request);
    } catch (e) {
      if (!(e instanceof ClientError) || e.code !== 'REJECT_NOT_UNIQUE' || left <= 0) throw e;
      await new Promise((resolve) => setTimeout(resolve, NAME_RETRY_MS));
    }
}

export class Session extends EventEmitter<Listeners> implements AsyncIterable<SessionEvent> {
  private connection: WireConnection | undefined;
  private accepted: Accepted;
  private encoder: Encoder;
  private readonly ledger = new Ledger();
  private readonly queue: EventQueue<SessionEvent>;
  private readonly waiting = new Set<Waiting>();
  private readonly drains: (() => void)[] = [];
  private readonly ending = new AbortController();
  private flushing = false;
  private full = false;
  private paused = false;
  /** Listeners were added; `straight`: what waited before was told. */
  private flowing = false;
  private straight = false;
  private end: ClientError | undefined;

  /** Use `connect`. */
  constructor(
    private readonly o: ConnectOptions,
    connection: WireConnection,
    accepted: Accepted,
  ) {
    super();
    this.accepted = accepted;
    this.encoder = this.newEncoder();
    this.queue = new EventQueue(() => this.relieved());
    o.signal?.addEventListener('abort', () => void this.disconnect(), { once: true });
    this.connection = connection;
    this.begin(connection);
  }

  /** Our private group, `#name#daemon`: whoever sends there reaches us alone. Another one after `reconnected`. */
  get privateGroup(): string {
    return this.accepted.privateGroup;
  }

  get name(): string {
    return this.privateGroup.split('#')[1] ?? '';
  }

  /** Name of the daemon. */
  get daemon(): string {
    return this.privateGroup.split('#')[2] ?? '';
  }

  /** Version of the daemon: major, minor, patch. A daemon of peal answers as Spread 4.4.0. */
  get version(): readonly [number, number, number] {
    return this.accepted.version;
  }

  /** Is there a connection now? False between `lost` and `reconnected` too. */
  get connected(): boolean {
    return this.connection !== undefined;
  }

  /** Groups we asked to be in and have not asked to leave. */
  get groups(): readonly string[] {
    return this.ledger.joined;
  }

  /** Events that have come and wait to be received. */
  get pending(): number {
    return this.queue.length;
  }

  /** May more be sent now without piling up? If not: `await drained()`. */
  get writable(): boolean {
    return !this.full;
  }

  /** As of every emitter. The first listener for events ends the pulling: what waits comes first, from the next turn on. */
  override on<K extends keyof Listeners>(event: K, listener: (...args: Listeners[K]) => void): this {
    if ((SAID as readonly string[]).includes(event) && !this.flowing) {
      this.flowing = true;
      setImmediate(() => this.flow());
    }
    return super.on(event, listener as never);
  }

  // --- sending ---

  /**
   * Joins a group. The promise answers our first view of it; it need not be awaited (without membership it answers
   * undefined at once). Joining a group twice does nothing. Throws ILLEGAL_GROUP.
   */
  join(group: string): Promise<View | undefined> {
    return this.change('join', group);
  }

  /** Leaves a group; the promise answers when the leave was ordered, and need not be awaited. */
  leave(group: string): Promise<void> {
    const done = this.change('leave', group).then(() => undefined);
    done.catch(() => undefined);
    return done;
  }

  /**
   * Sends a message to one or many groups, private groups among them; we need not be a member. Answers its number in
   * this session, from 1. Sending is in memory: see `writable` and `drained`. Throws ILLEGAL_GROUP, MESSAGE_TOO_LONG,
   * ILLEGAL_MESSAGE_TYPE, ILLEGAL_SERVICE, ILLEGAL_SESSION.
   */
  multicast(level: Level, groups: string | readonly string[], data: Body, options: SendOptions = {}): number {
    const bit = LEVELS[level] as number | undefined;
    if (bit === undefined) throw new ClientError('ILLEGAL_SERVICE', `${level} is no service level`);
    const { type = 0, selfDiscard = false, bits = 0 } = options;
    const all = typeof groups === 'string' ? [groups] : groups;
    this.alive();
    const bytes = this.encoder.add(bit | bits | (selfDiscard ? Service.SELF_DISCARD : 0), all, type, data);
    if (this.encoder.bytes >= SEND_NOW_BYTES) this.write();
    else this.flush();
    return this.ledger.sent(all, type, bytes, this.o.reconnect !== undefined && this.o.reconnect !== false);
  }

  /** Sends messages made before (MessageFactory), in order; answers the number of the last. Throws as `multicast`. */
  send(...messages: readonly Outgoing[]): number {
    let number = 0;
    for (const { level, groups, data, ...options } of messages) number = this.multicast(level, groups, data, options);
    return number;
  }

  /** Resolves when what was sent has left far enough that more may be sent; rejects when the session ended. */
  drained(): Promise<void> {
    if (this.end) return Promise.reject(this.end);
    if (!this.full) return Promise.resolve();
    return new Promise<void>((resolve) => this.drains.push(resolve)).then(() => {
      if (this.end) throw this.end;
    });
  }

  // --- receiving ---

  /** The next event. Rejects with ILLEGAL_SESSION or CONNECTION_CLOSED at the end, or with the reason of the signal. */
  receive(signal?: AbortSignal): Promise<SessionEvent> {
    if (this.flowing)
      return Promise.reject(new ClientError('ILLEGAL_STATE', 'events go to the listeners of this session'));
    return this.queue.next(signal);
  }

  /** The next event if it has come already. */
  poll(): SessionEvent | undefined {
    return this.flowing ? undefined : this.queue.take();
  }

  /**
   * The next message into memory of the caller, in pieces if there are several (gather). Without `drop` a message that
   * does not fit stays the next one, and BUFFER_TOO_SHORT is thrown; with it the rest is lost, and told. Other events
   * are answered as they are.
   */
  async receiveInto(target: Uint8Array | readonly Uint8Array[], options: ReceiveOptions = {}): Promise<Received> {
    while (this.queue.peek() === undefined) {
      const event = await this.receive(options.signal);
      return scatterInto(event, target, options);
    }
    const received = scatterInto(this.queue.peek()!, target, options);
    this.queue.take();
    return received;
  }

  /** Every event until the session ends: cleanly after `disconnect`, with the error otherwise. */
  async *[Symbol.asyncIterator](): AsyncGenerator<SessionEvent> {
    for (;;) {
      let event: SessionEvent;
      try {
        event = await this.receive();
      } catch (e) {
        if (e === this.end && this.end?.code === 'ILLEGAL_SESSION') return;
        throw e;
      }
      yield event;
    }
  }

  // --- the end ---

  /** Ends the session: what was sent leaves, then the daemon is told. Idempotent. */
  async disconnect(): Promise<void> {
    if (this.end) return;
    const c = this.connection;
    const blocks = this.encoder.take();
    if (c !== undefined) {
      this.encoder.add(Service.KILL, [this.privateGroup], 0, '');
      blocks.push(...this.encoder.take());
    }
    this.connection = undefined;
    this.over(closed('the session was ended by disconnect'), undefined);
    await c?.finish(blocks);
  }

  /** Ends the session at once, as a crash would: nothing more leaves, the daemon finds out by itself. Idempotent. */
  kill(): void {
    const c = this.connection;
    this.connection = undefined;
    this.over(closed('the session was ended by kill'), undefined);
    c?.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.disconnect();
  }

  // --- inside ---

  private newEncoder(): Encoder {
    const { maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES } = this.o;
    return new Encoder(this.privateGroup, Math.min(maxMessageBytes, RECEIVE_FRAME_BYTES));
  }

  private begin(connection: WireConnection): void {
    if (this.end) return;
    connection.start({
      events: (all) => this.saw(all),
      drained: () => this.drain(),
      ended: (why) => this.lose(why),
    });
  }

  private alive(): void {
    if (this.end) throw closed(this.end.code === 'ILLEGAL_SESSION' ? this.end.detail : this.end.message);
    if (this.connection === undefined) throw new ClientError('CONNECTION_CLOSED', 'the connection is being made anew');
  }

  private change(kind: 'join' | 'leave', group: string): Promise<View | undefined> {
    if (!isGroupName(group)) throw new ClientError('ILLEGAL_GROUP', `${JSON.stringify(group)} is no name of a group`);
    this.alive();
    const known = this.ledger.has(group);
    if (kind === 'join') this.ledger.join(group);
    else this.ledger.leave(group);
    this.encoder.add(kind === 'join' ? Service.JOIN : Service.LEAVE, [group], 0, '');
    this.flush();
    if (this.o.membership === false || known === (kind === 'join')) return Promise.resolve(undefined);
    const done = new Promise<View | undefined>((resolve, reject) => this.waiting.add({ group, kind, resolve, reject }));
    // It need not be awaited.
    done.catch(() => undefined);
    return done;
  }

  /** What is said in one turn leaves together at its end, if it is not much. */
  private flush(): void {
    if (this.flushing) return;
    this.flushing = true;
    process.nextTick(() => {
      this.flushing = false;
      this.write();
    });
  }

  private write(): void {
    if (this.connection === undefined || !this.encoder.pending) return;
    if (!this.connection.write(this.encoder.take())) this.full = true;
  }

  private drain(): void {
    if (!this.full) return;
    this.full = false;
    for (const d of this.drains.splice(0)) d();
    this.emit('drain');
  }

  private saw(events: readonly SessionEvent[]): void {
    for (const e of events) {
      this.ledger.saw(e, this.privateGroup);
      this.answer(e);
      this.give(e, e.kind === 'message' ? e.data.length + EVENT_COST_BYTES : EVENT_COST_BYTES);
    }
    if (this.queue.cost > (this.o.receiveBytes ?? DEFAULT_RECEIVE_BYTES) && !this.paused) {
      this.paused = true;
      this.connection?.pause();
    }
  }

  private answer(e: SessionEvent): void {
    if (e.kind !== 'view' && e.kind !== 'left') return;
    for (const w of this.waiting) {
      if (w.group !== e.group || (w.kind === 'leave') !== (e.kind === 'left')) continue;
      this.waiting.delete(w);
      w.resolve(e.kind === 'view' ? e : undefined);
    }
  }

  private give(e: SessionEvent, cost: number): void {
    if (this.straight) this.tell(e);
    else this.queue.push(e, cost);
  }

  private tell(e: SessionEvent): void {
    this.emit(e.kind, ...([e] as never));
  }

  /** From now on events go straight to listeners; those that wait come first. */
  private flow(): void {
    for (let e = this.queue.take(); e !== undefined; e = this.queue.take()) this.tell(e);
    this.straight = true;
  }

  private relieved(): void {
    if (!this.paused || this.queue.cost * 2 > (this.o.receiveBytes ?? DEFAULT_RECEIVE_BYTES)) return;
    this.paused = false;
    this.connection?.resume();
  }

  private lose(why: ClientError): void {
    this.connection = undefined;
    if (this.o.reconnect === undefined || this.o.reconnect === false) {
      this.over(why, why);
      return;
    }
    this.give(this.ledger.lost(`${why.code}: ${why.detail}`), EVENT_COST_BYTES);
    for (const w of this.waiting) w.reject(why);
    this.waiting.clear();
    void this.again(why, this.o.reconnect === true ? {} : this.o.reconnect);
  }

  /** Connects again until it works, the session is ended or the pace gives up. */
  private async again(why: ClientError, pace: RetryPace): Promise<void> {
    const { signal } = this.ending;
    const asked = this.o.name === undefined ? '' : this.name;
    const made = await retrying(pace, signal, () => open(this.o, whereOf(this.o), asked, signal)).catch((e: unknown) =>
      e instanceof ClientError ? e : new ClientError('CONNECTION_CLOSED', String(e), { cause: e }),
    );
    if (made instanceof ClientError) {
      if (!this.end) this.over(made, why);
      return;
    }
    if (this.end) {
      made.result.connection.destroy();
      return;
    }
    const { connection, accepted } = made.result;
    this.accepted = accepted;
    this.encoder = this.newEncoder();
    this.connection = connection;
    this.paused = false;
    const groups = this.ledger.joined;
    for (const g of groups) this.encoder.add(Service.JOIN, [g], 0, '');
    this.flush();
    this.drain();
    this.give(
      { kind: 'reconnected', privateGroup: accepted.privateGroup, groups, attempts: made.attempts },
      EVENT_COST_BYTES,
    );
    this.begin(connection);
  }

  private over(end: ClientError, told: ClientError | undefined): void {
    if (this.end) return;
    this.end = end;
    this.ending.abort();
    this.queue.end(end);
    for (const w of this.waiting) w.reject(end);
    this.waiting.clear();
    for (const d of this.drains.splice(0)) d();
    this.emit('close', told);
  }
}
