// [client.memory] at work: sessions inside the daemon's own process, for embedding and for tests. The reference plugin
// of its kind: the least that a client API has to do (docs/clients.md).
import { PealError, reasonOf, ServiceBits } from 'peal/plugin';
import type { Bytes, ClientApi, FrameEvent, Logger, Session, SessionEnd, Sessions, SessionSink } from 'peal/plugin';
import { MEMORY_ERRORS } from './errors.js';
import { EventQueue, membershipFrame, messageFrame } from './session.js';
import type { EventTaker, MemoryOut, Misuse, Outgoing } from './session.js';

export interface MemoryConnect {
  /** 1 to 10 bytes from 0x24 to 0x7e; absent: the daemon makes one. */
  readonly name?: string;
  /** Membership events too; default true. */
  readonly membership?: boolean;
  /** Takes events as they come; without it they wait for `next`. An error it throws ends the session. */
  readonly onEvent?: EventTaker;
}

/** One client. Calls that cannot be done throw a coded error. */
export interface MemorySession extends AsyncIterable<FrameEvent> {
  readonly name: string;
  /** `#name#daemon`. */
  readonly privateGroup: string;
  join(group: string): void;
  leave(group: string): void;
  multicast(message: Outgoing): void;
  /** The next event; undefined when the session is over and all events were taken. */
  next(): Promise<FrameEvent | undefined>;
  /** Ends the session; events that wait can still be taken. Idempotent. */
  close(): void;
  /** Resolves with why the session ended, when it has. */
  readonly ended: Promise<SessionEnd>;
}

const MISUSES = {
  closed: MEMORY_ERRORS.CLOSED,
  'illegal-group': MEMORY_ERRORS.ILLEGAL_GROUP,
  groups: MEMORY_ERRORS.GROUPS,
  'too-long': MEMORY_ERRORS.TOO_LONG,
} as const satisfies Record<Misuse, unknown>;

export class MemoryApi implements ClientApi {
  private readonly clients = new Set<Client>();
  private running = false;

  constructor(
    private readonly section: string,
    private readonly sessions: Sessions,
    private readonly log: Logger,
    private readonly maxEvents: number,
  ) {}

  start(): Promise<void> {
    this.running = true;
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.running = false;
    for (const client of [...this.clients]) client.over('stopping', '');
    return Promise.resolve();
  }

  addresses(): readonly string[] {
    return [];
  }

  describe(): Readonly<Record<string, number>> {
    return { sessions: this.clients.size };
  }

  /** Opens a session. Throws a coded error when the daemon refuses it or does not run. */
  connect(o: MemoryConnect = {}): MemorySession {
    if (!this.running) throw PealError.of(MEMORY_ERRORS.STOPPED, {});
    const name = o.name ?? '';
    const client = new Client(this.sessions.maxMessageBytes, o.onEvent, this.maxEvents, this.log, () =>
      this.clients.delete(client),
    );
    const request = { name, membership: o.membership ?? true, from: 'memory', listener: this.section };
    const session = this.sessions.open(request, client.sink);
    if (typeof session === 'string') throw PealError.of(MEMORY_ERRORS.REFUSED, { name, why: session });
    this.clients.add(client);
    return client.begin(session);
  }
}

class Client implements MemorySession, MemoryOut {
  readonly ended: Promise<SessionEnd>;
  readonly sink: SessionSink = {
    deliver: (frames: Bytes) => this.queue.deliver(frames),
    flush: () => this.queue.flush(),
    ended: (reason) => this.finish(reason),
  };
  private readonly queue: EventQueue;
  private session: Session | undefined;
  private done = false;
  private resolve: (reason: SessionEnd) => void = () => undefined;

  constructor(
    readonly maxMessageBytes: number,
    onEvent: EventTaker | undefined,
    maxEvents: number,
    private readonly log: Logger,
    private readonly gone: () => void,
  ) {
    const taker = onEvent === undefined ? undefined : (event: FrameEvent) => this.hand(onEvent, event);
    this.queue = new EventQueue(this, taker, maxEvents);
    this.ended = new Promise((resolve) => (this.resolve = resolve));
  }

  begin(session: Session): this {
    this.session = session;
    return this;
  }

  get name(): string {
    return this.session!.name;
  }

  get privateGroup(): string {
    return this.session!.privateGroup;
  }

  join(group: string): void {
    this.submit(membershipFrame(this, ServiceBits.JOIN, group));
  }

  leave(group: string): void {
    this.submit(membershipFrame(this, ServiceBits.LEAVE, group));
  }

  multicast(message: Outgoing): void {
    this.submit(messageFrame(this, message));
  }

  next(): Promise<FrameEvent | undefined> {
    return this.queue.next();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<FrameEvent, void, undefined> {
    for (let event = await this.next(); event !== undefined; event = await this.next()) yield event;
  }

  close(): void {
    this.over('closed', '');
  }

  private submit(frame: Uint8Array): void {
    if (this.done) throw this.misused('closed', '');
    this.session!.submit(frame);
  }

  kick(detail: string): void {
    this.over('not-reading', detail);
  }

  misused(why: Misuse, detail: string): Error {
    return PealError.of(MISUSES[why], { detail });
  }

  /** Ends the session from this side. */
  over(reason: SessionEnd, detail: string): void {
    if (this.done) return;
    this.finish(reason);
    this.session!.end(reason, detail);
  }

  private finish(reason: SessionEnd): void {
    this.done = true;
    this.queue.end();
    this.gone();
    this.resolve(reason);
  }

  private hand(onEvent: EventTaker, event: FrameEvent): void {
    try {
      onEvent(event);
    } catch (error) {
      this.log.error('an application in this process threw from its event handler', { detail: reasonOf(error) });
      this.over('error', reasonOf(error));
    }
  }
}
