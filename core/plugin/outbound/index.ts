// The output queue of one session, for every client API: what is delivered in a tick leaves in one write at its end;
// what the socket does not take waits here, small slices copied out of the slabs they came in, under the slow-reader policy of
// the listener. Decisions fall at the end of the tick, never inside a delivery. Rules: docs/design/runtime.md, 4.
import { Buffer } from 'node:buffer';
import { reasonOf } from '../../errors.js';
import type { Bytes } from '../../machine/types.js';
import { releaseAll } from '../lent.js';
import { Kept } from './kept.js';
import {
  BLOCK_CHECK_MS,
  copyAll,
  DRAIN_BYTES,
  JOIN_BYTES,
  LARGEST_QUEUE_BYTES,
  SPILL_UNWRITTEN_BYTES,
  type OutboundHost,
  type OutboundOptions,
  type OutboundPort,
} from './policy.js';
import { Spill, type SpilledRun } from './spill.js';

/** For status. */
export interface OutboundInfo {
  /** What waits in memory; messages partly sent count as one. */
  readonly waitingMessages: number;
  readonly waitingBytes: number;
  /** Most that ever waited. */
  readonly peakMessages: number;
  /** What waits in storage. */
  readonly spilledMessages: number;
  readonly blocked: boolean;
}

/** What waits of one tick. */
interface Run {
  readonly slices: readonly Bytes[];
  readonly bytes: number;
  readonly messages: number;
}

export class Outbound {
  /** Delivered in this tick. */
  private fresh: Bytes[] = [];
  private freshBytes = 0;
  private freshMessages = 0;
  private queue: Run[] = [];
  private queuedMessages = 0;
  private readonly kept = new Kept();
  private peakMessages = 0;
  /** The last write answered false, and not all of it was taken since. */
  private full = false;
  private closed = false;
  private blockedSince: number | undefined;
  /** Has the socket taken everything given to it since the last check? */
  private moved = false;
  private spill: Spill | undefined;
  private reading = false;
  private readonly timer = {};

  constructor(
    private readonly port: OutboundPort,
    private readonly host: OutboundHost,
    private readonly o: OutboundOptions,
  ) {
    port.onDrain(() => {
      if (!this.closed) host.loop.run(host.name, () => this.drained());
    });
  }

  /** Takes a run of whole frames; `SessionSink.deliver`. */
  deliver(frames: Bytes, messages: number): void {
    if (this.closed) return;
    this.fresh.push(frames);
    this.freshBytes += frames.length;
    this.freshMessages += messages;
  }

  /** End of the tick; `SessionSink.flush`. May kick. */
  flush(): void {
    if (this.closed || this.fresh.length === 0) return;
    const slices = this.fresh;
    const bytes = this.freshBytes;
    const messages = this.freshMessages;
    this.fresh = [];
    this.freshBytes = this.freshMessages = 0;
    if (this.idle()) this.write(small(slices, bytes) ? [copyAll(slices, Buffer.allocUnsafe(bytes))] : slices);
    else this.wait(slices, bytes, messages);
  }

  /** The session has ended: what waits is thrown away. Idempotent. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.host.loop.cancelTimer(this.timer);
    this.fresh = [];
    this.queue = [];
    this.kept.clear();
    // Now and not when the session ends: what the client sent before must be handled first, and while anybody is waited for, nothing is.
    if (this.blockedSince !== undefined) {
      this.blockedSince = undefined;
      this.host.congested(false);
    }
    // Storage that fails here has nothing to lose: a former life's rest is never read.
    this.spill?.clear().catch(() => undefined);
  }

  info(): OutboundInfo {
    return {
      waitingMessages: this.waiting(),
      waitingBytes: this.kept.waiting + this.port.pending(),
      peakMessages: this.peakMessages,
      spilledMessages: this.spill?.messages ?? 0,
      blocked: this.blockedSince !== undefined,
    };
  }

  // --- queue ---

  /** May what is new go straight to the socket? */
  private idle(): boolean {
    if (this.full && this.port.pending() === 0) this.full = false;
    return !this.full && this.queue.length === 0 && !this.spilling();
  }

  /** Does anything wait in storage or on its way back from it? */
  private spilling(): boolean {
    return this.reading || (this.spill !== undefined && !this.spill.empty);
  }

  private waiting(): number {
    return this.queuedMessages + (this.full && this.port.pending() > 0 ? 1 : 0);
  }

  private write(chunks: readonly Bytes[]): void {
    this.full = !this.port.write(chunks) && this.port.pending() > 0;
  }

  private wait(slices: readonly Bytes[], bytes: number, messages: number): void {
    const { policy, limitMessages, limitBytes } = this.o;
    const all = this.waiting() + messages;
    const pending = this.port.pending() + bytes;
    const allBytes = this.kept.waiting + pending;
    const over = (limitMessages > 0 && all > limitMessages) || (limitBytes > 0 && allBytes > limitBytes);
    if (this.kept.bytes + pending > LARGEST_QUEUE_BYTES || (over && policy === 'kick')) {
      this.kick(`${all} messages with ${allBytes} bytes wait`);
    } else if (policy === 'spill' && (over || this.spilling())) {
      this.spillOver(slices, bytes, messages);
    } else {
      this.enqueue(slices, bytes, messages);
      if (over) this.block();
    }
  }

  private enqueue(slices: readonly Bytes[], bytes: number, messages: number): void {
    this.queue.push({ slices: this.kept.add(slices, bytes), bytes, messages });
    this.queuedMessages += messages;
    this.peakMessages = Math.max(this.peakMessages, this.waiting());
  }

  private drained(): void {
    this.full = false;
    this.moved = true;
    this.pump();
  }

  private pump(): void {
    let done = 0;
    while (done < this.queue.length && !this.full) {
      const chunks: Bytes[] = [];
      for (let bytes = 0; done < this.queue.length && bytes < DRAIN_BYTES; done++) {
        const run = this.queue[done]!;
        chunks.push(...run.slices);
        bytes += run.bytes;
        this.queuedMessages -= run.messages;
        this.kept.remove(run.slices, run.bytes);
      }
      this.write(chunks);
      releaseAll(chunks);
    }
    if (done > 0) this.queue = this.queue.slice(done);
    this.relieve();
    if (this.queue.length === 0 && !this.full) this.replay();
  }

  private kick(detail: string, reason: 'not-reading' | 'error' = 'not-reading'): void {
    this.close();
    this.host.kick(reason, detail);
  }

  // --- block ---

  private block(): void {
    if (this.blockedSince !== undefined) return;
    this.blockedSince = this.host.loop.now();
    this.moved = false;
    this.host.congested(true);
    this.host.notice('blocked', `${this.waiting()} messages wait`);
    this.watch();
  }

  private watch(): void {
    const left = this.blockedSince! + this.o.blockLimitMs - this.host.loop.now();
    this.host.loop.queueTimer(this.timer, Math.max(0, Math.min(left, BLOCK_CHECK_MS)), () => this.check());
  }

  /** A reader that sends while nobody is read may be waiting for us as we wait for it: not worth the limit. */
  private check(): void {
    const forMs = Math.round(this.host.loop.now() - this.blockedSince!);
    if (forMs >= this.o.blockLimitMs) {
      this.kick(`everybody waited ${forMs} ms for it, ${this.waiting()} messages wait`);
    } else if (!this.moved && this.host.sendBlocked()) {
      this.kick(`it reads nothing and is itself blocked in sending, ${this.waiting()} messages wait`);
    } else {
      this.moved = false;
      this.watch();
    }
  }

  private relieve(): void {
    if (this.blockedSince === undefined) return;
    const { limitMessages, limitBytes } = this.o;
    if (limitMessages > 0 && this.waiting() > limitMessages / 2) return;
    if (limitBytes > 0 && this.kept.waiting + this.port.pending() > limitBytes / 2) return;
    const forMs = Math.round(this.host.loop.now() - this.blockedSince);
    this.blockedSince = undefined;
    this.host.loop.cancelTimer(this.timer);
    this.host.congested(false);
    this.host.notice('relieved', `after ${forMs} ms`);
  }

  // --- spill ---

  private spillOver(slices: readonly Bytes[], bytes: number, messages: number): void {
    if (this.spill === undefined) {
      if (this.host.spill === undefined) throw new Error('policy spill without a log');
      this.spill = new Spill(this.host.spill());
    }
    if (!this.spilling()) this.host.notice('spilling', `${this.waiting()} messages wait`);
    if (this.spill.unwrittenBytes > SPILL_UNWRITTEN_BYTES) {
      this.kick(`the storage is too slow, ${this.spill.unwrittenBytes} bytes wait for it`);
      return;
    }
    this.spill.append(slices, bytes, messages).catch((error: unknown) => this.spillFailed(error));
  }

  private replay(): void {
    if (this.spill === undefined || this.spill.empty || this.reading || this.closed) return;
    this.reading = true;
    this.spill.take().then(
      (runs) => {
        if (this.closed) return;
        this.host.loop.run(this.host.name, () => this.replayed(runs));
      },
      (error: unknown) => this.spillFailed(error),
    );
  }

  private replayed(runs: readonly SpilledRun[]): void {
    this.reading = false;
    for (const { bytes, messages } of runs) this.enqueue([bytes], bytes.length, messages);
    if (this.spill!.empty) this.host.notice('replayed', 'all that was in storage');
    this.pump();
  }

  private spillFailed(error: unknown): void {
    if (this.closed) return;
    this.host.loop.run(this.host.name, () => this.kick(`spilling failed: ${reasonOf(error)}`, 'error'));
  }
}

/** Better written as one buffer: several with little in all, or many tiny slices. */
function small(slices: readonly Bytes[], bytes: number): boolean {
  if (slices.length === 1) return false;
  return bytes <= JOIN_BYTES || bytes < slices.length * (JOIN_BYTES / 8);
}

export { OUTBOUND_DEFAULTS, socketPort } from './policy.js';
export type { OutboundHost, OutboundOptions, OutboundPort, SlowReaderPolicy } from './policy.js';
