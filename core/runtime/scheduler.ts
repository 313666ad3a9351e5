// The prioritised event loop without Node: sources, threshold, keyed timers and turns, driven by a clock and two
// wake-ups from outside, so that tests drive it by hand. Rules: docs/design/runtime.md, 1 (Spread's event subsystem,
// with chunks handled at once where nothing goes first).
import type { EventLoop, Priority, SlowHandler, Source, SourceOptions, TimerKey } from '../plugin/loop.js';
import { Slowest } from './slowest.js';
import { SourceQueue, type SourceHost } from './source-queue.js';
import { TimerQueue } from './timer-queue.js';

/** After that long without a quiet turn timers run all the same, milliseconds. */
export const UNQUIET_LIMIT_MS = 1000;

const NOTHING = (): void => undefined;
const LOW = 0;
const MEDIUM = 1;
const HIGH = 2;
const RANKS: Record<Priority, number> = { low: LOW, medium: MEDIUM, high: HIGH };

/** What the scheduler asks of the world. */
export interface SchedulerPorts {
  /** Monotonic milliseconds. */
  now(): number;
  /** Call `turn` once what can be read in this poll has been read. Not asked again before that call. */
  turnEnd(): void;
  /** Call `expired` in that many milliseconds, from a place that a poll follows; replaces what was asked before. */
  wake(ms: number): void;
  /** A handler threw: a programmer error. Nothing is handled any more. */
  failed(name: string, error: unknown): void;
  /** Are cores short at that moment of `now`? Asked for each chunk that is handled as it is read. */
  coresShort(nowMs: number): boolean;
}

export class Scheduler implements EventLoop, SourceHost {
  private readonly readyLists: SourceQueue<unknown>[][] = [[], [], []];
  private readonly timers = new TimerQueue();
  private readonly slow = new Slowest();
  private hooks: (() => void)[] = [];
  private threshold = LOW;
  private mediums = 0;
  private started = false;
  private startedAt = 0;
  private stopped = false;
  /** Inside a tick. */
  private running = false;
  private begun = 0;
  private armed = false;
  /** What the chunks read in this poll caused has not left yet. */
  private owed = false;
  /** When `expired` will be called. */
  private wakeAt = Infinity;
  private turnNumber = 1;
  /** Has a turn passed without HIGH or MEDIUM work since the start? */
  private quiet = false;
  /** What has run in this turn, by rank. */
  private ran: [boolean, boolean, boolean] = [false, false, false];
  /** The LOW source, one chunk a poll, that alone had chunks lately: for these no end of a turn was asked for. */
  private lone: SourceQueue<unknown> | undefined;

  constructor(private readonly ports: SchedulerPorts) {}

  /** Until then chunks wait, and timers too. */
  start(): void {
    this.started = true;
    this.startedAt = this.ports.now();
    this.arm();
  }

  /** Nothing is handled any more. Idempotent. */
  stop(): void {
    this.stopped = true;
    this.timers.clear();
  }

  attach<Chunk>(priority: Priority, o: SourceOptions<Chunk>): Source<Chunk> {
    const rank = RANKS[priority];
    if (rank === MEDIUM) this.mediums++;
    return new SourceQueue(rank, o, this, () => {
      if (rank === MEDIUM) this.mediums--;
    });
  }

  setThreshold(p: Priority): void {
    const before = this.threshold;
    this.threshold = RANKS[p];
    if (this.threshold < before && this.waiting()) this.arm();
  }

  below(rank: number): boolean {
    return rank < this.threshold;
  }

  queueTimer(key: TimerKey, ms: number, fn: () => void): void {
    if (!(ms >= 0)) throw new RangeError(`a timer of ${ms} ms`);
    if (this.stopped) return;
    const now = this.ports.now();
    this.timers.set(key, now + ms, this.turnNumber, fn);
    if (ms === 0) this.arm();
    else this.arrange(now);
  }

  cancelTimer(key: TimerKey): boolean {
    return this.timers.delete(key);
  }

  inQueue(key: TimerKey): boolean {
    return this.timers.has(key);
  }

  run(name: string, fn: () => void): void {
    if (this.running) fn();
    else this.tick(name, fn, undefined);
  }

  onTickEnd(fn: () => void): () => void {
    this.hooks = [...this.hooks, fn];
    return () => {
      this.hooks = this.hooks.filter((h) => h !== fn);
    };
  }

  now(): number {
    return this.ports.now();
  }

  /** When the tick under way began, or the last one: to ask the clock costs a tenth of what a small tick does. */
  get tickAt(): number {
    return this.begun;
  }

  slowest(): readonly SlowHandler[] {
    return this.slow.list();
  }

  /** The fast path: no queue, no waiting for the end of the turn, where the order of the turn allows it. */
  direct<Chunk>(source: SourceQueue<Chunk>, chunk: Chunk): boolean {
    if (this.running || !this.started || this.stopped || !source.active || source.queued > 0) return false;
    const rank = source.rank;
    if (this.below(rank) || this.readyLists[HIGH]!.length > 0) return false;
    if (rank < HIGH && this.readyLists[MEDIUM]!.length > 0 && !this.below(MEDIUM)) return false;
    if (rank === MEDIUM && this.ran[HIGH]) return false;
    if (rank === LOW && (this.ran[LOW] || this.readyLists[LOW]!.length > 0)) return false;
    if (rank > LOW || !this.isLone(source as SourceQueue<unknown>)) this.ran[rank] = true;
    // The end of the turn matters only to what is limited by it.
    if (this.ran[LOW] || rank === MEDIUM || this.mediums > 0 || !this.quiet) this.arm();
    this.tick(source.name, source.handle, chunk, true);
    return true;
  }

  /**
   * Need nobody count the turns for this LOW source? The end of a turn that only one client's chunk was in cost a tenth of what the
   * daemons do at 5,000 messages a second.
   */
  private isLone(source: SourceQueue<unknown>): boolean {
    if (!source.onePerPoll || (this.lone !== undefined && this.lone !== source)) return false;
    this.lone = source;
    return true;
  }

  ready(source: SourceQueue<unknown>): void {
    if (!source.listed) {
      source.listed = true;
      this.readyLists[source.rank]!.push(source);
    }
    this.arm();
  }

  /** The timer asked for with `wake` has run out: what can be read goes first. */
  expired(): void {
    this.wakeAt = Infinity;
    if (this.stopped) return;
    // What was due has been cancelled or put off: of an idle daemon, whose peers' beats put off its own, each time.
    const now = this.ports.now();
    const first = this.timers.first();
    if (first === undefined || first.due > now) return this.arrange(now);
    // A poll follows that begins now: whatever was queued before has seen its full turn at the end of it.
    this.turnNumber++;
    this.arm();
  }

  /**
   * The end of a turn: the poll has read what was ready, and handled what could be handled at once. HIGH work that had
   * to wait comes before the timers, since a timer must not accuse somebody whose words have been read.
   */
  turn(): void {
    this.armed = false;
    if (this.stopped || !this.started) return;
    if (this.owed) this.tick('end of the poll', NOTHING, undefined);
    this.serveAll(HIGH);
    this.serveTimers();
    if (!this.ran[HIGH] && !this.below(MEDIUM)) this.serveAll(MEDIUM);
    if (!this.ran[LOW] && !this.below(LOW)) this.serveOne(LOW);
    const now = this.ports.now();
    if ((!this.ran[HIGH] && !this.ran[MEDIUM]) || now - this.startedAt > UNQUIET_LIMIT_MS) this.quiet = true;
    this.ran = [false, false, false];
    this.lone = undefined;
    this.turnNumber++;
    if (!this.quiet || this.waiting()) this.arm();
    this.arrange(now);
  }

  private waiting(): boolean {
    return this.readyLists.some((list, rank) => list.length > 0 && !this.below(rank));
  }

  private arm(): void {
    if (this.armed || this.stopped || !this.started) return;
    this.armed = true;
    this.ports.turnEnd();
  }

  /** Sees to it that the first timer is not overslept. */
  private arrange(now: number): void {
    const first = this.timers.first();
    if (first === undefined || !this.started || this.stopped) return;
    if (first.due <= now) {
      this.arm();
    } else if (first.due < this.wakeAt) {
      this.wakeAt = first.due;
      this.ports.wake(first.due - now);
    }
  }

  private serveTimers(): void {
    const now = this.ports.now();
    while (this.quiet && !this.stopped) {
      const t = this.timers.first();
      if (t === undefined || t.due > now || t.turn >= this.turnNumber) return;
      this.timers.delete(t.key);
      this.tick(typeof t.key === 'string' ? `timer ${t.key}` : 'timer', t.fn, undefined);
    }
  }

  /** What is queued now; what comes meanwhile waits for the next turn. */
  private serveAll(rank: number): void {
    for (let sources = this.readyLists[rank]!.length; sources > 0; sources--) {
      const chunks = this.readyLists[rank]![0]?.queued ?? 0;
      this.serveSource(rank, Math.max(1, chunks));
    }
  }

  private serveOne(rank: number): void {
    for (let sources = this.readyLists[rank]!.length; sources > 0; sources--) if (this.serveSource(rank, 1)) return;
  }

  /** The first source of the list, at most so many chunks; then it stands at the end. False: nothing was there. */
  private serveSource(rank: number, chunks: number): boolean {
    const list = this.readyLists[rank]!;
    const source = list.shift();
    if (source === undefined) return false;
    source.listed = false;
    let done = 0;
    while (done < chunks && source.queued > 0 && source.active && !this.stopped) {
      done++;
      this.ran[rank as 0 | 1 | 2] = true;
      this.tick(source.name, source.handle, source.take());
    }
    if (source.queued > 0 && source.active) this.ready(source);
    source.regulate();
    return done > 0;
  }

  /** `read`: a chunk of the poll under way, whose end is near. */
  private tick<T>(name: string, handle: (chunk: T) => void, chunk: T, read = false): void {
    const begun = (this.begun = this.ports.now());
    this.running = true;
    try {
      handle(chunk);
      if (read && !this.stopped && this.ports.coresShort(begun)) {
        this.owed = true;
        this.arm();
      } else {
        this.owed = false;
        for (const hook of this.hooks) hook();
      }
    } catch (error) {
      this.stop();
      this.ports.failed(name, error);
    } finally {
      this.running = false;
    }
    this.slow.note(name, this.ports.now() - begun, begun);
  }
}
