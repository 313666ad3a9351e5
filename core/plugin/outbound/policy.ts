// What happens to a reader that is too slow: the options of an output queue, and what the queue needs of its listener.
// Rules: docs/design/runtime.md, 4.
import type { Socket } from 'node:net';
import type { Bytes } from '../../machine/types.js';
import type { EventLoop } from '../loop.js';
import { SocketWriter } from '../socket-writer.js';
import type { AppendLog } from '../storage.js';

/**
 * kick: the session ends. block: all daemons stop reading clients until it has caught up, for a limited time, then
 * kick. spill: what is beyond the limit goes to storage and is replayed in order.
 */
export type SlowReaderPolicy = 'kick' | 'block' | 'spill';

export interface OutboundOptions {
  readonly policy: SlowReaderPolicy;
  /** Messages that may wait; 0: not limited. */
  readonly limitMessages: number;
  /** Bytes that may wait; 0: not limited but by `LARGEST_QUEUE_BYTES`. */
  readonly limitBytes: number;
  /** Policy block: after that long it is a kick, milliseconds. */
  readonly blockLimitMs: number;
}

/** Spread's behaviour. */
export const OUTBOUND_DEFAULTS: OutboundOptions = {
  policy: 'kick',
  limitMessages: 1000,
  limitBytes: 0,
  blockLimitMs: 5000,
};

/** No queue holds more memory than this, whatever its options say, bytes. */
export const LARGEST_QUEUE_BYTES = 512 * 1024 * 1024;
/** Policy block: a reader that took nothing for that long and is itself blocked in sending is kicked, milliseconds. */
export const BLOCK_CHECK_MS = 1000;
/** At most that much is given to the socket at once when a queue is worked off, bytes. */
export const DRAIN_BYTES = 256 * 1024;
/** At most that much may wait for the storage to take it, bytes. */
export const SPILL_UNWRITTEN_BYTES = 64 * 1024 * 1024;
/** Read back from storage at once, bytes. */
export const SPILL_READ_BYTES = 256 * 1024;
/** What is that small is joined into a buffer of its own: so a tiny slice in a stuck socket never holds a slab. */
export const JOIN_BYTES = 4096;

/** The way to the client. */
export interface OutboundPort {
  /** One write. False: nothing more until `onDrain`; these were taken all the same. What is kept of them beyond the tick is held (lent.ts). */
  write(chunks: readonly Bytes[]): boolean;
  /** Bytes taken by `write` that the system has not taken yet. */
  pending(): number;
  /** Sets whom to call when, after a false, everything written was taken. */
  onDrain(drained: () => void): void;
}

export interface OutboundHost {
  readonly loop: Pick<EventLoop, 'run' | 'queueTimer' | 'cancelTimer' | 'now'>;
  /** For diagnostics, e.g. "client.binary 127.0.0.1:51234". */
  readonly name: string;
  /** Of the session. */
  congested(on: boolean): void;
  /** Do requests of this client wait because clients are not read now (`Source.held`)? */
  sendBlocked(): boolean;
  /** End the session, cut the connection. Nothing is written any more. */
  kick(reason: 'not-reading' | 'error', detail: string): void;
  /** For the log: every change that is not a kick. */
  notice(what: 'blocked' | 'relieved' | 'spilling' | 'replayed', detail: string): void;
  /** Policy spill: an own log for this session; called at the first spill. */
  spill?(): AppendLog;
}

/** The port of a TCP or Unix socket: one write per call, past Node's stream where that is empty. */
export function socketPort(socket: Socket): OutboundPort {
  const writer = new SocketWriter(socket);
  return {
    write: (chunks) => writer.write(chunks),
    pending: () => writer.waiting,
    onDrain: (drained) => void socket.on('drain', drained),
  };
}

/** Copies all of it into `target`, which is large enough. */
export function copyAll(slices: readonly Bytes[], target: Buffer, at = 0): Bytes {
  for (const slice of slices) {
    target.set(slice, at);
    at += slice.length;
  }
  return target;
}
