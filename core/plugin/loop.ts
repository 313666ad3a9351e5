// Contract of the prioritised event loop (docs/design/runtime.md): who may feed the daemon, and in which order chunks
// and timers are handled. Rules of Spread's event subsystem, on bounded queues; the loop itself is core/runtime/loop.ts.

/**
 * HIGH: the medium. MEDIUM: work that waits for a turn without HIGH work. LOW: clients and everything that brings new
 * work in; one LOW chunk a turn, round robin (two where `onePerPoll` spares the count of turns).
 */
export type Priority = 'low' | 'medium' | 'high';

/** Identity of a timer: an own object (compared by reference) or a string (compared by value). */
export type TimerKey = object | string;

/** What feeds the loop, as the feeder describes itself. */
export interface SourceOptions<Chunk> {
  /** For diagnostics and for the report of a handler that throws, e.g. "client.binary 127.0.0.1:51234". */
  readonly name: string;
  /**
   * Handles one chunk: one tick. Synchronous. Must not throw: a throw is a programmer error and stops the daemon with
   * a coded error. Bad input is the handler's business.
   */
  handle(chunk: Chunk): void;
  /** Stop reading. Chunks already on their way may still be pushed. */
  pause(): void;
  /** Read again. Called only after `pause`. May push from inside. */
  resume(): void;
  /** A chunk must wait: answers what may be kept of it. Default: the chunk itself. */
  keep?(chunk: Chunk): Chunk;
  /** Chunks that may wait in the queue before the source is paused; at least 1. */
  readonly limit: number;
  /**
   * In each poll one chunk is pushed at the most (and a word behind the last one, that there is no more), so that a further one belongs to
   * another turn, and nobody need count the turns while no other LOW source speaks. Default false.
   */
  readonly onePerPoll?: boolean;
}

/** The feeder's end. */
export interface Source<Chunk> {
  /**
   * Hands over one chunk. Handled before the call returns if the loop is not inside a tick, nothing that goes first is
   * queued and the source may run; else queued. Never drops while the source is attached.
   */
  push(chunk: Chunk): void;
  /** Read again after `deactivate`; does not override the threshold. Idempotent. */
  activate(): void;
  /** Not read and not handled any more, but attached: what is queued stays. Idempotent. */
  deactivate(): void;
  /** Detaches: what is queued is thrown away, a later `push` does nothing. Idempotent. */
  close(): void;
  /** Chunks that wait. */
  readonly queued: number;
  /** Chunks wait that the threshold holds back: the far end may be blocked in sending. */
  readonly held: boolean;
}

/** One of the slowest handlers, for diagnostics. */
export interface SlowHandler {
  readonly name: string;
  /** Longest handling, milliseconds. */
  readonly ms: number;
  /** When that was, monotonic milliseconds. */
  readonly atMs: number;
}

export interface EventLoop {
  /** A source that may push from now on. */
  attach<Chunk>(priority: Priority, o: SourceOptions<Chunk>): Source<Chunk>;
  /** Sources below `p` are not handled, and paused as soon as they push. Timers are not affected. Starts at 'low'. */
  setThreshold(p: Priority): void;
  /**
   * Calls `fn` once, `ms` (at least 0) from now. Queueing a key again moves its timer and replaces its function; equal
   * times run in the order of queueing. However late or short: everything that was ready to be read when it was queued
   * and when it ran out is read first (a timer never accuses). No timer runs before the first quiet turn after start.
   */
  queueTimer(key: TimerKey, ms: number, fn: () => void): void;
  /** True: there was one. */
  cancelTimer(key: TimerKey): boolean;
  inQueue(key: TimerKey): boolean;
  /**
   * Runs `fn` at once as a tick of its own (inside a tick: as a part of it). For events that are no chunk and must not
   * wait behind the threshold: a socket that drained or closed, the answer of a storage. `name` as in `SourceOptions`.
   */
  run(name: string, fn: () => void): void;
  /**
   * `fn` is called at the end of every tick (a chunk, a timer, a `run`), in the order of registration: what the tick
   * caused leaves there. Where cores are short, chunks that are handled as soon as they are read share one call, at the
   * latest at the end of the poll. Answers a function that takes it off again.
   */
  onTickEnd(fn: () => void): () => void;
  /** Monotonic milliseconds, with fractions. */
  now(): number;
  /** The five slowest handlers, slowest first. */
  slowest(): readonly SlowHandler[];
}
