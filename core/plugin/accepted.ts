// How a listener reads a socket that it accepted, where what Node offers for it would lose or cost something:
//
// * A client that ends without having read all that was sent to it resets the connection. What it sent before counts all
//   the same, as long as the system has it; Node throws away what its stream holds, and all the rest when a write fails
//   before it is read. So nothing is held in a stream (a paused socket is not read at all), and failed writes end nothing.
// * All sockets are read through one buffer, where Node takes 64 KB of fresh memory for every read (measured: no faster,
//   1.00, since such memory dies young).
//
// Node offers both only to who dials (`onread` of net.connect), though every socket has them inside. Where a Node has
// changed that inside, chunks come as ever.
import { Socket } from 'node:net';
import type { Bytes } from '../machine/types.js';

/**
 * What one read may bring, bytes. Measured against 64 KB (CPU of all daemons per message): 1 KB 2.75 -> 2.12 us, 10 KB
 * 23.3 -> 22.7, 100 KB 205 -> 191, since fewer frames end in the next chunk.
 */
export const READ_BYTES = 128 * 1024;
/**
 * The same where large frames come. Measured against the former, the peer's C clients with 100 KB, one / three sending: 8.2 to 9.0 /
 * 5.2 to 5.5 thousand messages a second (165 to 146 / 255 to 245 us); 10 KB 1.00. Not for small ones: a tick would have
 * to handle thousands.
 */
export const LARGE_READ_BYTES = 512 * 1024;

/** Filled by one read of any socket and handed up before the next one. */
const large = Buffer.allocUnsafeSlow(LARGE_READ_BYTES);
const usual = large.subarray(0, READ_BYTES);

/** The parts of a socket that decide where reads go and what an error does. */
interface Inside {
  readonly _handle?: { useUserBuffer?(buffer: Uint8Array): void } | null;
  readonly _readableState?: { autoDestroy: boolean; errored: Error | null };
  readonly _writableState?: { autoDestroy: boolean };
  [place: symbol]: unknown;
}

const symbols = Object.getOwnPropertySymbols(new Socket());
const [buffer, callback, next] = ['kBuffer', 'kBufferCb', 'kBufferGen'].map((name) =>
  symbols.find((s) => s.description === name),
);

/**
 * `take` gets what is read from this accepted socket, which nobody has read yet. The bytes may be changed, and are valid
 * only until `take` returns; `isLarge` is asked then: are they parts of large frames? After `pause` nothing comes; 'end'
 * and 'close' are as ever, 'error' is handled here. Whoever calls this destroys the socket in the end: it does not close
 * by itself.
 */
export function readAccepted(socket: Socket, take: (chunk: Bytes) => void, isLarge: () => boolean): void {
  const inside = socket as unknown as Inside;
  const { _handle: handle, _readableState: readable, _writableState: writable } = inside;
  const known = handle?.useUserBuffer !== undefined && readable !== undefined && writable !== undefined;
  if (!known || buffer === undefined || callback === undefined || next === undefined) {
    socket.on('data', take);
    // 'close' follows.
    socket.on('error', () => undefined);
    return;
  }
  inside[buffer] = usual;
  inside[next] = () => (isLarge() ? large : usual);
  inside[callback] = (bytes: number, into: Buffer): boolean => {
    take(into.subarray(0, bytes));
    if (bytes < into.length) return true;
    // There is more, and it would be read at once: before the loop can take it, so that it would have to be copied.
    setImmediate(() => {
      if (!socket.isPaused() && !socket.destroyed) socket.resume();
    });
    return false;
  };
  handle.useUserBuffer!(usual);
  readable.autoDestroy = writable.autoDestroy = false;
  // The error of a write: reading goes on to its end.
  socket.on('error', () => (readable.errored = null));
}
