// Contract of a client API: lets clients in. The core offers `Sessions`; the plugin brings a sink per session.
import type { Bytes } from '../machine/types.js';
import type { Part } from './define.js';

export interface SessionRequest {
  /** Private name: 1 to 10 bytes, each 0x24 to 0x7e; empty: the core makes a unique one. */
  readonly name: string;
  /** Deliver membership frames to this session? */
  readonly membership: boolean;
  /** Where the client comes from, for log and status, e.g. "127.0.0.1:51234" or "unix:/tmp/4803". */
  readonly from: string;
  /** Name of the listener (plugin instance), for status and counters. */
  readonly listener: string;
}

/** Refusals, with the codes of Spread's protocol (section 2.5). */
export type SessionRefusal = 'illegal-name' | 'not-unique' | 'quota' | 'stopping';

/** Why the core or the listener ended a session; counted, logged and shown. */
export type SessionEnd = 'killed' | 'closed' | 'not-reading' | 'invalid-frame' | 'timeout' | 'stopping' | 'error';

export interface SessionSink {
  /**
   * True: of what `deliver` gave nothing is kept when `flush` has returned but by `hold` (lent.ts; `Outbound` over a `socketPort`
   * does so). Absent: it may be kept for ever, at the price of memory that is not used again.
   */
  readonly holds?: boolean;
  /** A run of `messages` whole canonical frames, shared with other sessions: never changed, written or copied. */
  deliver(frames: Bytes, messages: number): void;
  /** End of tick: what was delivered leaves in one write. Called once per tick, only if there was a delivery. */
  flush(): void;
  /** The core ends the session (daemon stops): no `deliver` follows. */
  ended(reason: SessionEnd): void;
}

export interface Session {
  readonly id: number;
  readonly name: string;
  /** `#name#daemon`. */
  readonly privateGroup: string;
  /**
   * A run of whole canonical checked frames (see `checkFrames`): regular, JOIN, LEAVE. Copied before it returns, unless `lasting`:
   * nobody changes that memory any more, and it may be kept; of lent memory the core holds it as long as it needs it.
   */
  submit(frames: Bytes, lasting?: boolean): void;
  /** Ends the session; its disconnect is ordered if it ever asked to join a group. Idempotent; no `deliver` follows. */
  end(reason: SessionEnd, detail?: string): void;
  /** Policy `block`: this reader is too slow (true) or good again (false). */
  congested(on: boolean): void;
}

export interface Sessions {
  /** Name of this daemon, as it stands in private groups. */
  readonly daemon: string;
  /** Limits a listener must check before memory is taken: largest 32 * groups + data. */
  readonly maxMessageBytes: number;
  /** Is that name taken, be it by a session whose disconnect is not yet delivered? Lets a listener refuse early. */
  nameInUse(name: string): boolean;
  open(request: SessionRequest, sink: SessionSink): Session | SessionRefusal;
  /** How many are open, all listeners together. */
  readonly count: number;
  /** Limit for all listeners together (option `max_sessions` of [daemon]). */
  readonly limit: number;
}

/**
 * What a client API plugin is. Started last, when the daemon works, and stopped first: `stop` closes its listeners,
 * ends its sessions with 'stopping' and resolves when its sockets are closed.
 */
export interface ClientApi extends Part {
  start(): Promise<void>;
  stop(): Promise<void>;
  addresses(): readonly string[];
}
