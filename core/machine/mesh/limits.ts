// Every bound and delay of the mesh, with its unit and reason (docs/design/mesh.md, section 3).

/** Bytes of own packs in flight over streams: about 20 ms at 100 MB/s, far below a medium's queue. */
export const STREAM_WINDOW_BYTES = 2 * 1024 * 1024;
/** The same over datagrams: under the smallest usual socket receive buffer (208 KiB, half of it bookkeeping). */
export const DATAGRAM_WINDOW_BYTES = 96 * 1024;
/** Own packs in flight, whatever their size: bounds the store when packs are small. */
export const MAX_IN_FLIGHT_PACKS = 32_768;
/** Index distance beyond the accepted one that is believed; twice what an honest sender has in flight. */
export const MAX_AHEAD_PACKS = 65_536;
/** Largest index and position: 48 bits. */
export const MAX_INDEX = 2 ** 48 - 1;

/** Ranges in one NACK. */
export const MAX_NACK_RANGES = 64;
/** Packs in one range of a NACK: 16 bits. */
export const MAX_NACK_RUN = 0xffff;

/** Packs that a first NACK asks for: more than a window of full datagrams. Doubles with progress, a quarter without. */
export const NACK_PACKS_FIRST = 256;
export const NACK_PACKS_LEAST = 4;

/** An owed acknowledgement waits at most this long for data to travel with, in ms ... */
export const ACK_DELAY_MS = 20;
/**
 * ... over streams, where nothing lost must be noticed by it, this long for each member, up to a limit far below the first look of the
 * watch and the limit of a clean leave, which wait for it: all tell all, so sixteen daemons sent 240 of them every 20 ms,
 * a third of what they did (1,650 to 1,030 us for a message). Three daemons at 5,000 messages/s of one sender, 45 ms beside 20: CPU 0.97.
 */
export const ACK_DELAY_PER_MEMBER_MS = 15;
export const ACK_DELAY_MOST_MS = 100;
/** ... and leaves at the tick's end when this part of the window was accepted ... */
export const ACK_WINDOW_PART = 8;
/**
 * ... over streams this one: where several send, most then travel with data. Measured against an eighth, three senders: 1 KB 1.08
 * times the rate and 0.92 of the CPU, 100 KB 1.03 and 0.98; one sender 1.01 and 0.98.
 */
export const STREAM_ACK_WINDOW_PART = 2;

/** A hole is left alone this long, against reordering, in ms. */
export const NACK_DELAY_MS = 5;
/** First repetition of a NACK; doubles up to the next, in ms. */
export const NACK_REPEAT_MS = 25;
export const NACK_REPEAT_MAX_MS = 400;

/** Pace of the watch: first look and longest pause between looks in ms, looks without progress before suspicion. */
export interface WatchPace {
  readonly firstMs: number;
  readonly longestMs: number;
  readonly looks: number;
}
/** 50 + 100 + 200 + 6 * 400 ms: suspicion after about 2.8 s. */
export const DATAGRAM_WATCH: WatchPace = { firstMs: 50, longestMs: 400, looks: 9 };
/** Streams lose nothing unless a break went unseen: 400 + 5 * 800 ms. */
export const STREAM_WATCH: WatchPace = { firstMs: 400, longestMs: 800, looks: 6 };
