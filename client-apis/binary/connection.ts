// One client's socket between the event loop and the session: what it reads becomes chunks of a LOW source, which feed
// the pure machine (session.ts); what is delivered goes through the output queue with its slow-reader policy. All calls
// of the machine run inside a tick of the loop.
import type { Socket } from 'node:net';
import { isLasting, oldViews, ONE_CHUNK_PER_POLL, Outbound, readAccepted, release, socketPort } from 'peal/plugin';
import type {
  AppendLog,
  Bytes,
  EventLoop,
  FrameFault,
  Logger,
  OutboundHost,
  OutboundOptions,
  Session,
  SessionEnd,
  Sessions,
  SessionSink,
  Source,
} from 'peal/plugin';
import type { ClientAddress } from './access.js';
import type { Refusal, Refusals } from './refusals.js';
import { BinarySession } from './session.js';
import type { ConnectionEnd, Credentials, HandshakeState, Opened, SessionOut, SessionRules } from './session.js';
import { Reject, SETS_FROM } from './wire.js';
import type { RejectCode } from './wire.js';

/** After our last word a client has that long to close its side, milliseconds; an abrupt end could lose the word. */
export const LINGER_MS = 1000;
/** Chunks, each what one read brought, that may wait in the loop before the socket is no longer read. */
const QUEUED_CHUNKS = 2;

/** What all connections of a listener share. */
export interface ConnectionHost {
  readonly section: string;
  readonly loop: EventLoop;
  readonly sessions: Sessions;
  readonly rules: SessionRules;
  readonly refusals: Refusals;
  readonly log: Logger;
  readonly handshakeTimeoutMs: number;
  readonly oldClientViews: boolean;
  readonly outbound: OutboundOptions;
  /** Policy spill: a log of its own for the session of that id. */
  readonly spill: ((session: number) => AppendLog) | undefined;
  /** Never rejects. */
  verify(
    method: 'IP' | 'PWORD',
    credentials: Credentials | undefined,
    from: ClientAddress,
    label: string,
  ): Promise<boolean>;
  /** The handshake is over, for good or ill; called once. */
  settled(connection: Connection): void;
  /** The socket is closed and the session over; called once, last. */
  closed(connection: Connection): void;
}

const REJECT_REASONS: Record<RejectCode, { reason: Refusal; detail: string }> = {
  [Reject.QUOTA]: { reason: 'reject-quota', detail: 'no more sessions' },
  [Reject.ILLEGAL_NAME]: { reason: 'reject-illegal-name', detail: 'illegal private name' },
  [Reject.NOT_UNIQUE]: { reason: 'reject-not-unique', detail: 'private name in use' },
  [Reject.VERSION]: { reason: 'reject-version', detail: 'library older than 3.1' },
  [Reject.AUTH]: { reason: 'reject-auth', detail: 'authentication failed' },
};

/** What did not come. */
const UNREADY: Record<HandshakeState, string> = {
  hello: 'no version and name came',
  choice: 'no method of authentication was chosen',
  authenticating: 'its address or password was still being checked',
  credentials: 'PWORD is required or was chosen, and no name and password came',
};

const FAULTS: Record<FrameFault, string> = {
  'too-long': 'its length is above max_message_bytes or negative',
  groups: 'its number of groups is not 0 to 100',
  service: 'not exactly one service, JOIN, LEAVE or KILL bit is set',
  forged: 'it has bits that only a daemon sets',
  sender: 'its sender is not this session',
  hint: 'its hint has bits outside the message type',
  unterminated: 'a destination does not end within its field',
  'no-group': 'a JOIN names no group',
};

const FINISHED = Symbol('the client has closed its side, or the connection is lost');

export class Connection implements SessionOut, SessionSink {
  readonly holds = true;
  private readonly machine: BinarySession;
  private readonly source: Source<Uint8Array | typeof FINISHED>;
  private session: Session | undefined;
  private queue: Outbound | undefined;
  private oldClient = false;
  private handshaking = true;
  private over = false;
  /** The socket is closed. */
  private gone = false;

  constructor(
    readonly socket: Socket,
    private readonly host: ConnectionHost,
    private readonly from: ClientAddress,
    /** For log and status. */
    private readonly label: string,
  ) {
    this.machine = new BinarySession(host.rules, this);
    this.source = host.loop.attach<Uint8Array | typeof FINISHED>('low', {
      name: `${host.section} ${label}`,
      handle: (chunk) => this.handle(chunk),
      keep: (chunk) => (chunk === FINISHED || isLasting(chunk) ? chunk : Buffer.from(chunk)),
      pause: () => socket.pause(),
      resume: () => socket.resume(),
      limit: QUEUED_CHUNKS,
      onePerPoll: ONE_CHUNK_PER_POLL,
    });
    host.loop.queueTimer(this, host.handshakeTimeoutMs, () => this.expired());
    const { machine, source } = this;
    readAccepted(socket, (chunk) => source.push(chunk), {
      isLarge: () => machine.isLarge(),
      isMany: () => machine.isMany(),
      lasting: () => machine.lasting(),
      isBehind: () => source.queued > 0,
    });
    socket.on('end', () => this.source.push(FINISHED));
    socket.on('close', () => this.lost());
  }

  /** Private name of the session, or where the client comes from while it has none. */
  get name(): string {
    return this.session?.privateGroup ?? this.label;
  }

  // ---- from the socket -----------------------------------------------------------------------------------------

  private handle(chunk: Uint8Array | typeof FINISHED): void {
    if (chunk === FINISHED) this.machine.finished();
    else this.machine.received(chunk, isLasting(chunk));
  }

  /** While what it sent waits for the daemon, a client is not late. */
  private expired(): void {
    if (this.source.held) this.host.loop.queueTimer(this, this.host.handshakeTimeoutMs, () => this.expired());
    else this.machine.expired();
  }

  /** The socket is gone. What was read from it before is handled first, be it behind the loop's threshold. */
  private lost(): void {
    this.gone = true;
    this.queue?.close();
    this.host.loop.cancelTimer(this);
    if (this.over) this.host.closed(this);
    else this.source.push(FINISHED);
  }

  // ---- what the machine asks for -------------------------------------------------------------------------------

  write(bytes: Uint8Array): void {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  nameInUse(name: string): boolean {
    return this.host.sessions.nameInUse(name);
  }

  open(name: string, membership: boolean): Opened {
    const { section } = this.host;
    const opened = this.host.sessions.open({ name, membership, from: this.label, listener: section }, this);
    if (typeof opened === 'string') return opened;
    this.session = opened;
    this.oldClient = this.host.oldClientViews && this.machine.version < SETS_FROM;
    this.queue = new Outbound(socketPort(this.socket), this.outboundHost(opened), this.host.outbound);
    this.settle();
    return opened;
  }

  verify(method: 'IP' | 'PWORD', credentials: Credentials | undefined): void {
    this.source.deactivate();
    void this.host.verify(method, credentials, this.from, this.label).then((ok) => {
      this.host.loop.run(`${this.host.section} verified`, () => this.machine.verified(ok));
      this.source.activate();
    });
  }

  run(frames: Uint8Array, _messages: number, lasting: boolean): void {
    this.session?.submit(frames, lasting);
    // Of our lane: the core holds it now.
    if (lasting) release(frames);
  }

  dropped(): void {
    this.host.refusals.note('dropped-frame', this.name, 'a frame without effect was left out');
  }

  end(end: ConnectionEnd): void {
    switch (end.kind) {
      case 'rejected': {
        const { reason, detail } = REJECT_REASONS[end.code];
        this.host.refusals.note(reason, this.label, detail);
        this.finish();
        break;
      }
      case 'stopping':
        this.host.refusals.note('stopping', this.label, 'the daemon stops');
        this.finish();
        break;
      case 'unready':
        this.host.refusals.note('unready', this.label, `the handshake was not finished: ${UNREADY[end.at]}`);
        this.destroy();
        break;
      case 'flooded':
        this.host.refusals.note('flooded', this.label, 'too many bytes before it was accepted');
        this.destroy();
        break;
      case 'invalid':
        this.host.refusals.note('invalid-frame', this.name, `invalid frame: ${FAULTS[end.fault]}`);
        this.session?.end('invalid-frame', end.fault);
        this.destroy();
        break;
      case 'killed':
      case 'closed':
        this.session?.end(end.kind);
        this.destroy();
    }
  }

  // ---- what the core and the output queue ask for --------------------------------------------------------------

  deliver(frames: Bytes, messages: number): void {
    if (this.over || this.socket.destroyed) return;
    this.queue!.deliver(this.oldClient ? oldViews(frames) : frames, messages);
  }

  flush(): void {
    if (!this.over && !this.socket.destroyed) this.queue!.flush();
  }

  ended(_reason: SessionEnd): void {
    this.machine.abandon();
    this.queue?.flush();
    this.finish();
  }

  private outboundHost(session: Session): OutboundHost {
    const { loop, section, spill, log } = this.host;
    return {
      loop,
      name: `${section} ${this.label}`,
      congested: (on) => session.congested(on),
      sendBlocked: () => this.source.held,
      kick: (reason, detail) => this.kick(reason, detail),
      notice: (what, detail) => log.info(`slow reader ${what}: ${detail}`, { session: session.privateGroup }),
      ...(spill === undefined ? {} : { spill: () => spill(session.id) }),
    };
  }

  private kick(reason: 'not-reading' | 'error', detail: string): void {
    if (this.over) return;
    this.machine.abandon();
    // The end of a session is logged where it ends.
    this.host.refusals.tally(reason === 'error' ? 'spill-error' : reason);
    this.session?.end(reason, detail);
    this.destroy();
  }

  /** The listener stops. */
  stop(): void {
    if (this.over) return;
    this.session?.end('stopping');
    this.ended('stopping');
  }

  // ---- the end -------------------------------------------------------------------------------------------------

  private settle(): void {
    if (!this.handshaking) return;
    this.handshaking = false;
    this.host.loop.cancelTimer(this);
    this.host.settled(this);
  }

  /** Says the last word, then waits a moment for the client to close, so that the word is not lost by a reset. */
  private finish(): void {
    if (this.over) return;
    this.close();
    endGently(this.socket, this.host.loop, this);
  }

  private destroy(): void {
    if (this.over) return;
    this.close();
    this.socket.destroy();
  }

  private close(): void {
    this.over = true;
    this.source.close();
    this.settle();
    if (this.gone) this.host.closed(this);
  }
}

/**
 * Ends a socket after what was written to it: waits `LINGER_MS` for the client to close its side and reads on until
 * then, since closing with unread input would reset the connection and could lose our last word. `key` is the timer's.
 */
export function endGently(socket: Socket, loop: EventLoop, key: object): void {
  if (socket.destroyed) return;
  loop.queueTimer(key, LINGER_MS, () => socket.destroy());
  socket.end();
  socket.resume();
  if (socket.readableEnded) socket.destroySoon();
  else socket.once('end', () => socket.destroySoon());
}
