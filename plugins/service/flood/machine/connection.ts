// One connection of the data port: what it is for, who is at its other end, and what is under way on it. Only data and
// small questions; who opens, greets and closes is connections.ts.
import type { Purpose } from '../wire/frames.js';
import type { FrameStream } from '../wire/reader.js';
import type { ConnectionId, UpdateId } from './types.js';

export interface Connection {
  readonly id: ConnectionId;
  /** By us. */
  readonly dialled: boolean;
  /** Of an accepted one: what the other end says in HELLO. */
  purpose: Purpose;
  state: 'dialling' | 'greeting' | 'open' | 'raw' | 'closed';
  /** Of an accepted one: '' until HELLO. */
  site: string;
  /** The peer's run; 0 until HELLO. */
  incarnation: number;
  address: string;
  readonly stream: FrameStream;
  /** Groups that both are in and whose access lists let it in. */
  groups: ReadonlySet<string>;
  /** Since it began, or since it is open. */
  sinceMs: number;
  heardMs: number;
  /** Something was sent to hear an answer. */
  askedMs: number;
  /** The driver's queue is long. */
  full: boolean;
  /** MEMBERS or TOPOLOGY were not sent because it was full. */
  stale: boolean;
  /** A link that we dialled and no topology asks for any more: since when. */
  unwantedMs: number | undefined;
  readonly flow: Flow;
}

/** Updates under way on a link or drain connection. */
export interface Flow {
  /** Groups whose HAVE has not come: nothing is sent before. */
  readonly haveWanted: Set<string>;
  /** Keys of what is to be sent; those before `next` were. */
  toSend: string[];
  next: number;
  /** Sent, not acknowledged: bytes by key. */
  readonly inFlight: Map<string, number>;
  inFlightBytes: number;
  /** What came and is to be acknowledged, with the cut that must be stored before. */
  acks: { readonly id: UpdateId; readonly cut: number }[];
  /** When the last update came. */
  dataMs: number;
}

export function newFlow(nowMs: number): Flow {
  return { haveWanted: new Set(), toSend: [], next: 0, inFlight: new Map(), inFlightBytes: 0, acks: [], dataMs: nowMs };
}

/** Does it carry updates? */
export function carries(c: Connection): boolean {
  return c.state === 'open' && (c.purpose === 'link' || c.purpose === 'drain');
}
