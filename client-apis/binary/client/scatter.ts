// Receiving into memory of the caller (the C library's scatter receive and DROP_RECV). Pure.
import { ClientError } from './errors.js';
import type { SessionEvent } from './events.js';

export interface ReceiveOptions {
  /** Let go what does not fit, instead of failing. Default false. */
  readonly drop?: boolean;
  readonly signal?: AbortSignal;
}

export interface Received {
  readonly event: SessionEvent;
  /** Bytes written to the caller's memory; 0 for what is no message. */
  readonly bytes: number;
  /** Bytes of the message that did not fit and are lost. */
  readonly lost: number;
}

/** Copies the data of a message. Throws BUFFER_TOO_SHORT and copies nothing when it does not fit and may not be cut. */
export function scatterInto(
  event: SessionEvent,
  target: Uint8Array | readonly Uint8Array[],
  { drop = false }: ReceiveOptions,
): Received {
  if (event.kind !== 'message') return { event, bytes: 0, lost: 0 };
  const parts = target instanceof Uint8Array ? [target] : target;
  const room = parts.reduce((n, p) => n + p.length, 0);
  const { data } = event;
  if (data.length > room && !drop)
    throw new ClientError('BUFFER_TOO_SHORT', `a message of ${data.length} bytes, memory of ${room}`);
  let at = 0;
  for (const p of parts) {
    const piece = data.subarray(at, at + p.length);
    p.set(piece);
    at += piece.length;
  }
  return { event, bytes: at, lost: data.length - at };
}
