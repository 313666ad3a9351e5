// Appends one batch at a time to the file and answers when that holds what the option `fsync` promises
// (core/plugin/export.ts). A batch that could not be written is not in the file; it is tried again, then answered as failed.
import {
  Attempts,
  type ExportBatch,
  type Exporter,
  type ExportResult,
  type Logger,
  type Offer,
  PealError,
  reasonOf,
  type TimerHandle,
  type Timers,
} from 'peal/plugin';
import { FILE_ERRORS } from './errors.js';
import type { Output } from './output.js';
import { encodeBatch } from './record.js';

export interface FileOptions {
  readonly path: string;
  readonly format: 'records' | 'raw';
  readonly fsync: 'always' | 'interval' | 'none';
  readonly fsyncIntervalMs: number;
  readonly batchBytes: number;
  readonly retries: number;
}

export interface FilePorts {
  readonly timers: Timers;
  readonly log: Logger;
}

export class FileExporter implements Exporter {
  private readonly attempts: Attempts;
  private work: Promise<ExportResult> | undefined;
  /** The write under way; the waits between attempts hold up no flush. */
  private writing: Promise<unknown> | undefined;
  private timer: TimerHandle | undefined;
  /** A flush by the clock; nothing else touches the file while it is under way. */
  private flushing: Promise<void> = Promise.resolve();
  private readonly counts = { runs: 0, failed_runs: 0, exported_records: 0, failed_records: 0, failed_flushes: 0 };

  constructor(
    private readonly o: FileOptions,
    private readonly output: Output,
    private readonly ports: FilePorts,
  ) {
    this.attempts = new Attempts(ports.timers, o.retries);
  }

  get maxBatchBytes(): number {
    return this.o.batchBytes;
  }

  async start(): Promise<void> {
    try {
      await this.output.open();
    } catch (cause) {
      throw PealError.of(FILE_ERRORS.OPEN, { path: this.o.path, detail: reasonOf(cause) }, { cause });
    }
    this.attempts.start();
  }

  async stop(): Promise<void> {
    this.attempts.stop();
    await this.work;
    if (this.timer !== undefined) {
      this.ports.timers.cancel(this.timer);
      this.timer = undefined;
      this.flushLater();
    }
    await this.flushing;
    await this.output.close();
  }

  offer(batch: ExportBatch): Offer {
    if (!this.attempts.running || this.work !== undefined) return 'busy';
    this.work = this.export(batch);
    return this.work;
  }

  describe(): Readonly<Record<string, number | string>> {
    return { path: this.o.path, bytes: this.output.size, rotated: this.output.rotated, ...this.counts };
  }

  private async export(batch: ExportBatch): Promise<ExportResult> {
    const result = await this.tried(batch);
    const count = batch.records.length;
    if (result.ok) this.counts.exported_records += count;
    else this.counts.failed_records += count;
    this.work = undefined;
    return result;
  }

  /** A disk that is full for a while costs nothing: what failed is not in the file, so it is written again. */
  private tried(batch: ExportBatch): Promise<ExportResult> {
    return this.attempts.make(
      async () => {
        const write = this.write(batch);
        this.writing = write;
        const failure = await write;
        this.counts.runs++;
        if (failure !== undefined) this.counts.failed_runs++;
        return failure;
      },
      (why, attempt) => {
        const about = { path: this.o.path, attempt, records: batch.records.length };
        this.ports.log.warn(`the file cannot be written: ${why}`, about);
      },
    );
  }

  /** Answers what went wrong. */
  private async write(batch: ExportBatch): Promise<string | undefined> {
    const { format, fsync, fsyncIntervalMs } = this.o;
    await this.flushing;
    try {
      const parts = format === 'raw' ? batch.records.map(({ bytes }) => bytes) : encodeBatch(batch);
      await this.output.append(parts, fsync === 'always');
    } catch (error) {
      return reasonOf(error);
    }
    if (fsync === 'interval')
      this.timer ??= this.ports.timers.set(fsyncIntervalMs, () => {
        this.timer = undefined;
        this.flushLater();
      });
    return undefined;
  }

  /** Behind what is under way. */
  private flushLater(): void {
    this.flushing = Promise.all([this.writing, this.flushing]).then(async () => {
      try {
        await this.output.flush();
      } catch (error) {
        this.counts.failed_flushes++;
        this.ports.log.error(`flushing failed: ${reasonOf(error)}`, { path: this.o.path });
      }
    });
  }
}
