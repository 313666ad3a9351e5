// Appends one batch at a time to the file and answers when that holds what the option `fsync` promises
// (core/plugin/export.ts). A batch that could not be written is answered as failed and is not in the file.
import {
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
}

export interface FilePorts {
  readonly timers: Timers;
  readonly log: Logger;
}

export class FileExporter implements Exporter {
  private running = false;
  private work: Promise<ExportResult> | undefined;
  private timer: TimerHandle | undefined;
  /** A flush by the clock; nothing else touches the file while it is under way. */
  private flushing: Promise<void> = Promise.resolve();
  private readonly counts = { runs: 0, failed_runs: 0, exported_records: 0, failed_records: 0, failed_flushes: 0 };

  constructor(
    private readonly o: FileOptions,
    private readonly output: Output,
    private readonly ports: FilePorts,
  ) {}

  get maxBatchBytes(): number {
    return this.o.batchBytes;
  }

  async start(): Promise<void> {
    try {
      await this.output.open();
    } catch (cause) {
      throw PealError.of(FILE_ERRORS.OPEN, { path: this.o.path, detail: reasonOf(cause) }, { cause });
    }
    this.running = true;
  }

  async stop(): Promise<void> {
    this.running = false;
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
    if (!this.running || this.work !== undefined) return 'busy';
    this.work = this.export(batch);
    return this.work;
  }

  describe(): Readonly<Record<string, number | string>> {
    return { path: this.o.path, bytes: this.output.size, rotated: this.output.rotated, ...this.counts };
  }

  private async export(batch: ExportBatch): Promise<ExportResult> {
    const result = await this.write(batch);
    this.counts.runs++;
    if (result.ok) this.counts.exported_records += batch.records.length;
    else {
      this.counts.failed_runs++;
      this.counts.failed_records += batch.records.length;
    }
    this.work = undefined;
    return result;
  }

  private async write(batch: ExportBatch): Promise<ExportResult> {
    const { format, fsync, fsyncIntervalMs } = this.o;
    await this.flushing;
    try {
      const parts = format === 'raw' ? batch.records.map(({ bytes }) => bytes) : encodeBatch(batch);
      await this.output.append(parts, fsync === 'always');
    } catch (error) {
      return { ok: false, detail: reasonOf(error) };
    }
    if (fsync === 'interval')
      this.timer ??= this.ports.timers.set(fsyncIntervalMs, () => {
        this.timer = undefined;
        this.flushLater();
      });
    return { ok: true };
  }

  /** Behind what is under way. */
  private flushLater(): void {
    this.flushing = Promise.all([this.work, this.flushing]).then(async () => {
      try {
        await this.output.flush();
      } catch (error) {
        this.counts.failed_flushes++;
        this.ports.log.error(`flushing failed: ${reasonOf(error)}`, { path: this.o.path });
      }
    });
  }
}
