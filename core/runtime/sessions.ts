// The way in for clients (contract: core/plugin/client.ts): ids, names, the limit, why sessions ended, and the sinks
// that must be flushed at the end of the tick. Rules: docs/design/runtime.md, 3.
import { ChurnMap } from '../machine/churn-map.js';
import type { Bytes, DaemonMachine } from '../machine/ports.js';
import type { Session, SessionEnd, SessionRefusal, SessionRequest, Sessions, SessionSink } from '../plugin/client.js';
import { hold } from '../plugin/lent.js';
import type { Logger } from '../plugin/ports.js';
import { isPrivateName, privateGroupOf } from '../wire/name.js';
import type { BoundedLog } from './bounded-log.js';
import type { Counters } from './counters.js';

/** Ends by fault that are kept for status. */
export const ENDS_KEPT = 20;
/** Generated names are drawn anew at most that often before the limit of sessions is blamed. */
const NAME_TRIES = 1000;
/** Digits of the life and of the number in a generated name: "r1234-z9z9" has 10 bytes, the longest legal. */
const LIFE_NAMES = 10_000;
const NUMBER_NAMES = 36 ** 4;

/** One line of the list of sessions. */
export interface SessionInfo {
  readonly id: number;
  readonly name: string;
  readonly from: string;
  readonly listener: string;
  readonly membership: boolean;
  readonly congested: boolean;
  /** Wall clock, milliseconds since 1970. */
  readonly openedAtMs: number;
  /** Frames delivered and bytes of frames submitted. */
  readonly delivered: number;
  readonly submittedBytes: number;
}

/** A session that was ended for a reason an operator may ask for. */
export interface EndedSession {
  readonly name: string;
  readonly from: string;
  readonly reason: SessionEnd;
  readonly detail: string;
  readonly atMs: number;
}

export interface SessionsHost {
  readonly machine: Pick<DaemonMachine, 'open' | 'nameInUse' | 'submit' | 'close' | 'congested'>;
  /**
   * Runs `fn` inside a tick, the machine's clock set. Called from inside a call to the machine (a sink that ends its
   * session while it is delivered to): at the end of the tick.
   */
  within(name: string, fn: () => void): void;
  /** Inside a call to the machine? */
  readonly inMachine: boolean;
  /** Milliseconds since 1970. */
  wallMs(): number;
  readonly log: Logger;
  /** For what a stranger can make happen as often as he likes. */
  readonly bounded: Pick<BoundedLog, 'warn'>;
  readonly counters: Counters;
}

export interface SessionsOptions {
  readonly daemon: string;
  readonly limit: number;
  readonly maxMessageBytes: number;
  /** Drawn at the start of this life, 32 bits: part of the generated names. */
  readonly life: number;
}

/** Ended sessions told one by one, of one reason in the time of the bounded log; beyond that they are counted. */
const ENDS_SAID = 20;
/** Ends that are the client's own doing and worth no line above debug. */
const PLAIN: ReadonlySet<SessionEnd> = new Set(['killed', 'closed', 'stopping']);

export class SessionTable implements Sessions {
  readonly daemon: string;
  readonly maxMessageBytes: number;
  readonly limit: number;
  private readonly open_ = new ChurnMap<number, OpenSession>();
  /** Ended, but not `gone`: their disconnect is still to come through the order. */
  private readonly leaving = new Set<number>();
  private readonly ends: EndedSession[] = [];
  private dirty: OpenSession[] = [];
  private nextId = 1;
  private nextName = 1;
  private readonly life: string;
  private accepting = true;

  constructor(
    private readonly host: SessionsHost,
    o: SessionsOptions,
  ) {
    this.daemon = o.daemon;
    this.limit = o.limit;
    this.maxMessageBytes = o.maxMessageBytes;
    this.life = String(o.life % LIFE_NAMES).padStart(4, '0');
  }

  get count(): number {
    return this.open_.size;
  }

  nameInUse(name: string): boolean {
    return this.host.machine.nameInUse(name);
  }

  open(request: SessionRequest, sink: SessionSink): Session | SessionRefusal {
    if (this.host.inMachine) throw new Error('a session cannot be opened from inside `deliver`');
    let answer: Session | SessionRefusal = 'stopping';
    this.host.within('session open', () => {
      answer = this.tryOpen(request, sink);
    });
    if (typeof answer === 'string') this.refused(request, answer);
    return answer;
  }

  private tryOpen(request: SessionRequest, sink: SessionSink): Session | SessionRefusal {
    if (!this.accepting) return 'stopping';
    if (this.open_.size >= this.limit || this.leaving.size >= this.limit) return 'quota';
    if (request.name !== '' && !isPrivateName(request.name)) return 'illegal-name';
    const name = request.name === '' ? this.freshName() : request.name;
    if (name === undefined) return 'quota';
    if (this.host.machine.nameInUse(name)) return 'not-unique';
    const session = new OpenSession(this.nextId++, name, this, this.host, request, sink);
    this.open_.set(session.id, session);
    this.host.machine.open(session.id, name, request.membership);
    this.host.counters.add('sessions.opened');
    this.host.log.debug('session opened', { session: session.privateGroup, from: request.from });
    return session;
  }

  private refused(request: SessionRequest, why: SessionRefusal): void {
    this.host.counters.add(`sessions.refused.${why}`);
    this.host.log.debug('session refused', { why, from: request.from, listener: request.listener });
  }

  private freshName(): string | undefined {
    for (let i = 0; i < NAME_TRIES; i++) {
      const name = `r${this.life}-${(this.nextName++ % NUMBER_NAMES).toString(36)}`;
      if (!this.host.machine.nameInUse(name)) return name;
    }
    return undefined;
  }

  /** A run for a session; false: it has ended, the run is dropped. */
  deliver(id: number, frames: Bytes, messages: number): boolean {
    const session = this.open_.get(id);
    if (session === undefined) return false;
    if (!session.dirty) {
      session.dirty = true;
      this.dirty.push(session);
    }
    session.delivered += messages;
    if (session.sink.holds !== true) hold(frames);
    session.sink.deliver(frames, messages);
    return true;
  }

  /** One flush for every sink with deliveries since the last call. */
  flush(): void {
    if (this.dirty.length === 0) return;
    const sessions = this.dirty;
    this.dirty = [];
    for (const session of sessions) {
      session.dirty = false;
      if (!session.over) session.sink.flush();
    }
  }

  get pending(): boolean {
    return this.dirty.length > 0;
  }

  /** That session's name is free again. */
  gone(id: number): void {
    this.leaving.delete(id);
  }

  /** From here every `open` is refused. */
  refuse(): void {
    this.accepting = false;
  }

  /** Tells every session that the daemon stops; nothing is delivered any more. The machine is not asked. */
  endAll(): void {
    this.refuse();
    const all = [...this.open_.values()];
    this.open_.clear();
    for (const session of all) {
      session.over = true;
      this.host.counters.add('sessions.ended.stopping');
      session.sink.ended('stopping');
    }
  }

  /** Called by the session itself, once. */
  remove(session: OpenSession, reason: SessionEnd, detail: string): void {
    this.open_.delete(session.id);
    this.leaving.add(session.id);
    this.host.within('session end', () => this.host.machine.close(session.id));
    this.host.counters.add(`sessions.ended.${reason}`);
    const fields = { session: session.privateGroup, reason, detail, from: session.request.from };
    if (PLAIN.has(reason)) {
      this.host.log.debug('session ended', fields);
      return;
    }
    this.host.bounded.warn(reason, 'session ended', fields, ENDS_SAID);
    this.ends.push({ name: session.name, from: session.request.from, reason, detail, atMs: this.host.wallMs() });
    if (this.ends.length > ENDS_KEPT) this.ends.shift();
  }

  /** The first `most` sessions in the order of opening. */
  list(most: number): readonly SessionInfo[] {
    return [...this.open_.values()].slice(0, most).map((s) => s.info());
  }

  /** Sessions ended by fault, oldest first. */
  recentEnds(): readonly EndedSession[] {
    return this.ends;
  }
}

class OpenSession implements Session {
  readonly privateGroup: string;
  dirty = false;
  over = false;
  delivered = 0;
  private submittedBytes = 0;
  private isCongested = false;
  private readonly openedAtMs: number;

  constructor(
    readonly id: number,
    readonly name: string,
    private readonly table: SessionTable,
    private readonly host: SessionsHost,
    readonly request: SessionRequest,
    readonly sink: SessionSink,
  ) {
    this.privateGroup = privateGroupOf(name, table.daemon);
    this.openedAtMs = host.wallMs();
  }

  submit(frames: Bytes, lasting = false): void {
    if (this.over) return;
    this.submittedBytes += frames.length;
    // The machine gives it back: whoever lent it is not asked.
    if (lasting) hold(frames);
    const own = this.host.inMachine && !lasting ? new Uint8Array(frames) : frames;
    this.host.within('session submit', () => this.host.machine.submit(this.id, own, lasting));
  }

  end(reason: SessionEnd, detail = ''): void {
    if (this.over) return;
    this.over = true;
    this.table.remove(this, reason, detail);
  }

  congested(on: boolean): void {
    if (this.over || on === this.isCongested) return;
    this.isCongested = on;
    this.host.counters.add(on ? 'sessions.congested' : 'sessions.relieved');
    this.host.within('session congested', () => this.host.machine.congested(this.id, on));
  }

  info(): SessionInfo {
    const { id, name, openedAtMs, delivered, submittedBytes } = this;
    const { from, listener, membership } = this.request;
    return { id, name, from, listener, membership, congested: this.isCongested, openedAtMs, delivered, submittedBytes };
  }
}
