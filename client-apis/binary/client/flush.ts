// A session with view synchrony: every message is delivered in the view in which it was sent, everywhere. Members may use
// the peer's flush library as well. Guide: docs/client-library.md, "View synchrony".
import { EventEmitter } from 'node:events';
import { Service } from '../../../core/wire/frame.js';
import type { Body } from './encoder.js';
import { ClientError } from './errors.js';
import { LEVELS, type Level, type SessionEvent } from './events.js';
import { type FlushEvent, FlushMachine, FORBIDDEN_BITS } from './flush-machine.js';
import type { SendOptions, Session } from './live-session.js';
import { closed, EventQueue } from './queue.js';

export interface FlushOptions {
  /** Answers every flush request by itself, at once: for applications to which no view boundary matters when they send. */
  readonly autoFlush?: boolean;
  /** Bytes of events that may wait before reading stops. Default 8 MiB. */
  readonly receiveBytes?: number;
}

const EVENT_COST_BYTES = 200;
const RECEIVE_BYTES = 8 * 1024 * 1024;

interface FlushListeners {
  close: [ClientError | undefined];
}

export class FlushSession extends EventEmitter<FlushListeners> implements AsyncIterable<FlushEvent> {
  private readonly machine: FlushMachine;
  private readonly queue: EventQueue<FlushEvent>;
  private relieved: (() => void) | undefined;
  /** An event of the session is being worked on. */
  private handling = false;
  private readonly utf8 = new TextEncoder();

  /** Takes over a session that was opened with membership and is in no group. */
  constructor(
    readonly session: Session,
    private readonly o: FlushOptions = {},
  ) {
    super();
    this.queue = new EventQueue(() => {
      if (this.queue.cost * 2 <= this.limit) this.relieved?.();
    });
    this.machine = new FlushMachine(() => session.privateGroup, {
      send: (level, groups, body, type, bits) => {
        // What the layer answers to an event of a connection that is gone reaches nobody; `lost` or the end follows.
        if (!this.handling || session.connected) session.multicast(level, groups, body, { type, bits });
      },
      deliver: (e) => this.give(e),
    });
    void this.pump();
  }

  get privateGroup(): string {
    return this.session.privateGroup;
  }

  get pending(): number {
    return this.queue.length;
  }

  /** Joins; the first view comes when all its members agreed. Throws ILLEGAL_GROUP when it was joined already. */
  join(group: string): void {
    this.machine.joining(group);
    void this.session.join(group);
  }

  /** Leaves; `left` comes when it was ordered. */
  leave(group: string): void {
    this.machine.leaving(group);
    void this.session.leave(group);
  }

  /** Agrees to a `flush-request`: nothing more may be sent to the group until its next view. */
  flush(group: string): void {
    this.machine.flush(group);
  }

  /**
   * To all members of our view of a group, or to a private group. Throws ILLEGAL_STATE between `flush` and the next
   * view, ILLEGAL_GROUP when we are not a member.
   */
  multicast(level: Level, group: string, data: Body, options: SendOptions = {}): void {
    const { parts, type, bits } = this.checked(level, data, options);
    this.machine.multicast(level, group, parts, type, bits);
  }

  /** To some members of our view of the group, by their private groups. Throws ILLEGAL_RECEIVERS. */
  subgroupMulticast(
    level: Level,
    group: string,
    receivers: readonly string[],
    data: Body,
    options: SendOptions = {},
  ): void {
    const { parts, type, bits } = this.checked(level, data, options);
    this.machine.multicast(level, group, parts, type, bits, receivers);
  }

  /** The next event. Rejects at the end of the session, or with the reason of the signal. */
  receive(signal?: AbortSignal): Promise<FlushEvent> {
    return this.queue.next(signal);
  }

  poll(): FlushEvent | undefined {
    return this.queue.take();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<FlushEvent> {
    for (;;) {
      let event: FlushEvent;
      try {
        event = await this.receive();
      } catch (e) {
        if (e instanceof ClientError && e.code === 'ILLEGAL_SESSION') return;
        throw e;
      }
      yield event;
    }
  }

  disconnect(): Promise<void> {
    return this.session.disconnect();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.disconnect();
  }

  private get limit(): number {
    return this.o.receiveBytes ?? RECEIVE_BYTES;
  }

  private checked(
    level: Level,
    data: Body,
    { type = 0, bits = 0, selfDiscard = false }: SendOptions,
  ): { parts: readonly Uint8Array[]; type: number; bits: number } {
    if (!(level in LEVELS) || (bits & FORBIDDEN_BITS) !== 0)
      throw new ClientError('ILLEGAL_SERVICE', `${level} with bits ${bits.toString(16)}`);
    const parts = typeof data === 'string' ? [this.utf8.encode(data)] : data instanceof Uint8Array ? [data] : data;
    return { parts, type, bits: bits | (selfDiscard ? Service.SELF_DISCARD : 0) };
  }

  private give(e: FlushEvent): void {
    if (e.kind === 'flush-request' && this.o.autoFlush === true) {
      if (this.machine.mayFlush(e.group)) this.machine.flush(e.group);
    } else this.queue.push(e, e.kind === 'message' ? e.data.length + EVENT_COST_BYTES : EVENT_COST_BYTES);
  }

  private handle(e: SessionEvent): void {
    this.handling = true;
    try {
      this.machine.received(e);
    } finally {
      this.handling = false;
    }
  }

  /** The layer answers for us, whether or not anybody receives; only what waits too long stops it. */
  private async pump(): Promise<void> {
    try {
      for await (const e of this.session) {
        this.handle(e);
        if (this.queue.cost > this.limit) await new Promise<void>((resolve) => (this.relieved = resolve));
      }
      this.queue.end(closed('the session was ended by disconnect'));
      this.emit('close', undefined);
    } catch (e) {
      const why = e instanceof ClientError ? e : new ClientError('CONNECTION_CLOSED', String(e), { cause: e });
      this.queue.end(why);
      this.emit('close', why);
    }
  }
}
