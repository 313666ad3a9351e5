// One source of the event loop: a bounded queue, and the rules by which its feeder is paused and read again. Nothing
// is dropped: a feeder that pushes on while paused is taken in. Pure. Rules: docs/design/runtime.md, 1.2.
import type { Source, SourceOptions } from '../plugin/loop.js';

/** What a source asks of the scheduler it belongs to. */
export interface SourceHost {
  /** Handles at once if nothing goes first; false: it must wait. */
  direct<Chunk>(source: SourceQueue<Chunk>, chunk: Chunk): boolean;
  /** The source has chunks that may run (it has become active or got its first chunk). */
  ready(source: SourceQueue<unknown>): void;
  /** Is this rank below the threshold? */
  below(rank: number): boolean;
}

export class SourceQueue<Chunk> implements Source<Chunk> {
  readonly name: string;
  readonly onePerPoll: boolean;
  /** Stands in the ready list of its priority. */
  listed = false;
  active = true;
  closed = false;
  readonly handle: (chunk: Chunk) => void;
  private chunks: Chunk[] = [];
  private head = 0;
  private paused = false;

  constructor(
    /** 0 low, 1 medium, 2 high. */
    readonly rank: number,
    private readonly o: SourceOptions<Chunk>,
    private readonly host: SourceHost,
    private readonly detach: () => void,
  ) {
    this.name = o.name;
    this.onePerPoll = o.onePerPoll ?? false;
    this.handle = (chunk) => o.handle(chunk);
  }

  get queued(): number {
    return this.chunks.length - this.head;
  }

  get held(): boolean {
    return this.queued > 0 && this.host.below(this.rank);
  }

  push(chunk: Chunk): void {
    if (this.closed || this.host.direct(this, chunk)) return;
    this.chunks.push(this.o.keep === undefined ? chunk : this.o.keep(chunk));
    if (this.active) this.host.ready(this as SourceQueue<unknown>);
    this.regulate();
  }

  /** The next chunk; the caller knows that there is one. */
  take(): Chunk {
    const chunk = this.chunks[this.head]!;
    this.chunks[this.head++] = undefined as Chunk;
    if (this.head === this.chunks.length) {
      this.chunks.length = 0;
      this.head = 0;
    }
    return chunk;
  }

  activate(): void {
    if (this.active || this.closed) return;
    this.active = true;
    if (this.queued > 0) this.host.ready(this as SourceQueue<unknown>);
    this.regulate();
  }

  deactivate(): void {
    if (!this.active || this.closed) return;
    this.active = false;
    this.regulate();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.chunks = [];
    this.head = 0;
    this.detach();
  }

  /** Pauses or resumes the feeder as queue, threshold and activity ask for. */
  regulate(): void {
    if (this.closed) return;
    if (!this.paused) {
      if (this.active && this.queued < this.o.limit && !this.held) return;
      this.paused = true;
      this.o.pause();
    } else if (this.active && this.queued <= this.o.limit >> 1 && !this.held) {
      this.paused = false;
      this.o.resume();
    }
  }
}
