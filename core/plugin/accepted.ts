// How a listener reads a socket that it accepted, where what Node offers for it would lose or cost something:
//
// * A client that ends without having read all that was sent to it resets the connection. What it sent before counts all
//   the same, as long as the system has it; Node throws away what its stream holds, and all the rest when a write fails
//   before it is read. So nothing is held in a stream (a paused socket is not read at all), and failed writes end nothing.
// * All sockets are read through one buffer, where Node takes 64 KB of fresh memory for every read (measured: no faster,
//   1.00, since such memory dies young); some that bring large frames into slabs of their own (lanes.ts).
// * What is full is read on in the next turn; who sends much where cores are short, after a rest (`REST_MS`).
//
// Node offers that only to who dials (`onread` of net.connect), though every socket has them inside. Where a Node has
// changed that inside, chunks come as ever.
import { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Bytes } from '../machine/types.js';
import { giveLane, type Holder, type Lane, takeLane } from './lanes.js';
import { cores } from './shortage.js';
import { yielding } from './yielding.js';

/**
 * What one read may bring, bytes. Measured against 64 KB (CPU of all daemons per message): 1 KB 2.75 -> 2.12 us, 10 KB
 * 23.3 -> 22.7, 100 KB 205 -> 191, since fewer frames end in the next chunk.
 */
export const READ_BYTES = 128 * 1024;
/**
 * The same where large frames come. Measured against the former, one of the peer's C clients sending: 100 KB 172 -> 150 us and
 * 8.0 -> 9.0 thousand messages a second, 10 KB 14.0 -> 12.6 us. Not for small ones: a tick would have to handle thousands.
 */
export const LARGE_READ_BYTES = 512 * 1024;

/** Filled by one read of any socket and handed up before the next one. */
const large = new Uint8Array(Buffer.allocUnsafeSlow(LARGE_READ_BYTES).buffer);
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

/** Does `readAccepted` bring one chunk of a socket in a poll at the most? Where a Node has changed inside it may be many. */
export const ONE_CHUNK_PER_POLL = buffer !== undefined && callback !== undefined && next !== undefined;

/** What a client sends at present; asked after each chunk. */
export interface Stream {
  /** Are its frames large? */
  isLarge(): boolean;
  /** Who waits for the rest of a frame that is worth memory that lasts; undefined: nobody. */
  lasting(): Holder | undefined;
  /** Do chunks wait, so that the answers are those of a while ago? */
  isBehind(): boolean;
  /** Did the chunk bring so many messages that the client does not wait for each of them? */
  isMany(): boolean;
}

/**
 * Where cores are short, who sends many messages without waiting is read once in that time, milliseconds: a tick costs the
 * daemons 200 us together, whatever it brings. Measured on two cores that three of the peer's C clients keep busy, messages a second and CPU
 * of all daemons: one sending 10 B 78 -> 110 thousand and 11.3 -> 2.1 us, 10 KB 65 -> 85 thousand and 17 -> 10 us; three sending
 * 10 B 105 -> 130 thousand and 7.0 -> 4.1 us.
 */
const REST_MS = 1;
/**
 * Who brought that much rests not: the tick is worth it. A Unix socket, which the peer's library takes where no host is named, is full
 * with 208 KB, of which the least part may be data. Measured, one of the peer's C clients sending 10 KB: over TCP with 96 KB beside 48,
 * 1.04 times the rate and 0.93 of the CPU (160 to 320 KB: the same); over a Unix socket 0.91 and 1.02, with 48 KB beside a rest for all 1.9.
 */
const UNRESTED_BYTES = { tcp: 96 * 1024, unix: 48 * 1024 };
const resting = new Set<Socket>();

/** What decides on rests, and what is told of them. */
export interface Cores {
  /** Are they short, at that time of a monotonic clock in milliseconds? */
  short(nowMs: number): boolean;
  /** A client rests for it. */
  rested(): void;
}

const system: Cores = { short: (nowMs) => cores.at(nowMs), rested: () => yielding.rested() };

function rest(socket: Socket): void {
  if (resting.size === 0) setTimeout(wake, REST_MS);
  resting.add(socket);
}

function wake(): void {
  const sockets = [...resting];
  resting.clear();
  for (const socket of sockets) readOn(socket);
}

function readOn(socket: Socket): void {
  if (!socket.isPaused() && !socket.destroyed) socket.resume();
}

/**
 * `take` gets what is read from this accepted socket, which nobody has read yet. The bytes may be changed, and are valid
 * only until `take` returns, unless they last (`isLasting`). After `pause` nothing comes; 'end' and 'close' are as ever,
 * 'error' is handled here. Whoever calls this destroys the socket in the end: it does not close by itself.
 */
export function readAccepted(socket: Socket, take: (chunk: Bytes) => void, stream: Stream, ours: Cores = system): void {
  const inside = socket as unknown as Inside;
  const { _handle: handle, _readableState: readable, _writableState: writable } = inside;
  const known = handle?.useUserBuffer !== undefined && readable !== undefined && writable !== undefined;
  if (!known || buffer === undefined || callback === undefined || next === undefined) {
    socket.on('data', take);
    // 'close' follows.
    socket.on('error', () => undefined);
    return;
  }
  const unrestedBytes = UNRESTED_BYTES[socket.remoteAddress === undefined ? 'unix' : 'tcp'];
  inside[buffer] = usual;
  let lane: Lane | undefined;
  const leave = (): void => {
    if (lane !== undefined) giveLane(lane);
    lane = undefined;
  };
  inside[next] = () => {
    const behind = stream.isBehind();
    const holder = stream.lasting();
    if (holder === undefined && !behind) leave();
    else if (holder !== undefined) lane ??= takeLane();
    if (lane !== undefined) return lane.room(behind ? undefined : holder, LARGE_READ_BYTES);
    return stream.isLarge() ? large : usual;
  };
  socket.once('close', leave);
  // False: it is not read on now.
  inside[callback] = (bytes: number, into: Bytes): boolean => {
    lane?.filled(bytes);
    take(into.subarray(0, bytes));
    // There is more, and it would be read at once: before the loop can take it, so that it would have to be copied.
    if (bytes === into.length) setImmediate(readOn, socket);
    else if (bytes < unrestedBytes && stream.isMany() && ours.short(performance.now())) {
      rest(socket);
      ours.rested();
    } else return true;
    return false;
  };
  handle.useUserBuffer!(usual);
  readable.autoDestroy = writable.autoDestroy = false;
  // The error of a write: reading goes on to its end.
  socket.on('error', () => (readable.errored = null));
}
